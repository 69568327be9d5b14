//! Which scopes an operation needs, from the tables that are read from Atlassian's documents (F6.2, F10.2).

use std::sync::LazyLock;

/// What is known of an operation.
#[derive(Debug)]
pub(crate) struct Known {
    /// Method.
    pub(crate) method: &'static str,
    /// Path template, without a slash in front.
    pub(crate) path: &'static str,
    /// Classic scopes: all of them are needed, or all of the granular ones.
    pub(crate) classic: Vec<&'static str>,
    /// Granular scopes.
    pub(crate) granular: Vec<&'static str>,
    /// Not for OAuth apps (F5.4).
    pub(crate) barred: bool,
    /// Answers 303 and leaves a task behind (F5.9).
    pub(crate) task: bool,
}

const TABLES: [&str; 2] = [
    include_str!("../../core/src/atlassian/catalogue/by_hand.txt"),
    include_str!("../../core/src/atlassian/catalogue/operations.txt"),
];

static KNOWN: LazyLock<Vec<Known>> = LazyLock::new(|| {
    let mut known: Vec<Known> = TABLES.into_iter().flat_map(read).collect();
    // Literal parts before parameters, what stands first in the tables before what comes later.
    known.sort_by_key(|one| one.path);
    known
});

fn read(table: &'static str) -> Vec<Known> {
    let (mut classic, mut granular) = (Vec::new(), Vec::new());
    let mut found = Vec::new();
    for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(group) = line.strip_prefix('@') {
            let (one, other) = group.split_once('|').unwrap_or((group, ""));
            classic = one.split_whitespace().collect();
            granular = other.split_whitespace().collect();
            continue;
        }
        let mut words = line.split(' ');
        if let (Some(method), Some(path)) = (words.next(), words.next()) {
            let (classic, granular) = (classic.clone(), granular.clone());
            let marks: Vec<&str> = words.collect();
            let barred = marks.iter().any(|mark| mark.ends_with("-only") || *mark == "no-apps");
            let (path, task) = (path.trim_start_matches('/'), marks.contains(&"task"));
            found.push(Known { method, path, classic, granular, barred, task });
        }
    }
    found
}

/// What is known of the operation that a path leads to.
#[must_use]
pub(crate) fn of(method: &str, path: &[&str]) -> Option<&'static Known> {
    KNOWN.iter().find(|one| one.method == method && fit(one.path, path).is_some())
}

/// Matches a path with a template, and gives what stands at its parameters. Versions 2 and 3 of the platform API are
/// served alike.
#[must_use]
pub(crate) fn fit(template: &str, path: &[&str]) -> Option<Vec<String>> {
    let mut holes = Vec::new();
    let mut parts = path.iter();
    let mut before = "";
    for wanted in template.split('/') {
        let part = parts.next()?;
        let versions = before == "api" && wanted == "3" && *part == "2";
        if wanted.starts_with('{') {
            holes.push((*part).to_owned());
        } else if wanted != *part && !versions {
            return None;
        }
        before = wanted;
    }
    parts.next().is_none().then_some(holes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: &str, path: &str) -> &'static Known {
        super::of(method, &path.split('/').collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn rows_by_hand_stand_before_the_documents() {
        assert_eq!(of("GET", "rest/agile/1.0/board").granular, ["read:board-scope:jira-software"]);
        assert_eq!(of("GET", "rest/api/2/myself").classic, ["read:jira-user"]);
        assert!(of("GET", "rest/api/3/webhook/failed").barred);
        assert!(of("DELETE", "rest/api/3/priority/1").task);
    }

    #[test]
    fn literal_parts_stand_before_parameters() {
        assert_eq!(of("GET", "rest/api/3/project/search").path, "rest/api/3/project/search");
        assert_eq!(of("GET", "rest/api/3/project/ACME").path, "rest/api/3/project/{projectIdOrKey}");
    }
}
