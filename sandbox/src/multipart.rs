//! As much of `multipart/form-data` as uploads need. Whole bodies only: the sandbox has them in memory anyway.

use bytes::Bytes;

/// One part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// Field name.
    pub(crate) name: String,
    /// File name, or an empty string.
    pub(crate) file_name: String,
    /// Content type.
    pub(crate) kind: String,
    /// Content.
    pub(crate) content: Bytes,
}

/// Reads a body. `None`: it is not multipart, or broken.
pub(crate) fn read(content_type: &str, body: &Bytes) -> Option<Vec<Part>> {
    if !content_type.starts_with("multipart/form-data") {
        return None;
    }
    let boundary = parameter(content_type, "boundary")?;
    let (opening, between) = (format!("--{boundary}"), format!("\r\n--{boundary}"));
    let mut at = find(body, opening.as_bytes(), 0)? + opening.len();
    let mut parts = Vec::new();
    loop {
        if body.get(at..at + 2)? == b"--" {
            return Some(parts);
        }
        let head_end = find(body, b"\r\n\r\n", at)?;
        let head = std::str::from_utf8(body.get(at..head_end)?).ok()?;
        let content_from = head_end + 4;
        let content_to = find(body, between.as_bytes(), content_from)?;
        parts.push(part(head, body.slice(content_from..content_to))?);
        at = content_to + between.len();
    }
}

fn part(head: &str, content: Bytes) -> Option<Part> {
    let line = |name: &str| {
        head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let disposition = line("content-disposition")?;
    Some(Part {
        name: parameter(&disposition, "name")?,
        file_name: parameter(&disposition, "filename").unwrap_or_default(),
        kind: line("content-type").unwrap_or_else(|| "application/octet-stream".into()),
        content,
    })
}

/// `name="value"` or `name=value` after a semicolon.
fn parameter(header: &str, name: &str) -> Option<String> {
    pieces(header).skip(1).find_map(|piece| {
        let (key, value) = piece.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"').to_owned())
    })
}

/// What semicolons part, unless they stand between quotes. Browsers and our clients write a quote inside as `%22`.
fn pieces(header: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    header.split(move |letter| {
        quoted ^= letter == '"';
        letter == ';' && !quoted
    })
}

fn find(text: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    rest.windows(wanted.len()).position(|window| window == wanted).map(|at| at + from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_with_name_and_content() {
        let body = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\
                    Content-Type: text/plain\r\n\r\none\r\ntwo\r\n--x\r\n\
                    Content-Disposition: form-data; name=file\r\n\r\n\r\n--x--\r\n";
        let parts = read("multipart/form-data; boundary=x", &Bytes::from(body)).unwrap();
        assert_eq!(parts.len(), 2);
        assert_eq!((parts[0].file_name.as_str(), &parts[0].content[..]), ("a.txt", &b"one\r\ntwo"[..]));
        assert_eq!((parts[1].name.as_str(), parts[1].content.len()), ("file", 0));
        let cut = Bytes::from(body.trim_end_matches("--x--\r\n").to_owned());
        assert!(read("multipart/form-data; boundary=x", &cut).is_none());
        assert!(read("application/json", &cut).is_none());
    }

    #[test]
    fn a_semicolon_between_quotes_belongs_to_the_name() {
        let header = "form-data; name=\"file\"; filename=\"a;b=c; d.txt\"; x=1";
        assert_eq!(parameter(header, "filename").as_deref(), Some("a;b=c; d.txt"));
        assert_eq!(parameter(header, "x").as_deref(), Some("1"));
    }
}
