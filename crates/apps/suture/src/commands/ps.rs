//! `suture ps`: what the processes themselves say.

use serde::Serialize;
use suture_delta::page::{Column, Look, Page, Tone};
use suture_process::{Patient, Prospect};
use suture_surgery::home::Home;

use super::symbols;
use crate::args::PsArgs;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Serialize)]
struct Document {
    schema: u32,
    processes: Vec<Process>,
}

#[derive(Serialize)]
struct Process {
    pid: i32,
    name: String,
    /// Its executable and libraries, as far as they have a build-id.
    builds: Vec<Build>,
    patches: Vec<Applied>,
    /// Whether a patch could be put into it; `null` if that can't be seen from outside.
    patchable: Option<bool>,
    /// Why not, or why it can't be seen; `null` if it could.
    why: Option<String>,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "these are keys of a document")]
struct Build {
    name: String,
    path: String,
    build_id: String,
}

#[derive(Serialize)]
struct Applied {
    id: String,
    /// `on`, `off`, or `dark`: applied and never on yet.
    state: &'static str,
    /// Whether an operation on it is under way or was cut short: which code runs is certain, but objects that the patch changes in
    /// place may hold what belongs to the other.
    unfinished: bool,
    /// Module that it patches.
    name: String,
    build_id: String,
    /// Seconds since 1970 of the last change.
    changed_at: u64,
    /// User who applied it.
    by: String,
    functions: Vec<String>,
}

pub(super) fn run(args: &PsArgs, console: &Console) -> Result<Exit, Failure> {
    let asked = !args.pid.is_empty();
    if args.symbols.is_some() && args.pid.len() != 1 {
        return Err(Failure::usage("--symbols is for one process").help("give one --pid"));
    }
    let pids = if asked {
        args.pid.clone()
    } else {
        suture_process::processes()
            .map_err(|error| Failure::unexpected("the processes can't be listed").why(&error))?
    };
    let own = std::process::id() as i32;
    let mut processes = Vec::new();
    let mut all_readable = true;
    for pid in pids.into_iter().filter(|pid| *pid != own) {
        match Patient::examine(pid) {
            Ok(patient) => {
                if let Some(directory) = &args.symbols {
                    symbols::write(&patient, directory)?;
                }
                processes.push(process(&patient));
            }
            // Without a question for this very process, what can't be looked at is left out.
            Err(why) if asked => {
                all_readable = false;
                processes.push(unreadable(pid, &why.to_string()));
            }
            Err(_) => {}
        }
    }
    let document = Document { schema: 1, processes };
    console.answer(&document, |look| text(&document.processes, look))?;
    Ok(if all_readable { Exit::Done } else { Exit::TargetRefused })
}

fn process(patient: &Patient) -> Process {
    let builds = patient.modules.iter().filter_map(|module| {
        let build_id = module.build_id.clone()?;
        Some(Build { name: module.name.clone(), path: module.path.clone(), build_id })
    });
    let (patchable, why) = match patient.prospect() {
        Prospect::Clear => (Some(true), None),
        Prospect::Open(why) => (None, Some(why)),
        Prospect::Blocked(refusal) => (Some(false), Some(refusal.to_string())),
    };
    Process {
        pid: patient.pid,
        name: suture_process::process_name(patient.pid),
        builds: builds.collect(),
        patches: patient.applied().map(|home| applied(patient, home)).collect(),
        patchable,
        why,
    }
}

fn unreadable(pid: i32, why: &str) -> Process {
    let name = suture_process::process_name(pid);
    Process {
        pid,
        name,
        builds: Vec::new(),
        patches: Vec::new(),
        patchable: Some(false),
        why: Some(why.to_owned()),
    }
}

fn applied(patient: &Patient, home: &Home) -> Applied {
    let head = &home.head;
    let state = match (head.switch, head.ever_on) {
        (true, _) => "on",
        (false, true) => "off",
        (false, false) => "dark",
    };
    Applied {
        id: home.record.id.clone(),
        state,
        unfinished: !is_settled(patient, home),
        name: home.record.name.clone(),
        build_id: home.record.build_id.clone(),
        changed_at: head.changed_at,
        by: if head.by.is_empty() { head.by_uid.to_string() } else { head.by.clone() },
        functions: home.record.sites.iter().map(|site| site.name.clone()).collect(),
    }
}

/// Of patches on each other the uppermost has its jumps at the sites that they share.
fn is_settled(patient: &Patient, home: &Home) -> bool {
    let is_below = patient.applied().any(|other| other.record.on.contains(&home.record.id));
    if is_below { home.data_settled() } else { patient.is_settled(home) }
}

fn text(processes: &[Process], look: &Look) -> String {
    const ID_DIGITS: usize = 12;
    const UNFINISHED: &str = "an operation is under way or was cut short: apply, toggle or revert again";
    let mut page = Page::new(*look);
    let cell = |text: &str, tone| (text.to_owned(), tone);
    let mut rows = Vec::new();
    for process in processes {
        let build = process.builds.first().map_or("no build-id", |build| build.build_id.as_str());
        let short: String = build.chars().take(ID_DIGITS).collect();
        let state = process.why.as_deref().unwrap_or("can be patched");
        rows.push(vec![
            cell(&process.pid.to_string(), Tone::Strong),
            cell(&process.name, Tone::Plain),
            cell(&short, Tone::Faint),
            cell(state, if process.patchable == Some(false) { Tone::Faint } else { Tone::Plain }),
        ]);
        for patch in &process.patches {
            let short: String = patch.id.chars().take(ID_DIGITS).collect();
            let what = format!(
                "{} in {} since {}, by {}: {}",
                patch.state,
                patch.name,
                local_time(patch.changed_at),
                patch.by,
                patch.functions.join(", ")
            );
            let what = if patch.unfinished { format!("{what}; {UNFINISHED}") } else { what };
            let tone = if patch.state == "on" { Tone::Good } else { Tone::Plain };
            rows.push(vec![
                cell("", Tone::Plain),
                cell("patch", Tone::Plain),
                cell(&short, Tone::Strong),
                cell(&what, tone),
            ]);
        }
    }
    page.table(&[Column::Right, Column::Name, Column::Left, Column::Left], rows);
    page.finish()
}

/// A time as the clock on the wall shows it, with the offset of its zone.
fn local_time(unix_s: u64) -> String {
    let time = i64::try_from(unix_s).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let zoned = time.map(|time| time.to_zoned(jiff::tz::TimeZone::system()));
    zoned.map_or_else(|| unix_s.to_string(), |time| time.strftime("%F %T%:z").to_string())
}
