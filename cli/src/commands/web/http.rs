//! As much of HTTP as a page needs that its own program serves: one request a connection, read with bounds of size and time.
//!
//! A server crate would be more than this and less than what is needed: the small one that needs no asynchronous runtime
//! (tiny_http) sets no bounds of time. Heads are parsed by `httparse`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// The longest head, and the most header fields in it.
const MOST_HEAD: usize = 16 << 10;
const MOST_FIELDS: usize = 64;

/// How long a head may take.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// The longest pause in a body that comes.
const PAUSE: Duration = Duration::from_secs(30);

/// The longest pause in a body that goes: browsers stop taking it while somebody thinks about where to save it.
const LONG_PAUSE: Duration = Duration::from_secs(3600);

/// How long a client may go on sending after it has had its answer, so that it gets to read that.
const LAST_TIME: Duration = Duration::from_secs(2);

/// What a client wants.
pub struct Request {
    /// GET, POST, …
    pub method: String,
    /// Without the query.
    pub path: String,
    query: String,
    /// Names in lower case.
    fields: Vec<(String, String)>,
    /// Bytes of the body; 0 without one.
    pub length: u64,
    /// What has been read of the body already.
    start: Vec<u8>,
}

/// Why there is no request.
pub enum Refused {
    /// The client is told.
    Told(Response),
    /// It has gone, or says nothing.
    Gone,
}

impl From<io::Error> for Refused {
    fn from(_: io::Error) -> Self {
        Refused::Gone
    }
}

impl Request {
    /// Reads a head.
    pub fn read(stream: &mut TcpStream) -> Result<Request, Refused> {
        let start = Instant::now();
        let mut bytes = Vec::new();
        loop {
            let left = HEAD_TIME.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Err(Refused::Gone);
            }
            stream.set_read_timeout(Some(left))?;
            let mut part = [0; 4096];
            let got = stream.read(&mut part)?;
            if got == 0 {
                return Err(Refused::Gone);
            }
            bytes.extend_from_slice(&part[..got]);
            let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
            let mut head = httparse::Request::new(&mut fields);
            match head.parse(&bytes) {
                Ok(httparse::Status::Complete(length)) => {
                    let request = Request::new(&head).map_err(Refused::Told)?;
                    stream.set_read_timeout(Some(PAUSE))?;
                    return Ok(Request {
                        start: bytes.split_off(length),
                        ..request
                    });
                }
                Ok(httparse::Status::Partial) if bytes.len() < MOST_HEAD => {}
                Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
                    return Err(Refused::Told(Response::problem(431, "the head is too long")));
                }
                Err(_) => return Err(Refused::Told(Response::problem(400, "this is not HTTP"))),
            }
        }
    }

    fn new(head: &httparse::Request) -> Result<Request, Response> {
        let fields = head.headers.iter().map(|field| {
            let value = std::str::from_utf8(field.value).unwrap_or_default();
            (field.name.to_ascii_lowercase(), value.trim().to_owned())
        });
        let (path, query) = head
            .path
            .unwrap_or_default()
            .split_once('?')
            .unwrap_or((head.path.unwrap_or_default(), ""));
        let mut request = Request {
            method: head.method.unwrap_or_default().to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            fields: fields.collect(),
            length: 0,
            start: Vec::new(),
        };
        if request.field("transfer-encoding").is_some() {
            return Err(Response::problem(411, "a body must tell its length beforehand"));
        }
        match request.named("content-length")[..] {
            [] => {}
            // "+5" is a number to Rust, and none to HTTP.
            [length] if length.bytes().all(|b| b.is_ascii_digit()) => match length.parse() {
                Ok(length) => request.length = length,
                Err(_) => return Err(Response::problem(413, "no file is that large")),
            },
            _ => {
                return Err(Response::problem(
                    400,
                    "the length of the body cannot be understood",
                ));
            }
        }
        Ok(request)
    }

    fn named(&self, name: &str) -> Vec<&str> {
        let fields = self.fields.iter().filter(|(field, _)| field == name);
        fields.map(|(_, value)| value.as_str()).collect()
    }

    /// Whether a header field stands there, be it twice.
    pub fn has(&self, name: &str) -> bool {
        !self.named(name).is_empty()
    }

    /// A header field by its name in lower case; `None` also for one that stands there twice.
    pub fn field(&self, name: &str) -> Option<&str> {
        match self.named(name)[..] {
            [value] => Some(value),
            _ => None,
        }
    }

    /// A parameter of the query, decoded; `None` also for one that is no text.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let found = self
            .query
            .split('&')
            .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
        decoded(found)
    }

    /// The body, as far as it comes.
    pub fn body<'a>(&'a self, stream: &'a TcpStream) -> impl Read + 'a {
        self.start.chain(stream).take(self.length)
    }
}

/// Text without its percent signs.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        rest = others;
        bytes.push(match (first, others) {
            (b'%', [a, b, others @ ..]) => {
                rest = others;
                let digit = |c: &u8| char::from(*c).to_digit(16);
                (digit(a)? * 16 + digit(b)?) as u8
            }
            (b'%', _) => return None,
            (byte, _) => *byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// What the client gets.
pub struct Response {
    status: u16,
    media_type: &'static str,
    /// More header fields.
    fields: Vec<(&'static str, String)>,
    body: Body,
}

enum Body {
    Bytes(Vec<u8>),
    File(File, u64),
}

/// What a browser may do with anything from here: only what the page itself asks for, and nobody else gets to see it.
const RULES: &str = "\
Connection: close\r\n\
Cache-Control: no-store\r\n\
Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n\
Cross-Origin-Opener-Policy: same-origin\r\n\
Cross-Origin-Resource-Policy: same-origin\r\n\
Referrer-Policy: no-referrer\r\n\
X-Content-Type-Options: nosniff\r\n";

impl Response {
    fn new(status: u16, media_type: &'static str, body: Body) -> Response {
        Response {
            status,
            media_type,
            fields: Vec::new(),
            body,
        }
    }

    /// A text of the program's own.
    pub fn text(media_type: &'static str, text: &str) -> Response {
        Response::new(200, media_type, Body::Bytes(text.as_bytes().to_vec()))
    }

    /// JSON.
    pub fn json(value: &serde_json::Value) -> Response {
        Response::new(
            200,
            "application/json",
            Body::Bytes(value.to_string().into_bytes()),
        )
    }

    /// A file's bytes.
    pub fn file(file: File) -> io::Result<Response> {
        let length = file.metadata()?.len();
        Ok(Response::new(
            200,
            "application/octet-stream",
            Body::File(file, length),
        ))
    }

    /// The same, to be saved under a name.
    pub fn saved_as(mut self, name: &str) -> Response {
        // RFC 8187: whatever is in the name, it is one word of ASCII here.
        let harmless = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        let name: String = name
            .bytes()
            .map(|b| match harmless(b) {
                true => char::from(b).to_string(),
                false => format!("%{b:02X}"),
            })
            .collect();
        self.fields.push((
            "Content-Disposition",
            format!("attachment; filename*=UTF-8''{name}"),
        ));
        self
    }

    /// An error, with a line for a person.
    pub fn problem(status: u16, what: impl std::fmt::Display) -> Response {
        let mut response = Response::json(&serde_json::json!({ "error": what.to_string() }));
        response.status = status;
        response
    }

    /// Writes it, and waits a little for the client to have it.
    pub fn write(self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_write_timeout(Some(match self.body {
            Body::Bytes(_) => PAUSE,
            Body::File(..) => LONG_PAUSE,
        }))?;
        let length = match &self.body {
            Body::Bytes(bytes) => bytes.len() as u64,
            Body::File(_, length) => *length,
        };
        let fields: String = self
            .fields
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let head = format!(
            "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {length}\r\n{fields}{RULES}\r\n",
            self.status,
            reason(self.status),
            self.media_type
        );
        stream.write_all(head.as_bytes())?;
        match self.body {
            Body::Bytes(bytes) => stream.write_all(&bytes)?,
            Body::File(file, length) => _ = io::copy(&mut file.take(length), &mut stream)?,
        }
        stream.shutdown(Shutdown::Write)?;
        // A connection that is closed while something is on its way is reset, and takes the answer with it.
        let start = Instant::now();
        let mut rest = [0; 1 << 14];
        while let Some(left) = LAST_TIME
            .checked_sub(start.elapsed())
            .filter(|left| !left.is_zero())
        {
            stream.set_read_timeout(Some(left))?;
            if stream.read(&mut rest)? == 0 {
                break;
            }
        }
        Ok(())
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        507 => "Insufficient Storage",
        _ => "Internal Server Error",
    }
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn names_are_decoded_or_are_none() {
        assert_eq!(decoded("a%20%C3%A9+").as_deref(), Some("a é+"));
        for wrong in ["%", "%2", "%zz", "%ff", "%+1"] {
            assert_eq!(decoded(wrong), None, "{wrong}");
        }
    }
}
