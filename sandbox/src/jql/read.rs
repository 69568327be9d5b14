//! From the pieces of a query to its terms. Messages are Jira's own where they were seen (F6.10).

use super::fields::{Family, Field};
use super::words::{Kind, Piece, cut};
use super::{Asker, By, How, Query, Term, Test, Than, dates};

/// How deep brackets may stand in one another.
const DEEPEST: usize = 50;
const OPERATORS: &str = "'=', '!=', '<', '>', '<=', '>=', '~', '!~', 'IN', 'NOT IN', 'IS' and 'IS NOT'";
const RESERVED: [&str; 10] = ["and", "or", "not", "in", "is", "order", "by", "empty", "null", "was"];

/// Reads a query.
pub(super) fn query(jql: &str, asker: &Asker<'_>) -> Result<Query, String> {
    let pieces = cut(jql)?;
    let unbounded = pieces
        .first()
        .is_none_or(|first| first.is("order") && pieces.get(1).is_some_and(|second| second.is("by")));
    if unbounded {
        return Err(
            "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
                .into(),
        );
    }
    let mut reader = Reader { pieces: &pieces, next: 0, asker };
    let term = reader.any(0)?;
    let order = reader.order()?;
    match reader.look() {
        None => Ok(Query { term, order }),
        Some(piece) => {
            Err(wrong(&format!("Expecting either 'OR' or 'AND' but got '{}'.", piece.text), piece))
        }
    }
}

struct Reader<'a> {
    pieces: &'a [Piece],
    next: usize,
    asker: &'a Asker<'a>,
}

fn wrong(what: &str, piece: &Piece) -> String {
    format!("Error in the JQL Query: {what} (line 1, character {})", piece.at)
}

impl<'a> Reader<'a> {
    fn look(&self) -> Option<&'a Piece> {
        self.pieces.get(self.next)
    }

    fn take(&mut self) -> Option<&'a Piece> {
        self.next += 1;
        self.pieces.get(self.next - 1)
    }

    /// Takes the next piece if it is one of these.
    fn takes(&mut self, words: &[&str]) -> bool {
        let found = self.look().is_some_and(|piece| words.iter().any(|word| piece.is(word)));
        self.next += usize::from(found);
        found
    }

    fn any(&mut self, depth: usize) -> Result<Term, String> {
        let mut terms = vec![self.all(depth)?];
        while self.takes(&["or", "|", "||"]) {
            terms.push(self.all(depth)?);
        }
        Ok(Term::Any(terms))
    }

    fn all(&mut self, depth: usize) -> Result<Term, String> {
        let mut terms = vec![self.term(depth)?];
        while self.takes(&["and", "&", "&&"]) {
            terms.push(self.term(depth)?);
        }
        Ok(Term::All(terms))
    }

    fn term(&mut self, depth: usize) -> Result<Term, String> {
        if depth > DEEPEST {
            return Err("Error in the JQL Query: The query is nested too deeply.".into());
        }
        if self.takes(&["not", "!"]) {
            return Ok(self.term(depth + 1)?.negated());
        }
        if !self.takes(&["("]) {
            return self.clause();
        }
        let inside = self.any(depth + 1)?;
        if self.takes(&[")"]) {
            return Ok(inside);
        }
        Err(match self.look() {
            Some(piece) => wrong(&format!("Expecting ')' but got '{}'.", piece.text), piece),
            None => "Error in the JQL Query: Expecting ')' before the end of the query.".into(),
        })
    }

    fn clause(&mut self) -> Result<Term, String> {
        let (name, field) = self.field()?;
        let (operator, negated) = self.operator()?;
        let refused =
            || format!("The operator '{}' is not supported by the '{name}' field.", operator.shown(negated));
        let (family, data) = (field.family(), self.asker.data);
        let how = match (operator, family) {
            (Operator::Is, _) => match self.take() {
                Some(piece) if piece.is("empty") || piece.is("null") => How::Empty,
                _ => return Err(refused()),
            },
            (Operator::Holds, Family::Text) => {
                let (_, text) = self.value(field)?;
                How::Words(
                    text.to_lowercase()
                        .split_whitespace()
                        .map(|word| word.trim_matches('*').to_owned())
                        .collect(),
                )
            }
            (Operator::Holds, _) => return Err(refused()),
            (_, Family::Text) => return Err(refused()),
            (Operator::Beside(than), Family::Issue) => {
                let (_, key) = self.value(field)?;
                let (project, number) = data.place(found(self.asker, &name, &key)?);
                How::Beside {
                    than,
                    number: i64::try_from(number).unwrap_or(i64::MAX),
                    project: Some(project),
                }
            }
            (Operator::Beside(than), Family::Date) => {
                How::Beside { than, number: self.date(&name, field)?, project: None }
            }
            (Operator::Beside(_), Family::Name) => return Err(refused()),
            (Operator::Equal, Family::Date) => {
                How::Beside { than: Than::Equal, number: self.date(&name, field)?, project: None }
            }
            (Operator::In, Family::Date) => return Err(refused()),
            (Operator::Equal | Operator::In, family) => {
                let mut values =
                    if operator == Operator::In { self.list(field)? } else { vec![self.value(field)?] };
                // `= empty` is `is empty`, and so it is in a list.
                let all = values.len();
                values.retain(|(word, _)| *word != Some("empty"));
                let empty = all > values.len();
                let how = if family == Family::Issue {
                    let found = values.iter().map(|(_, key)| found(self.asker, &name, key));
                    How::These(found.collect::<Result<_, _>>()?)
                } else {
                    if let Some((_, strange)) = values.iter().find(|(_, value)| !field.has(data, value)) {
                        return Err(format!("The value '{strange}' does not exist for the field '{name}'."));
                    }
                    How::Named(values.into_iter().map(|(_, value)| value.to_lowercase()).collect())
                };
                if empty {
                    let one = |how| Term::Holds(Test { field, negated: false, how });
                    let term = Term::Any(vec![one(how), one(How::Empty)]);
                    return Ok(if negated { term.negated() } else { term });
                }
                how
            }
        };
        Ok(Term::Holds(Test { field, negated, how }))
    }

    fn field(&mut self) -> Result<(String, Field), String> {
        let Some(piece) = self.take() else {
            return Err("Error in the JQL Query: Expecting a field name at the end of the query.".into());
        };
        let reserved = piece.kind == Kind::Word && RESERVED.iter().any(|word| piece.is(word));
        if piece.kind == Kind::Sign || reserved {
            let text = &piece.text;
            return Err(wrong(
                &format!(
                    "Expecting a field name but got '{text}'. You must surround '{text}' in quotation marks to use it as a field name."
                ),
                piece,
            ));
        }
        // Whether it is a clause at all is asked before the field is.
        if self.look().is_none() {
            return Err(format!(
                "Error in the JQL Query: Expecting operator before the end of the query. The valid operators are {OPERATORS}."
            ));
        }
        let missing =
            || format!("Field '{}' does not exist or you do not have permission to view it.", piece.text);
        Ok((piece.text.clone(), Field::of(&piece.text).ok_or_else(missing)?))
    }

    /// The operator, and whether it is the negative one.
    fn operator(&mut self) -> Result<(Operator, bool), String> {
        let Some(piece) = self.take() else { return Err(String::new()) };
        let word = if piece.kind == Kind::Quoted { String::new() } else { piece.text.to_ascii_lowercase() };
        Ok(match word.as_str() {
            "=" => (Operator::Equal, false),
            "!=" => (Operator::Equal, true),
            "~" => (Operator::Holds, false),
            "!~" => (Operator::Holds, true),
            "<" => (Operator::Beside(Than::Less), false),
            "<=" => (Operator::Beside(Than::AtMost), false),
            ">" => (Operator::Beside(Than::More), false),
            ">=" => (Operator::Beside(Than::AtLeast), false),
            "in" => (Operator::In, false),
            "not" if self.takes(&["in"]) => (Operator::In, true),
            "is" => (Operator::Is, self.takes(&["not"])),
            _ => {
                let text = &piece.text;
                return Err(wrong(
                    &format!("Expecting operator but got '{text}'. The valid operators are {OPERATORS}."),
                    piece,
                ));
            }
        })
    }

    /// A value; beside it `empty` where it is that word.
    fn value(&mut self, field: Field) -> Result<(Option<&'static str>, String), String> {
        let Some(piece) = self.take() else {
            return Err("Error in the JQL Query: Expecting either a value, list or function before the end of the query.".into());
        };
        if piece.is("empty") || piece.is("null") {
            return Ok((Some("empty"), String::new()));
        }
        let reserved = piece.kind == Kind::Word && RESERVED.iter().any(|word| piece.is(word));
        if piece.kind == Kind::Sign || reserved {
            let text = &piece.text;
            return Err(wrong(
                &format!(
                    "Expecting either a value, list or function but got '{text}'. You must surround '{text}' in quotation marks to use it as a value."
                ),
                piece,
            ));
        }
        if piece.kind == Kind::Quoted || !self.look().is_some_and(|next| next.is("(")) {
            return Ok((None, piece.text.clone()));
        }
        self.next += 1;
        match (piece.text.to_ascii_lowercase().as_str(), field, self.takes(&[")"])) {
            ("currentuser", Field::Assignee, true) => Ok((None, self.asker.account.to_owned())),
            ("now", Field::Created | Field::Updated, true) => Ok((Some("now"), String::new())),
            _ => Err(format!("Unable to find JQL function '{}()'.", piece.text)),
        }
    }

    fn list(&mut self, field: Field) -> Result<Vec<(Option<&'static str>, String)>, String> {
        if !self.takes(&["("]) {
            return Err(match self.look() {
                Some(piece) => wrong(&format!("Expecting '(' but got '{}'.", piece.text), piece),
                None => "Error in the JQL Query: Expecting '(' before the end of the query.".into(),
            });
        }
        let mut values = vec![self.value(field)?];
        while self.takes(&[","]) {
            values.push(self.value(field)?);
        }
        match self.takes(&[")"]) {
            true => Ok(values),
            false => Err(match self.look() {
                Some(piece) => {
                    wrong(&format!("Expecting either ',' or ')' but got '{}'.", piece.text), piece)
                }
                None => "Error in the JQL Query: Expecting ')' before the end of the query.".into(),
            }),
        }
    }

    fn date(&mut self, name: &str, field: Field) -> Result<i64, String> {
        match self.value(field)? {
            (Some("now"), _) => Ok(self.asker.now),
            (_, text) => dates::read(&text, self.asker.now).ok_or_else(|| {
                format!(
                    "Date value '{text}' for field '{name}' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', \
                     'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'."
                )
            }),
        }
    }

    fn order(&mut self) -> Result<Vec<By>, String> {
        let mut order = Vec::new();
        if !self.takes(&["order"]) {
            return Ok(order);
        }
        if !self.takes(&["by"]) {
            return Err(match self.look() {
                Some(piece) => wrong(&format!("Expecting 'by' but got '{}'.", piece.text), piece),
                None => "Error in the JQL Query: Expecting 'by' before the end of the query.".into(),
            });
        }
        loop {
            let Some(piece) = self.take().filter(|piece| piece.kind != Kind::Sign) else {
                return Err("Error in the JQL Query: Expecting a field name to sort by.".into());
            };
            let field = Field::of(&piece.text)
                .ok_or_else(|| format!("Not able to sort using field '{}'.", piece.text))?;
            let descending =
                if self.takes(&["asc"]) { false } else { self.takes(&["desc"]) || field.falls() };
            order.push(By { field, descending });
            if !self.takes(&[","]) {
                return Ok(order);
            }
        }
    }
}

/// The issue of this key or id.
fn found(asker: &Asker<'_>, name: &str, key: &str) -> Result<u64, String> {
    asker
        .data
        .find(key)
        .ok_or_else(|| format!("An issue with key '{key}' does not exist for field '{name}'."))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    In,
    Is,
    Holds,
    Beside(Than),
}

impl Operator {
    fn shown(self, negated: bool) -> &'static str {
        match (self, negated) {
            (Self::Equal, false) => "=",
            (Self::Equal, true) => "!=",
            (Self::In, false) => "in",
            (Self::In, true) => "not in",
            (Self::Is, false) => "is",
            (Self::Is, true) => "is not",
            (Self::Holds, false) => "~",
            (Self::Holds, true) => "!~",
            (Self::Beside(Than::Less), _) => "<",
            (Self::Beside(Than::AtMost), _) => "<=",
            (Self::Beside(Than::More), _) => ">",
            (Self::Beside(Than::AtLeast), _) => ">=",
            (Self::Beside(Than::Equal), _) => "=",
        }
    }
}
