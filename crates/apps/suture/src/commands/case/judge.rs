//! What follows from a case: by the decision tables how urgent it is, and by the rules which way it goes.

use jiff::Timestamp;
use suture_case::table::Table;
use suture_case::{Case, Classification};
use suture_clearance::{Routed, Rules, route_of};
use suture_policy::{QuestionError, Route, example};

use crate::args::case::RulesArgs;
use crate::failure::Failure;
use crate::trust_dir::{self, RuleSet};

/// Tables and rules.
pub(super) struct Judge {
    pub(super) tables: Vec<Table>,
    pub(super) rules: RuleSet,
}

impl Judge {
    /// The tables that are built in, and the rules that hold here.
    pub(super) fn new(args: &RulesArgs) -> Result<Self, Failure> {
        Ok(Self { tables: super::tables()?, rules: trust_dir::rules_or_default(args.trust.as_deref())? })
    }

    /// What the tables say. Commands take no detection that is to come, but the file may be edited by hand.
    pub(super) fn classify(&self, case: &Case) -> Classification {
        let mut found = suture_case::classify(case, &self.tables);
        let detected = case.detected;
        if detected.unix_s() > Timestamp::now().as_second() {
            found.notes.push(format!("the time of detection, {detected}, is still to come: days are counted from it, and may be too many"));
        }
        found
    }

    /// What the rules say.
    pub(super) fn route(&self, case: &Case) -> Result<Routed, Failure> {
        let rules = Rules { pack: &self.rules.pack, principals: &self.rules.people };
        route_of(case, &self.classify(case), rules, Timestamp::now())
            .map_err(|error| undecidable(case, &error))
    }

    /// The route in one word.
    pub(super) fn word(&self, case: &Case) -> Result<&'static str, Failure> {
        Ok(self.route(case)?.decision.route.map_or("open to none", Route::word))
    }

    /// The question for the route, as a text.
    pub(super) fn question(&self, case: &Case) -> Result<String, Failure> {
        let routed = self.route(case)?;
        example::route_question(&routed.facts, &self.rules.people)
            .map_err(|error| Failure::unexpected("the question can't be written as TOML").why(&error))
    }
}

fn undecidable(case: &Case, error: &QuestionError) -> Failure {
    Failure::usage(format!("the route of `{}` can't be decided", case.id))
        .why(error)
        .help("docs/formats/policy.md describes what rules are asked")
}
