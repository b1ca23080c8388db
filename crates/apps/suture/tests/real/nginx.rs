//! nginx, CVE-2024-7347: the number of samples in some chunks of a video overflows while it is cropped. Probe: a video whose
//! first chunks have 2^32 samples; without the fix these count as none, and the start is looked for behind the last chunk.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::http::Connection;
use crate::load::Load;
use crate::program::{Program, Recipe, Running, free_port};

const RECIPE: Recipe = Recipe {
    package: "nginx",
    fix: "CVE-2024-7347-1.patch",
    run: "{ [ -e Makefile ] || ./configure --without-http_rewrite_module --without-http_gzip_module \
          --with-http_mp4_module --with-cc-opt=-O2; } && make -j2",
    artifact: "objs/nginx",
};

/// First byte of the changed function in a process, which is position-independent or not.
fn entry_byte(program: &Program, pid: u32) -> u8 {
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

/// A piece of a video: length, name, content.
fn atom(name: &str, content: &[u8]) -> Vec<u8> {
    [&(8 + content.len() as u32).to_be_bytes(), name.as_bytes(), content].concat()
}

/// An atom that is a table: version and flags, numbers before the table, how many rows it has, the rows.
fn table(name: &str, before: &[u32], rows: &[&[u32]]) -> Vec<u8> {
    let numbers = [&[0], before, &[rows.len() as u32], &rows.concat()].concat();
    atom(name, &numbers.into_iter().flat_map(u32::to_be_bytes).collect::<Vec<_>>())
}

/// A header of 4 seconds, in milliseconds; the duration stands `before` numbers behind the time scale.
fn header(name: &str, len: usize, scale_at: usize, duration_at: usize) -> Vec<u8> {
    let mut content = vec![0; len];
    content[scale_at..scale_at + 4].copy_from_slice(&1000_u32.to_be_bytes());
    content[duration_at..duration_at + 4].copy_from_slice(&4000_u32.to_be_bytes());
    atom(name, &content)
}

/// A video of four samples of one second and four bytes; `chunks` are the rows of `stsc`: from this chunk on so many
/// samples are in each, described by 1.
fn video(chunks: &[&[u32]]) -> Vec<u8> {
    const SAMPLES: &[u8; 16] = b"aaaabbbbccccdddd";
    // The data stands before all that describes it, behind the eight bytes of its own header.
    let data = atom("mdat", SAMPLES);
    let samples = [
        table("stts", &[], &[&[4, 1000]]),
        table("stsc", &[], chunks),
        table("stsz", &[0], &[&[4], &[4], &[4], &[4]]),
        table("stco", &[], &[&[8], &[16]]),
    ];
    let media = atom("minf", &atom("stbl", &samples.concat()));
    let media = atom("mdia", &[header("mdhd", 24, 12, 16), media].concat());
    let track = atom("trak", &[header("tkhd", 84, 12, 20), media].concat());
    let movie = atom("moov", &[header("mvhd", 100, 12, 16), track].concat());
    [data, movie].concat()
}

/// A connection to this worker. Which one gets a connection is the kernel's choice.
fn connection_to(port: u16, worker: u32) -> Connection {
    let begun = Instant::now();
    loop {
        let mut connection = Connection::open(port);
        if connection.get("/hello.txt").unwrap().worker == Some(worker) {
            return connection;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "worker {worker} gets no connection");
    }
}

#[test]
fn nginx_master_and_workers_are_patched_under_load() {
    const JUMP: u8 = 0xe9;
    const CROPPED: &str = "/videos/load.mp4?start=1";
    let program = RECIPE.build();
    assert_eq!(program.changed(), ["ngx_http_mp4_crop_stsc_data"]);
    let (port, directory) = (free_port(), program.scratch().display().to_string());
    let config = program.scratch().join("nginx.conf");
    let text = format!(
        "daemon off;\nuser root;\nworker_processes 2;\npid {directory}/pid;\nerror_log {directory}/error.log;\n\
         events {{}}\nhttp {{\n  access_log off;\n  keepalive_requests 1000000000;\n  server {{\n    \
         listen 127.0.0.1:{port} reuseport;\n    root {directory};\n    add_header Worker $pid always;\n    \
         location /videos/ {{ mp4; }}\n  }}\n}}\n"
    );
    std::fs::write(&config, text).unwrap();
    std::fs::write(program.scratch().join("hello.txt"), "hello").unwrap();
    let videos = program.scratch().join("videos");
    std::fs::create_dir(&videos).unwrap();
    std::fs::write(videos.join("load.mp4"), video(&[&[1, 2, 1]])).unwrap();
    std::fs::write(videos.join("probe.mp4"), video(&[&[1, 1 << 16, 1], &[(1 << 16) + 1, 1, 1]])).unwrap();
    let server =
        Running::server(Command::new(program.old()).arg("-c").arg(&config).args(["-p", &directory]), port);
    let workers = server.children_when(2);
    let pids = [&workers[..], &[server.pid()]].concat();

    let cropped = connection_to(port, workers[0]).get(CROPPED).unwrap();
    assert!(cropped.status == 200 && cropped.body.ends_with(b"bbbbccccdddd"), "{cropped:?}");
    let on_each = workers.iter().flat_map(|worker| [*worker; 2]);
    let load = Load::begin(
        on_each.map(|worker| connection_to(port, worker).asker(CROPPED, cropped.body.clone())).collect(),
    );
    let mut is_fixed = || {
        let jumps = entry_byte(&program, server.pid()) == JUMP;
        for worker in &workers {
            let answer = connection_to(port, *worker).get("/videos/probe.mp4?start=1").unwrap();
            assert_eq!((answer.status, answer.worker), (if jumps { 200 } else { 500 }, Some(*worker)));
            assert_eq!(answer.body.ends_with(b"bbbbccccdddd"), jumps);
        }
        jumps
    };
    program.whole_story(&pids, &load, &mut is_fixed);
    load.end();
    assert_eq!(server.children(), workers, "the workers are the same");
}
