//! The server and the load on it: programs that end with the demo, whatever ends the demo.

use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Failure;
use crate::resp::{Client, Reply};

/// Longest that the server may take to come up.
const START_MAX: Duration = Duration::from_secs(20);
/// Number of the database that the load writes to; the demo's own data is in 0.
const LOAD_DATABASE: &str = "9";

/// A program that is stopped when this is dropped.
pub(crate) struct Running {
    child: Child,
}

impl Running {
    /// Process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it, and makes sure that it is gone.
    pub(crate) fn end(mut self) -> Result<(), Failure> {
        self.child.kill()?;
        self.child.wait()?;
        let pid = self.pid();
        if Path::new(&format!("/proc/{pid}")).exists() {
            return Err(format!("process {pid} has been ended and still runs").into());
        }
        Ok(())
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts `program` as a server without persistence; gives it and its port.
pub(crate) fn start(program: &Path, directory: &Path) -> Result<(Running, u16), Failure> {
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let mut command = ending_with_us(program);
    command.current_dir(directory).args(["--port", &port.to_string(), "--bind", "127.0.0.1"]);
    command.args(["--save", "", "--appendonly", "no", "--loglevel", "warning"]);
    let mut server = Running { child: command.stdout(Stdio::null()).spawn()? };
    let begun = Instant::now();
    loop {
        let answer = Client::connect(port).and_then(|mut client| client.ask(&["PING"]));
        match answer {
            Ok(Reply::Text(pong)) if pong == "PONG" => return Ok((server, port)),
            _ if !server.runs() => return Err("the server ended when it was started".into()),
            _ if begun.elapsed() > START_MAX => return Err("the server does not answer".into()),
            _ => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// Starts redis' own benchmark against the server; it goes on until it is dropped.
pub(crate) fn load(program: &Path, port: u16) -> io::Result<Running> {
    const REQUESTS: &str = "100000000";
    let mut command = ending_with_us(program);
    command.args(["-h", "127.0.0.1", "-p", &port.to_string(), "--dbnum", LOAD_DATABASE, "-n", REQUESTS]);
    command.args(["-c", "16", "-r", "10000", "-d", "64", "-q", "-t", "set,get,incr,lpush,hset"]);
    Ok(Running { child: command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()? })
}

/// The kernel ends it when the demo is killed.
fn ending_with_us(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(program).stdin(Stdio::null());
    command
}
