//! Processes whose own memory tells lies about the patches in them: damaged by accident, or written by the program itself.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use suture_delta::model::Range;
use suture_surgery::home::{self, Home, MAGIC, Record, SWITCH_OFFSET};
use suture_surgery::memory::Snapshot;

use crate::chance::Chance;
use crate::ending;
use crate::patient::pair;
use crate::support::{Pair, Target};

/// Bits that are turned over in a record.
const BITS: usize = 20;

/// Memory of a process, as it could write it itself.
struct Memory {
    file: File,
    base: u64,
}

impl Memory {
    /// The first page of each home that is in a process, which has the record of a small patch.
    fn homes(pid: i32) -> Vec<Self> {
        let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
        let homes = maps.lines().filter(|line| line.contains("/memfd:suture:"));
        let homes = homes.filter(|line| line.split_whitespace().nth(2) == Some("00000000"));
        let base = |line: &str| u64::from_str_radix(line.split('-').next().unwrap(), 16).unwrap();
        let open = || File::options().read(true).write(true).open(format!("/proc/{pid}/mem")).unwrap();
        homes.map(|line| Self { file: open(), base: base(line) }).collect()
    }

    fn read(&self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.file.read_exact_at(&mut bytes, self.base).unwrap();
        bytes
    }

    fn write(&self, bytes: &[u8]) {
        self.file.write_all_at(bytes, self.base).unwrap();
    }
}

fn decode(bytes: &[u8], base: u64) -> Home {
    let mut memory = Snapshot::default();
    memory.insert(base, bytes.to_vec());
    home::decode(&memory, base, &mut { home::BODY_LEN_MAX }).unwrap()
}

fn json(pair: &Pair, what: &str, arguments: &[&str], may_be: &[i32]) -> Value {
    let output = ending::run(pair.directory(), &[&["--json"], arguments].concat());
    ending::code(what, &output, may_be);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// `ps` says what is wrong; what it says.
fn is_told(pair: &Pair, pid: &str, what: &str, why: &str) -> String {
    let told = json(pair, what, &["ps", "--pid", pid], &[0]);
    let process = &told["processes"][0];
    let said = process["why"].as_str().unwrap_or_default();
    assert!(process["patchable"] == false && said.contains(why), "{what}: {said}: {process}");
    said.to_owned()
}

/// `ps` says what is wrong, for people and for scripts, and each operation is refused for it.
fn is_refused(pair: &Pair, pid: i32, what: &str, why: &str) {
    let pid = pid.to_string();
    let said = is_told(pair, &pid, what, why);
    let page = ending::run(pair.directory(), &["ps", "--pid", &pid]);
    let page = String::from_utf8(page.stdout).unwrap();
    assert!(!page.replace('\n', "").contains(char::is_control), "{what}: {page}");
    let delta = pair.delta.to_str().unwrap();
    for verb in [&["apply", delta][..], &["toggle", delta, "off"], &["revert", delta]] {
        let told = json(pair, what, &[verb, &["--pid", &pid]].concat(), &[4]);
        let row = &told["results"][0];
        assert!(row["code"] == "home" && row["reason"] == said, "{what}: {row} after {said}");
    }
}

/// The new code of the fixture runs.
fn is_on(target: &mut Target) {
    assert!(target.ask("3").starts_with("new zero "));
    assert_eq!(target.hear(), "1013");
}

/// What the program may write over the beginning of the record, each with a word of the reason.
fn damages(whole: &[u8], body_end: usize) -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let with = |at: usize, bytes: &[u8]| {
        let mut damaged = whole.to_vec();
        damaged[at..at + bytes.len()].copy_from_slice(bytes);
        damaged
    };
    vec![
        ("nothing", vec![0; whole.len()], "holds none"),
        ("another mark", with(0, b"x"), "holds none"),
        ("another address", with(16, &[0xff]), "holds none"),
        ("no length", with(24, &[0; 8]), "checksum"),
        ("a length behind its memory", with(24, &(15_u64 << 20).to_le_bytes()), "ends early"),
        ("ten gigabytes", with(24, &(10_u64 << 30).to_le_bytes()), "beyond all reason"),
        ("the longest length", with(24, &[0xff; 8]), "beyond all reason"),
        ("another checksum", with(32, &[whole[32] ^ 1]), "checksum"),
        ("a state that is none", with(41, &[9]), "unknown state"),
        ("a body that is cut off", with(body_end - 9, &[0; 9]), "checksum"),
    ]
}

/// One thing that a record says.
type Change = fn(&mut Record);

/// What no record says, each with a word of the reason.
const LIES: [(&str, Change, &str); 16] = [
    ("another version", |record| record.schema = 9, "another version of suture"),
    ("an end before its beginning", |record| record.home.end = record.home.start, "elsewhere"),
    ("a home without end", |record| record.home.end = u64::MAX, "elsewhere"),
    ("code outside", |record| record.text = Range { start: 0, end: u64::MAX }, "code is outside"),
    ("code that ends before it begins", |record| record.text.end = 0, "code is outside"),
    ("a stack outside", |record| record.call_stack.end = u64::MAX, "stack is outside"),
    ("an id that is none", |record| record.id.insert(0, '\u{1b}'), "id of a patch"),
    ("patches that are none", |record| record.on = vec!["é".repeat(32)], "id of a patch"),
    ("a jump at the end", |record| record.sites[0].jump_address = u64::MAX, "replaced function"),
    ("a jump elsewhere", |record| record.sites[0].jump_address += 7, "replaced function"),
    ("code that is not its own", |record| record.sites[0].code = 0x1000, "replaced function"),
    ("a range of nothing", |record| record.sites[0].ranges[0].end = 0, "replaced function"),
    ("a function elsewhere", |record| record.functions[0].range.end = u64::MAX, "function is outside"),
    ("a hook elsewhere", |record| record.hooks.pre_revert = Some(0), "hook is outside"),
    ("a table elsewhere", |record| record.frames = Some(u64::MAX), "unwind table"),
    (
        "an object without end",
        |record| {
            let saved = record.home.start;
            let object = home::RecordedOverwrite {
                name: String::new(),
                address: saved,
                size: u64::MAX - saved,
                saved,
                content: saved,
                constant: true,
            };
            record.overwrites.push(object);
        },
        "object's content",
    ),
];

#[test]
fn a_damaged_record_is_told_and_nothing_is_done_by_it() {
    let pair = pair();
    let mut target = pair.start();
    assert_eq!(pair.operate(&["apply"], &target, &[]).outcome(), "done");
    let before = pair.ps(&target);
    let memory = Memory::homes(target.pid()).remove(0);
    let whole = memory.read(4096);
    let home = decode(&whole, memory.base);
    let end = home::encode(&home).len();
    let mut all = damages(&whole, end);
    let mut chance = Chance(0x40e);
    for _ in 0..BITS {
        let mut damaged = whole.clone();
        chance.flip(&mut damaged, home::HEAD_LEN as usize..end);
        all.push(("a bit of the record", damaged, "checksum"));
    }
    for (what, change, why) in LIES {
        let mut home = home.clone();
        change(&mut home.record);
        let mut forged = home::encode(&home);
        // Where it says that it is stays true.
        forged[16..24].copy_from_slice(&memory.base.to_le_bytes());
        all.push((what, forged, why));
    }
    for (what, damaged, why) in all {
        memory.write(&damaged);
        is_refused(&pair, target.pid(), what, why);
        is_on(&mut target);
        memory.write(&whole);
    }
    assert_eq!(pair.ps(&target), before);
    assert_eq!(pair.operate(&["revert"], &target, &[]).outcome(), "done");
    assert_eq!(target.ask("3"), "44");
}

/// What changes in a home may be anything: it is shown, whatever it is.
#[test]
fn the_changing_part_of_a_record_is_shown_whatever_it_holds() {
    let pair = pair();
    let mut target = pair.start();
    assert_eq!(pair.operate(&["apply"], &target, &[]).outcome(), "done");
    let memory = Memory::homes(target.pid()).remove(0);
    let whole = memory.read(4096);
    for fill in [0xff, 0x1b, 0xc3] {
        let mut damaged = whole.clone();
        damaged[42] = fill;
        damaged[48..home::HEAD_LEN as usize].fill(fill);
        memory.write(&damaged);
        let page = ending::run(pair.directory(), &["ps", "--pid", &target.pid().to_string()]);
        ending::code("the changing part", &page, &[0]);
        let page = String::from_utf8(page.stdout).unwrap();
        assert!(page.contains("answer") && !page.replace('\n', "").contains(char::is_control), "{page}");
    }
    // A switch that says what the jumps do not: the next operation makes it true.
    memory.write(&whole);
    memory.file.write_all_at(&[0], memory.base + SWITCH_OFFSET).unwrap();
    assert_eq!(pair.state(&target), "off");
    assert_eq!(pair.operate(&["toggle", "on"], &target, &[]).outcome(), "done");
    is_on(&mut target);
    assert_eq!(pair.operate(&["revert"], &target, &[]).outcome(), "done");
    assert_eq!(target.ask("3"), "44");
}

/// A program that has memory which is named like that of a patch.
struct Impostor(Child);

impl Impostor {
    /// So many bytes under each of these names.
    fn start(names: &[&str], len: usize) -> Self {
        let script = format!(
            "import mmap, os, sys\nkept = []\nfor name in sys.argv[1:]:\n f = os.memfd_create('suture:' + name)\n \
             os.ftruncate(f, {len})\n kept.append(mmap.mmap(f, {len}))\nprint('ready', flush=True)\ninput()\n"
        );
        let mut command = Command::new("python3");
        let mut child = command
            .args(["-c", &script])
            .args(names)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        let said = child.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(said), &mut ready).unwrap();
        assert_eq!(ready, "ready\n");
        Self(child)
    }
}

impl Drop for Impostor {
    fn drop(&mut self) {
        let _ = self.0.stdin.take().map(|mut stdin| stdin.write_all(b"\n"));
        let _ = self.0.wait();
    }
}

/// Records that are as long as they may be, of lists that take most memory for their length, in as many homes as there is room for.
#[test]
fn what_records_claim_costs_no_memory() {
    const NAMES: [&str; 5] = ["1", "2", "3", "4", "5"];
    let pair = pair();
    let mut target = pair.start();
    assert_eq!(pair.operate(&["apply"], &target, &[]).outcome(), "done");
    let small = Memory::homes(target.pid()).remove(0);
    let mut home = decode(&small.read(4096), small.base);
    let len = home::BODY_LEN_MAX as usize;
    home.record.on = vec![String::new(); len / 3 - 4096];
    let bytes = home::encode(&home);
    let impostor = Impostor::start(&NAMES, len);
    let pid = i32::try_from(impostor.0.id()).unwrap();
    let homes = Memory::homes(pid);
    assert_eq!(homes.len(), NAMES.len());
    for memory in &homes {
        assert_eq!(bytes[..16], MAGIC);
        memory.write(&bytes);
        memory.file.write_all_at(&memory.base.to_le_bytes(), memory.base + 16).unwrap();
    }
    is_told(&pair, &pid.to_string(), "long records", "elsewhere");
    drop(impostor);
    assert_eq!(target.ask("0"), "5");
}

/// Memory whose name is a command to gdb, with a record in it that is as it must be: `ps --symbols` writes a script for gdb.
#[test]
fn a_name_that_is_a_command_is_no_home() {
    const LEN: u64 = 0x3000;
    let pair = pair();
    let mut target = pair.start();
    assert_eq!(pair.operate(&["apply"], &target, &[]).outcome(), "done");
    let patch = Memory::homes(target.pid()).remove(0);
    let home = decode(&patch.read(4096), patch.base);
    let impostor = Impostor::start(&["abc", "abc\nshell touch it"], LEN as usize);
    let pid = impostor.0.id().to_string();
    let homes = Memory::homes(impostor.0.id() as i32);
    assert_eq!(homes.len(), 2);
    for Memory { file, base } in &homes {
        let part = |from, to| Range { start: base + from, end: base + to };
        let mut home = home.clone();
        home.record = Record {
            home: part(0, LEN),
            text: part(0x1000, 0x2000),
            call_stack: part(0x2000, LEN),
            sites: Vec::new(),
            functions: Vec::new(),
            frames: None,
            ..home.record
        };
        file.write_all_at(&home::encode(&home), *base).unwrap();
    }
    let directory = pair.directory().join("symbols");
    let symbols = directory.to_str().unwrap();
    let told = json(&pair, "a command", &["ps", "--pid", &pid, "--symbols", symbols], &[0]);
    assert_eq!(told["processes"][0]["patches"].as_array().unwrap().len(), 1, "{told}");
    let script = std::fs::read_to_string(directory.join("patches.gdb")).unwrap();
    assert!(script.lines().count() == 1 && !script.contains("shell"), "{script}");
    assert_eq!(target.ask("0"), "5");
}
