//! haproxy, CVE-2023-45539: a `#` in the request's URI is passed on to servers that see another path in it.

use std::process::Command;

use crate::http::Connection;
use crate::load::Load;
use crate::program::{Recipe, Running, free_port};

const RECIPE: Recipe = Recipe {
    package: "haproxy",
    fix: "BUG-MINOR-h1-do-not-accept-as-part-of-the-URI-compon.patch",
    run: "make -j2 TARGET=linux-glibc USE_CRYPT_H= USE_LIBCRYPT= DEBUG_CFLAGS= ADDLIB=",
    artifact: "haproxy",
};

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
    let load = Load::begin((0..4).map(|_| Connection::open(port).asker("/", b"hello".to_vec())).collect());
    let mut is_fixed = || match Connection::open(port).get("/public#/../secret").unwrap().status {
        200 => false,
        400 => true,
        other => panic!("status {other}"),
    };
    program.whole_story(&[server.pid()], &load, &mut is_fixed);
    load.end();
}
