//! A policy pack: files of rules, parsed, named, and validated against the schema.
//!
//! Whatever is wrong is found here, before the first question: a rule that names what the schema does not know, that
//! can never hold, or whose text shows a reader something else than it is. The limits keep a hostile file from
//! costing more than its bytes: Cedar's parser and validator recurse, so depth and length of a rule are bounded first.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr as _;
use std::sync::OnceLock;

use cedar_policy::{
    ParseErrors, Policy, PolicyId, PolicySet, Schema, ValidationMode, ValidationResult, ValidationWarning,
    Validator,
};
use miette::Diagnostic;

use crate::bounds::{self, Beyond};
use crate::default_pack::SCHEMA_JSON;
use crate::error::PackError;
use crate::model::Principal;
use crate::rule::{self, Effect, Rule};

/// Most files of a pack.
pub const FILES_MAX: usize = 64;
/// Longest file, in bytes.
pub const FILE_BYTES_MAX: usize = 256 << 10;
/// Most rules of a pack.
pub const RULES_MAX: usize = 1_000;
/// Longest rule, in bytes.
pub const RULE_BYTES_MAX: usize = 8 << 10;
/// Deepest nesting of brackets.
pub const NESTING_MAX: usize = 32;

/// One file of a pack.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// What errors call it.
    pub name: &'a str,
    /// Its content.
    pub text: &'a str,
}

/// Rules that can be asked.
#[derive(Debug, Clone)]
pub struct Pack {
    rules: Vec<Rule>,
    by_id: BTreeMap<String, usize>,
    all: Sets,
    by_action: BTreeMap<&'static str, Sets>,
    named: BTreeSet<(String, String)>,
}

/// Rules by their effect. Cedar names only the rules that determine its answer, and a permit that was overruled is
/// worth knowing too, so each set is asked for itself.
#[derive(Debug, Clone, Default)]
struct Sets {
    permits: PolicySet,
    forbids: PolicySet,
}

/// A name in a rule that the trust root does not have: the rule can't mean anybody.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stranger {
    /// `Role`, `Team` or `Person`.
    pub what: String,
    /// The name.
    pub name: String,
}

/// Which rules spoke, and which could not be evaluated.
#[derive(Debug, Clone, Default)]
pub(crate) struct Voices<'p> {
    pub(crate) permits: Vec<&'p Rule>,
    pub(crate) forbids: Vec<&'p Rule>,
    pub(crate) failed: Vec<String>,
}

impl Sets {
    fn of(&mut self, effect: Effect) -> &mut PolicySet {
        match effect {
            Effect::Permit => &mut self.permits,
            Effect::Forbid => &mut self.forbids,
        }
    }
}

impl Voices<'_> {
    pub(crate) fn allow(&self) -> bool {
        !self.permits.is_empty() && self.forbids.is_empty() && self.failed.is_empty()
    }
}

impl Pack {
    /// Reads the files of a pack.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place; see [`PackError`].
    pub fn load(sources: &[Source<'_>]) -> Result<Self, PackError> {
        if sources.len() > FILES_MAX {
            return Err(whole(
                sources.last(),
                format!("a pack of more than {FILES_MAX} files"),
                "join some of them",
            ));
        }
        let mut pack = Self {
            rules: Vec::new(),
            by_id: BTreeMap::new(),
            all: Sets::default(),
            by_action: rule::schema_actions().map(|(action, _)| (action, Sets::default())).collect(),
            named: BTreeSet::new(),
        };
        for source in sources {
            pack.add_file(*source)?;
        }
        if pack.rules.is_empty() {
            return Err(whole(
                sources.first(),
                "no rule in it",
                "without a rule nothing is permitted: write one",
            ));
        }
        pack.validate(sources)?;
        Ok(pack)
    }

    /// Its rules, in the order of files and lines.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule of this name.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.by_id.get(id).and_then(|index| self.rules.get(*index))
    }

    /// Names in the rules that nobody in the trust root has.
    pub fn strangers(&self, principals: &[Principal]) -> Vec<Stranger> {
        let known = |what: &str, name: &str| match what {
            "Role" => principals.iter().any(|somebody| somebody.roles.iter().any(|role| role == name)),
            "Team" => principals.iter().any(|somebody| somebody.team == name),
            _ => principals.iter().any(|somebody| somebody.name == name),
        };
        let strangers = self.named.iter().filter(|(what, name)| !known(what, name));
        strangers.map(|(what, name)| Stranger { what: what.clone(), name: name.clone() }).collect()
    }

    /// Asks all rules that are about the action of the request.
    pub(crate) fn ask(
        &self,
        request: &cedar_policy::Request,
        entities: &cedar_policy::Entities,
    ) -> Voices<'_> {
        let mut voices = Voices::default();
        let action = request.action().map(|action| action.id().unescaped());
        // What is no action of the schema is permitted by nobody.
        let Some(sets) = action.and_then(|action| self.by_action.get(action)) else { return voices };
        for (rules, spoke) in [(&sets.permits, &mut voices.permits), (&sets.forbids, &mut voices.forbids)] {
            let response = cedar_policy::Authorizer::new().is_authorized(request, rules, entities);
            let ids = response.diagnostics().reason();
            spoke.extend(ids.filter_map(|id| self.rule(id.as_ref())));
            spoke.sort_by_key(|rule| self.by_id.get(&rule.id));
            voices.failed.extend(response.diagnostics().errors().map(ToString::to_string));
        }
        voices.failed.sort();
        voices
    }

    fn add_file(&mut self, source: Source<'_>) -> Result<(), PackError> {
        let Source { name, text } = source;
        if text.len() > FILE_BYTES_MAX {
            let what = format!("longer than {} KiB", FILE_BYTES_MAX >> 10);
            return Err(whole(Some(&source), what, "spread the rules over several files"));
        }
        bounds::check(text, NESTING_MAX, RULE_BYTES_MAX).map_err(|beyond| {
            let (offset, what) = match beyond {
                Beyond::Depth(at) => (at, format!("brackets nested more than {NESTING_MAX} deep")),
                Beyond::Length(at) => (at, format!("a rule of more than {} KiB", RULE_BYTES_MAX >> 10)),
            };
            PackError::at(name, text, offset, what, "make several rules of it")
        })?;
        let set = PolicySet::from_str(text).map_err(|errors| parse_error(source, &errors))?;
        if let Some(template) = set.templates().next() {
            let offset = text.find(template.to_cedar().as_str()).unwrap_or(0);
            let help = "name the principal and the resource instead of ?principal and ?resource";
            return Err(PackError::at(name, text, offset, "a template, which nobody fills in", help));
        }
        let mut from = 0;
        for policy in in_order(&set) {
            let rule_text = policy.to_cedar().unwrap_or_default();
            let offset =
                text.get(from..).and_then(|rest| rest.find(rule_text.as_str())).map_or(from, |at| from + at);
            self.add_rule(source, policy, &rule_text, offset)?;
            from = offset + rule_text.len();
        }
        Ok(())
    }

    fn add_rule(
        &mut self,
        source: Source<'_>,
        policy: &Policy,
        text: &str,
        offset: usize,
    ) -> Result<(), PackError> {
        let fault = |what: String, help: String| PackError::at(source.name, source.text, offset, what, help);
        if self.rules.len() >= RULES_MAX {
            return Err(fault(
                format!("more than {RULES_MAX} rules"),
                "leave out what nobody needs".to_owned(),
            ));
        }
        let read = rule::annotations(policy).map_err(|found| fault(found.what, found.help))?;
        if let Some(other) = self.rule(&read.id) {
            let what = format!("rule `{}` stands at {}:{} already", read.id, other.file, other.line);
            return Err(fault(what, "give one of the two another name".to_owned()));
        }
        let policy = policy.new_id(PolicyId::new(&read.id));
        let effect = rule::effect(&policy);
        let mut alone = PolicySet::new();
        let about = rule::actions(&policy);
        let by_action = self.by_action.iter_mut().filter(|(action, _)| rule::is_about(&about, action));
        let sets = by_action.map(|(_, sets)| sets).chain([&mut self.all]);
        for set in sets.map(|sets| sets.of(effect)).chain([&mut alone]) {
            let clash =
                |error: cedar_policy::PolicySetError| fault(error.to_string(), "rename the rule".to_owned());
            set.add(policy.clone()).map_err(clash)?;
        }
        self.note_names(&policy);
        self.by_id.insert(read.id.clone(), self.rules.len());
        self.rules.push(Rule {
            id: read.id,
            effect,
            says: read.says,
            needs: read.needs,
            cure: read.cure,
            within_s: read.within_s,
            roles: read.roles,
            file: source.name.to_owned(),
            line: crate::error::place(source.text, offset).0,
            text: text.to_owned(),
            actions: about,
            is_conditional: rule::is_conditional(&policy),
            alone,
        });
        Ok(())
    }

    fn note_names(&mut self, policy: &Policy) {
        for literal in policy.entity_literals() {
            let what = literal.type_name().to_string();
            if matches!(what.as_str(), "Role" | "Team" | "Person") {
                self.named.insert((what, literal.id().unescaped().to_owned()));
            }
        }
    }

    /// Nothing that the validator finds is let through. Its warnings count once there is no error: each is a rule that
    /// never speaks, or a text that is not what it looks like.
    fn validate(&self, sources: &[Source<'_>]) -> Result<(), PackError> {
        const RULE_HELP: &str = "suture.cedarschema says what a rule may speak of";
        const TEXT_HELP: &str = "write it in letters of one script, so that a reader sees what Cedar sees";
        const SILENT_HELP: &str =
            "look for a condition that contradicts another, or an action that it is not about";
        let results = [&self.all.permits, &self.all.forbids]
            .map(|set| validator().validate(set, ValidationMode::Strict));
        let errors = results.iter().flat_map(ValidationResult::validation_errors);
        let errors = errors.map(|error| self.explain(sources, error.policy_id(), error, RULE_HELP));
        let warnings = results.iter().flat_map(ValidationResult::validation_warnings).map(|warning| {
            let is_silent = matches!(warning, ValidationWarning::ImpossiblePolicy(_));
            self.explain(
                sources,
                warning.policy_id(),
                warning,
                if is_silent { SILENT_HELP } else { TEXT_HELP },
            )
        });
        let by_place = |error: &PackError| (error.file.clone(), error.line, error.column, error.what.clone());
        errors.min_by_key(by_place).or_else(|| warnings.min_by_key(by_place)).map_or(Ok(()), Err)
    }

    fn explain(
        &self,
        sources: &[Source<'_>],
        id: &PolicyId,
        found: &impl Diagnostic,
        fallback_help: &str,
    ) -> PackError {
        let rule = self.rule(id.as_ref());
        let source = sources.iter().find(|source| rule.is_some_and(|rule| rule.file == source.name));
        let source = source.copied().unwrap_or(Source { name: "the pack", text: "" });
        let mut what = found.to_string();
        // Cedar names the policy once or twice; it is named below.
        for separator in [", ", ": "] {
            let prefix = format!("for policy `{id}`{separator}");
            what = what.strip_prefix(&prefix).map_or(what.clone(), str::to_owned);
        }
        let help = found.help().map_or_else(|| fallback_help.to_owned(), |help| help.to_string());
        let line_start = rule.map_or(0, |rule| line_offset(source.text, rule.line));
        let at = offset(found).unwrap_or(line_start);
        PackError::at(source.name, source.text, at, format!("rule `{id}`: {what}"), help)
    }
}

/// The schema, parsed once.
pub(crate) fn schema() -> &'static Schema {
    validator().schema()
}

fn validator() -> &'static Validator {
    static VALIDATOR: OnceLock<Validator> = OnceLock::new();
    VALIDATOR.get_or_init(|| {
        // The same as SCHEMA, in the spelling that is read five times as fast; a test compares them.
        let schema = Schema::from_json_str(SCHEMA_JSON).expect("the schema that is built in is valid");
        Validator::new(schema)
    })
}

/// Rules in the order in which they stand: the parser numbers them.
fn in_order(set: &PolicySet) -> Vec<&Policy> {
    let mut policies: Vec<&Policy> = set.policies().collect();
    let number =
        |policy: &Policy| policy.id().to_string().trim_start_matches("policy").parse().unwrap_or(usize::MAX);
    policies.sort_by_key(|policy| number(policy));
    policies
}

fn parse_error(source: Source<'_>, errors: &ParseErrors) -> PackError {
    let Source { name, text } = source;
    let label = errors
        .labels()
        .and_then(|mut labels| labels.next().and_then(|label| label.label().map(str::to_owned)));
    let help = errors.help().map(|help| help.to_string()).or(label);
    let help = help.unwrap_or_else(|| {
        "a rule is permit (…) or forbid (…), with when {…} or unless {…}, and ;".to_owned()
    });
    PackError::at(name, text, offset(errors).unwrap_or(text.len()), errors.to_string(), help)
}

fn offset(diagnostic: &dyn Diagnostic) -> Option<usize> {
    diagnostic.labels()?.next().map(|label| label.offset())
}

fn line_offset(text: &str, line: usize) -> usize {
    text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum()
}

fn whole(source: Option<&Source<'_>>, what: impl AsRef<str>, help: &str) -> PackError {
    let name = source.map_or("the pack", |source| source.name);
    PackError::at(name, "", 0, what, help)
}
