//! Tokens that are turned away (DESIGN rule 9).

use super::*;

#[tokio::test]
async fn a_rejected_token_is_replaced_once_also_for_writes() {
    let rejected = reply(401, "", r#"{"code":401,"message":"Unauthorized"}"#);
    let run = write();
    let (result, requests) = run.against(vec![rejected.clone(), ok()]).await;
    assert_eq!((result.unwrap().attempts, run.replaced()), (2, 1));
    assert!(requests[0].contains("Bearer token-1") && requests[1].contains("Bearer token-2"));

    let run = call("GET");
    let (result, requests) = run.against(vec![rejected.clone(), rejected.clone(), ok()]).await;
    assert_eq!((result.unwrap().status, run.replaced(), requests.len()), (401, 1, 2));

    // There is no better token.
    let run = Run { tokens: Grant { rotates: false, ..Grant::aged(60_000) }, ..call("GET") };
    let (result, requests) = run.against(vec![rejected.clone(), ok()]).await;
    assert_eq!((result.unwrap().status, run.replaced(), requests.len()), (401, 1, 1));

    // One attempt was asked for: the next call shall have the better token.
    let mut run = call("GET");
    run.options.retry = Retry::None;
    let (result, requests) = run.against(vec![rejected, ok()]).await;
    assert_eq!((result.unwrap().status, run.replaced(), requests.len()), (401, 1, 1));
}

#[tokio::test]
async fn a_fresh_token_is_sent_once_more_before_it_is_replaced() {
    let scope = reply(401, "x-failure-category: FAILURE_CLIENT_SCOPE_CHECK\r\n", "");
    let fresh = || Run { tokens: Grant::aged(0), ..call("GET") };
    let run = fresh();
    let (result, _) = run.against(vec![scope.clone(), ok()]).await;
    assert_eq!((result.unwrap().status, run.replaced()), (200, 0));
    let run = fresh();
    let (result, requests) = run.against(vec![scope.clone(), scope.clone(), ok()]).await;
    let response = result.unwrap();
    assert_eq!((run.replaced(), requests.len()), (0, 2));
    let error = response.error_for_status().unwrap_err();
    assert_eq!(
        (error.code(), &error.context()["granted_scopes"]),
        (Code::MissingScope, &json!(["read:jira-work"]))
    );
    // An old token lacks the scope for good.
    let run = call("GET");
    let (result, requests) = run.against(vec![scope, ok()]).await;
    assert_eq!((result.unwrap().status, run.replaced(), requests.len()), (401, 0, 1));
    let run = fresh();
    let (result, requests) = run.against(vec![reply(401, "", ""), reply(401, "", ""), ok()]).await;
    assert_eq!((result.unwrap().status, run.replaced(), requests.len()), (200, 1, 3));
}

#[tokio::test]
async fn a_404_heals_only_when_the_token_had_expired() {
    for (life_ms, status, replaced) in [(-1000, 200, 1), (3_600_000, 404, 0)] {
        let run = Run { tokens: Grant { life_ms, ..Grant::aged(3_600_000) }, ..call("GET") };
        let (result, _) = run.against(vec![reply(404, "", ""), ok()]).await;
        assert_eq!((result.unwrap().status, run.replaced()), (status, replaced));
    }
}
