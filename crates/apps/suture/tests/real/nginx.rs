//! nginx, CVE-2024-7347: a number overflows while a video is cropped. There is no probe for it without a harmful
//! file, so what is looked at is the code of the processes.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::process::Command;

use crate::haproxy::asker;
use crate::load::Load;
use crate::program::{Recipe, Running, free_port};

const RECIPE: Recipe = Recipe {
    package: "nginx",
    fix: "CVE-2024-7347-1.patch",
    run: "{ [ -e Makefile ] || ./configure --without-http_rewrite_module --without-http_gzip_module \
          --with-http_mp4_module --with-cc-opt=-O2; } && make -j2",
    artifact: "objs/nginx",
};

/// First byte of the changed function in a process, which is position-independent or not.
fn entry_byte(program: &crate::program::Program, pid: u32) -> u8 {
    let symbols = Command::new("nm").arg(program.old()).output().unwrap();
    let text = String::from_utf8(symbols.stdout).unwrap();
    let line = text.lines().find(|line| line.ends_with(" ngx_http_mp4_crop_stsc_data")).unwrap();
    let address = u64::from_str_radix(line.split(' ').next().unwrap(), 16).unwrap();
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let first = maps.lines().find(|line| line.ends_with("nginx.old")).unwrap();
    let base = u64::from_str_radix(first.split('-').next().unwrap(), 16).unwrap();
    let mut byte = [0];
    File::open(format!("/proc/{pid}/mem")).unwrap().read_exact_at(&mut byte, base + address).unwrap();
    byte[0]
}

#[test]
fn nginx_master_and_workers_are_patched_under_load() {
    const JUMP: u8 = 0xe9;
    let program = RECIPE.build();
    assert_eq!(program.changed(), ["ngx_http_mp4_crop_stsc_data"]);
    let (port, directory) = (free_port(), program.scratch().display().to_string());
    let config = program.scratch().join("nginx.conf");
    let text = format!(
        "daemon off;\nuser root;\nworker_processes 2;\npid {directory}/pid;\nerror_log {directory}/error.log;\n\
         events {{}}\nhttp {{\n  access_log off;\n  keepalive_requests 1000000000;\n  server {{\n    listen 127.0.0.1:{port};\n    \
         root {directory};\n    index hello.txt;\n  }}\n}}\n"
    );
    std::fs::write(&config, text).unwrap();
    std::fs::write(program.scratch().join("hello.txt"), "hello").unwrap();
    let server =
        Running::server(Command::new(program.old()).arg("-c").arg(&config).args(["-p", &directory]), port);
    let mut pids = server.children_when(2);
    pids.push(server.pid());
    let load = Load::begin((0..4).map(|_| asker(port, "hello")).collect());
    let mut is_fixed = || {
        let patched = pids.iter().filter(|pid| entry_byte(&program, **pid) == JUMP).count();
        assert!(patched == 0 || patched == pids.len(), "{patched} of {} processes", pids.len());
        patched > 0
    };
    program.whole_story(&pids, &load, &mut is_fixed);
    load.end();
    assert_eq!(server.children(), pids[..2], "the workers are the same");
}
