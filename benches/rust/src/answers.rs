//! The three answers: as small as most of Jira's, a page of a search, and an attachment.

use bytes::Bytes;
use serde_json::json;

/// The one site of the benchmark's Atlassian.
pub const CLOUD_ID: &str = "7d3f7b4c-8f5e-4c0e-9c36-3f0a4e1d2b11";

/// About 700 bytes: a user, as `/myself` answers.
pub fn small() -> Bytes {
    let avatars = ["16x16", "24x24", "32x32", "48x48"].map(|size| {
        (size.to_owned(), json!(format!("https://avatar-management.services.example/initials/AL-{size}.png")))
    });
    let user = json!({
        "self": format!("https://api.example/ex/jira/{CLOUD_ID}/rest/api/3/user?accountId=5b10a2844c20165700ede21g"),
        "accountId": "5b10a2844c20165700ede21g", "accountType": "atlassian",
        "emailAddress": "ada@example.com", "displayName": "Ada Lovelace", "active": true,
        "timeZone": "Europe/London", "locale": "en_GB",
        "avatarUrls": serde_json::Value::Object(avatars.into_iter().collect()),
        "groups": { "size": 3, "items": [] }, "applicationRoles": { "size": 1, "items": [] },
        "expand": "groups,applicationRoles",
    });
    Bytes::from(user.to_string())
}

/// About 100 KB: a page of issues.
pub fn page() -> Bytes {
    let issue = |number: u32| {
        json!({
            "id": (10_000 + number).to_string(), "key": format!("ACME-{number}"),
            "self": format!("https://api.example/ex/jira/{CLOUD_ID}/rest/api/3/issue/{}", 10_000 + number),
            "fields": {
                "summary": format!("The {number}th thing that somebody found on a Tuesday afternoon — häufig"),
                "status": { "id": "3", "name": "In Progress", "statusCategory": { "id": 4, "key": "indeterminate" } },
                "priority": { "id": "2", "name": "High" }, "labels": ["backend", "customer", "needs-triage"],
                "created": "2026-03-14T09:26:53.589+0000", "updated": "2026-11-02T17:03:11.004+0000",
                "assignee": { "accountId": "5b10a2844c20165700ede21g", "displayName": "Ada Lovelace", "active": true },
                "reporter": { "accountId": "5b10ac8d82e05b22cc7d4ef5", "displayName": "Charles Babbage", "active": true },
                "timespent": 3600 * number, "progress": { "progress": number, "total": 100, "percent": 0.5 * f64::from(number) },
                "customfield_10016": 3.5, "customfield_10020": null, "duedate": null,
                "description": { "type": "doc", "version": 1, "content": [{ "type": "paragraph",
                    "content": [{ "type": "text", "text": "Steps to see it: open the board, filter by sprint, look." }] }] },
            },
        })
    };
    let issues: Vec<_> = (1..=100).map(issue).collect();
    Bytes::from(json!({ "issues": issues, "isLast": true }).to_string())
}

/// 10 MB that compress badly and are cheap to make.
pub fn large() -> Bytes {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let words = (0..10_485_760 / 8).flat_map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.collect()
}

/// What `/oauth/token/accessible-resources` answers.
pub fn sites() -> Bytes {
    let site = json!([{ "id": CLOUD_ID, "url": "https://acme.atlassian.net", "name": "acme",
        "scopes": ["read:jira-work", "read:jira-user"], "avatarUrl": "https://avatar.example/acme.png" }]);
    Bytes::from(site.to_string())
}

/// What `/me` answers.
pub fn me() -> Bytes {
    Bytes::from_static(br#"{"account_id":"5b10a2844c20165700ede21g","account_type":"atlassian"}"#)
}
