//! A blocking client of redis' protocol (RESP2): one connection, one request at a time.
//!
//! Our own, because what is measured is the time between two system calls on a socket; a client library puts
//! pools, timeouts and reconnection between them, and a connection that is lost must be seen and not mended.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// Longest that an answer is waited for.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// A connection.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

/// What the server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    /// A status or a value.
    Text(String),
    /// A refusal.
    Error(String),
    /// A number.
    Number(i64),
    /// No value.
    Nil,
    /// Several.
    Many(Vec<Reply>),
}

impl Client {
    /// Connects to a server on this machine.
    pub(crate) fn connect(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Asks, and waits for the answer.
    pub(crate) fn ask(&mut self, words: &[&str]) -> io::Result<Reply> {
        self.send(&request(words))?;
        self.hear()
    }

    /// Asks, and takes nothing but a text for an answer.
    pub(crate) fn text(&mut self, words: &[&str]) -> io::Result<String> {
        match self.ask(words)? {
            Reply::Text(text) => Ok(text),
            other => Err(io::Error::other(format!("{words:?} was answered with {other:?}"))),
        }
    }

    /// Sends requests that are ready.
    pub(crate) fn send(&mut self, requests: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(requests)
    }

    /// The next answer.
    pub(crate) fn hear(&mut self) -> io::Result<Reply> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let line = line.trim_end();
        let bad = || io::Error::new(io::ErrorKind::InvalidData, format!("no answer of redis: {line:?}"));
        let (kind, rest) = line.split_at_checked(1).ok_or_else(bad)?;
        let number = || rest.parse::<i64>().map_err(|_| bad());
        Ok(match kind {
            "+" => Reply::Text(rest.to_owned()),
            "-" => Reply::Error(rest.to_owned()),
            ":" => Reply::Number(number()?),
            "$" => match usize::try_from(number()?) {
                Ok(len) => Reply::Text(self.value(len)?),
                Err(_) => Reply::Nil,
            },
            "*" => {
                let count = number()?;
                Reply::Many((0..count).map(|_| self.hear()).collect::<io::Result<_>>()?)
            }
            _ => return Err(bad()),
        })
    }

    fn value(&mut self, len: usize) -> io::Result<String> {
        let mut bytes = vec![0; len + 2];
        self.stream.read_exact(&mut bytes)?;
        bytes.truncate(len);
        String::from_utf8(bytes).map_err(io::Error::other)
    }
}

/// A request as it is sent.
pub(crate) fn request(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
    bytes
}
