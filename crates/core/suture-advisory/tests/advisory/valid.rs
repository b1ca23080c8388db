//! Any advisory, in each format for programs, is valid for those who read that format.

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use suture_advisory::csaf::{self, csaf};
use suture_advisory::model::Package;
use suture_advisory::openvex::openvex;
use suture_advisory::osv::{osv, unsaid};
use suture_advisory::{Advisory, Stage};
use suture_case::values::List;

use crate::foreign;
use crate::made::{any_advisory, full, in_stage, line};

/// Many advisories, the same in every run, and the full one in each stage.
fn advisories() -> Vec<Advisory> {
    const ANY: usize = 250;
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let any = any_advisory();
    let mut all: Vec<Advisory> = (0..ANY).map(|_| any.new_tree(&mut runner).unwrap().current()).collect();
    all.extend([Stage::Draft, Stage::Embargoed, Stage::Published].map(in_stage));
    all
}

fn json(document: Option<impl serde::Serialize>) -> String {
    serde_json::to_string(&document.unwrap()).unwrap()
}

#[test]
fn csaf_passes_the_schema_and_all_mandatory_tests() {
    let all = advisories();
    let documents: Vec<String> = all.iter().map(|advisory| json(csaf(advisory))).collect();
    assert_eq!(foreign::csaf_errors(&documents.join("\n")), format!("{} documents, all tests\n", all.len()));
    // The validator can say no.
    let without_tree = documents[0].replacen("product_tree", "product_bush", 1);
    let told = foreign::csaf_errors(&without_tree);
    assert!(told.contains("0: csaf_2_0") && told.contains("0: mandatoryTest_6_1_1 "), "{told}");
}

#[test]
fn osv_passes_its_schema() {
    let documents: Vec<String> = advisories().iter().map(|advisory| json(osv(advisory))).collect();
    foreign::check_schema("osv", &documents);
    let broken = documents[0].replacen("x_suture-", "suture-", 1);
    assert!(std::panic::catch_unwind(|| foreign::check_schema("osv", &[broken])).is_err());
}

#[test]
fn openvex_passes_its_schema_and_is_read_by_others() {
    let documents: Vec<String> = advisories().iter().map(|advisory| json(openvex(advisory))).collect();
    foreign::check_schema("openvex", &documents);
    assert_eq!(foreign::vexipy(&documents.join("\n")).lines().count(), documents.len());
    let last = documents.last().unwrap();
    assert_eq!(foreign::vexipy(last).trim(), "affected affected not_affected fixed");
}

/// A hot patch in the words of each standard.
#[test]
fn hot_patched_is_neither_affected_nor_updated() {
    let advisory = in_stage(Stage::Published);
    let csaf: Value = serde_json::from_str(&json(csaf(&advisory))).unwrap();
    let vulnerability = &csaf["vulnerabilities"][0];
    let patched = &csaf["product_tree"]["relationships"][0];
    assert_eq!(patched["category"], "installed_on");
    let patched_id = &patched["full_product_name"]["product_id"];
    let status = &vulnerability["product_status"];
    assert!(status["fixed"].as_array().unwrap().contains(patched_id));
    assert!(status["known_affected"].as_array().unwrap().contains(&patched["relates_to_product_reference"]));
    let remedy = &vulnerability["remediations"][0];
    assert_eq!(remedy["restart_required"]["category"], "none");
    assert_eq!(remedy["product_ids"][0], patched["relates_to_product_reference"]);
    assert_eq!(vulnerability["remediations"][1]["restart_required"]["category"], "vulnerable_component");

    let vex: Value = serde_json::from_str(&json(openvex(&advisory))).unwrap();
    let statement = &vex["statements"][2];
    assert_eq!(statement["justification"], "inline_mitigations_already_exist");

    let osv: Value = serde_json::from_str(&json(osv(&advisory))).unwrap();
    let credits: Vec<_> =
        osv["credits"].as_array().unwrap().iter().map(|c| c["type"].as_str().unwrap()).collect();
    assert_eq!(
        credits,
        ["REMEDIATION_DEVELOPER", "REMEDIATION_REVIEWER", "REPORTER", "REMEDIATION_VERIFIER"]
    );
    assert_eq!(osv["database_specific"]["hot_patches"][0]["restart_required"], false);

    let build_id = advisory.hot_patch[0].build_id.as_str();
    let patch = advisory.hot_patch[0].patch.as_str();
    let pages = [
        suture_advisory::markdown::markdown(&advisory),
        suture_advisory::html::html(&advisory),
        csaf.to_string(),
        osv.to_string(),
        vex.to_string(),
    ];
    for page in pages {
        for needed in ["suture ps --pid PID", build_id, patch, "still reports the version"] {
            assert!(page.contains(needed), "{needed}: {page}");
        }
    }
}

/// For a machine what is not listed is not affected: a range that can't be said does not become the one version of the hot patch.
#[test]
fn a_range_that_osv_can_not_say_is_not_told_as_one_version() {
    let mut advisory = in_stage(Stage::Published);
    let affected = |advisory: &Advisory| {
        let osv: Value = serde_json::from_str(&json(osv(advisory))).unwrap();
        osv["affected"][0].clone()
    };
    advisory.program.affected = List::new(vec![line("<7.0.12")]).unwrap();
    assert!(advisory.hot_patch[0].version.is_some());
    advisory.program.package =
        Some(Package { ecosystem: "Debian:12".parse().unwrap(), name: advisory.program.name.clone() });
    assert_eq!(unsaid(&advisory), Vec::<String>::new());
    assert_eq!(affected(&advisory)["versions"].as_array().unwrap().len(), 1, "beside the range");
    advisory.program.package = None;
    let with_commits = affected(&advisory);
    assert_eq!(with_commits["versions"].as_array().unwrap().len(), 1, "beside the commits");
    assert_eq!((with_commits["ranges"][0]["type"].as_str(), unsaid(&advisory).len()), (Some("GIT"), 0));
    advisory.program.repository = None;
    assert_eq!(affected(&advisory)["versions"], serde_json::json!([]));
    assert_eq!(unsaid(&advisory), ["<7.0.12"]);
    advisory.program.affected = List::new(vec![line("7.0.11"), line("7.0.10")]).unwrap();
    assert_eq!(unsaid(&advisory), Vec::<String>::new());
    assert_eq!(affected(&advisory)["versions"].as_array().unwrap().len(), 2);
    for series in ["7.x", "v6", "7"] {
        advisory.program.affected = List::new(vec![line("7.0.11"), line(series)]).unwrap();
        assert_eq!(unsaid(&advisory), [series]);
        assert_eq!(affected(&advisory)["versions"], serde_json::json!([]));
    }
}

/// That one build can be patched does not make all others unaffected.
#[test]
fn versions_that_nobody_has_named_are_not_unaffected() {
    let mut advisory = in_stage(Stage::Published);
    let affected = |advisory: &Advisory| {
        let osv: Value = serde_json::from_str(&json(osv(advisory))).unwrap();
        osv["affected"][0].clone()
    };
    advisory.program.affected = List::new(vec![]).unwrap();
    advisory.program.repository = None;
    assert!(advisory.hot_patch[0].version.is_some());
    for package in [None, Some("Debian:12")] {
        let ecosystem = package.map(|text| text.parse().unwrap());
        let name = advisory.program.name.clone();
        advisory.program.package = ecosystem.map(|ecosystem| Package { ecosystem, name });
        assert_eq!(unsaid(&advisory), ["all versions, since none is named as affected"]);
        assert_eq!(affected(&advisory)["versions"], serde_json::json!([]));
    }
}

/// Commits speak to those who go by the repository, if there are any, and to nobody who goes by a package.
#[test]
fn a_repository_alone_says_nothing() {
    let whole = in_stage(Stage::Published);
    let mut advisory = whole.clone();
    advisory.program.affected = List::new(vec![line("all before 1.2"), line("1.1")]).unwrap();
    advisory.program.package = None;
    assert!(advisory.program.repository.is_some() && !advisory.program.fixed_commits.is_empty());
    let versions = |advisory: &Advisory| {
        let osv: Value = serde_json::from_str(&json(osv(advisory))).unwrap();
        (osv["affected"][0]["versions"].clone(), osv["affected"][0]["ranges"].as_array().unwrap().len())
    };
    assert_eq!(unsaid(&advisory), Vec::<String>::new());
    assert!(versions(&advisory).0.as_array().unwrap().contains(&Value::from("1.1")));

    let mut for_package = advisory.clone();
    let name = for_package.program.name.clone();
    for_package.program.package = Some(Package { ecosystem: "Debian:12".parse().unwrap(), name });
    assert_eq!(unsaid(&for_package), ["all before 1.2"]);
    assert_eq!(versions(&for_package), (serde_json::json!([]), 1));

    advisory.program.fixed_commits = List::new(vec![]).unwrap();
    advisory.program.fixed = List::new(vec![line("1.2")]).unwrap();
    assert_eq!(unsaid(&advisory), ["all before 1.2"], "a version is fixed, and no commit is");
    assert_eq!(versions(&advisory), (serde_json::json!([]), 0));
    advisory.program.introduced_commits = List::new(vec![]).unwrap();
    advisory.program.fixed = List::new(vec![]).unwrap();
    assert_eq!(unsaid(&advisory), ["all before 1.2"], "no commit is named");
}

/// What is for members only is in none of them.
#[test]
fn what_is_internal_stays_inside() {
    let advisory = in_stage(Stage::Published);
    let pages = [
        suture_advisory::markdown::markdown(&advisory),
        suture_advisory::html::html(&advisory),
        json(csaf(&advisory)),
        json(osv(&advisory)),
        json(openvex(&advisory)),
    ];
    for page in pages {
        for inner in ["MAV", "alice", "2026-10-29", "2026-10-30"] {
            assert!(!page.contains(inner), "{inner}: {page}");
        }
    }
}

#[test]
fn there_is_nothing_to_render_before_there_is_a_version() {
    let advisory = full();
    assert!(csaf(&advisory).is_none() && osv(&advisory).is_none() && openvex(&advisory).is_none());
}

#[test]
fn the_three_documents() {
    let advisory = in_stage(Stage::Published);
    insta::assert_snapshot!("csaf", serde_json::to_string_pretty(&csaf(&advisory)).unwrap());
    insta::assert_snapshot!("osv", serde_json::to_string_pretty(&osv(&advisory)).unwrap());
    insta::assert_snapshot!("openvex", serde_json::to_string_pretty(&openvex(&advisory)).unwrap());
    assert_eq!(csaf::file_name(&advisory), "redis-24834.json");
    assert_eq!(csaf::status(&advisory), "final");
    assert_eq!(csaf::status(&in_stage(Stage::Embargoed)), "draft");
}
