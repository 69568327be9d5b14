//! JQL as a list of words, strings and signs.

/// A piece of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// What it is.
    pub(super) kind: Kind,
    /// What it says, without quotes.
    pub(super) text: String,
    /// Its first character, counted from 1.
    pub(super) at: usize,
}

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Without quotes: a field, a value, or a word of the language.
    Word,
    /// In quotes: a field or a value.
    Quoted,
    /// An operator, a bracket, or a comma.
    Sign,
}

impl Piece {
    /// Whether it is this word of the language, or this sign.
    pub(super) fn is(&self, word: &str) -> bool {
        self.kind != Kind::Quoted && self.text.eq_ignore_ascii_case(word)
    }
}

const SIGNS: [&str; 16] =
    ["!=", "!~", "<=", ">=", "&&", "||", "=", "~", "<", ">", "!", "&", "|", "(", ")", ","];
const RESERVED: &str = "+;?*/%^$#@{}";

/// Cuts a query into pieces.
pub(super) fn cut(jql: &str) -> Result<Vec<Piece>, String> {
    let (mut pieces, mut rest, mut at) = (Vec::new(), jql, 1);
    loop {
        let left = rest.trim_start();
        at += rest.chars().count() - left.chars().count();
        let Some(first) = left.chars().next() else { return Ok(pieces) };
        let (kind, text, length) = if matches!(first, '"' | '\'') {
            let (text, length) = quoted(left, first).ok_or_else(|| {
                let open = left.get(1..).unwrap_or_default();
                format!("Error in the JQL Query: The quoted string '{open}' has not been completed. (line 1, character {at})")
            })?;
            (Kind::Quoted, text, length)
        } else if let Some(sign) = SIGNS.iter().find(|sign| left.starts_with(**sign)) {
            (Kind::Sign, (*sign).to_owned(), sign.len())
        } else {
            let ends = |letter: char| letter.is_whitespace() || "=!<>~&|(),\"'".contains(letter);
            let word = left.get(..left.find(ends).unwrap_or(left.len())).unwrap_or_default();
            if let Some((before, letter)) =
                word.chars().enumerate().find(|(_, letter)| RESERVED.contains(*letter))
            {
                return Err(format!(
                    "Error in the JQL Query: The character '{letter}' is a reserved JQL character. You must enclose it in a \
                     string or use the escape '\\u{:04x}' instead. (line 1, character {})",
                    u32::from(letter),
                    at + before,
                ));
            }
            (Kind::Word, word.to_owned(), word.len())
        };
        pieces.push(Piece { kind, text, at });
        let (read, after) = left.split_at_checked(length).unwrap_or((left, ""));
        at += read.chars().count();
        rest = after;
    }
}

/// What stands between quotes, with `\` before a quote taken away, and how long it is with them.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let (mut inside, mut escaped) = (String::new(), false);
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            '\\' if !escaped => escaped = true,
            letter if letter == quote && !escaped => return Some((inside, at + letter.len_utf8())),
            letter => {
                inside.push(letter);
                escaped = false;
            }
        }
    }
    None
}
