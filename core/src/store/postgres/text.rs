//! Texts as PostgreSQL keeps them: everything but U+0000, which it does not take.

use std::borrow::Cow;

/// A text in the form that is stored. U+0000 and U+0001 become two characters each, which keeps different texts
/// different and their order by bytes as it is; all other texts, and so all that matter in practice, stay as they are.
pub(super) fn stored(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', '\u{1}']) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace('\u{1}', "\u{1}\u{2}").replace('\0', "\u{1}\u{1}"))
}

/// The text that was stored.
pub(super) fn original(stored: String) -> String {
    if !stored.contains('\u{1}') {
        return stored;
    }
    let mut text = String::with_capacity(stored.len());
    let mut rest = stored.chars();
    while let Some(each) = rest.next() {
        match each {
            '\u{1}' => text.push(if rest.next() == Some('\u{1}') { '\0' } else { '\u{1}' }),
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![".*", "[\u{0}-\u{3}a]{0,6}"]
    }

    proptest! {
        #[test]
        fn texts_come_back_and_keep_their_order(one in text(), other in text()) {
            let (a, b) = (stored(&one).into_owned(), stored(&other).into_owned());
            prop_assert!(!a.contains('\0'));
            prop_assert_eq!(a.cmp(&b), one.cmp(&other));
            prop_assert_eq!(original(a), one);
        }
    }
}
