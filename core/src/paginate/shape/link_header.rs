//! The `Link` header (RFC 8288), as far as the next page of a listing stands in it.

/// The target of the first link whose relation is `next`. Text that is no list of links holds none.
pub(super) fn next(header: &str) -> Option<&str> {
    let mut rest = header;
    loop {
        let (_, after) = rest.split_once('<')?;
        let (target, after) = after.split_once('>')?;
        let (parameters, following) = split_unquoted(after, ',');
        if leads_on(parameters) {
            return Some(target.trim());
        }
        rest = following?;
    }
}

fn leads_on(mut parameters: &str) -> bool {
    loop {
        let (parameter, rest) = split_unquoted(parameters, ';');
        if let Some((name, value)) = parameter.split_once('=')
            && name.trim().eq_ignore_ascii_case("rel")
        {
            // The first `rel` of a link counts, and may hold several relations.
            let relations = value.trim().trim_matches('"').split_ascii_whitespace();
            return relations.into_iter().any(|relation| relation.eq_ignore_ascii_case("next"));
        }
        match rest {
            Some(rest) => parameters = rest,
            None => return false,
        }
    }
}

/// The text before the first `mark` that stands outside quotes, and what follows it.
fn split_unquoted(text: &str, mark: char) -> (&str, Option<&str>) {
    let (mut quoted, mut escaped) = (false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if letter == mark && !quoted => {
                let (before, after) = text.split_at(at);
                return (before, after.get(mark.len_utf8()..));
            }
            _ => {}
        }
    }
    (text, None)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_next_link_is_found_among_others() {
        for (header, expected) in [
            (
                r#"</wiki/api/v2/pages?limit=2&cursor=a,b;c>; rel="next""#,
                "/wiki/api/v2/pages?limit=2&cursor=a,b;c",
            ),
            (r#"<https://x/wiki>; rel="base", </p?c=1>; rel=next"#, "/p?c=1"),
            (r#"</a>; title="x, <y>; rel=\"next\""; rel="prev",</b>;REL="last NEXT""#, "/b"),
            ("< /c > ;foo; rel=next; rel=prev", "/c"),
        ] {
            assert_eq!(next(header), Some(expected), "{header}");
        }
        for header in [
            "",
            "next",
            "<",
            "</a",
            "</a>",
            "</a>; rel=prev",
            "</a>; rel=\"nextish\"",
            "</a>; rel=prev; rel=next",
        ] {
            assert_eq!(next(header), None, "{header}");
        }
    }

    proptest! {
        #[test]
        fn no_text_does_more_than_hold_none(text in "[<>;,=\"\\\\a-e relnxt]{0,60}") {
            let _ = next(&text);
        }
    }
}
