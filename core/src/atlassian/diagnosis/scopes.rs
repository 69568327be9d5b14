//! What a missing scope is: the scopes an operation needs beside those that were granted (F6.2).

use crate::atlassian::catalogue::Operation;

/// What an operation needs. Each of the alternatives will do, as a whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Needs {
    pub(super) alternatives: Vec<&'static [&'static str]>,
    /// What was not granted of the alternative that is nearest; of two that are equally near, the classic one, which
    /// Atlassian recommends (F1.12).
    pub(super) missing: Vec<&'static str>,
    /// Which alternative that is.
    pub(super) nearest: usize,
}

/// `None` where the documents name no scopes.
pub(super) fn needs(operation: &'static Operation, granted: &[String]) -> Option<Needs> {
    let mut alternatives = vec![operation.classic(), operation.granular()];
    alternatives.retain(|scopes| !scopes.is_empty());
    let missing = |scopes: &[&'static str]| -> Vec<&'static str> {
        scopes.iter().copied().filter(|scope| granted.iter().all(|held| held != scope)).collect()
    };
    let each = alternatives.iter().map(|scopes| missing(scopes)).enumerate();
    let (nearest, missing) = each.min_by_key(|(_, missing)| missing.len())?;
    Some(Needs { alternatives, missing, nearest })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::atlassian::catalogue::find;

    fn of(path: &str, granted: &[&str]) -> Option<Needs> {
        let granted: Vec<String> = granted.iter().map(|&scope| scope.to_owned()).collect();
        needs(find("GET", path).unwrap(), &granted)
    }

    #[test]
    fn the_nearest_way_is_named_and_the_classic_one_where_two_are_as_near() {
        let myself = |granted: &[&str]| of("/rest/api/3/myself", granted).unwrap();
        assert_eq!(myself(&[]).missing, ["read:jira-user"]);
        assert_eq!(myself(&["read:user:jira"]).missing, ["read:jira-user"]);
        assert_eq!(myself(&["read:jira-user"]).missing, [""; 0]);
        let content = |granted: &[&str]| of("/rest/api/3/attachment/content/1", granted).unwrap();
        assert_eq!(content(&[]).missing, ["read:jira-work"]);
        assert_eq!(content(&["read:attachment:jira"]).missing, [""; 0]);
        // F10.1: granular scopes only.
        let sprints =
            of("/rest/agile/1.0/board/1/issue", &["read:issue-details:jira", "read:jira-work"]).unwrap();
        assert_eq!((sprints.missing, sprints.nearest), (vec!["read:board-scope:jira-software"], 0));
        assert_eq!(of("/rest/atlassian-connect/1/app/module/dynamic", &[]), None);
    }
}
