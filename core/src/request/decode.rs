//! Compressed bodies, read while they arrive. A compressed body that breaks off is an error, also where the transport
//! saw a proper end.

use std::io;
use std::pin::Pin;

use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZstdDecoder};
use futures::stream::{self, StreamExt};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderValue, RANGE};
use tokio::io::{AsyncBufRead, AsyncRead};
use tokio_util::io::{ReaderStream, StreamReader};

use crate::body::ByteStream;

/// What [`decoded`] understands.
const UNDERSTOOD: HeaderValue = HeaderValue::from_static("gzip, br, zstd");

/// A range is one of the bytes as they are sent, so it is asked for as it is stored.
const AS_IT_IS: HeaderValue = HeaderValue::from_static("identity");

/// Decompressed at once.
const PIECE: usize = 64 * 1024;

type Reader = Pin<Box<dyn AsyncRead + Send>>;

/// Says what compression is understood, unless the caller has said something.
pub(super) fn accept(headers: &mut HeaderMap) {
    let accepted = if headers.contains_key(RANGE) { AS_IT_IS } else { UNDERSTOOD };
    headers.entry(ACCEPT_ENCODING).or_insert(accepted);
}

/// The body as it was before it was compressed. Headers that tell of the compressed form go; a form that is not
/// understood stays as it is, headers included.
pub(super) fn decoded(headers: &mut HeaderMap, stream: ByteStream) -> ByteStream {
    let decoder = match headers.get(CONTENT_ENCODING).map(|value| value.as_bytes().to_ascii_lowercase()) {
        Some(name) if name == b"gzip" || name == b"x-gzip" => gzip,
        Some(name) if name == b"br" => brotli,
        Some(name) if name == b"zstd" => zstd,
        _ => return stream,
    };
    headers.remove(CONTENT_ENCODING);
    headers.remove(CONTENT_LENGTH);
    stream::once(decompressed(stream, decoder)).flatten().boxed()
}

/// An answer without a body is not compressed, whatever its headers say.
async fn decompressed(
    mut stream: ByteStream,
    decoder: fn(StreamReader<ByteStream, bytes::Bytes>) -> Reader,
) -> ByteStream {
    loop {
        match stream.next().await {
            None => return stream::empty().boxed(),
            Some(Ok(piece)) if piece.is_empty() => {}
            Some(first) => {
                let whole = stream::once(std::future::ready(first)).chain(stream).boxed();
                return ReaderStream::with_capacity(decoder(StreamReader::new(whole)), PIECE)
                    .map(worded)
                    .boxed();
            }
        }
    }
}

fn gzip(body: impl AsyncBufRead + Send + 'static) -> Reader {
    let mut decoder = GzipDecoder::new(body);
    decoder.multiple_members(true);
    Box::pin(decoder)
}

fn brotli(body: impl AsyncBufRead + Send + 'static) -> Reader {
    Box::pin(BrotliDecoder::new(body))
}

fn zstd(body: impl AsyncBufRead + Send + 'static) -> Reader {
    let mut decoder = ZstdDecoder::new(body);
    decoder.multiple_members(true);
    Box::pin(decoder)
}

fn worded(piece: io::Result<bytes::Bytes>) -> io::Result<bytes::Bytes> {
    piece.map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => io::Error::other("its compressed form is cut short"),
        _ => error,
    })
}
