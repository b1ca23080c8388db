//! memcached, CVE-2026-47783: the search for a user in the password file ends at the first with that name, which
//! tells by time whether there is one. Probe: with two lines for a user the fixed code takes either password.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use crate::load::{Ask, Load};
use crate::program::{Recipe, Running, connect, free_port};

const RECIPE: Recipe = Recipe {
    package: "memcached",
    fix: "0008-CVE-2026-47783-CVE-2026-47784.patch",
    run: "{ [ -e Makefile ] || ./configure --enable-sasl --enable-sasl-pwdb; } && make -j2 memcached",
    artifact: "memcached",
};

const GET: u8 = 0x00;
const SET: u8 = 0x01;
const AUTHENTICATE: u8 = 0x21;

/// One request of the binary protocol; gives status and value.
fn ask(
    connection: &mut TcpStream,
    code: u8,
    extras: &[u8],
    key: &str,
    value: &[u8],
) -> std::io::Result<(u16, Vec<u8>)> {
    let len = (extras.len() + key.len() + value.len()) as u32;
    let mut request = vec![0x80, code];
    request.extend((key.len() as u16).to_be_bytes());
    request.extend([extras.len() as u8, 0, 0, 0]);
    request.extend(len.to_be_bytes());
    request.extend([0; 12]);
    request.extend([extras, key.as_bytes(), value].concat());
    connection.write_all(&request)?;
    let mut header = [0; 24];
    connection.read_exact(&mut header)?;
    let mut body = vec![0; u32::from_be_bytes([header[8], header[9], header[10], header[11]]) as usize];
    connection.read_exact(&mut body)?;
    let skipped = usize::from(header[4]) + usize::from(u16::from_be_bytes([header[2], header[3]]));
    Ok((u16::from_be_bytes([header[6], header[7]]), body.split_off(skipped)))
}

fn authenticated(port: u16, password: &str) -> Option<TcpStream> {
    let mut connection = connect(port);
    let value = format!("\0user@test\0{password}");
    let (status, _) = ask(&mut connection, AUTHENTICATE, &[], "PLAIN", value.as_bytes()).unwrap();
    (status == 0).then_some(connection)
}

fn asker(port: u16, number: usize) -> Ask {
    let mut connection = authenticated(port, "one").expect("the first password is right");
    let mut count = 0_u64;
    Box::new(move || {
        count += 1;
        let (key, value) = (format!("key-{number}-{}", count % 1000), format!("value {count}"));
        let set =
            ask(&mut connection, SET, &[0; 8], &key, value.as_bytes()).map_err(|error| error.to_string())?;
        let got = ask(&mut connection, GET, &[], &key, &[]).map_err(|error| error.to_string())?;
        if set.0 == 0 && got == (0, value.into_bytes()) { Ok(()) } else { Err(format!("{set:?} {got:?}")) }
    })
}

#[test]
fn memcached_is_patched_under_load() {
    let program = RECIPE.build();
    assert_eq!(program.changed(), ["sasl_server_userdb_checkpass"]);
    let port = free_port();
    std::fs::write(program.scratch().join("passwords"), "user@test:one\nuser@test:two\n").unwrap();
    std::fs::write(program.scratch().join("memcached.conf"), "mech_list: plain\n").unwrap();
    let mut command = Command::new(program.old());
    command.args(["-S", "-u", "root", "-l", "127.0.0.1", "-t", "8", "-p", &port.to_string()]);
    command.env("MEMCACHED_SASL_PWDB", program.scratch().join("passwords"));
    command.env("SASL_CONF_PATH", program.scratch());
    let server = Running::server(&mut command, port);
    let load = Load::begin((0..4).map(|number| asker(port, number)).collect());
    let mut is_fixed = || authenticated(port, "two").is_some();
    program.whole_story(&[server.pid()], &load, &mut is_fixed);
    load.end();
}
