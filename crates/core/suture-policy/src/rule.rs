//! One rule: what Cedar makes of it, and what its annotations say to people.
//!
//! | annotation | on | meaning |
//! |---|---|---|
//! | `@id("independent-review")` | every rule | its name, unique in the pack |
//! | `@says("…")` | every rule | the rule as a sentence |
//! | `@needs("a review by …")` | a `forbid` that stops a patch from being used | what is missing when it speaks |
//! | `@cure("review")` | a rule with `@needs` | the statement that would silence it |
//! | `@within("24h")` | a `permit` of a route | how soon after its opening the case is then due |
//! | `@roles("commander, author")` | a `permit` of a route | who has to be found |
//!
//! Any other annotation is refused: a slip of the pen in `@cure` would leave an operator without an answer.

use std::collections::BTreeMap;

use cedar_policy::{ActionConstraint, Policy, PolicySet, PrincipalConstraint, ResourceConstraint};

use crate::model::Kind;
use crate::moment::duration_s;
use crate::route::Route;

/// Longest value of an annotation, in bytes.
pub(crate) const ANNOTATION_BYTES_MAX: usize = 1_000;
const ID_BYTES_MAX: usize = 64;
const ROLES_MAX: usize = 16;
const KNOWN: &str = "id, says, needs, cure, within and roles";

/// What a rule does when its conditions hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// It permits, unless another forbids.
    Permit,
    /// It forbids, whatever others permit.
    Forbid,
}

/// A rule of a pack.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its name.
    pub id: String,
    /// What it does.
    pub effect: Effect,
    /// The rule as a sentence.
    pub says: String,
    /// What is missing when it forbids.
    pub needs: Option<String>,
    /// The statement that would silence it.
    pub cure: Option<Kind>,
    /// How soon after its opening a case is due, in seconds.
    pub within_s: Option<i64>,
    /// Who has to be found.
    pub roles: Vec<String>,
    /// The file that it stands in.
    pub file: String,
    /// The line that it begins on, from 1.
    pub line: usize,
    /// The rule as it is written.
    pub text: String,
    /// The actions and groups of actions that it is about; none for all.
    pub actions: Vec<String>,
    /// Whether it can be silent on what it is about.
    pub is_conditional: bool,
    /// The rule alone, to ask what would silence it.
    pub(crate) alone: PolicySet,
}

/// Annotations as they are written.
type Written<'a> = BTreeMap<&'a str, &'a str>;

/// What is wrong with the annotations of a rule, and how to mend it.
pub(crate) struct Fault {
    pub(crate) what: String,
    pub(crate) help: String,
}

/// The annotations of a rule, read.
pub(crate) struct Annotations {
    pub(crate) id: String,
    pub(crate) says: String,
    pub(crate) needs: Option<String>,
    pub(crate) cure: Option<Kind>,
    pub(crate) within_s: Option<i64>,
    pub(crate) roles: Vec<String>,
}

/// Reads the annotations of `policy`.
pub(crate) fn annotations(policy: &Policy) -> Result<Annotations, Fault> {
    // Cedar parses a name to look it up, so they are all taken out at once.
    let written: Written<'_> = policy.annotations().collect();
    for (key, value) in &written {
        if !matches!(*key, "id" | "says" | "needs" | "cure" | "within" | "roles") {
            return fault(format!("unknown annotation `@{key}`"), format!("known are {KNOWN}"));
        }
        if value.trim().is_empty() || value.len() > ANNOTATION_BYTES_MAX {
            let what = format!("`@{key}` is empty, or longer than {ANNOTATION_BYTES_MAX} bytes");
            return fault(what, "say it in a sentence");
        }
    }
    let id = id(&written)?;
    let Some(says) = written.get("says") else {
        return fault(
            format!("rule `{id}` has no `@says`"),
            "say as a sentence what the rule is: @says(\"…\")",
        );
    };
    let effect = effect(policy);
    if effect == Effect::Forbid && !written.contains_key("needs") && concerns_use(policy) {
        return fault(
            format!("rule `{id}` forbids, and does not say what is missing when it does"),
            "add what would have to be there: @needs(\"a review by …\")",
        );
    }
    Ok(Annotations {
        cure: cure(&written, &id)?,
        within_s: within(&written, &id, effect)?,
        roles: roles(&written, &id, effect)?,
        says: (*says).to_owned(),
        needs: written.get("needs").map(|&needs| needs.to_owned()),
        id,
    })
}

/// What a rule does.
pub(crate) fn effect(policy: &Policy) -> Effect {
    match policy.effect() {
        cedar_policy::Effect::Permit => Effect::Permit,
        cedar_policy::Effect::Forbid => Effect::Forbid,
    }
}

fn id(written: &Written<'_>) -> Result<String, Fault> {
    let Some(id) = written.get("id") else {
        return fault(
            "a rule has no `@id`",
            "give it a name to be referred to by: @id(\"independent-review\")",
        );
    };
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if id.len() > ID_BYTES_MAX || !id.chars().all(is_letter) {
        let help = format!("use small letters, digits and hyphens, {ID_BYTES_MAX} at most");
        return fault(format!("`{}` can't be the name of a rule", id.escape_debug()), help);
    }
    Ok((*id).to_owned())
}

fn cure(annotations: &Written<'_>, id: &str) -> Result<Option<Kind>, Fault> {
    let Some(written) = annotations.get("cure") else { return Ok(None) };
    if !annotations.contains_key("needs") {
        return fault(
            format!("rule `{id}` has `@cure` and no `@needs`"),
            "say what the statement is needed for",
        );
    }
    let Some(kind) = Kind::of_action(written) else {
        let known: Vec<_> = Kind::ALL.iter().map(|kind| kind.action()).collect();
        let what = format!("`@cure` of rule `{id}` is no statement: `{}`", written.escape_debug());
        return fault(what, format!("statements are {}", known.join(", ")));
    };
    Ok(Some(kind))
}

fn within(annotations: &Written<'_>, id: &str, effect: Effect) -> Result<Option<i64>, Fault> {
    let Some(written) = annotations.get("within") else { return Ok(None) };
    only_on_permits(effect, id, "within")?;
    let Some(seconds) = duration_s(written) else {
        let what = format!("`@within` of rule `{id}` is no duration: `{}`", written.escape_debug());
        return fault(what, "write days, hours, minutes or seconds, such as 3d or 1d12h");
    };
    Ok(Some(seconds))
}

fn roles(annotations: &Written<'_>, id: &str, effect: Effect) -> Result<Vec<String>, Fault> {
    let Some(written) = annotations.get("roles") else { return Ok(Vec::new()) };
    only_on_permits(effect, id, "roles")?;
    let roles: Vec<String> = written.split(',').map(|role| role.trim().to_owned()).collect();
    if roles.len() > ROLES_MAX || roles.iter().any(String::is_empty) {
        let what = format!("`@roles` of rule `{id}` is no list of at most {ROLES_MAX} roles");
        return fault(what, "separate them by commas: @roles(\"commander, author\")");
    }
    Ok(roles)
}

fn only_on_permits(effect: Effect, id: &str, annotation: &str) -> Result<(), Fault> {
    if effect == Effect::Permit {
        return Ok(());
    }
    fault(format!("rule `{id}` forbids and has `@{annotation}`"), "it belongs to what permits a route")
}

/// The actions and groups of actions that the head of a rule names; none for all.
pub(crate) fn actions(policy: &Policy) -> Vec<String> {
    let named = match policy.action_constraint() {
        ActionConstraint::Any => Vec::new(),
        ActionConstraint::In(actions) => actions,
        ActionConstraint::Eq(action) => vec![action],
    };
    named.iter().map(|action| action.id().unescaped().to_owned()).collect()
}

/// Whether a rule can be silent on what it is about.
pub(crate) fn is_conditional(policy: &Policy) -> bool {
    let is_anybody =
        matches!(policy.principal_constraint(), PrincipalConstraint::Any | PrincipalConstraint::Is(_));
    let is_anything =
        matches!(policy.resource_constraint(), ResourceConstraint::Any | ResourceConstraint::Is(_));
    policy.has_non_scope_constraint() || !is_anybody || !is_anything
}

/// Whether the rule may stop a patch from being used, as far as its head tells.
fn concerns_use(policy: &Policy) -> bool {
    let actions = actions(policy);
    let is_use = |action: &String| matches!(action.as_str(), "use" | "run" | "activate" | "publish");
    actions.is_empty() || actions.iter().any(is_use)
}

/// The actions of the schema, each with its group.
pub(crate) fn schema_actions() -> impl Iterator<Item = (&'static str, &'static str)> {
    let signing = Kind::ALL.iter().map(|kind| (kind.action(), "sign"));
    let using = ["run", "activate", "publish"].map(|action| (action, "use"));
    signing.chain(using).chain(Route::ALL.map(|route| (route.word(), "route")))
}

/// Whether a head that names these actions and groups, or none at all, may be about `action`.
pub(crate) fn is_about(named: &[String], action: &str) -> bool {
    let group = schema_actions().find(|(other, _)| *other == action).map(|(_, group)| group);
    named.is_empty() || named.iter().any(|name| name == action || Some(name.as_str()) == group)
}

fn fault<T>(what: impl Into<String>, help: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { what: what.into(), help: help.into() })
}
