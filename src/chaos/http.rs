//! The least of an HTTP client (RFC 9112): one kept connection, JSON bodies. It does not try anything twice, and tells
//! whether an answer came whole.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{net::TcpStream, time::timeout};

use super::wire;
use crate::scim::Json;

/// How long an answer may take: longer than any deadline of the gateway.
const PATIENCE: Duration = Duration::from_secs(90);

/// A connection that lay idle for longer is not used again: the gateway may be about to close it.
const IDLE: Duration = Duration::from_secs(2);

/// A client of one gateway.
#[derive(Debug)]
pub(super) struct Http {
    address: SocketAddr,
    token: String,
    connection: Option<Kept>,
}

/// A connection that may be used again.
#[derive(Debug)]
struct Kept {
    stream: TcpStream,
    /// Since when it is open.
    since: Instant,
    /// When it was used last.
    used: Instant,
}

/// An answer that came whole.
#[derive(Debug, Clone, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<u64>,
    pub(super) body: Json,
}

/// Why there is none.
#[derive(Debug)]
pub(super) struct NoAnswer {
    pub(super) why: io::Error,
    /// Since when the connection was open.
    pub(super) since: Instant,
}

impl Http {
    pub(super) fn new(address: SocketAddr, token: &str) -> Self {
        Self { address, token: token.to_owned(), connection: None }
    }

    /// Sends a request below `/scim/v2`.
    pub(super) async fn send(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&Json>,
    ) -> Result<Answer, NoAnswer> {
        let began = Instant::now();
        let request = self.request(method, path, body);
        let connection = match self.connection.take().filter(|kept| kept.used.elapsed() < IDLE) {
            Some(Kept { stream, since, .. }) => Ok((stream, since)),
            None => TcpStream::connect(self.address).await.map(|stream| (stream, began)),
        };
        let (stream, since) = connection.map_err(|why| NoAnswer { why, since: began })?;
        let exchange = async {
            wire::write(&stream, request.as_bytes()).await?;
            receive(&stream).await
        };
        let late = || io::Error::from(ErrorKind::TimedOut);
        match timeout(PATIENCE, exchange).await.map_err(|_| late()).and_then(|done| done) {
            Ok((answer, is_kept)) => {
                self.connection = is_kept.then(|| Kept { stream, since, used: Instant::now() });
                Ok(answer)
            }
            Err(why) => Err(NoAnswer { why, since }),
        }
    }

    fn request(&self, method: &str, path: &str, body: Option<&Json>) -> String {
        let body = body.map(Json::to_string).unwrap_or_default();
        let Self { address, token, .. } = self;
        format!(
            "{method} /scim/v2{path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/scim+json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }
}

/// Reads an answer; also whether the connection may be used again.
async fn receive(stream: &TcpStream) -> io::Result<(Answer, bool)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = find(&bytes, b"\r\n\r\n") {
            break at;
        }
        more(stream, &mut bytes).await?;
    };
    let head = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned();
    let mut bytes = bytes.split_off(end + 4);
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).ok_or_else(malformed)?;
    let headers: Vec<(String, &str)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .collect();
    let header = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
    let body = if header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        chunks(stream, &mut bytes).await?
    } else {
        let length = header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        while bytes.len() < length {
            more(stream, &mut bytes).await?;
        }
        bytes.truncate(length);
        bytes
    };
    let body = if body.is_empty() { Json::Null } else { serde_json::from_slice(&body)? };
    let retry_after = header("retry-after").and_then(|text| text.parse().ok());
    let is_kept = !header("connection").is_some_and(|word| word.eq_ignore_ascii_case("close"));
    Ok((Answer { status, retry_after, body }, is_kept))
}

async fn chunks(stream: &TcpStream, bytes: &mut Vec<u8>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let Some(at) = find(bytes, b"\r\n") else {
            more(stream, bytes).await?;
            continue;
        };
        let line = String::from_utf8_lossy(bytes.get(..at).unwrap_or_default()).into_owned();
        let length = usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16)
            .map_err(|_| malformed())?;
        // The line, the chunk, and the line end behind it.
        let whole = at + 2 + length + 2;
        while bytes.len() < whole {
            more(stream, bytes).await?;
        }
        body.extend_from_slice(bytes.get(at + 2..at + 2 + length).unwrap_or_default());
        bytes.drain(..whole);
        if length == 0 {
            return Ok(body);
        }
    }
}

async fn more(stream: &TcpStream, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut buffer = [0; 16_384];
    match wire::read(stream, &mut buffer).await? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        number => {
            bytes.extend_from_slice(buffer.get(..number).unwrap_or_default());
            Ok(())
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn malformed() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "not an HTTP answer")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of an answer that a server sends in these pieces before it closes the connection.
    fn answered(pieces: &[&'static str]) -> io::Result<Answer> {
        let pieces = pieces.to_vec();
        actix_web::rt::System::new().block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
            let address = listener.local_addr()?;
            actix_web::rt::spawn(async move {
                let (stream, _) = listener.accept().await.unwrap();
                wire::read(&stream, &mut [0; 4096]).await.unwrap();
                for piece in pieces {
                    wire::write(&stream, piece.as_bytes()).await.unwrap();
                    tokio::task::yield_now().await;
                }
            });
            Http::new(address, "t").send("GET", "/Users", None).await.map_err(|e| e.why)
        })
    }

    #[test]
    fn answers_come_whole_or_not_at_all() {
        let head = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 8\r\n\r\n";
        let answer = answered(&[head, "{\"a\"", ":1}\n"]).unwrap();
        assert_eq!((answer.status, answer.retry_after), (503, Some(7)));
        assert_eq!(answer.body["a"], 1);
        answered(&[head, "{\"a\""]).unwrap_err();
        answered(&["HTTP/1.1 200"]).unwrap_err();
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n3";
        assert_eq!(answered(&[chunked, "\r\n:2}\r\n0\r\n\r\n"]).unwrap().body["a"], 2);
        answered(&[chunked]).unwrap_err();
        assert_eq!(answered(&["HTTP/1.1 204 No Content\r\n\r\n"]).unwrap().status, 204);
    }
}
