//! A client of HTTP that keeps its connection open and verifies what comes.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use crate::load::Ask;
use crate::program::connect;

/// An open connection to a server.
pub(crate) struct Connection(BufReader<TcpStream>);

/// What has come.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The header `Worker`, if there is one.
    pub(crate) worker: Option<u32>,
    pub(crate) body: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(port: u16) -> Self {
        Self(BufReader::new(connect(port)))
    }

    pub(crate) fn get(&mut self, path: &str) -> io::Result<Answer> {
        // In one piece: the rest of a request in several would wait for an acknowledgement.
        self.0.get_mut().write_all(format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n").as_bytes())?;
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        let (mut worker, mut len) = (None, 0);
        loop {
            line.clear();
            if self.0.read_line(&mut line)? <= 2 {
                break;
            }
            match line.to_ascii_lowercase().split_once(':') {
                Some(("content-length", value)) => len = value.trim().parse().unwrap_or(0),
                Some(("worker", value)) => worker = value.trim().parse().ok(),
                _ => {}
            }
        }
        let mut body = vec![0; len];
        self.0.read_exact(&mut body)?;
        Ok(Answer { status, worker, body })
    }

    /// Asks for `path` all the time; each answer has to be `expected`.
    pub(crate) fn asker(mut self, path: &'static str, expected: Vec<u8>) -> Ask {
        Box::new(move || match self.get(path) {
            Ok(Answer { status: 200, body, .. }) if body == expected => Ok(()),
            other => Err(format!("{other:?}")),
        })
    }
}
