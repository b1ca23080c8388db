//! What options and prompts say, written into a case, and what the timeline says of it.

use std::collections::BTreeMap;

use suture_case::Case;
use suture_case::model::Declaration;
use suture_case::names::{Person, Role};
use suture_case::timeline::Entry;
use suture_case::values::{Digest, Line, List, Moment, PROSE_BYTES_MAX};

use crate::args::case::ChangeArgs;
use crate::failure::Failure;

/// Days are counted from detection: one that is to come would put off every one of them.
pub(super) fn not_to_come(detected: Moment, now: Moment) -> Result<Moment, String> {
    if detected <= now { Ok(detected) } else { Err(format!("{detected} is still to come: it is {now}")) }
}

/// Of two answers to one question neither is the one that was meant.
fn refuse_contradictions(args: &ChangeArgs) -> Result<(), Failure> {
    let refused = |question: &str| {
        Failure::usage(format!("`{question}` is answered twice, and not in the same way"))
            .help("nothing was written; give one answer")
    };
    let answers: Vec<_> = args.answers.iter().map(|choice| (choice.input, choice.answer)).collect();
    twice(&answers).map_or(Ok(()), |input| Err(refused(&format!("--answer {input}"))))?;
    let axes: Vec<_> = args.axes.iter().map(|choice| (choice.axis, &choice.judged)).collect();
    twice(&axes).map_or(Ok(()), |axis| Err(refused(&format!("--axis {}", axis.name()))))?;
    let roles: Vec<_> = args.roles.iter().map(|choice| (choice.role, &choice.person)).collect();
    twice(&roles).map_or(Ok(()), |role| Err(refused(&format!("--role {}", role.name()))))
}

/// The first that has two values.
fn twice<K: Copy + PartialEq, V: PartialEq>(pairs: &[(K, V)]) -> Option<K> {
    let differs = |(at, (key, value)): (usize, &(K, V))| {
        pairs[..at].iter().any(|(other, was)| other == key && was != value).then_some(*key)
    };
    pairs.iter().enumerate().find_map(differs)
}

/// What was changed so far, one phrase each.
#[derive(Debug, Default)]
pub(in crate::commands) struct Changes {
    phrases: Vec<String>,
    roles: BTreeMap<Role, Option<Person>>,
}

impl Changes {
    /// Remembers what was done.
    pub(in crate::commands) fn note(&mut self, phrase: String) {
        self.phrases.push(phrase);
    }

    /// Writes what is said into `case`, at `now`.
    pub(super) fn apply(&mut self, args: &ChangeArgs, case: &mut Case, now: Moment) -> Result<(), Failure> {
        refuse_contradictions(args)?;
        if let Some(detected) = args.detected {
            not_to_come(detected, now).map_err(|why| {
                Failure::usage("a time of detection can't be taken")
                    .why(&why)
                    .help("set the time, or the clock, right")
            })?;
        }
        self.set(&mut case.title, args.title.as_ref(), "title");
        self.set(&mut case.program.name, args.program.as_ref(), "program");
        self.set(&mut case.detected, args.detected.as_ref(), "time of detection");
        self.set(&mut case.tlp, args.tlp.as_ref(), "TLP label");
        self.set_some(&mut case.embargo_until, args.embargo_until.as_ref(), "embargo");
        self.set_some(&mut case.toggle, args.toggle.as_ref(), "switch that turns it off");
        if args.no_toggle && case.toggle.take().is_some() {
            self.note("no switch turns it off".to_owned());
        }
        self.set_some(&mut case.severity.cvss_v3, args.cvss_v3.as_ref(), "CVSS v3.1 vector");
        self.set_some(&mut case.severity.cvss_v4, args.cvss_v4.as_ref(), "CVSS v4.0 vector");
        self.add(&mut case.ids, &args.ids, "id")?;
        self.add(&mut case.program.affected, &args.affected, "affected version")?;
        self.add(&mut case.program.fixed, &args.fixed, "fixed version")?;
        for choice in &args.answers {
            if case.inputs.get(choice.input) != Some(choice.answer) {
                let set = case.inputs.set(choice.input, choice.answer);
                set.map_err(|why| Failure::usage("an answer can't be taken").why(&why))?;
                self.note(format!("answered {}: {}", choice.input, choice.answer));
            }
        }
        for choice in &args.axes {
            if case.axes.get(choice.axis) != Some(&choice.judged) {
                case.axes.set(choice.axis, choice.judged.clone());
                self.note(format!("judged {}: {}", choice.axis.name(), choice.judged.impact.name()));
            }
        }
        if let Some(choice) = &args.class {
            let declared = Declaration { declared: choice.class, reason: choice.reason.clone() };
            if case.class.as_ref() != Some(&declared) {
                case.class = Some(declared);
                self.note(format!("declared {}", choice.class.name()));
            }
        }
        self.assign(args, case);
        Ok(())
    }

    /// The act for the timeline. The digest of the case is filled in when it is written.
    pub(in crate::commands) fn into_entry(self, act: &str, at: Moment, by: Line) -> Result<Entry, Failure> {
        let mut what = if self.phrases.is_empty() { act.to_owned() } else { self.phrases.join("; ") };
        if what.len() > PROSE_BYTES_MAX {
            what = format!("{} changes", self.phrases.len());
        }
        let odd = |why: String| Failure::unexpected("the act can't be written down").why(&why);
        Ok(Entry {
            at,
            by,
            act: act.parse().map_err(odd)?,
            what: what.parse().map_err(odd)?,
            roles: self.roles,
            case: Digest::none(),
        })
    }

    fn assign(&mut self, args: &ChangeArgs, case: &mut Case) {
        for choice in &args.roles {
            if case.people.get(choice.role) == choice.person.as_ref() {
                continue;
            }
            case.people.set(choice.role, choice.person.clone());
            self.note(match &choice.person {
                Some(person) => format!("{person} is {}", choice.role.name()),
                None => format!("nobody is {}", choice.role.name()),
            });
            self.roles.insert(choice.role, choice.person.clone());
        }
    }

    fn set<T: Clone + PartialEq>(&mut self, place: &mut T, value: Option<&T>, what: &str) {
        if let Some(value) = value.filter(|value| *value != place) {
            *place = value.clone();
            self.note(format!("set the {what}"));
        }
    }

    fn set_some<T: Clone + PartialEq>(&mut self, place: &mut Option<T>, value: Option<&T>, what: &str) {
        if let Some(value) = value.filter(|value| place.as_ref() != Some(*value)) {
            *place = Some(value.clone());
            self.note(format!("set the {what}"));
        }
    }

    fn add<T: Clone + PartialEq + std::fmt::Display, const MAX: usize>(
        &mut self,
        place: &mut List<T, MAX>,
        values: &[T],
        what: &str,
    ) -> Result<(), Failure> {
        let mut items = place.to_vec();
        for value in values {
            if !items.contains(value) {
                items.push(value.clone());
                self.note(format!("added the {what} {value}"));
            }
        }
        *place = List::new(items)
            .map_err(|why| Failure::usage(format!("too many of one kind: {what}")).why(&why))?;
        Ok(())
    }
}
