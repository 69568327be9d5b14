//! As much JQL as the seeded data can answer.

use crate::jira::data::{Position, SiteData};

/// A query: clauses joined by AND.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    clauses: Vec<Clause>,
}

#[derive(Debug, PartialEq, Eq)]
enum Clause {
    /// `project = KEY`, `project in (…)`, `project != KEY`
    Project { names: Vec<String>, negated: bool },
    /// `key = KEY`, `key in (…)`
    Key(Vec<String>),
    /// Understood as a restriction, but true of every issue here.
    Other,
}

impl Query {
    /// Reads JQL. It must have a restriction: unbounded queries are refused (F8, shape 3).
    pub(crate) fn read(jql: &str) -> Result<Self, String> {
        let lower = jql.to_ascii_lowercase();
        let restriction = match lower.find("order by") {
            Some(at) => jql.get(..at).unwrap_or(""),
            None => jql,
        };
        if restriction.trim().is_empty() {
            return Err(
                "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
                    .into(),
            );
        }
        let mut clauses = Vec::new();
        for clause in split_and(restriction) {
            clauses.push(read_clause(&clause)?);
        }
        Ok(Self { clauses })
    }

    /// Whether an issue is found.
    #[must_use]
    pub(crate) fn matches(&self, data: &SiteData, at: Position) -> bool {
        self.clauses.iter().all(|clause| match clause {
            Clause::Project { names, negated } => {
                let among = data.project_of(at).is_some_and(|project| {
                    names.iter().any(|name| {
                        name.eq_ignore_ascii_case(&project.key)
                            || name.eq_ignore_ascii_case(&project.name)
                            || *name == project.id.to_string()
                    })
                });
                among != *negated
            }
            Clause::Key(keys) => {
                let (key, id) = (data.key(at).unwrap_or_default(), data.id(at).to_string());
                keys.iter().any(|one| one.eq_ignore_ascii_case(&key) || *one == id)
            }
            Clause::Other => true,
        })
    }
}

/// Splits at AND outside quotes.
fn split_and(text: &str) -> Vec<String> {
    let (mut parts, mut part, mut quote) = (Vec::new(), Vec::new(), None);
    for word in text.split_whitespace() {
        if quote.is_none() && word.eq_ignore_ascii_case("and") {
            parts.push(std::mem::take(&mut part).join(" "));
            continue;
        }
        for letter in word.chars().filter(|letter| matches!(letter, '"' | '\'')) {
            quote = match quote {
                None => Some(letter),
                Some(open) if open == letter => None,
                open => open,
            };
        }
        part.push(word);
    }
    parts.push(part.join(" "));
    parts
}

fn read_clause(text: &str) -> Result<Clause, String> {
    let wrong = || format!("Error in the JQL Query: expecting a clause but got {text:?}.");
    let clause = text.trim();
    let field_end =
        clause.find(|letter: char| letter.is_whitespace() || "=!~<>".contains(letter)).ok_or_else(wrong)?;
    let (field, rest) = clause.split_at_checked(field_end).ok_or_else(wrong)?;
    let rest = rest.trim();
    let lower = rest.to_ascii_lowercase();
    let (negated, values) = if let Some(values) = rest.strip_prefix("!=") {
        (true, values)
    } else if let Some(values) = rest.strip_prefix('=') {
        (false, values)
    } else if lower.starts_with("in") {
        (false, rest.get(2..).unwrap_or(""))
    } else {
        return Ok(Clause::Other);
    };
    let unquote = |value: &str| value.trim().trim_matches(['"', '\'']).to_owned();
    let values = values.trim().trim_start_matches('(').trim_end_matches(')');
    let names: Vec<String> = values.split(',').map(unquote).filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        return Err(wrong());
    }
    match field.to_ascii_lowercase().as_str() {
        "project" => Ok(Clause::Project { names, negated }),
        "key" | "issuekey" | "issue" | "id" if !negated => Ok(Clause::Key(names)),
        _ => Ok(Clause::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_needs_a_restriction() {
        assert!(Query::read("").is_err());
        assert!(Query::read(" order by created").is_err());
        assert!(Query::read("nonsense").is_err());
        assert!(Query::read("project = ACME ORDER BY created DESC").is_ok());
    }

    #[test]
    fn projects_and_keys_are_understood_and_the_rest_is_true() {
        let query =
            Query::read("project in (ACME, \"Alpha and Omega\") AND key = ACME-1 and status = Done").unwrap();
        let names = vec!["ACME".to_owned(), "Alpha and Omega".to_owned()];
        let expected =
            [Clause::Project { names, negated: false }, Clause::Key(vec!["ACME-1".into()]), Clause::Other];
        assert_eq!(query.clauses, expected);
    }
}
