use serde_json::{Map, Value, json};

use super::*;
use crate::world::World;

const NOW: Millis = 1_790_000_000_000;
const ADA: &str = "712020:ada00000-0000-4000-8000-000000000001";

/// The issues of acme: ACME-1 to ACME-6, seeded a minute apart, and ACMEP1-1, made today.
fn issues() -> SiteData {
    let world = World::default().completed();
    let mut site = world.sites.into_iter().find(|site| site.subdomain == "acme").unwrap();
    site.issues = 6;
    let mut data = SiteData::new(&site, NOW);
    let fields = json!({
        "summary": "Printer is on fire", "labels": ["hot", "office"], "assignee": {"accountId": ADA},
        "issuetype": {"name": "Bug"},
    });
    let Value::Object(fields) = fields else { panic!("{fields}") };
    data.create(1, fields, NOW + 60_000);
    data
}

fn asker(data: &SiteData) -> Asker<'_> {
    Asker { data, now: NOW + 120_000, account: ADA }
}

fn found_in(data: &SiteData, jql: &str) -> String {
    let query = Query::read(jql, &asker(data)).unwrap_or_else(|why| panic!("{jql}: {why}"));
    let mut found: Vec<Position> = data.positions().filter(|at| query.matches(data, *at)).collect();
    query.sort(data, &mut found);
    let keys = found.into_iter().map(|at| data.key(at).unwrap());
    keys.map(|key| key.replace("ACME-", "").replace("ACMEP1-1", "P")).collect::<Vec<_>>().join(" ")
}

fn refused(jql: &str) -> String {
    match Query::read(jql, &asker(&issues())) {
        Ok(query) => panic!("{jql} was read as {query:?}"),
        Err(why) => why,
    }
}

#[test]
fn every_clause_is_evaluated() {
    let data = issues();
    for (jql, keys) in [
        ("project = ACME", "1 2 3 4 5 6"),
        ("project = \"acme project 1\"", "P"),
        ("project != ACME", "P"),
        ("project in (10000, ACMEP1) and key != ACME-2", "1 3 4 5 6 P"),
        ("project not in (ACME)", "P"),
        ("key = acme-3", "3"),
        ("id = 10004 OR issuekey in (ACME-1, 'ACMEP1-1')", "1 4 P"),
        ("key not in (ACME-1, ACME-2)", "3 4 5 6 P"),
        ("key > ACME-4", "5 6"),
        ("key <= ACME-2", "1 2"),
        ("status = Done", "3 6"),
        ("status != done", "1 2 4 5 P"),
        ("status in (\"To Do\", 'In Progress')", "1 2 4 5 P"),
        ("status not in (\"To Do\", Done)", "2 5"),
        ("statusCategory != Done AND type = Task", "1 2"),
        ("issuetype = Bug", "4 5 6 P"),
        ("resolution is EMPTY", "1 2 4 5 P"),
        ("resolution = Done", "3 6"),
        ("resolution is not empty", "3 6"),
        ("assignee = currentUser()", "P"),
        ("assignee is empty and status = Done", "3 6"),
        ("assignee != nobody", "P"),
        ("NOT assignee = nobody", "P"),
        ("assignee in (nobody, empty)", "1 2 3 4 5 6"),
        ("assignee not in (nobody, empty)", "P"),
        ("labels = hot", "P"),
        ("labels != hot", ""),
        ("summary ~ \"fire printer\"", "P"),
        ("summary !~ fire", "1 2 3 4 5 6"),
        ("priority = Medium and project = ACME", "1 2 3 4 5 6"),
        ("created >= -2m", "P"),
        ("created > -2m", "P"),
        ("created < -4m", "1 2 3 4"),
        ("created > now()", ""),
        ("created >= 2026-09-21", "1 2 3 4 5 6 P"),
        ("created < '2026/09/21 14:10'", "1 2 3"),
        ("created = '2026-09-21 00:00'", ""),
    ] {
        assert_eq!(found_in(&data, jql), keys, "{jql}");
    }
}

#[test]
fn clauses_are_joined_as_brackets_and_precedence_say() {
    let data = issues();
    for (jql, keys) in [
        ("key = ACME-1 or key = ACME-2 and status = Done", "1"),
        ("(key = ACME-1 or key = ACME-3) and status = Done", "3"),
        ("not (status = Done or project = ACMEP1)", "1 2 4 5"),
        ("! status = Done && key < ACME-4", "1 2"),
        ("key = ACME-1 || key = ACME-2", "1 2"),
        ("\"project\" = \"ACME\" AND status=Done", "3 6"),
    ] {
        assert_eq!(found_in(&data, jql), keys, "{jql}");
    }
}

#[test]
fn order_by_is_followed() {
    let mut data = issues();
    for (jql, keys) in [
        ("project in (ACME, ACMEP1) ORDER BY created DESC", "P 6 5 4 3 2 1"),
        ("project in (ACME, ACMEP1) order by created", "P 6 5 4 3 2 1"),
        ("project in (ACME, ACMEP1) order by created asc", "1 2 3 4 5 6 P"),
        ("project = ACME order by key desc", "6 5 4 3 2 1"),
        ("project = ACME order by status, key asc", "1 4 2 5 3 6"),
        ("project = ACME order by status DESC, created ASC", "3 6 2 5 1 4"),
        ("created > -7d order by summary", "P 1 2 3 4 5 6"),
    ] {
        assert_eq!(found_in(&data, jql), keys, "{jql}");
    }
    data.edit(1, Map::new(), NOW + 90_000);
    data.comment(4, ADA, Value::Null, NOW + 100_000);
    assert_eq!(found_in(&data, "project = ACME order by updated desc"), "5 2 6 4 3 1");
    assert_eq!(found_in(&data, "updated > -1m order by updated asc"), "2 5");
}

#[test]
fn what_is_not_understood_is_refused_and_says_where() {
    for (jql, says) in [
        ("", "Unbounded JQL queries are not allowed here"),
        (" order by created", "Unbounded JQL queries are not allowed here"),
        ("nonsense", "Expecting operator before the end of the query"),
        ("status done", "Expecting operator but got 'done'. The valid operators are '=', '!='"),
        (
            "project = ACME status = Done",
            "Expecting either 'OR' or 'AND' but got 'status'. (line 1, character 16)",
        ),
        ("project = ", "Expecting either a value, list or function before the end of the query"),
        (
            "project = OR",
            "but got 'OR'. You must surround 'OR' in quotation marks to use it as a value. (line 1, character 11)",
        ),
        ("project in ACME", "Expecting '(' but got 'ACME'. (line 1, character 12)"),
        ("project in (ACME", "Expecting ')' before the end of the query"),
        ("(project = ACME", "Expecting ')' before the end of the query"),
        ("project = 'ACME", "The quoted string 'ACME' has not been completed. (line 1, character 11)"),
        (
            "assignee = a@example.com",
            "The character '@' is a reserved JQL character. You must enclose it in a string or use the escape '\\u0040' instead. (line 1, character 13)",
        ),
        (
            "sprint in openSprints()",
            "Field 'sprint' does not exist or you do not have permission to view it.",
        ),
        ("project = OTHER", "The value 'OTHER' does not exist for the field 'project'."),
        ("status = Blocked", "The value 'Blocked' does not exist for the field 'status'."),
        ("key = ACME-99", "An issue with key 'ACME-99' does not exist for field 'key'."),
        ("project ~ ACME", "The operator '~' is not supported by the 'project' field."),
        ("summary = fire", "The operator '=' is not supported by the 'summary' field."),
        ("status was Done", "Expecting operator but got 'was'"),
        ("created > yesterday", "Date value 'yesterday' for field 'created' is invalid."),
        ("created > 2026-02-30", "Date value '2026-02-30' for field 'created' is invalid."),
        ("created > startOfDay()", "Unable to find JQL function 'startOfDay()'."),
        ("project = ACME order by rank", "Not able to sort using field 'rank'."),
        ("project = ACME order created", "Expecting 'by' but got 'created'. (line 1, character 22)"),
        ("project = ACME order by created desc key", "Expecting either 'OR' or 'AND' but got 'key'"),
    ] {
        let why = refused(jql);
        assert!(why.contains(says), "{jql}: {why}");
    }
    let deep = format!("{}project = ACME{}", "(".repeat(10_000), ")".repeat(10_000));
    assert!(refused(&deep).contains("nested too deeply"));
}
