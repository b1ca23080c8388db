//! unbound, CVE-2024-8508: names in an answer are compressed without end. Probe: a large answer is longer with the
//! fix, because only the first 120 names are compressed.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::UdpSocket;
use std::process::Command;
use std::time::Duration;

use crate::load::{Ask, Load};
use crate::program::{Recipe, Running, connect, free_port};

const RECIPE: Recipe = Recipe {
    package: "unbound",
    fix: "CVE-2024-8508.patch",
    run: "{ [ -e Makefile ] || ./configure --disable-shared --disable-flto --with-ssl; } && make -j2 unbound",
    artifact: "unbound",
};

const A: u16 = 1;
const MX: u16 = 15;
/// Names in the large answer.
const NAMES: usize = 300;

fn question(name: &str, kind: u16) -> Vec<u8> {
    let mut bytes = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1]);
    bytes
}

fn asker(port: u16) -> Ask {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    socket.connect(("127.0.0.1", port)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let question = question("small.test", A);
    Box::new(move || {
        let mut answer = [0; 512];
        socket.send(&question).map_err(|error| error.to_string())?;
        let len = socket.recv(&mut answer).map_err(|error| error.to_string())?;
        if answer[..len].ends_with(&[192, 0, 2, 7]) { Ok(()) } else { Err(format!("{:?}", &answer[..len])) }
    })
}

/// Length of the large answer.
fn large(port: u16) -> usize {
    let mut connection = connect(port);
    let question = question("large.test", MX);
    connection.write_all(&[&(question.len() as u16).to_be_bytes()[..], &question].concat()).unwrap();
    let mut len = [0; 2];
    connection.read_exact(&mut len).unwrap();
    let mut answer = vec![0; usize::from(u16::from_be_bytes(len))];
    connection.read_exact(&mut answer).unwrap();
    assert_eq!(usize::from(u16::from_be_bytes([answer[6], answer[7]])), NAMES, "answers");
    answer.len()
}

#[test]
fn unbound_is_patched_under_load() {
    let program = RECIPE.build();
    let changed = program.changed();
    assert!(changed.len() <= 8, "{changed:?}");
    let port = free_port();
    let config = program.scratch().join("unbound.conf");
    let mut text = format!(
        "server:\n  interface: 127.0.0.1@{port}\n  do-daemonize: no\n  username: \"\"\n  chroot: \"\"\n  pidfile: \"\"\n  \
         directory: \"{}\"\n  use-syslog: no\n  local-zone: \"test.\" static\n  local-data: \"small.test. A 192.0.2.7\"\n",
        program.scratch().display()
    );
    for number in 0..NAMES {
        let _ = writeln!(text, "  local-data: \"large.test. MX 10 n{number}.mail.large.test.\"");
    }
    std::fs::write(&config, text).unwrap();
    let server = Running::server(Command::new(program.old()).arg("-d").arg("-c").arg(&config), port);
    let load = Load::begin((0..4).map(|_| asker(port)).collect());
    let before = large(port);
    let mut is_fixed = || {
        let now = large(port);
        assert!(now >= before, "{now} and {before}");
        now > before
    };
    program.whole_story(&[server.pid()], &load, &mut is_fixed);
    load.end();
}
