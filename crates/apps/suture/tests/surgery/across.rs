//! Programs of several files that are compiled when they are linked: a fix in a function of one file is in those of others, into which it was
//! taken.

use crate::libraries::go_through;
use crate::support::{Pair, Target, root};

/// What `across.c` has counted: in its three files, and of what it was told.
struct Account {
    seen: [i64; 3],
    total: i64,
    /// What new code has refused since it is there.
    refused: i64,
}

impl Account {
    /// What the function that is taken into all others answers.
    fn check(&mut self, x: i64, is_new: bool) -> i64 {
        self.seen[2] += 10;
        self.seen[1] += 1;
        let limited = match is_new {
            true if x > 10 => {
                self.refused += 1;
                10 + 100_000 * self.refused
            }
            true => x,
            false => x.min(20),
        };
        limited + self.seen[2] + self.seen[1]
    }

    fn ask_all(&mut self, target: &mut Target, is_new: bool) {
        for x in [5, 10, 15, 30] {
            self.total += x;
            let told = target.ask(&x.to_string());
            let mut numbers = told.split(' ').map(|number| number.parse::<i64>().unwrap());
            let (work, other) = (numbers.next().unwrap(), numbers.next().unwrap());
            self.seen[0] += 1;
            let first = self.check(x, is_new) + self.seen[0];
            self.seen[0] += 10;
            let second = self.check(x + 1, is_new) * 2;
            assert_eq!((work, other), (first, second), "{x}");
        }
        assert_eq!(target.ask("pointer"), self.check(7, is_new).to_string());
        assert_eq!(target.ask("seen"), format!("{} {}", self.seen[0], self.total));
    }
}

fn whole_story(compiler: &str) {
    let part = |name: &str| root().join("fixtures/c").join(name).display().to_string();
    let files = [part("across_count.c"), part("across_check.c")].join(" ");
    let pair = Pair::build("c/across.c", &format!("{compiler} {files}"));
    let report = pair.diff();
    let changed: Vec<_> =
        report["changed"].as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap()).collect();
    for name in ["work", "other", "count"] {
        assert!(changed.contains(&name), "{name} has the fix in it: {report}");
    }
    let mut target = pair.start();
    let mut account = Account { seen: [100, 1000, 10_000], total: 0, refused: 0 };
    account.ask_all(&mut target, false);
    go_through(&pair, &mut target, |target, verb, is_new| {
        if verb == "apply" {
            // What a patch brings begins anew.
            account.refused = 0;
        }
        account.ask_all(target, is_new);
    });
}

macro_rules! stories {
    ($($name:ident: $compiler:literal;)*) => {
        $(#[test] fn $name() { whole_story($compiler); })*
    };
}

stories! {
    gcc_lto: "gcc -O2 -flto";
    gcc_lto_in_parts: "gcc -O3 -flto -flto-partition=1to1 -no-pie -fno-pie";
    clang_fat_lto: "clang -O2 -flto -fuse-ld=lld";
    clang_thin_lto: "clang -O2 -flto=thin -fuse-ld=lld";
}

/// The same of two crates.
fn story_of_crates(options: &str) {
    let pair = Pair::build_crates("rust/across.rs", Some("rust/across_check.rs"), options);
    let report = pair.diff();
    let changed: Vec<_> =
        report["changed"].as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap()).collect();
    let has = |name: &str| changed.iter().any(|changed| changed.starts_with(name));
    assert!(has("fixture::work") && has("fixture::other"), "they have the fix in them: {report}");
    let mut target = pair.start();
    let (mut seen, mut total) = (0, 0);
    let mut ask = |target: &mut Target, is_new: bool| {
        for x in [5, 15, 30] {
            let check = |x: i64| if is_new { x.min(10) } else { x.min(20) };
            seen += 2;
            total += x;
            assert_eq!(
                target.ask(&x.to_string()),
                format!("{} {} {seen} {total}", check(x), 2 * check(x + 1))
            );
        }
    };
    ask(&mut target, false);
    go_through(&pair, &mut target, |target, _, is_new| ask(target, is_new));
}

#[test]
fn crates_fat_lto() {
    story_of_crates("-C opt-level=3 -C lto=fat");
}

#[test]
fn crates_thin_lto() {
    story_of_crates("-C opt-level=2 -C lto=thin -C codegen-units=16");
}
