//! A case to an advisory: what the world may know of it, and nothing else.
//!
//! What a case knows of one's own systems (answers, deadlines, notes, environmental metrics, call paths) is not taken over.

use suture_case::Case;
use suture_case::model::Tlp;
use suture_case::values::{Line, List};
use thiserror::Error;

use crate::model::{
    Advisory, BuildId, Credit, CreditRole, HotPatch, PATCHES_MAX, Program, Publisher, Schema,
};
use crate::scores;
use crate::stage::Stage;

/// A list would be longer than it may be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("more than {max} {what}")]
pub struct TooMany {
    /// Of what.
    pub what: &'static str,
    /// How many there may be.
    pub max: usize,
}

impl Advisory {
    /// A draft about `case`, without a version yet.
    ///
    /// # Errors
    /// If the case has more of one kind than an advisory may have.
    pub fn begin(case: &Case, publisher: Publisher) -> Result<Self, TooMany> {
        let program = Program {
            name: case.program.name.clone(),
            vendor: None,
            purl: None,
            package: None,
            repository: None,
            introduced_commits: List::default(),
            fixed_commits: List::default(),
            affected: List::default(),
            fixed: List::default(),
        };
        let mut advisory = Self {
            schema: Schema,
            id: case.id.clone(),
            title: case.title.clone(),
            stage: Stage::Draft,
            tlp: case.tlp.max(Tlp::Amber),
            disclose_at: case.embargo_until,
            ids: List::default(),
            cwe: None,
            summary: None,
            impact: None,
            workaround: None,
            publisher,
            program,
            severity: scores::base(&case.severity),
            hot_patch: List::default(),
            credit: List::default(),
            reference: List::default(),
            revision: List::default(),
        };
        advisory.take(case)?;
        Ok(advisory)
    }

    /// Takes over what the case has come to know: ids, versions, severity, the delta, and who made and read the fix. What
    /// the advisory says in words of its own stays.
    ///
    /// # Errors
    /// If there is more of one kind than an advisory may have.
    pub fn take(&mut self, case: &Case) -> Result<(), TooMany> {
        add(&mut self.ids, case.ids.iter().cloned(), "ids")?;
        self.name_versions(&case.program.affected, &case.program.fixed)?;
        self.severity = scores::base(&case.severity);
        let build_id =
            case.delta.as_ref().and_then(|delta| BuildId::try_from(delta.build_id.to_string()).ok());
        if let (Some(delta), Some(build_id)) = (&case.delta, build_id) {
            self.offer(HotPatch { version: None, build_id, patch: delta.id.clone(), bundle: None })?;
        }
        let people =
            [(CreditRole::Author, &case.people.author), (CreditRole::Reviewer, &case.people.reviewer)];
        for (role, person) in people {
            if let Some(person) =
                person.as_ref().filter(|_| self.credit.iter().all(|credit| credit.role != role))
            {
                self.thank(Credit { role, name: person.name.clone(), organization: person.team.clone() })?;
            }
        }
        Ok(())
    }

    /// Names a build that can be patched while it runs; one that is named already gets what is new about it.
    ///
    /// # Errors
    /// If there are too many.
    pub fn offer(&mut self, offered: HotPatch) -> Result<(), TooMany> {
        let mut patches = self.hot_patch.to_vec();
        match patches.iter_mut().find(|known| known.patch == offered.patch) {
            Some(known) => {
                // A delta is for one build.
                known.build_id = offered.build_id;
                known.version = offered.version.or(known.version.take());
                known.bundle = offered.bundle.or(known.bundle.take());
            }
            None => patches.push(offered),
        }
        self.hot_patch = List::new(patches).map_err(|_| TooMany { what: "hot patches", max: PATCHES_MAX })?;
        Ok(())
    }

    /// Thanks somebody, once.
    ///
    /// # Errors
    /// If there are too many.
    pub fn thank(&mut self, credit: Credit) -> Result<(), TooMany> {
        add(&mut self.credit, [credit], "people who are thanked")
    }

    /// Names versions that have the hole, and versions that have it no more.
    ///
    /// # Errors
    /// If there are too many.
    pub fn name_versions(&mut self, affected: &[Line], fixed: &[Line]) -> Result<(), TooMany> {
        add(&mut self.program.affected, affected.iter().cloned(), "affected versions")?;
        add(&mut self.program.fixed, fixed.iter().cloned(), "fixed versions")
    }
}

/// Adds what is not there yet, or nothing.
fn add<T: Clone + PartialEq, const MAX: usize>(
    list: &mut List<T, MAX>,
    items: impl IntoIterator<Item = T>,
    what: &'static str,
) -> Result<(), TooMany> {
    let mut all = list.to_vec();
    for item in items {
        if !all.contains(&item) {
            all.push(item);
        }
    }
    *list = List::new(all).map_err(|_| TooMany { what, max: MAX })?;
    Ok(())
}
