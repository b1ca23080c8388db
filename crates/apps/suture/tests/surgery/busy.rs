//! A thread that is in a function that is to be replaced is waited for, and named if it does not leave.

use crate::support::{LONG, Pair, Surgeon, Target};
use crate::surroundings::{refused, until};

/// System calls that `server` of `busy.c` waits in: in the function that the fix changes, and when it has left it.
pub(crate) const INSIDE: &str = "0 ";
pub(crate) const OUTSIDE: &str = "34 ";

/// The thread `server` of `busy.c`, as soon as it waits in this system call.
pub(crate) fn server(target: &Target, call: &str) -> String {
    let mut server = None;
    until("the thread in its call", || {
        let threads = std::fs::read_dir(format!("/proc/{}/task", target.pid())).unwrap();
        let is_it = |thread: &std::path::PathBuf| {
            let has = |file: &str, beginning: &str| {
                std::fs::read_to_string(thread.join(file)).is_ok_and(|text| text.starts_with(beginning))
            };
            has("comm", "server\n") && has("syscall", call)
        };
        let found = threads.map(|thread| thread.unwrap().path()).find(is_it);
        server = found.map(|thread| thread.file_name().unwrap().to_string_lossy().into_owned());
        server.is_some()
    });
    server.unwrap()
}

#[test]
fn a_busy_function_is_named_with_its_thread_and_stack() {
    let pair = Pair::build("c/busy.c", "gcc -O2");
    pair.diff();
    let mut target = pair.start();
    let thread = server(&target, INSIDE);
    for deadline in ["0", "1s"] {
        let ran = pair.operate(&["apply"], &target, &["--deadline", deadline]);
        refused(&ran, "busy", &[&format!("thread {thread} (server) is in serve")]);
        let row = &ran.json["results"][0];
        let attempts = row["attempts"].as_u64().unwrap();
        assert!(if deadline == "0" { attempts == 1 } else { attempts > 1 }, "--deadline {deadline}: {row}");
        let stack = row["stack"].as_array().expect("a stack");
        let places: Vec<_> = stack.iter().map(|frame| frame["place"].as_str().unwrap()).collect();
        let place_of = |function: &str| {
            let is_it =
                |place: &&str| place.starts_with(&format!("{function}+0x")) && place.ends_with(" (busy.old)");
            places.iter().position(is_it).unwrap_or_else(|| panic!("{function} in {places:?}"))
        };
        assert!(place_of("serve") < place_of("loop"), "innermost first: {places:?}");
        assert_eq!(pair.state(&target), "none");
    }
    assert_eq!(target.ask("leave"), "left");
}

#[test]
fn a_busy_function_is_waited_for() {
    let pair = Pair::build("c/busy.c", "gcc -O2");
    pair.diff();
    let mut target = pair.start();
    server(&target, INSIDE);
    let mut surgeon = Surgeon::start(&pair.operation(&["apply"], &target, &LONG));
    surgeon.until_it_tries_again();
    assert_eq!(target.ask("leave"), "left");
    let end = surgeon.end();
    assert_eq!(end["outcome"], "done", "{end}");
    assert!(end["attempts"].as_u64().unwrap() > 1, "{end}");
    assert_eq!(target.ask("5"), "1006");
}
