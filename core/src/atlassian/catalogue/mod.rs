//! What Atlassian documents about its operations: the scopes each needs, and what stands in the way of using it. What is
//! not in here is never refused (F10.2).

mod table;
mod tree;

use std::sync::LazyLock;

pub(crate) use table::{Audience, Operation};
use tree::Tree;

static TREE: LazyLock<Tree> =
    LazyLock::new(|| Tree::of(table::BY_HAND.into_iter().chain(table::DOCUMENTED).flat_map(table::read)));

/// The operation that `path`, below the site and without a query, leads to. Literal parts win over parameters, and
/// version 2 of the platform's interface has version 3's rows.
pub(crate) fn find(method: &str, path: &str) -> Option<&'static Operation> {
    // What answers GET answers HEAD.
    let method = if method == "HEAD" { "GET" } else { method };
    let path = path.trim_matches('/');
    match path.strip_prefix("rest/api/2/") {
        Some(rest) => TREE.under(&["rest", "api", "3"])?.find(method, Some(rest)),
        None => TREE.find(method, Some(path)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn all() -> Vec<Operation> {
        table::BY_HAND.into_iter().chain(table::DOCUMENTED).flat_map(table::read).collect()
    }

    /// The operation's template without the names of its parameters.
    fn bare(operation: &Operation) -> String {
        let part = |part: &str| if part.starts_with('{') { "{}".to_owned() } else { part.to_owned() };
        operation.path.split('/').map(part).collect::<Vec<_>>().join("/")
    }

    #[test]
    fn every_line_of_the_tables_is_an_operation_or_a_group() {
        for table in table::BY_HAND.into_iter().chain(table::DOCUMENTED) {
            let lines = table.lines().filter(|line| !line.is_empty() && !line.starts_with(['#', '@']));
            assert_eq!(table::read(table).count(), lines.count());
        }
        for operation in all() {
            let known = ["GET", "PUT", "POST", "DELETE"];
            assert!(known.contains(&operation.method) && operation.path.starts_with('/'), "{operation:?}");
            for scope in operation.classic().iter().chain(operation.granular()) {
                assert!(matches!(scope.matches(':').count(), 1 | 2), "{scope} in {operation:?}");
            }
            assert!(operation.classic().iter().all(|scope| scope.matches(':').count() == 1), "{operation:?}");
            // The documents mix them for what only Forge apps can use.
            let granular = operation.granular().iter().all(|scope| scope.matches(':').count() == 2);
            assert!(granular || operation.audience == Audience::Forge, "{operation:?}");
            for permission in operation.permissions() {
                assert!(
                    permission.ends_with(" (global)") || permission.ends_with(" (project)"),
                    "{operation:?}"
                );
                assert!(!permission.contains(['_', ',']) && permission.len() < 50, "{operation:?}");
            }
            if let Some(date) = operation.removed {
                assert!(date.len() == 10 && date.starts_with("20"), "{operation:?}");
            }
        }
    }

    #[test]
    fn templates_are_unique_in_each_table_and_found_under_themselves() {
        for table in table::BY_HAND.into_iter().chain(table::DOCUMENTED) {
            let mut seen = HashSet::new();
            for operation in table::read(table) {
                assert!(seen.insert((operation.method, bare(&operation))), "{operation:?}");
                let found = find(operation.method, operation.path).unwrap();
                assert_eq!((found.method, bare(found)), (operation.method, bare(&operation)));
            }
        }
    }

    #[test]
    fn there_are_as_many_operations_as_the_documents_have() {
        // F10.3: 616 operations of the platform; the rest are Jira Software's.
        let documented = || table::DOCUMENTED.into_iter().flat_map(table::read);
        let platform = documented().filter(|one| {
            ["/rest/api/", "/rest/atlassian-connect/", "/rest/forge/", "/rest/internal/"]
                .iter()
                .any(|start| one.path.starts_with(start))
        });
        assert_eq!((platform.count(), documented().count()), (616, 616 + 74));
        // F5.4: 23 operations of the providers' interfaces in Jira Software.
        let provider = |one: &Operation| !one.path.starts_with("/rest/") && one.audience == Audience::Connect;
        assert_eq!(documented().filter(provider).count(), 23);
    }

    #[test]
    fn successors_are_operations_themselves() {
        for operation in all() {
            let Some(successor) = operation.successor else { continue };
            let (method, path) = successor.split_once(' ').unwrap();
            let found = find(method, path).unwrap();
            assert_eq!((found.method, found.path), (method, path));
            assert!(operation.deprecated, "{operation:?}");
        }
    }

    #[test]
    fn rows_say_what_the_facts_say() {
        let row = |method: &str, path: &str| find(method, path).unwrap();
        // F10.1, F10.2
        let issue = row("GET", "/rest/api/3/issue/ACME-1");
        assert_eq!((issue.classic(), issue.granular().len()), (&["read:jira-work"][..], 9));
        // F6.7
        for version in ["2", "3"] {
            let search = row("GET", &format!("/rest/api/{version}/search"));
            assert_eq!(search.successor, Some("GET /rest/api/3/search/jql"));
            assert_eq!(search.removed, Some("2025-05-01"));
        }
        // F5.5
        let sprint = row("GET", "/rest/agile/1.0/board/7/sprint");
        assert_eq!((sprint.classic(), sprint.granular()), (&[][..], &["read:sprint:jira-software"][..]));
        assert_eq!(row("GET", "/rest/agile/1.0/board").granular(), ["read:board-scope:jira-software"]);
        // F5.4
        for (method, path, audience) in [
            ("GET", "/rest/api/3/webhook/failed", Audience::Connect),
            ("PUT", "/rest/api/3/workflow/rule/config/delete", Audience::Connect),
            ("GET", "/rest/atlassian-connect/1/app/module/dynamic", Audience::Connect),
            ("GET", "/rest/forge/1/app/properties", Audience::Forge),
            ("PUT", "/rest/api/3/mypreferences/locale", Audience::NoApps),
            ("GET", "/rest/api/3/webhook", Audience::Everybody),
        ] {
            assert_eq!(row(method, path).audience, audience, "{path}");
        }
        assert_eq!(
            row("PUT", "/rest/api/3/announcementBanner").permissions().collect::<Vec<_>>(),
            ["Administer Jira (global)"]
        );
        assert_eq!(
            row("GET", "/rest/api/3/issue/A-1").permissions().collect::<Vec<_>>(),
            ["Browse projects (project)"]
        );
        // F5.6
        assert!(row("GET", "/wiki/api/v2/pages").classic().is_empty());
        // F10.1
        assert_eq!(row("GET", "/rest/servicedeskapi/servicedesk").classic(), ["read:servicedesk-request"]);
    }

    #[test]
    fn literal_parts_win_over_parameters_and_parameters_are_tried_after_them() {
        let path = |given: &str| find("GET", given).map(|one| one.path);
        assert_eq!(path("/rest/api/3/project/search"), Some("/rest/api/3/project/search"));
        assert_eq!(
            path("/rest/api/3/project/search/component"),
            Some("/rest/api/3/project/{projectIdOrKey}/component")
        );
        assert_eq!(path("/rest/api/3/issue/createmeta"), Some("/rest/api/3/issue/createmeta"));
        assert_eq!(
            path("/rest/api/3/issue/createmeta/comment"),
            Some("/rest/api/3/issue/{issueIdOrKey}/comment")
        );
        assert_eq!(path("rest/api/2/myself/"), Some("/rest/api/3/myself"));
        for unknown in
            ["", "/", "//", "/rest/api/4/myself", "/rest/api/3", "/rest/api/3/myself/x", "/rest/api/3//x"]
        {
            assert_eq!(path(unknown), None, "{unknown}");
        }
        assert!(find("PATCH", "/rest/api/3/myself").is_none());
        assert_eq!(find("HEAD", "/rest/api/3/myself").map(|one| one.method), Some("GET"));
    }

    proptest! {
        #[test]
        fn any_path_is_looked_up_without_a_fault(method in "[A-Z]{0,6}|GET", path in "\\PC{0,80}|(/(rest|api|3|2|issue|search|board|\\{\\}|\\PC{0,5})){0,14}") {
            if let Some(found) = find(&method, &path) {
                prop_assert_eq!(found.path.matches('/').count(), path.trim_matches('/').matches('/').count() + 1);
            }
        }
    }
}
