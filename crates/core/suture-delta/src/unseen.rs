//! What of a delta may lead to marked code without a path in its report: what nobody has looked for is not
//! taken for harmless.

use crate::model::Delta;
use crate::report::{Report, Way};

impl Report {
    /// What was not followed from the change to the marks, a sentence each; nothing where there are no marks.
    pub fn unseen(&self) -> Vec<String> {
        if !self.has_marks() {
            return Vec::new();
        }
        let mut unseen = Vec::new();
        let is_followed = |way| self.followed.contains(&way);
        if ![Way::Calls, Way::New, Way::Data].into_iter().all(is_followed) {
            unseen.push(
                "the delta was made by an earlier suture, which followed the calls of replaced functions alone"
                    .to_owned(),
            );
        } else if !is_followed(Way::Inlined) {
            unseen.push(
                "debug information is missing, without which inlined copies of marked functions can't be seen"
                    .to_owned(),
            );
        }
        let open = self.readers.iter().filter(|readers| !readers.complete);
        unseen.extend(open.map(|readers| of_object(&readers.object)));
        unseen
    }

    /// Whether anything was looked for. Deltas of the first format name no groups.
    fn has_marks(&self) -> bool {
        self.none_critical.is_none() && !(self.marked.is_empty() && self.critical.is_empty())
    }
}

impl Delta {
    /// The same for the whole delta: an object that it overwrites, and of which the report says nothing, too.
    pub fn unseen(&self) -> Vec<String> {
        let report = &self.meta.report;
        let mut unseen = report.unseen();
        if !report.has_marks() {
            return unseen;
        }
        let is_told = |name: &str| report.readers.iter().any(|readers| readers.object == name);
        let untold = self.meta.overwrites.iter().filter(|object| !is_told(&object.name));
        unseen.extend(untold.map(|object| of_object(&object.name)));
        unseen.dedup();
        unseen
    }
}

fn of_object(name: &str) -> String {
    format!("{name} changes where it stands, and who uses it can't be computed")
}
