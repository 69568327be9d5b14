//! `multipart/form-data` as browsers write it (RFC 7578), put together from parts that stay where they are.

use bytes::Bytes;
use http::HeaderValue;

use crate::body::Body;
use crate::error::{Code, Error, Result};
use crate::random;
use crate::upload::Upload;

/// A form as a body, and its content type.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) body: Body,
    pub(super) content_type: HeaderValue,
}

/// Writes `fields` and `files`.
///
/// # Errors
/// `invalid_argument` for a content type that is none, and where the system gives no randomness.
pub(super) fn form(fields: &[(String, String)], files: &[Upload]) -> Result<Form> {
    // Nobody who writes a file can know it, so no file holds it.
    let boundary = format!("threelo-{}", random::secret()?);
    let mut parts: Vec<Body> = Vec::with_capacity(files.len() * 2 + 1);
    let mut text = String::new();
    for (name, value) in fields {
        let name = quoted(name);
        text +=
            &format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    for file in files {
        let (name, filename) = (quoted(file.field()), quoted(file.filename()));
        let content_type = file.content_type();
        check(&content_type)?;
        text += &format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{filename}\"\r\n\
             Content-Type: {content_type}\r\n\r\n"
        );
        parts.push(Bytes::from(std::mem::take(&mut text)).into());
        parts.push(file.content.clone());
        text += "\r\n";
    }
    text += &format!("--{boundary}--\r\n");
    parts.push(Bytes::from(text).into());
    let content_type = HeaderValue::from_str(&format!("multipart/form-data; boundary={boundary}"))
        .map_err(|_| Error::new(Code::Internal, "the form's boundary cannot be written"))?;
    Ok(Form { body: Body::Chain(parts.into()), content_type })
}

/// Names between quotes, as the HTML standard has browsers write them.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

fn check(given: &str) -> Result<()> {
    let whole = given.split_once('/').is_some_and(|(kind, rest)| !kind.is_empty() && !rest.is_empty());
    if whole && given.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Ok(());
    }
    let accepted = "a media type for each file, such as image/png";
    Err(Error::argument("files", format!("with the content type {given:?}"), accepted))
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;

    use super::*;

    async fn written(form: &Form) -> String {
        let opened = form.body.open().await.unwrap();
        let pieces: Vec<Bytes> = opened.stream.try_collect().await.unwrap();
        let text = String::from_utf8(pieces.concat()).unwrap();
        assert_eq!(opened.length, Some(text.len() as u64));
        let boundary = form.content_type.to_str().unwrap().split_once("boundary=").unwrap().1.to_owned();
        text.replace(&boundary, "B").replace("\r\n", "|")
    }

    #[tokio::test]
    async fn fields_and_files_are_written_as_browsers_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a \"b\".png");
        std::fs::write(&path, "picture").unwrap();
        let text = Upload {
            field: Some("extra".into()),
            filename: Some("ü\r\n.txt".into()),
            content_type: Some("text/plain; charset=utf-8".into()),
            ..Upload::new(Bytes::from_static(b"one\r\ntwo"))
        };
        let files = [Upload::path(&path), text, Upload::new(Bytes::new())];
        let form = form(&[("comment".into(), "hello".into())], &files).unwrap();
        assert_eq!(
            written(&form).await,
            "--B|Content-Disposition: form-data; name=\"comment\"||hello|\
             --B|Content-Disposition: form-data; name=\"file\"; filename=\"a %22b%22.png\"|Content-Type: image/png||picture|\
             --B|Content-Disposition: form-data; name=\"extra\"; filename=\"ü%0D%0A.txt\"|\
             Content-Type: text/plain; charset=utf-8||one|two|\
             --B|Content-Disposition: form-data; name=\"file\"; filename=\"file\"|Content-Type: application/octet-stream|||\
             --B--|"
        );
    }

    #[test]
    fn a_content_type_that_could_be_a_header_is_refused() {
        for given in ["", "png", "image/", "/png", "image/png\r\nX: y", "image/ü"] {
            let file = Upload { content_type: Some(given.into()), ..Upload::new(Bytes::new()) };
            assert_eq!(form(&[], &[file]).unwrap_err().code(), Code::InvalidArgument, "{given}");
        }
    }

    #[test]
    fn no_two_forms_have_the_same_boundary() {
        let content_type = || form(&[], &[]).unwrap().content_type;
        assert_ne!(content_type(), content_type());
    }
}
