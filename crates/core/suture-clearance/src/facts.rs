//! What a patch is, for the rules: computed from its deltas.

use suture_case::consensus::{self, Computed, DeltaFacts, Relation, Touch, class_of};
use suture_case::values::Line;
use suture_delta::Delta;
use suture_delta::report::CriticalPath;
use suture_policy::{Class, PatchFacts, Verdict};

use crate::Patch;

/// What a delta touches of what its project has marked, and how. What decides its class comes first.
pub fn touches(delta: &Delta) -> Vec<Touch> {
    let mut touches: Vec<Touch> = delta.meta.report.critical.iter().map(touch).collect();
    touches.sort_by(|a, b| {
        let key = |touch: &Touch| (touch.function.clone(), touch.marked.clone(), touch.reads.clone());
        class_of(b).cmp(&class_of(a)).then_with(|| key(a).cmp(&key(b)))
    });
    touches.dedup();
    touches
}

/// What was not followed from a delta to the marks, a sentence each.
pub fn unseen(delta: &Delta) -> Vec<Line> {
    delta.unseen().iter().map(|sentence| Line::fitting(sentence)).collect()
}

/// The consensus class that the call graph of a delta shows; where it shows nothing, because nothing was marked when the delta was
/// made, a pattern marked nothing or something could not be followed, the strictest.
pub fn class(delta: &Delta) -> Class {
    word(compute(delta).class)
}

/// What led to the consensus class of a patch, one sentence each: what its strictest deltas touch, or why nobody can say that.
pub fn because(patch: &Patch) -> Vec<String> {
    let computed: Vec<Computed> = patch.deltas.iter().map(|(delta, _)| compute(delta)).collect();
    let strictest = computed.iter().map(|computed| computed.class).max();
    let decisive = computed.into_iter().filter(|computed| Some(computed.class) == strictest);
    let mut because: Vec<String> = decisive.flat_map(|computed| computed.because).collect();
    because.sort();
    because.dedup();
    because
}

fn compute(delta: &Delta) -> Computed {
    let report = &delta.meta.report;
    let lines = |texts: &mut dyn Iterator<Item = &String>| -> Vec<Line> {
        texts.map(|text| Line::fitting(text)).collect()
    };
    let none_critical = report.none_critical.as_deref().map(Line::fitting);
    consensus::compute(DeltaFacts {
        groups: &lines(&mut report.marked.iter()),
        unmatched: &lines(&mut report.unmatched.iter().map(|lost| &lost.pattern)),
        none_critical: none_critical.as_ref(),
        unseen: &unseen(delta),
        touches: &touches(delta),
    })
}

/// The class of several deltas together, the strictest. What the author declares is no part of it.
fn computed(patch: &Patch) -> Class {
    patch.deltas.iter().map(|(delta, _)| class(delta)).max().unwrap_or(Class::Replicated)
}

/// The same class in the words of rules.
pub(crate) fn word(class: consensus::Class) -> Class {
    match class {
        consensus::Class::Local => Class::Local,
        consensus::Class::Wire => Class::Wire,
        consensus::Class::Replicated => Class::Replicated,
    }
}

/// All deltas of a patch taken together.
pub(crate) fn of(patch: &Patch) -> PatchFacts {
    let sum = |count: &dyn Fn(&suture_bundle::Facts) -> usize| -> u64 {
        patch.deltas.iter().map(|(_, facts)| count(facts) as u64).sum()
    };
    let computed = computed(patch);
    let layouts = sum(&|facts| facts.types.len());
    PatchFacts {
        digest: patch.digest.to_string(),
        // No other delta can be read.
        verdict: Verdict::Hot,
        computed,
        declared: patch.declared.unwrap_or(computed),
        bytes: patch.bytes as u64,
        functions: sum(&|facts| facts.functions.len()),
        data: sum(&|facts| facts.overwrites.len()),
        types: layouts,
        critical: sum(&|facts| facts.critical.len()),
        unmatched: patch.deltas.iter().map(|(delta, _)| delta.meta.report.unmatched.len() as u64).sum(),
        layouts,
        hooks: patch.deltas.iter().all(|(_, facts)| facts.types.is_empty() || !facts.hooks.is_empty()),
        encrypted: false,
        leaks: 0,
    }
}

fn touch(path: &CriticalPath) -> Touch {
    let relation = if path.inlined || path.function == path.marked {
        Relation::Is
    } else if path.path.first() == Some(&path.function) {
        Relation::Calls
    } else {
        Relation::CalledBy
    };
    Touch {
        group: Line::fitting(&path.mark),
        function: Line::fitting(&path.function),
        relation,
        marked: Line::fitting(&path.marked),
        reads: path.reads.as_deref().map(Line::fitting),
    }
}
