//! Closures have numbers in place of names. One more in front of them, and each has that of its neighbour: what live pointers call must
//! stay what it was, and keep its own variables.

use crate::choices::story;
use crate::statics::codes;
use crate::support::Pair;

/// Functions of the program that changed.
fn changed(report: &serde_json::Value, mark: &str) -> Vec<String> {
    let names = report["changed"].as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap().to_owned());
    names.filter(|name| name.starts_with(mark)).collect()
}

fn lambdas_stay_what_they_are(compiler: &str) {
    let pair = Pair::build("cpp/closures.cpp", compiler);
    let report = pair.diff();
    let all = report["changed"].as_array().unwrap().len();
    assert_eq!((all, changed(&report, "setup(int)").len()), (1, 1), "{compiler}: {report}");
    let mut total = 0;
    let mut made_by_new = false;
    story(&pair, &mut pair.start(), |target, is_new| {
        // What lives goes on as it was made; then the code that runs makes others.
        for line in [" 3", "n4"] {
            made_by_new = if line == "n4" { is_new } else { made_by_new };
            let n: i32 = line[1..].parse().unwrap();
            total += n;
            let mut said = vec![target.ask(line), target.hear()];
            if made_by_new {
                said.push(target.hear());
                assert_eq!(said.remove(0), format!("audit {n} 10"), "{compiler}");
            }
            assert_eq!(said, [format!("add {n} {}", n + 10), format!("sum {total} 10")], "{compiler}");
        }
    });
}

fn closures_stay_what_they_are(options: &str) {
    let pair = Pair::build_rust("rust/closures.rs", &format!("--check-cfg cfg(changed,captures) {options}"));
    let report = pair.diff();
    assert_eq!(changed(&report, "fixture::"), ["fixture::setup"], "{options}: {report}");
    let mut total = 0;
    let mut made_by_new = false;
    story(&pair, &mut pair.start(), |target, is_new| {
        for line in ["3", "n4"] {
            made_by_new = if line == "n4" { is_new } else { made_by_new };
            let n: u64 = line.trim_start_matches('n').parse().unwrap();
            total += n;
            let audit = if made_by_new { format!("audit {n} 10, ") } else { String::new() };
            let expected = format!("{audit}add {}, words {}, sum {total} 10", n + 10, n + 2);
            assert_eq!(target.ask(line), expected, "{options}: made by new code: {made_by_new}");
        }
    });
}

macro_rules! stories {
    ($what:ident; $($name:ident: $options:literal;)*) => {
        $(#[test] fn $name() { $what($options); })*
    };
}

stories! { lambdas_stay_what_they_are;
    lambdas_of_gcc: "g++ -O2";
    lambdas_of_gcc_unoptimised: "g++ -O0";
    lambdas_of_gcc_at_a_fixed_address: "g++ -O1 -no-pie -fno-pie";
    lambdas_of_clang: "clang++ -O2";
    lambdas_of_clang_unoptimised: "clang++ -O0 -fuse-ld=lld";
}

stories! { closures_stay_what_they_are;
    closures: "-C opt-level=2";
    closures_unoptimised: "-C opt-level=0";
    closures_in_many_units: "-C opt-level=1 -C codegen-units=16";
    closures_with_v0_names: "-C opt-level=2 -C symbol-mangling-version=v0";
    closures_unoptimised_with_v0_names: "-C opt-level=0 -C symbol-mangling-version=v0";
}

/// One that changed beside one that is new: which is which can't be told.
#[test]
fn which_closure_a_live_pointer_means_is_not_guessed() {
    for compiler in ["g++ -O2", "g++ -O0", "clang++ -O2"] {
        for more in ["-DCHANGED", "-DCAPTURES"] {
            let ran = Pair::build("cpp/closures.cpp", &format!("{compiler} {more}")).try_diff(&[]);
            assert_eq!(ran.exit, Some(3), "{compiler} {more}");
            let is_doubt = |told: &String| told.starts_with("unresolved-reference ");
            assert!(codes(&ran).iter().any(is_doubt), "{compiler} {more}: {ran:?}");
        }
    }
    for more in ["changed", "captures"] {
        for options in ["-C opt-level=0", "-C opt-level=2", "-C opt-level=2 -C symbol-mangling-version=v0"] {
            let options = format!("--check-cfg cfg(changed,captures) --cfg {more} {options}");
            let ran = Pair::build_rust("rust/closures.rs", &options).try_diff(&[]);
            assert_eq!(ran.exit, Some(3), "{options}: {ran:?}");
            let is_doubt = |told: &String| told.starts_with("unresolved-reference ");
            assert!(codes(&ran).iter().any(is_doubt), "{options}: {ran:?}");
        }
    }
}

/// Nothing but the numbers is left of these lambdas, and they are others now.
#[test]
fn variables_of_lambdas_without_code_are_not_guessed() {
    for compiler in ["g++ -O2 -DINLINED", "clang++ -O2 -DINLINED"] {
        let ran = Pair::build("cpp/closures.cpp", compiler).try_diff(&[]);
        assert_eq!(ran.exit, Some(3), "{compiler}: {ran:?}");
        let is_doubt = |told: &String| told.starts_with("unresolved-reference ") && told.ends_with("::total");
        assert!(codes(&ran).iter().any(is_doubt), "{compiler}: {ran:?}");
    }
}
