//! haproxy, CVE-2023-45539: a `#` in the request's URI is passed on to servers that see another path in it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use crate::load::{Ask, Load};
use crate::program::{Recipe, Running, free_port};

const RECIPE: Recipe = Recipe {
    package: "haproxy",
    fix: "BUG-MINOR-h1-do-not-accept-as-part-of-the-URI-compon.patch",
    run: "make -j2 TARGET=linux-glibc USE_CRYPT_H= USE_LIBCRYPT= DEBUG_CFLAGS= ADDLIB=",
    artifact: "haproxy",
};

/// Asks on a connection that stays open; gives the status.
fn get(connection: &mut BufReader<TcpStream>, path: &str) -> std::io::Result<(u16, String)> {
    write!(connection.get_mut(), "GET {path} HTTP/1.1\r\nHost: test\r\n\r\n")?;
    let (mut status, mut len) = (String::new(), 0);
    connection.read_line(&mut status)?;
    loop {
        let mut header = String::new();
        if connection.read_line(&mut header)? <= 2 {
            break;
        }
        if let Some(number) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            len = number.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; len];
    connection.read_exact(&mut body)?;
    let code = status.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    Ok((code, String::from_utf8_lossy(&body).into_owned()))
}

/// One asker on one connection to a server that answers `expected` to `/`.
pub(crate) fn asker(port: u16, expected: &'static str) -> Ask {
    let mut connection = BufReader::new(TcpStream::connect(("127.0.0.1", port)).unwrap());
    Box::new(move || match get(&mut connection, "/") {
        Ok((200, body)) if body == expected => Ok(()),
        other => Err(format!("{other:?}")),
    })
}

#[test]
fn haproxy_is_patched_under_load() {
    let program = RECIPE.build();
    let changed = program.changed();
    assert!(changed.contains(&"h1_headers_to_hdr_list") && changed.len() <= 3, "{changed:?}");
    let (port, backend) = (free_port(), free_port());
    let config = program.scratch().join("haproxy.cfg");
    let text = format!(
        "global\n  nbthread 4\ndefaults\n  mode http\n  timeout client 60s\n  timeout server 60s\n  timeout connect 10s\n\
         frontend front\n  bind 127.0.0.1:{port}\n  default_backend back\n\
         backend back\n  server one 127.0.0.1:{backend}\n\
         frontend inner\n  bind 127.0.0.1:{backend}\n  http-request return status 200 content-type text/plain string hello\n"
    );
    std::fs::write(&config, text).unwrap();
    let server = Running::server(Command::new(program.old()).arg("-db").arg("-f").arg(&config), port);
    let load = Load::begin((0..4).map(|_| asker(port, "hello")).collect());
    let mut is_fixed = || {
        let mut connection = BufReader::new(TcpStream::connect(("127.0.0.1", port)).unwrap());
        match get(&mut connection, "/public#/../secret").unwrap().0 {
            200 => false,
            400 => true,
            other => panic!("status {other}"),
        }
    };
    program.whole_story(&[server.pid()], &load, &mut is_fixed);
    load.end();
}
