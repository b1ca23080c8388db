//! The decision tables: as many rows as published, whole, monotone, and the rows of CERT/CC's own package.

use std::collections::BTreeMap;
use std::process::Command;

use suture_case::inputs::Input;
use suture_case::table::{Table, built_in};
use suture_case::urgency::decide;
use suture_case::values::Day;

use crate::foreign;

fn day() -> Day {
    "2026-10-30".parse().unwrap()
}

fn bod() -> Table {
    built_in().unwrap().remove(0)
}

#[test]
fn the_tables_have_the_rows_that_were_published() {
    let tables = built_in().unwrap();
    let sizes: Vec<_> = tables.iter().map(|table| (table.id.as_str(), table.rows.len())).collect();
    assert_eq!(sizes, [("cisa-bod-26-04", 16), ("ssvc-coordinator", 36), ("ssvc-deployer", 72)]);
    for table in &tables {
        assert!(table.uri.starts_with("https://") && !table.version.is_empty(), "{}", table.id);
        assert!(table.source.contains("CERT/CC SSVC"), "{} says where it is from", table.id);
    }
}

/// Reads the mapping out of the sources of `certcc-ssvc` without running them.
const MAPPINGS: &str = "
import ast, json, sys
for path in sys.argv[1:]:
    for node in ast.walk(ast.parse(open(path).read())):
        if isinstance(node, ast.keyword) and node.arg == 'mapping':
            print(json.dumps(ast.literal_eval(node.value)))
";

#[test]
fn rows_are_those_of_the_package_of_cert_cc() {
    let package = foreign::place("wheel", &["certcc-ssvc==2026.10.0"]).join("ssvc/decision_tables");
    let files = ["cisa/bod_2604_dt.py", "cisa/cisa_coordinate_dt.py", "ssvc/deployer_dt.py"];
    let output = Command::new("python3")
        .args(["-c", MAPPINGS])
        .args(files.map(|file| package.join(file)))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let theirs: Vec<Vec<BTreeMap<String, String>>> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let tables = built_in().unwrap();
    assert_eq!(theirs.len(), tables.len());
    for (table, theirs) in tables.iter().zip(theirs) {
        let ours: Vec<BTreeMap<String, String>> = table
            .rows
            .iter()
            .map(|row| {
                let answers = table.points.iter().zip(&row.answers);
                let mut cells: BTreeMap<_, _> = answers
                    .map(|(point, index)| (point.identity.clone(), point.values[*index].0.clone()))
                    .collect();
                cells.insert(table.outcome_identity.clone(), table.outcomes[row.outcome].key.clone());
                cells
            })
            .collect();
        assert_eq!(ours, theirs, "{}", table.id);
    }
}

/// Every row of every table, asked for by its answers, is the one that decides.
#[test]
fn each_combination_of_answers_is_decided_by_its_row() {
    for table in built_in().unwrap() {
        for (number, row) in table.rows.iter().enumerate() {
            let words: BTreeMap<Input, &'static str> = table
                .points
                .iter()
                .zip(&row.answers)
                .map(|(point, index)| (point.input, point.input.answers()[*index]))
                .collect();
            let urgency = decide(&table, &|input| words.get(&input).copied(), day()).unwrap();
            assert_eq!((urgency.row, urgency.decided, urgency.open.len()), (number, true, 0), "{}", table.id);
            assert_eq!(urgency.key, table.outcomes[row.outcome].key);
        }
    }
}

/// One answer less never makes it less urgent, and an answer that is named as open can change the outcome.
#[test]
fn a_missing_answer_never_buys_time() {
    let order = |table: &Table, key: &str| table.outcomes.iter().position(|outcome| outcome.key == key);
    for table in built_in().unwrap() {
        for row in &table.rows {
            for hidden in 0..table.points.len() {
                let answer = |input| {
                    let place = table.points.iter().position(|point| point.input == input)?;
                    (place != hidden).then(|| input.answers()[row.answers[place]])
                };
                let urgency = decide(&table, &answer, day()).unwrap();
                assert!(order(&table, &urgency.key) >= Some(row.outcome), "{}", table.id);
                assert_eq!(urgency.open.is_empty(), urgency.decided);
            }
        }
        let unknown = decide(&table, &|_| None, day()).unwrap();
        assert_eq!(order(&table, &unknown.key), Some(table.outcomes.len() - 1), "{}", table.id);
        assert!(!unknown.decided);
    }
}

#[test]
fn days_and_forensics_are_those_of_the_directive() {
    let table = bod();
    let dates: Vec<_> = table.outcomes.iter().map(|o| (o.key.as_str(), o.days, o.forensics)).collect();
    let expected = [
        ("FSU", None, false),
        ("60D", Some(60), false),
        ("14D", Some(14), false),
        ("3D", Some(3), false),
        ("3DF", Some(3), true),
    ];
    assert_eq!(dates, expected);
    let worst = decide(&table, &|input| input.answers().last().copied(), day()).unwrap();
    assert_eq!(
        (worst.row, worst.due.unwrap().to_string().as_str(), worst.forensics),
        (15, "2026-11-02", true)
    );
    let least = decide(&table, &|input| input.answers().first().copied(), day()).unwrap();
    assert_eq!((least.row, least.due, least.forensics), (0, None, false));
}

#[test]
fn a_table_that_is_not_whole_or_not_monotone_is_refused() {
    let text = include_str!("../../tables/cisa-bod-26-04.toml");
    let row = "  [\"N\", \"N\", \"N\", \"P\", \"FSU\"],\n";
    let last = "  [\"Y\", \"Y\", \"Y\", \"T\", \"3DF\"],\n";
    let rows = [
        (text.replace(row, ""), "15 rows where 16"),
        (text.replace(row, &row.repeat(2)), "rows 0 and 1 ask for the same"),
        (text.replace(last, &last.replace("3DF", "60D")), "a graver answer"),
        (text.replace(last, &last.replace("3DF", "1D")), "\"1D\" is no key of"),
        (text.replace(last, &last.replace("\"T\", ", "")), "a row has 5 keys"),
        (text.replace("input = \"exposed\"", "input = \"weather\""), "unknown variant `weather`"),
        (text.replace("answer = \"partial\"", "answer = \"some\""), "technical-impact has the answers"),
        (text.replace("[mapping]", "[mapping]\nextra = 1"), "unknown field `extra`"),
        ("x".repeat(300_000), "where at most"),
    ];
    for (text, expected) in rows {
        let error = Table::parse(&text).unwrap_err();
        assert!(error.what.contains(expected), "{error}");
    }
}
