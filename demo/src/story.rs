//! The demo from beginning to end.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::figures::{self, Figures};
use crate::latency::{Meter, Sample};
use crate::resp::{Client, Reply};
use crate::surgery::{Operation, Surgery};
use crate::watched::{self, Watched};
use crate::{Arguments, Failure, plot, server};

/// How much of everything.
struct Scale {
    keys: usize,
    connections: usize,
    /// How many requests are timed between operations: what those under way in an operation are compared with.
    quiet: usize,
}

const FULL: Scale = Scale { keys: 100_000, connections: 100, quiet: 30_000 };
const SHORT: Scale = Scale { keys: 5_000, connections: 20, quiet: 3_000 };

/// Operations in their order: what it is called, the words of the command, whether the hole is open afterwards,
/// and what `suture ps` says.
const OPERATIONS: [(&str, [&str; 2], bool, &str); 4] = [
    ("apply", ["apply", ""], false, "on"),
    ("toggle off", ["toggle", "off"], true, "off"),
    ("toggle on", ["toggle", "on"], false, "on"),
    ("revert", ["revert", ""], true, "none"),
];

/// Tells the story, and checks that it is true.
pub(crate) fn tell(args: &Arguments) -> Result<(), Failure> {
    let scale = if args.short { SHORT } else { FULL };
    let directory = tempfile::tempdir()?;
    let (old, new) = (args.redis.join("redis-server.old"), args.redis.join("redis-server.new"));
    fs::create_dir_all(&args.out)?;
    say("start", "the vulnerable server, data in it, clients connected, redis-benchmark on it");
    let (server, port) = server::start(&old.canonicalize()?, directory.path())?;
    let watched = Watched::begin(port, scale.keys, scale.connections)?;
    let mut load = server::load(&args.redis.join("redis-build/src/redis-benchmark"), port)?;
    let clock = Instant::now();
    let meter = Meter::begin(port, clock, &watched::key(1), &watched::value(1))?;
    let surgery = Surgery {
        suture: args.suture.clone(),
        delta: args.out.join("redis.delta"),
        state: directory.path().join("state"),
        pid: server.pid(),
    };
    hole(port, true)?;
    say(
        "hole",
        "CVE-2024-51741 is open: the server takes `ACL SETUSER probe %`, a rule that crashes it when used",
    );
    let mut figures = diff(&surgery, &old, &new)?;
    let operations = operate(&surgery, port, clock, &meter, scale.quiet)?;
    let seconds = clock.elapsed().as_secs_f64();
    let samples = meter.end()?;
    if !load.runs() {
        return Err("redis-benchmark has ended: the server has failed it".into());
    }
    load.end()?;
    let (sentences, uptime_s) = watched.check(port)?;
    for sentence in sentences {
        say("same", &sentence);
    }
    figures.uptime_s = uptime_s;
    figures.commands = commands(port)?;
    figures.commands_per_s = (figures.commands as f64 / seconds) as u64;
    figures.requests_timed = samples.len();
    let of = |operation| figures::of_operation(operation, &operations, &samples);
    figures.operations = operations.iter().map(of).collect();
    println!("\n{}", figures::table(&figures));
    write(&args.out, &figures, &operations, &samples)?;
    server.end()?;
    if Client::connect(port).is_ok() {
        return Err(format!("the server has ended, and somebody answers at port {port}").into());
    }
    say("end", "server and load have ended: nothing is left running");
    Ok(())
}

fn diff(surgery: &Surgery, old: &Path, new: &Path) -> Result<Figures, Failure> {
    let begun = Instant::now();
    let report = surgery.diff(old, new)?;
    let diff_s = begun.elapsed().as_secs_f64();
    let changed = report["changed"].as_array().into_iter().flatten();
    let replaced: Vec<String> =
        changed.filter_map(|function| function["name"].as_str()).map(str::to_owned).collect();
    if replaced != ["ACLSetSelector"] {
        return Err(format!("the delta replaces {replaced:?} and not what the fix changes").into());
    }
    let delta_bytes = fs::metadata(&surgery.delta)?.len();
    say("diff", &format!("the fix is a delta of {delta_bytes} bytes that replaces {}", replaced.join(", ")));
    Ok(Figures {
        diff_s,
        delta_bytes,
        replaced,
        uptime_s: [0; 2],
        commands: 0,
        commands_per_s: 0,
        requests_timed: 0,
        operations: Vec::new(),
    })
}

fn operate(
    surgery: &Surgery,
    port: u16,
    clock: Instant,
    meter: &Meter,
    quiet: usize,
) -> Result<Vec<Operation>, Failure> {
    let mut operations = Vec::new();
    for (name, words, is_open, state) in OPERATIONS {
        meter.wait_for(quiet)?;
        let operation = surgery.operate(clock, name, words)?;
        hole(port, is_open)?;
        let found = surgery.state()?;
        if found != state {
            return Err(format!("after {name} `suture ps` says {found} and not {state}").into());
        }
        let hole = if is_open { "open" } else { "closed" };
        let stopped = operation.pause_us as f64 / 1000.0;
        say(name, &format!("the process stood still for {stopped:.2} ms; the hole is {hole}"));
        operations.push(operation);
    }
    meter.wait_for(quiet)?;
    Ok(operations)
}

/// Probes for the hole, without harm: a user that nobody uses gets a rule that must not be accepted.
fn hole(port: u16, is_open: bool) -> Result<(), Failure> {
    let mut client = Client::connect(port)?;
    let answer = client.ask(&["ACL", "SETUSER", "probe", "%"])?;
    client.ask(&["ACL", "DELUSER", "probe"])?;
    let was_open = match &answer {
        Reply::Text(text) if text == "OK" => true,
        Reply::Error(why) if why.contains("Syntax error") => false,
        other => return Err(format!("the probe was answered {other:?}").into()),
    };
    if was_open == is_open { Ok(()) } else { Err(format!("the hole should not be so: {answer:?}").into()) }
}

fn commands(port: u16) -> Result<u64, Failure> {
    let info = Client::connect(port)?.text(&["INFO", "stats"])?;
    let count = info.lines().find_map(|line| line.strip_prefix("total_commands_processed:"));
    Ok(count.ok_or("INFO has no total_commands_processed")?.parse()?)
}

fn write(out: &Path, figures: &Figures, operations: &[Operation], samples: &[Sample]) -> Result<(), Failure> {
    fs::write(out.join("figures.json"), serde_json::to_vec_pretty(figures)?)?;
    let rows: String = samples.iter().fold("at_us,took_us\n".to_owned(), |mut rows, sample| {
        use std::fmt::Write as _;
        let _ = writeln!(rows, "{},{}", sample.at_us, sample.took_us);
        rows
    });
    fs::write(out.join("latency.csv"), rows)?;
    let (svg, png) = (out.join("latency.svg"), out.join("latency.png"));
    let begin_us = samples.first().map_or(0, |sample| sample.at_us);
    fs::write(&svg, plot::svg(samples, operations, begin_us))?;
    let drawn = Command::new("rsvg-convert").arg("-o").arg(&png).arg(&svg).status()?;
    if !drawn.success() {
        return Err(format!("rsvg-convert ended with {drawn}").into());
    }
    println!(
        "  figures     {}\n  plot        {} and .svg",
        out.join("figures.json").display(),
        png.display()
    );
    Ok(())
}

fn say(what: &str, sentence: &str) {
    println!("  {what:<11} {sentence}");
}
