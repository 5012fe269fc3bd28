//! HTTP/1.1 messages as a proxy sees them: a head, and a body whose end it can tell.

use std::io::{self, BufRead, Read, Write};

/// What lies before a message's body.
#[derive(Debug)]
pub(super) struct Head {
    /// The request line or the status line.
    pub(super) first: String,
    /// As they came, names in any case.
    headers: Vec<(String, String)>,
}

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    Length(u64),
    Chunked,
    UntilClose,
}

impl Head {
    /// Reads one; none when the peer closed instead.
    pub(super) fn read(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        let Some(first) = line(from)? else { return Ok(None) };
        let mut headers = Vec::new();
        loop {
            let text = line(from)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if text.is_empty() {
                return Ok(Some(Self { first, headers }));
            }
            let (name, value) = text.split_once(':').ok_or(io::ErrorKind::InvalidData)?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(super) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        write!(to, "{}\r\n", self.first)?;
        for (name, value) in &self.headers {
            write!(to, "{name}: {value}\r\n")?;
        }
        write!(to, "\r\n")
    }

    /// The body of a request.
    pub(super) fn request_body(&self) -> Body {
        self.declared().unwrap_or(Body::Length(0))
    }

    /// The body of the answer to a request of this method.
    pub(super) fn answer_body(&self, method: &str) -> Body {
        if method == "HEAD" || matches!(self.status(), 100..=199 | 204 | 304) {
            return Body::Length(0);
        }
        self.declared().unwrap_or(Body::UntilClose)
    }

    fn declared(&self) -> Option<Body> {
        if self.get("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            return Some(Body::Chunked);
        }
        self.get("content-length").map(|length| Body::Length(length.parse().unwrap()))
    }

    /// The status of an answer.
    pub(super) fn status(&self) -> u16 {
        self.first.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}

impl Body {
    /// Passes the body on, at most `limit` bytes of it; how many bytes of content came.
    pub(super) fn copy(self, from: &mut impl BufRead, to: &mut impl Write, limit: u64) -> io::Result<u64> {
        match self {
            Self::Length(length) => {
                let wanted = length.min(limit);
                let copied = io::copy(&mut from.take(wanted), to)?;
                if copied < wanted { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(copied) }
            }
            Self::UntilClose => io::copy(&mut from.take(limit), to),
            Self::Chunked => {
                let mut copied = 0;
                loop {
                    let size = line(from)?.ok_or(io::ErrorKind::UnexpectedEof)?;
                    let digits = size.split(';').next().unwrap().trim();
                    let length =
                        u64::from_str_radix(digits, 16).map_err(|_no_number| io::ErrorKind::InvalidData)?;
                    to.write_all(format!("{size}\r\n").as_bytes())?;
                    if length > limit - copied {
                        return Ok(copied + io::copy(&mut from.take(limit - copied), to)?);
                    }
                    copied += io::copy(&mut from.take(length), to)?;
                    // The chunk's end; after the last chunk, trailers and an empty line.
                    loop {
                        let text = line(from)?.ok_or(io::ErrorKind::UnexpectedEof)?;
                        to.write_all(format!("{text}\r\n").as_bytes())?;
                        if text.is_empty() {
                            break;
                        }
                    }
                    if length == 0 {
                        return Ok(copied);
                    }
                }
            }
        }
    }
}

/// A line without its end; none at the end of the stream.
fn line(from: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut text = String::new();
    if from.take(64 * 1024).read_line(&mut text)? == 0 {
        return Ok(None);
    }
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}
