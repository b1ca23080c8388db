//! Changed texts of Rust: the functions that use them are replaced, and no others.

use crate::support::{Pair, Target};

const CHANGED: [&str; 4] =
    ["<fixture::Error as core::fmt::Display>::fmt", "fixture::greet", "fixture::kind", "fixture::name"];

/// What the program has counted.
struct Account(u32);

impl Account {
    fn ask(&mut self, target: &mut Target, is_new: bool) {
        self.0 += 1;
        let rest = "uno, Unchanged { first: 1, second: \"unchanged\", third: Some(2.5) }";
        let (texts, error) = if is_new {
            ("a greeting that was fixed 1, einz, single", "no number in 3 bytes")
        } else {
            ("old greeting 1, one, one of them", "bad: 3")
        };
        assert_eq!(target.ask("1"), format!("{texts}, {rest}, {}", self.0));
        assert_eq!(target.ask("one"), error);
    }
}

fn whole_story(options: &str) {
    let pair = Pair::build_rust("rust/texts.rs", options);
    let report = pair.diff();
    let names = report["changed"].as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    assert_eq!(names, CHANGED, "{options}: {report}");
    let (mut target, mut account) = (pair.start(), Account(0));
    account.ask(&mut target, false);
    for (verb, is_new) in
        [(&["apply"][..], true), (&["toggle", "off"], false), (&["toggle", "on"], true), (&["revert"], false)]
    {
        let ran = pair.operate(verb, &target, &[]);
        assert_eq!(ran.outcome(), "done", "{options}: {ran:?}");
        account.ask(&mut target, is_new);
    }
}

macro_rules! stories {
    ($($name:ident: $options:literal;)*) => {
        $(#[test] fn $name() { whole_story($options); })*
    };
}

stories! {
    not_optimised: "-C opt-level=0";
    one_unit: "-C opt-level=1 -C codegen-units=1";
    many_units: "-C opt-level=2 -C codegen-units=16";
    aborting: "-C opt-level=3 -C codegen-units=1 -C panic=abort";
    small: "-C opt-level=s -C panic=abort";
    thin_lto: "-C opt-level=2 -C lto=thin -C codegen-units=16";
    fat_lto: "-C opt-level=2 -C lto=fat";
    fixed_address: "-C opt-level=1 -C relocation-model=static";
    lld_and_v0_names: "-C opt-level=2 -C symbol-mangling-version=v0 -C link-arg=-fuse-ld=lld";
}
