//! CVSS: scores are those of another implementation, and what is no vector is refused.

use proptest::prelude::*;
use suture_case::severity::{Rating, Severity, VectorV3, VectorV4};

use crate::foreign;

/// Red Hat's `cvss`.
const OTHER: &[&str] = &["cvss==3.6"];
/// One line in, one score out: the environmental score of v3.1 if an environmental metric is there, else the base score.
const SCORES: &str = "
import sys
from cvss import CVSS3, CVSS4
environment = {'CR','IR','AR','MAV','MAC','MPR','MUI','MS','MC','MI','MA'}
for line in sys.stdin:
    text = line.strip()
    if text.startswith('CVSS:3.1/'):
        vector = CVSS3(text)
        stated = {part.split(':')[0] for part in text.split('/')}
        print(vector.scores()[2] if stated & environment else vector.scores()[0])
    else:
        print(CVSS4(text).base_score)
";

/// The metrics of v3.1 with their values, the base ones first (section 6).
const V3: [(&str, &[&str]); 22] = [
    ("AV", &["N", "A", "L", "P"]),
    ("AC", &["L", "H"]),
    ("PR", &["N", "L", "H"]),
    ("UI", &["N", "R"]),
    ("S", &["U", "C"]),
    ("C", &["N", "L", "H"]),
    ("I", &["N", "L", "H"]),
    ("A", &["N", "L", "H"]),
    ("E", &["X", "U", "P", "F", "H"]),
    ("RL", &["X", "O", "T", "W", "U"]),
    ("RC", &["X", "U", "R", "C"]),
    ("CR", &["X", "L", "M", "H"]),
    ("IR", &["X", "L", "M", "H"]),
    ("AR", &["X", "L", "M", "H"]),
    ("MAV", &["X", "N", "A", "L", "P"]),
    ("MAC", &["X", "L", "H"]),
    ("MPR", &["X", "N", "L", "H"]),
    ("MUI", &["X", "N", "R"]),
    ("MS", &["X", "U", "C"]),
    ("MC", &["X", "N", "L", "H"]),
    ("MI", &["X", "N", "L", "H"]),
    ("MA", &["X", "N", "L", "H"]),
];
const V3_BASE: usize = 8;
/// The metrics of v4.0 that count for the score, the base ones first (section 7).
const V4: [(&str, &[&str]); 26] = [
    ("AV", &["N", "A", "L", "P"]),
    ("AC", &["L", "H"]),
    ("AT", &["N", "P"]),
    ("PR", &["N", "L", "H"]),
    ("UI", &["N", "P", "A"]),
    ("VC", &["H", "L", "N"]),
    ("VI", &["H", "L", "N"]),
    ("VA", &["H", "L", "N"]),
    ("SC", &["H", "L", "N"]),
    ("SI", &["H", "L", "N"]),
    ("SA", &["H", "L", "N"]),
    ("E", &["X", "A", "P", "U"]),
    ("CR", &["X", "H", "M", "L"]),
    ("IR", &["X", "H", "M", "L"]),
    ("AR", &["X", "H", "M", "L"]),
    ("MAV", &["X", "N", "A", "L", "P"]),
    ("MAC", &["X", "L", "H"]),
    ("MAT", &["X", "N", "P"]),
    ("MPR", &["X", "N", "L", "H"]),
    ("MUI", &["X", "N", "P", "A"]),
    ("MVC", &["X", "H", "L", "N"]),
    ("MVI", &["X", "H", "L", "N"]),
    ("MVA", &["X", "H", "L", "N"]),
    ("MSC", &["X", "H", "L", "N"]),
    ("MSI", &["X", "S", "H", "L", "N"]),
    ("MSA", &["X", "S", "H", "L", "N"]),
];
const V4_BASE: usize = 11;

/// Numbers that are the same on each run.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

fn vector(prefix: &str, metrics: &[(&str, &[&str])], mut pick: impl FnMut(&str, usize) -> usize) -> String {
    metrics.iter().fold(prefix.to_owned(), |text, (name, values)| {
        text + "/" + name + ":" + values[pick(name, values.len())]
    })
}

/// All 2,592 base vectors of v3.1, and vectors with all metrics by chance.
fn v3_grid() -> Vec<String> {
    let base = &V3[..V3_BASE];
    let mut grid = Vec::new();
    let count: usize = base.iter().map(|(_, values)| values.len()).product();
    for mut number in 0..count {
        grid.push(vector("CVSS:3.1", base, |_, sides| {
            let value = number % sides;
            number /= sides;
            value
        }));
    }
    let mut dice = Dice(31);
    grid.extend((0..3000).map(|_| vector("CVSS:3.1", &V3, |_, sides| dice.throw(sides))));
    grid
}

/// Base vectors of v4.0 by chance, out of 104,976, and vectors with all metrics.
fn v4_grid() -> Vec<String> {
    let mut dice = Dice(40);
    let mut grid: Vec<String> =
        (0..4000).map(|_| vector("CVSS:4.0", &V4[..V4_BASE], |_, sides| dice.throw(sides))).collect();
    grid.extend((0..4000).map(|_| vector("CVSS:4.0", &V4, |_, sides| dice.throw(sides))));
    grid
}

#[test]
fn scores_are_those_of_another_implementation() {
    let grid: Vec<String> = v3_grid().into_iter().chain(v4_grid()).collect();
    let theirs = foreign::python(SCORES, OTHER, &grid.join("\n"));
    let theirs: Vec<&str> = theirs.lines().collect();
    assert_eq!(theirs.len(), grid.len());
    let differing: Vec<String> = grid
        .iter()
        .zip(theirs)
        .filter_map(|(text, theirs)| {
            let ours = if text.starts_with("CVSS:3.1") {
                text.parse::<VectorV3>().unwrap().scored()
            } else {
                text.parse::<VectorV4>().unwrap().scored()
            };
            (ours.score() != theirs).then(|| format!("{text}: {} here, {theirs} there", ours.score()))
        })
        .collect();
    assert!(
        differing.is_empty(),
        "{} of {}:\n{}",
        differing.len(),
        grid.len(),
        differing[..differing.len().min(20)].join("\n")
    );
}

#[test]
fn a_rating_is_the_higher_of_both() {
    let low: VectorV3 = "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N".parse().unwrap();
    let high: VectorV4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N".parse().unwrap();
    assert_eq!(low.scored().rating, Rating::Low);
    assert_eq!((high.scored().rating, high.scored().score().as_str()), (Rating::Critical, "9.3"));
    assert_eq!(Severity::of(Some(&low), Some(&high)).rating, Some(Rating::Critical));
    assert_eq!(Severity::of(Some(&low), None).rating, Some(Rating::Low));
    assert_eq!(Severity::of(None, None).rating, None);
}

#[test]
fn what_is_no_vector_is_refused_with_a_cure() {
    let whole = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
    let rows = [
        String::new(),
        "7.5".to_owned(),
        "high".to_owned(),
        whole.replace("3.1", "3.0"),
        whole.replace("3.1", "4.0"),
        whole.replace("/A:H", ""),
        whole.replace("/S:U", ""),
        whole.replace("AV:N", "AV:Q"),
        whole.replace("AV:N", "AV:"),
        whole.replace("AV:N", "AV"),
        format!("{whole}/C:H"),
        format!("{whole}/C:L"),
        format!("{whole}/ZZ:H"),
        format!("{whole}/"),
        format!("{whole} "),
        format!("{whole}\n"),
        whole.to_lowercase(),
        format!("{whole}/{}", "E:X/".repeat(100)),
    ];
    for text in rows {
        let refused = text.parse::<VectorV3>();
        assert!(refused.is_err(), "{text:?} is taken for a vector");
        assert!(text.parse::<VectorV4>().is_err(), "{text:?} is taken for a vector");
    }
    let v4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N";
    for (metric, _) in &V4[..V4_BASE] {
        let start = v4.find(&format!("/{metric}:")).unwrap();
        let without = format!("{}{}", &v4[..start], &v4[start + metric.len() + 3..]);
        assert!(without.parse::<VectorV4>().is_err(), "{without} lacks {metric}");
    }
}

proptest! {
    /// A graver value of a base metric never lowers the score of v3.1.
    #[test]
    fn a_graver_metric_never_scores_less(choices in proptest::collection::vec(0_usize..12, V3_BASE), which in 5_usize..8) {
        let mut choices = choices;
        let text = |choices: &[usize]| {
            let mut choices = choices.iter();
            vector("CVSS:3.1", &V3[..V3_BASE], |_, sides| choices.next().unwrap() % sides)
        };
        choices[which] %= 2;
        let before = text(&choices).parse::<VectorV3>().unwrap().scored();
        choices[which] += 1;
        let after = text(&choices).parse::<VectorV3>().unwrap().scored();
        prop_assert!(before.score_tenths <= after.score_tenths);
    }

    #[test]
    fn no_text_breaks_the_readers(text in "(CVSS:[34]\\.[01]/)?[A-Za-z:/.0-9 ]{0,80}", any in ".{0,60}") {
        for text in [text, any] {
            let _ = text.parse::<VectorV3>().map(|vector| vector.scored());
            let _ = text.parse::<VectorV4>().map(|vector| vector.scored());
        }
    }
}
