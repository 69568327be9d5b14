//! JQL, as much of it as the sandbox's issues can answer. What it does not know it refuses as Jira refuses what it does
//! not know, with 400 and a message, so that nothing is found or left out in silence.

mod dates;
mod fields;
mod read;
mod words;

use std::cmp::Ordering;

use crate::clock::Millis;
use crate::jira::data::{Position, SiteData};
use fields::Field;

/// Whether queries may name this field.
#[must_use]
pub(crate) fn knows(field: &str) -> bool {
    Field::of(field).is_some()
}

/// Who asks, of which site, and when: the values of a query mean something only there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker<'a> {
    /// The site's content.
    pub(crate) data: &'a SiteData,
    /// The clock, for dates such as `-7d`.
    pub(crate) now: Millis,
    /// Account id, for `currentUser()`.
    pub(crate) account: &'a str,
}

/// A query that was read for one site.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Query {
    term: Term,
    order: Vec<By>,
}

/// One sort key.
#[derive(Debug, PartialEq, Eq)]
struct By {
    field: Field,
    descending: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Term {
    All(Vec<Term>),
    Any(Vec<Term>),
    Holds(Test),
}

/// A clause. What has no value in its field passes only `is empty`, negated or not, as in Jira.
#[derive(Debug, PartialEq, Eq)]
struct Test {
    field: Field,
    negated: bool,
    how: How,
}

#[derive(Debug, PartialEq, Eq)]
enum How {
    /// One of these names, in small letters.
    Named(Vec<String>),
    /// One of these issues.
    These(Vec<Position>),
    /// A number of the beside this one: a date, or the number of an issue in the same project.
    Beside { than: Than, number: i64, project: Option<usize> },
    /// A text with all of these words, in small letters.
    Words(Vec<String>),
    /// No value.
    Empty,
}

/// How a number has to stand beside another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Than {
    Equal,
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Than {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::More => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        }
    }
}

impl Query {
    /// Reads JQL. It must have a restriction: unbounded queries are refused (F8, shape 3).
    ///
    /// # Errors
    ///
    /// The message of Jira's 400 (F6.10).
    pub(crate) fn read(jql: &str, asker: &Asker<'_>) -> Result<Self, String> {
        read::query(jql, asker)
    }

    /// Whether an issue is found.
    #[must_use]
    pub(crate) fn matches(&self, data: &SiteData, at: Position) -> bool {
        self.term.holds(data, at)
    }

    /// Whether what is found has an order of its own.
    #[must_use]
    pub(crate) fn is_sorted(&self) -> bool {
        !self.order.is_empty()
    }

    /// Puts issues into the order asked for. Equal ones stay as they are.
    pub(crate) fn sort(&self, data: &SiteData, found: &mut [Position]) {
        found.sort_by_cached_key(|at| {
            let keys = self.order.iter().map(|by| {
                let rank = by.field.rank(data, *at);
                if by.descending { Rank::Down(std::cmp::Reverse(rank)) } else { Rank::Up(rank) }
            });
            keys.collect::<Vec<_>>()
        });
    }
}

/// What is sorted by: a number, then a text. The same place of two lists always has the same variant.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Up((i64, String)),
    Down(std::cmp::Reverse<(i64, String)>),
}

impl Term {
    fn holds(&self, data: &SiteData, at: Position) -> bool {
        match self {
            Self::All(terms) => terms.iter().all(|term| term.holds(data, at)),
            Self::Any(terms) => terms.iter().any(|term| term.holds(data, at)),
            Self::Holds(test) => test.holds(data, at),
        }
    }

    /// The opposite, clause by clause: `not assignee = x` is `assignee != x`, which an issue of nobody passes neither.
    fn negated(self) -> Self {
        match self {
            Self::All(terms) => Self::Any(terms.into_iter().map(Self::negated).collect()),
            Self::Any(terms) => Self::All(terms.into_iter().map(Self::negated).collect()),
            Self::Holds(test) => Self::Holds(Test { negated: !test.negated, ..test }),
        }
    }
}

impl Test {
    fn holds(&self, data: &SiteData, at: Position) -> bool {
        let names = || self.field.names(data, at);
        let found = match &self.how {
            How::Empty => return names().is_empty() != self.negated,
            How::Named(wanted) => match names() {
                names if names.is_empty() => return false,
                names => names.iter().any(|name| wanted.contains(&name.to_lowercase())),
            },
            How::Words(words) => match names() {
                names if names.is_empty() => return false,
                names => {
                    let text = names.join(" ").to_lowercase();
                    words.iter().all(|word| text.contains(word.as_str()))
                }
            },
            How::These(positions) => positions.contains(&at),
            How::Beside { than, number, project } => {
                let (its_project, its_number) = self.field.number(data, at);
                if project.is_some_and(|project| project != its_project) {
                    return false;
                }
                than.holds(its_number.cmp(number))
            }
        };
        found != self.negated
    }
}

#[cfg(test)]
mod tests;
