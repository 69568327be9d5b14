//! Names as the caller's language writes them, in what is read and in what is said.

use super::decode::OPTIONS;
use crate::error::Error;

/// How the caller's language writes names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Casing {
    /// `proxy_request`: Python and Rust. A timeout is called `timeout` and is in seconds.
    Snake,
    /// `proxyRequest`: Node. A timeout is called `timeoutMs` and is in milliseconds.
    Camel,
}

impl Casing {
    /// Whether the caller would write a name of ours like this.
    pub(super) fn is(self, name: &str, written: &str) -> bool {
        match (self, name) {
            (Self::Snake, "timeout_ms") => written == "timeout",
            (Self::Snake, _) => written == name,
            (Self::Camel, _) => self.spell(name) == written,
        }
    }

    /// A name of ours as the caller would write it.
    pub(super) fn spell(self, name: &str) -> String {
        match (self, name) {
            (Self::Snake, "timeout_ms") => "timeout".to_owned(),
            (Self::Snake, _) => name.to_owned(),
            (Self::Camel, _) => {
                let mut words = name.split('_');
                let first = words.next().unwrap_or_default().to_owned();
                words.fold(first, |mut all, word| {
                    let mut letters = word.chars();
                    all.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
                    all.push_str(letters.as_str());
                    all
                })
            }
        }
    }
}

/// Names of verbs and options that consist of several words.
fn is_ours(word: &str) -> bool {
    word.contains('_')
        && OPTIONS.iter().any(|(verb, options)| *verb == word || options.iter().any(|o| o.name == word))
}

/// A text of ours with the names of verbs and options in the caller's spelling.
fn respell(text: &str, casing: Casing) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_lowercase()) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        out.push_str(before);
        out.push_str(&if is_ours(word) { casing.spell(word) } else { word.to_owned() });
        rest = after;
    }
    out + rest
}

impl Error {
    /// The error as a caller of this language reads it: `max_body_bytes` is `maxBodyBytes` in Node, in the message,
    /// in the hint, and where the context names an option.
    #[must_use]
    pub fn spelt(self, casing: Casing) -> Self {
        match casing {
            Casing::Snake => self,
            Casing::Camel => self.map_texts(|text| respell(text, casing)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn node_reads_its_own_names_and_nothing_else_is_touched() {
        let error = Error::config("redirect_uri", "\"x_y\"", "a URL; see max_body_bytes and select_site()")
            .with("sites", "client_id");
        let spelt = error.clone().spelt(Casing::Camel);
        assert_eq!(
            spelt.message(),
            "`redirectUri` is \"x_y\"; accepted is a URL; see maxBodyBytes and selectSite()"
        );
        assert_eq!(spelt.context()["option"], "redirectUri");
        assert_eq!(spelt.context()["sites"], "client_id", "only our own texts are ours to respell");
        assert_eq!(error.clone().spelt(Casing::Snake).message(), error.message());
        let hint = Error::new(Code::SiteRequired, "x").spelt(Casing::Camel);
        assert!(hint.hint().contains("selectSite()"), "{}", hint.hint());
    }
}
