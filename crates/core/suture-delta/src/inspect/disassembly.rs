//! New code beside the old code that it replaces, with what differs marked.
//!
//! A delta holds new code only; the old code is read from the build, if there is one at hand. Two
//! instructions are the same if they do the same: places that a rebuild moves are compared by what is
//! there, and jumps inside the function by that alone.

mod listing;
mod new_code;
mod old_code;

use serde::Serialize;
use similar::{Algorithm, DiffOp};
use suture_elf::Build;
use thiserror::Error;

pub use self::listing::Line;
use self::listing::place_width;
use self::new_code::NewCode;
use self::old_code::OldCode;
use crate::format::hex;
use crate::model::{Delta, Site, Symbol, SymbolKind};
use crate::page::{INDENT, Look, Page, Tone, clean, listed, paint};

/// Longest function, in instructions, whose old and new code are lined up.
const LINED_UP_MAX: usize = 20_000;
/// Between old and new code: a space, the mark, a space.
const GUTTER: usize = 3;
/// A column of code is not narrower than this.
const COLUMN_MIN: usize = 24;
/// Where no terminal says otherwise, old code is cut at this column.
const COLUMN_MAX: usize = 60;
/// How many names an error lists.
const NAMES_SHOWN_MAX: usize = 12;

/// One function of a delta, instruction by instruction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FunctionCode {
    /// Its name, demangled if it replaces a function of the old build.
    pub name: String,
    /// Old and new instructions in pairs, in the order in which they are read.
    pub lines: Vec<Pair>,
}

/// An instruction of the old function and what stands in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pair {
    /// How the two differ; `None` where no old code was at hand.
    pub change: Option<Change>,
    /// The instruction of the old build.
    pub old: Option<Line>,
    /// The instruction of the delta.
    pub new: Option<Line>,
}

/// How two instructions differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// They do the same.
    Same,
    /// They do not.
    Changed,
    /// Only the old function has it.
    Removed,
    /// Only the new function has it.
    Added,
}

/// Why there is nothing to show.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DisassemblyError {
    /// No function of the delta has that name.
    #[error("no function of the delta is called `{name}`; it has {}", listed(.known, NAMES_SHOWN_MAX))]
    NoSuchFunction {
        /// The name asked for.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// The build is not the one that the delta is for.
    #[error("the delta is for build {wanted}, this is build {found}")]
    OtherBuild {
        /// Build-id of the delta's old build.
        wanted: String,
        /// Build-id of the build given.
        found: String,
    },
}

/// The code of the functions called `function` (exactly, or if there are none, with that in their names), or of all
/// functions if it is empty. With `old`, the build that the delta is for, old code stands beside it.
///
/// # Errors
/// There is no such function, or `old` is another build.
pub fn disassemble(
    delta: &Delta,
    function: &str,
    old: Option<&Build<'_>>,
) -> Result<Vec<FunctionCode>, DisassemblyError> {
    if let Some(build) = old {
        let found = hex(build.build_id().unwrap_or_default());
        if found != delta.meta.old.build_id {
            return Err(DisassemblyError::OtherBuild { wanted: delta.meta.old.build_id.clone(), found });
        }
    }
    let old = old.map(|build| OldCode::new(build, delta));
    let new = NewCode { delta, old: old.as_ref() };
    let functions = chosen(delta, function)?.into_iter().map(|(_, symbol, site)| {
        let lines = new.lines(symbol);
        let lines = match (&old, site) {
            (Some(old), Some(site)) => lined_up(&old.lines(site), &lines),
            _ => lines.into_iter().map(|line| Pair { change: None, old: None, new: Some(line) }).collect(),
        };
        FunctionCode { name: site.map_or(&symbol.name, |site| &site.name).clone(), lines }
    });
    Ok(functions.collect())
}

/// The code of functions, old code to the left where there is some.
pub fn code(functions: &[FunctionCode], look: &Look) -> String {
    let mut text = Page::new(*look);
    for function in functions {
        let has_old = function.lines.iter().any(|pair| pair.change.is_some());
        if has_old { side_by_side(&mut text, function) } else { alone(&mut text, function) }
    }
    text.finish()
}

type Chosen<'d> = (u32, &'d Symbol, Option<&'d Site>);

/// Functions of the delta but for stubs, which are shown when they are asked for by name.
fn chosen<'d>(delta: &'d Delta, function: &str) -> Result<Vec<Chosen<'d>>, DisassemblyError> {
    let functions = || {
        let all = (0_u32..).zip(&delta.symbols).filter(|(_, symbol)| symbol.kind == SymbolKind::Function);
        all.map(|(index, symbol)| (index, symbol, delta.meta.sites.iter().find(|site| site.code == index)))
    };
    let is_stub = |index| delta.meta.sites.iter().any(|site| site.stub == index && site.code != index);
    if function.is_empty() {
        return Ok(functions().filter(|(index, ..)| !is_stub(*index)).collect());
    }
    let names = |(_, symbol, site): &Chosen<'d>| {
        [
            Some(symbol.name.as_str()),
            site.map(|site| site.name.as_str()),
            site.map(|site| site.symbol.as_str()),
        ]
    };
    let with = |fits: &dyn Fn(&str) -> bool| -> Vec<_> {
        functions().filter(|chosen| names(chosen).into_iter().flatten().any(fits)).collect()
    };
    let exact = with(&|name| name == function);
    let found = if exact.is_empty() { with(&|name| name.contains(function)) } else { exact };
    if found.is_empty() {
        let known = functions().map(|(_, symbol, site)| site.map_or(&symbol.name, |site| &site.name));
        let known = known.map(|name| clean(name)).collect();
        return Err(DisassemblyError::NoSuchFunction { name: clean(function), known });
    }
    Ok(found)
}

fn alone(text: &mut Page, function: &FunctionCode) {
    text.heading(&clean(&function.name));
    let width = text.look().width.unwrap_or(usize::MAX);
    let place_width = place_width(function.lines.iter().filter_map(|pair| pair.new.as_ref()));
    for line in function.lines.iter().filter_map(|pair| pair.new.as_ref()) {
        let shown = cut(&format!("{}{}", " ".repeat(INDENT), line.text(place_width)), width);
        text.line(&shown);
    }
}

fn side_by_side(text: &mut Page, function: &FunctionCode) {
    text.heading(&format!("{}: old, new", clean(&function.name)));
    let look = text.look();
    let old_lines = || function.lines.iter().filter_map(|pair| pair.old.as_ref());
    let old_places = place_width(old_lines());
    let new_places = place_width(function.lines.iter().filter_map(|pair| pair.new.as_ref()));
    let column = match look.width {
        Some(width) => (width.saturating_sub(INDENT + GUTTER) / 2).max(COLUMN_MIN),
        None => {
            old_lines().map(|line| line.text(old_places).chars().count()).max().unwrap_or(0).min(COLUMN_MAX)
        }
    };
    let new_column = look.width.map_or(usize::MAX, |_| column);
    for Pair { change, old, new } in &function.lines {
        let (mark, old_tone, new_tone) = match change {
            None | Some(Change::Same) => (" ", Tone::Plain, Tone::Plain),
            Some(Change::Changed) => ("|", Tone::Bad, Tone::Good),
            Some(Change::Removed) => ("<", Tone::Bad, Tone::Plain),
            Some(Change::Added) => (">", Tone::Plain, Tone::Good),
        };
        let shown =
            |line: &Option<Line>, places| line.as_ref().map(|line| line.text(places)).unwrap_or_default();
        let left = cut(&shown(old, old_places), column);
        let right = cut(&shown(new, new_places), new_column);
        let space = " ".repeat(column - left.chars().count());
        let (left, right) = (paint(look, &left, old_tone), paint(look, &right, new_tone));
        text.line(&format!("{}{left}{space} {mark} {right}", " ".repeat(INDENT)));
    }
}

/// Old and new lines in pairs, those that are the same beside each other.
fn lined_up(old: &[Line], new: &[Line]) -> Vec<Pair> {
    if old.len().max(new.len()) > LINED_UP_MAX {
        return pairs(old, new);
    }
    let keys = |lines: &[Line]| lines.iter().map(|line| line.key.clone()).collect::<Vec<_>>();
    let steps = similar::capture_diff_slices(Algorithm::Myers, &keys(old), &keys(new));
    let ranges = steps.iter().map(DiffOp::as_tag_tuple);
    ranges.flat_map(|(_, o, n)| pairs(&old[o], &new[n])).collect()
}

fn pairs(old: &[Line], new: &[Line]) -> Vec<Pair> {
    let pair = |at| {
        let (old, new): (Option<&Line>, Option<&Line>) = (old.get(at), new.get(at));
        let change = match (old, new) {
            (Some(old), Some(new)) if old.key == new.key => Change::Same,
            (Some(_), Some(_)) => Change::Changed,
            (Some(_), None) => Change::Removed,
            _ => Change::Added,
        };
        Pair { change: Some(change), old: old.cloned(), new: new.cloned() }
    };
    (0..old.len().max(new.len())).map(pair).collect()
}

fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}
