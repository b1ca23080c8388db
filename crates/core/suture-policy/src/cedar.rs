//! Plain values as Cedar's: entities, and the context of each question, held against the schema.
//!
//! This is the only file that builds Cedar values, so the words of the schema and those of `model` meet here. Cedar
//! checks every request and entity against the schema again; a value that does not fit is an error and never a rule
//! that stays silent.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::str::FromStr as _;
use std::sync::OnceLock;

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression as Value,
};

use crate::count::Ledger;
use crate::error::QuestionError;
use crate::model::{CaseFacts, Class, Emergency, Facts, Node, PatchFacts, Principal};
use crate::moment::Moment;
use crate::pack::schema;

/// What all questions about one patch or case have in common.
pub(crate) struct Surroundings<'a> {
    pub(crate) facts: &'a Facts,
    pub(crate) authors: &'a BTreeSet<String>,
    pub(crate) author_teams: &'a BTreeSet<String>,
}

/// Where a patch is to be used, and how.
#[derive(Clone, Copy)]
pub(crate) struct Use<'a> {
    pub(crate) action: &'static str,
    pub(crate) asker: Asker<'a>,
    pub(crate) switch: crate::model::Switch,
    pub(crate) agreed_point: bool,
}

/// Who asks to use a patch.
#[derive(Clone, Copy)]
pub(crate) enum Asker<'a> {
    Node(&'a Node),
    Person(&'a str),
}

/// What may differ between two evaluations of the same question.
#[derive(Clone, Copy)]
pub(crate) struct Circumstances<'l, 'a> {
    pub(crate) now: Moment,
    pub(crate) emergency: Option<Emergency>,
    pub(crate) ledger: &'l Ledger<'a>,
}

/// An entity of the schema.
fn uid(kind: &'static str, id: &str) -> EntityUid {
    // Cedar parses the name of a type with its whole grammar: once is enough.
    static KINDS: OnceLock<BTreeMap<&str, EntityTypeName>> = OnceLock::new();
    let kinds = KINDS.get_or_init(|| {
        let names = schema().entity_types().map(EntityTypeName::basename).chain(["Action"]);
        let parse = |name| EntityTypeName::from_str(name).expect("the names of the schema's types are names");
        names.map(|name| (name, parse(name))).collect()
    });
    EntityUid::from_type_name_and_id(kinds[kind].clone(), EntityId::new(id))
}

/// People with their roles and teams, and a node with its labels.
pub(crate) fn entities(node: Option<&Node>, people: &[Principal]) -> Result<Entities, QuestionError> {
    let mut entities = Vec::with_capacity(people.len() + 1);
    if let Some(node) = node {
        let labels = Value::new_set(node.labels.iter().cloned().map(Value::new_string));
        let attributes = HashMap::from([("labels".to_owned(), labels)]);
        entities.push(Entity::new(uid("Node", &node.name), attributes, HashSet::new()).map_err(misfit)?);
    }
    for person in people {
        entities.push(person_entity(person)?);
    }
    Entities::from_entities(entities, Some(schema())).map_err(misfit)
}

/// May `person` make the statement that `action` is?
pub(crate) fn signing_request(
    around: &Surroundings<'_>,
    patch: &PatchFacts,
    person: &str,
    action: &str,
    signed_at: Moment,
) -> Result<Request, QuestionError> {
    let mut fields = vec![("now", moment(around.facts.now)), ("signed_at", moment(signed_at))];
    fields.extend(authors(around));
    fields.extend(around.facts.case.as_ref().map(|case| ("case", case_record(case))));
    fields.push(("patch", patch_record(patch, patch.class(false))));
    request(uid("Person", person), action, uid("Patch", &patch.digest), fields)
}

/// May the patch be used?
pub(crate) fn use_request(
    around: &Surroundings<'_>,
    patch: &PatchFacts,
    usage: Use<'_>,
    circumstances: Circumstances<'_, '_>,
) -> Result<Request, QuestionError> {
    let ledger = circumstances.ledger;
    let class = patch.class(ledger.accepts_laxer());
    let mut fields = vec![
        ("now", moment(circumstances.now)),
        ("patch", patch_record(patch, class)),
        ("signed", signatures(ledger)),
        ("switch", entity("Switch", usage.switch.word())),
        ("agreed_point", Value::new_bool(usage.agreed_point)),
    ];
    fields.extend(authors(around));
    fields.extend(around.facts.case.as_ref().map(|case| ("case", case_record(case))));
    fields.extend(circumstances.emergency.map(|emergency| ("emergency", emergency_record(emergency))));
    let asker = match usage.asker {
        Asker::Node(node) => uid("Node", &node.name),
        Asker::Person(name) => uid("Person", name),
    };
    request(asker, usage.action, uid("Patch", &patch.digest), fields)
}

/// May the case take a route?
pub(crate) fn route_request(facts: &Facts, case: &CaseFacts, action: &str) -> Result<Request, QuestionError> {
    let mut fields = vec![("now", moment(facts.now)), ("case", case_record(case))];
    fields.extend(facts.patch.as_ref().map(|patch| ("patch", patch_record(patch, patch.class(false)))));
    fields.extend(facts.emergency.map(|emergency| ("emergency", emergency_record(emergency))));
    request(uid("Team", &case.owner), action, uid("Case", &case.id), fields)
}

fn request(
    principal: EntityUid,
    action: &str,
    resource: EntityUid,
    fields: Vec<(&'static str, Value)>,
) -> Result<Request, QuestionError> {
    let context = Context::from_pairs(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
    let context = context.map_err(misfit)?;
    Request::new(principal, uid("Action", action), resource, context, Some(schema())).map_err(misfit)
}

fn person_entity(person: &Principal) -> Result<Entity, QuestionError> {
    let team = uid("Team", &person.team);
    let attributes = HashMap::from([("team".to_owned(), Value::new_entity_uid(team.clone()))]);
    let roles = person.roles.iter().map(|role| uid("Role", role));
    Entity::new(uid("Person", &person.name), attributes, roles.chain([team]).collect()).map_err(misfit)
}

fn case_record(case: &CaseFacts) -> Value {
    let impact = record(vec![
        ("consensus", entity("Impact", case.impact.consensus.word())),
        ("state", entity("Impact", case.impact.state.word())),
        ("client", entity("Impact", case.impact.client.word())),
    ]);
    let mut fields = vec![
        ("severity", entity("Severity", case.severity.word())),
        ("score", Value::new_decimal(case.score.to_string())),
        ("exploited", Value::new_bool(case.exploited)),
        ("exposed", Value::new_bool(case.exposed)),
        ("impact", impact),
        ("toggle", Value::new_bool(case.toggle)),
        ("opened", moment(case.opened)),
    ];
    fields.extend(case.due.map(|due| ("due", moment(due))));
    fields.extend(case.embargo.map(|embargo| ("embargo", moment(embargo))));
    record(fields)
}

fn patch_record(patch: &PatchFacts, class: Class) -> Value {
    record(vec![
        ("verdict", entity("Verdict", patch.verdict.word())),
        ("class", entity("Class", class.word())),
        ("computed", entity("Class", patch.computed.word())),
        ("declared", entity("Class", patch.declared.word())),
        ("laxer", Value::new_bool(patch.is_laxer())),
        ("bytes", long(patch.bytes)),
        ("functions", long(patch.functions)),
        ("data", long(patch.data)),
        ("types", long(patch.types)),
        ("critical", long(patch.critical)),
        ("unmatched", long(patch.unmatched)),
        ("layouts", long(patch.layouts)),
        ("hooks", Value::new_bool(patch.hooks)),
        ("encrypted", Value::new_bool(patch.encrypted)),
        ("leaks", long(patch.leaks)),
    ])
}

fn emergency_record(emergency: Emergency) -> Value {
    record(vec![("started", moment(emergency.started)), ("ends", moment(emergency.ends))])
}

fn signatures(ledger: &Ledger<'_>) -> Value {
    record(ledger.groups().map(|(name, signers)| (name, signers_record(signers))).collect())
}

fn signers_record(signers: &BTreeSet<&Principal>) -> Value {
    let teams: BTreeSet<&str> = signers.iter().map(|person| person.team.as_str()).collect();
    let roles: BTreeSet<&str> = signers.iter().flat_map(|person| &person.roles).map(String::as_str).collect();
    record(vec![
        ("count", long(signers.len() as u64)),
        ("team_count", long(teams.len() as u64)),
        ("people", Value::new_set(signers.iter().map(|person| entity("Person", &person.name)))),
        ("roles", Value::new_set(roles.into_iter().map(|role| entity("Role", role)))),
        ("teams", Value::new_set(teams.into_iter().map(|team| entity("Team", team)))),
    ])
}

fn authors(around: &Surroundings<'_>) -> [(&'static str, Value); 2] {
    let set = |kind: &'static str, names: &BTreeSet<String>| {
        Value::new_set(names.iter().map(|name| entity(kind, name)))
    };
    [("authors", set("Person", around.authors)), ("author_teams", set("Team", around.author_teams))]
}

fn record(fields: Vec<(&'static str, Value)>) -> Value {
    Value::new_record(fields.into_iter().map(|(name, value)| (name.to_owned(), value)))
        .expect("no name stands twice in a record of the schema")
}

fn entity(kind: &'static str, id: &str) -> Value {
    Value::new_entity_uid(uid(kind, id))
}

fn moment(moment: Moment) -> Value {
    Value::new_datetime(moment.to_string())
}

/// Cedar's numbers are signed; what is larger compares as the largest.
fn long(number: u64) -> Value {
    Value::new_long(i64::try_from(number).unwrap_or(i64::MAX))
}

fn misfit(error: impl std::fmt::Display) -> QuestionError {
    QuestionError::Schema(crate::error::one_line(&error.to_string()))
}
