//! The tables as text, and how a line is read. operations.txt tells their form.

use std::sync::Arc;

/// Written by hand from the facts; these rows come first.
pub(super) const BY_HAND: [&str; 1] = [include_str!("by_hand.txt")];
/// Written by `scripts/catalogue` from Atlassian's documents.
pub(super) const DOCUMENTED: [&str; 1] = [include_str!("operations.txt")];

/// The scopes of a group of operations.
#[derive(Debug, Default)]
struct Scopes {
    classic: Vec<&'static str>,
    granular: Vec<&'static str>,
}

/// For whom an operation is (F5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    Everybody,
    Connect,
    Forge,
    /// No kind of app.
    NoApps,
}

/// One operation.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) method: &'static str,
    /// With names in braces where parameters are.
    pub(crate) path: &'static str,
    scopes: Arc<Scopes>,
    pub(crate) deprecated: bool,
    /// The day from which it is announced to be gone, as Atlassian writes it.
    pub(crate) removed: Option<&'static str>,
    pub(crate) audience: Audience,
    permissions: &'static str,
    /// Method and path of what to use instead.
    pub(crate) successor: Option<&'static str>,
}

impl Operation {
    /// The classic scopes: all of them are needed, or all of the granular ones.
    pub(crate) fn classic(&self) -> &[&'static str] {
        &self.scopes.classic
    }

    /// The granular scopes.
    pub(crate) fn granular(&self) -> &[&'static str] {
        &self.scopes.granular
    }

    /// The permissions that the user needs, or of which one will do, such as `Administer Jira (global)`.
    pub(crate) fn permissions(&self) -> impl Iterator<Item = String> {
        let each = self.permissions.split(',').filter_map(|one| one.split_once(':'));
        each.map(|(kind, name)| format!("{} ({kind})", name.replace('_', " ")))
    }
}

/// The operations of a table.
pub(super) fn read(table: &'static str) -> impl Iterator<Item = Operation> {
    let mut group = Arc::new(Scopes::default());
    table.lines().filter_map(move |line| {
        if let Some(heading) = line.strip_prefix('@') {
            let (classic, granular) = heading.split_once('|').unwrap_or((heading, ""));
            let words = |text: &'static str| text.split_whitespace().collect();
            group = Arc::new(Scopes { classic: words(classic), granular: words(granular) });
            return None;
        }
        if line.starts_with('#') {
            return None;
        }
        let (line, successor) = match line.split_once(" -> ") {
            Some((line, successor)) => (line, Some(successor)),
            None => (line, None),
        };
        let mut words = line.split_whitespace();
        let mut operation = Operation {
            method: words.next()?,
            path: words.next()?,
            scopes: Arc::clone(&group),
            deprecated: false,
            removed: None,
            audience: Audience::Everybody,
            permissions: "",
            successor,
        };
        for mark in words {
            match mark {
                "deprecated" => operation.deprecated = true,
                "connect-only" => operation.audience = Audience::Connect,
                "forge-only" => operation.audience = Audience::Forge,
                "no-apps" => operation.audience = Audience::NoApps,
                other => match other.split_once('=') {
                    Some(("removed", date)) => operation.removed = Some(date),
                    Some(("may", permissions)) => operation.permissions = permissions,
                    _ => {}
                },
            }
        }
        Some(operation)
    })
}
