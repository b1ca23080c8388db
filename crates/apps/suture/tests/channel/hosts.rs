//! A channel on a host that has a name.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::desk::Desk;

/// A web server for a directory, on a port that the system has chosen.
struct Server(Child, u16);

impl Server {
    fn start(desk: &Desk) -> Self {
        let mut command = Command::new("python3");
        command.args(["-u", "-m", "http.server", "--bind", "127.0.0.1", "0"]);
        command.current_dir(desk.path("channel/public")).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.split_whitespace().skip_while(|word| *word != "port").nth(1).unwrap();
        Self(child, port.parse().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program is static: what it asks for a name is built in, since modules want the C library that they were made with.
#[test]
fn the_name_of_a_host_is_found_without_modules() {
    let desk = Desk::new();
    desk.publish_first(&[]);
    let server = Server::start(&desk);
    let trace = desk.path("trace");
    let output = Command::new("strace")
        .args(["-f", "-qq", "-e", "trace=openat", "-o"])
        .arg(&trace)
        .arg(env!("CARGO_BIN_EXE_suture"))
        .args(["fetch", &format!("http://localhost:{}/", server.1), "--root", "pinned.json"])
        .args(["--datastore", "seen", "--out", "got"])
        .current_dir(desk.path("."))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let opened = std::fs::read_to_string(trace).unwrap();
    assert!(opened.contains("/etc/hosts"), "the name was asked for: {opened}");
    assert!(!opened.contains(".so"), "no library is loaded: {opened}");
}

#[test]
fn a_host_that_nobody_knows() {
    let desk = Desk::new();
    desk.publish_first(&[]);
    let outcome = desk.run("fetch http://nobody.invalid/ --root pinned.json --datastore seen --out got", &[]);
    assert_eq!(outcome.exit, 1, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("nobody.invalid"), "{}", outcome.stderr);
    assert!(!desk.path("got").exists());
}
