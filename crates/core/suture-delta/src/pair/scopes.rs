//! Scopes that have a number in place of a name: lambdas and unnamed types of C++, closures of Rust.
//!
//! The number says which of those in one scope it is, in the order of the source. Names of all that is made for such a scope have it: its
//! code, its static variables, instances of templates over it. Found are the numbers in names as people read them, for there the scope
//! around stands before each.

use std::collections::BTreeMap;
use std::ops::Range;

use suture_elf::debug::DebugInfo;

use crate::names;
use crate::side::{EntityId, EntityKind, Side};

/// A numbered scope in a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// Where the scope around it begins: from there to its number is what it has in common with its neighbours.
    start: usize,
    digits: Range<usize>,
    /// Its number; negative if it has none that the other build could have.
    pub(super) number: i64,
    /// Numbered scopes around it.
    pub(super) depth: usize,
}

impl Token {
    /// What it shares with those of which it is one.
    pub(super) fn class(&self, text: &str) -> String {
        plain(&text[self.start..self.digits.start])
    }
}

/// Longest name that is looked into, bytes.
const TEXT_LEN_MAX: usize = 8 << 10;

/// What rustc calls the code and the type of a closure or of an async block; the numbers are those of one row.
const CLOSURES: [&str; 4] = ["closure", "async_block", "async_fn", "async_closure"];

/// The numbered scopes in a name, in their order.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    for (at, c) in text.char_indices() {
        let digits = match c {
            '{' => numbered(text, at),
            '$' if text[at..].starts_with("$_") => number_at(text, at + 2),
            _ => None,
        };
        let Some(digits) = digits.filter(|digits| !digits.is_empty()) else { continue };
        let Ok(number) = text[digits.clone()].parse() else { continue };
        let start = scope_start(text, at);
        let depth =
            tokens.iter().filter(|token| token.digits.start >= start && token.digits.end <= at).count();
        tokens.push(Token { start, digits, number, depth });
    }
    tokens
}

/// The name with other numbers: `number` says what stands for that of a token, if it does not stay.
pub(super) fn renumbered(text: &str, number: impl Fn(&Token) -> Option<String>) -> String {
    let (mut renumbered, mut end) = (String::with_capacity(text.len()), 0);
    let mut found: Vec<_> =
        tokens(text).into_iter().filter_map(|token| Some((number(&token)?, token))).collect();
    found.sort_by_key(|(_, token)| token.digits.start);
    for (number, token) in found {
        renumbered.push_str(&text[end..token.digits.start]);
        renumbered.push_str(&number);
        end = token.digits.end;
    }
    renumbered + &text[end..]
}

/// The name without any number.
pub(super) fn wiped(text: &str) -> String {
    renumbered(text, |_| Some(String::new()))
}

/// Names as people read them of all that belongs to a numbered scope; of what rustc names by a hash only with `debug`.
pub(super) fn texts(
    side: &Side<'_, '_>,
    debug: Option<&DebugInfo<'_>>,
    is_open: impl Fn(EntityId) -> bool,
) -> BTreeMap<EntityId, String> {
    let of = |id: EntityId| {
        if by_hash(side, id) {
            debug.filter(|_| is_open(id)).and_then(|debug| told(side, debug, id))
        } else {
            spelled(side, id)
        }
    };
    let numbered = |text: &String| text.len() <= TEXT_LEN_MAX && !tokens(text).is_empty();
    (0..side.entities.len() as EntityId).filter_map(|id| Some((id, of(id).filter(numbered)?))).collect()
}

/// Whether rustc has put a hash into the name where the numbers were.
pub(super) fn by_hash(side: &Side<'_, '_>, id: EntityId) -> bool {
    let name = side.entity(id).name;
    names::is_rust(name) && !name.starts_with("_R")
}

/// Whether it is a closure's, by a name of the kind that has a hash.
pub(super) fn is_closure(side: &Side<'_, '_>, id: EntityId) -> bool {
    by_hash(side, id) && side.entity(id).key.base.contains("$u7b$$u7b$closure$u7d$$u7d$")
}

/// The mangled name without the numbers: what is left of it tells apart what people read as the same.
pub(super) fn skeleton(base: &str) -> String {
    let mut skeleton = String::with_capacity(base.len());
    let mut rest = base;
    while let Some(c) = rest.chars().next() {
        let (head, tail) = rest.split_at(c.len_utf8());
        let (mark, behind) = match rest.get(..2) {
            Some("$_") => (2, rest[2..].trim_start_matches(|c: char| c.is_ascii_digit())),
            Some("Ut") => (2, rest[2..].trim_start_matches(|c: char| c.is_ascii_digit())),
            _ if c == 'E' => (1, tail.trim_start_matches(|c: char| c.is_ascii_digit())),
            _ => (0, tail),
        };
        let is_number = mark > 0 && (rest.starts_with('$') || behind.starts_with('_'));
        skeleton.push_str(if is_number { &rest[..mark] } else { head });
        rest = if is_number { behind } else { tail };
    }
    skeleton
}

fn spelled(side: &Side<'_, '_>, id: EntityId) -> Option<String> {
    let entity = side.entity(id);
    if entity.name.starts_with("_R") {
        return entity.key.base.contains("{closure#").then(|| entity.key.base.clone());
    }
    let may_be = ["Ul", "Ut", "$_"].iter().any(|mark| entity.key.base.contains(mark));
    (may_be && entity.key.base.starts_with("_Z")).then(|| names::demangle(&entity.key.base))
}

/// By debug information, which names both code and type of a closure by its number. Implementations have numbers there that have nothing to do with it.
fn told(side: &Side<'_, '_>, debug: &DebugInfo<'_>, id: EntityId) -> Option<String> {
    let entity = side.entity(id);
    let path = match entity.kind {
        EntityKind::Object => debug.declared_variable_at(entity.address).ok()??.path,
        EntityKind::Function | EntityKind::Resolver => debug.function_path_at(entity.address).ok()??,
    };
    path.contains('#').then(|| plain(&path))
}

/// The name as it is in both builds: code and type of a closure have one name, and implementations, which have nothing to do with it, no numbers.
fn plain(path: &str) -> String {
    let (mut text, mut end) = (String::with_capacity(path.len()), 0);
    for (at, _) in path.match_indices('{') {
        let Some((kind, _)) = path[at + 1..].split_once('#') else { break };
        let number = at + 1 + kind.len() + 1;
        if is_closure_kind(kind) {
            text.push_str(&path[end..at]);
            text.push_str("{closure#");
            end = number;
        } else if kind == "impl" {
            text.push_str(&path[end..at]);
            text.push_str("{impl");
            end = number_at(path, number).map_or(number, |digits| digits.end);
        }
    }
    text + &path[end..]
}

fn is_closure_kind(kind: &str) -> bool {
    CLOSURES.contains(&kind.strip_suffix("_env").unwrap_or(kind))
}

/// The digits of a scope `{KIND#NUMBER}` that begins at `at`, if it is of a kind that is numbered by what stands beside it.
fn numbered(text: &str, at: usize) -> Option<Range<usize>> {
    let inside = &text[at + 1..];
    let mut depth = 0_usize;
    let end = inside.find(|c| match c {
        '{' => {
            depth += 1;
            false
        }
        '}' if depth == 0 => true,
        '}' => {
            depth -= 1;
            false
        }
        _ => false,
    })?;
    let (kind, _) = inside[..end].rsplit_once('#')?;
    let is_known = is_closure_kind(kind) || kind.starts_with("lambda") || kind.starts_with("unnamed");
    let digits = at + 1 + kind.len() + 1;
    number_at(text, digits).filter(|number| is_known && number.end == at + 1 + end)
}

fn number_at(text: &str, at: usize) -> Option<Range<usize>> {
    let sign = usize::from(text[at..].starts_with('-'));
    let len = text[at + sign..].find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len() - at - sign);
    (len > 0).then_some(at..at + sign + len)
}

/// Where the scope begins in which what stands at `at` is: behind the bracket that is open there, a comma, or a word.
fn scope_start(text: &str, at: usize) -> usize {
    const OPERATORS: [&str; 8] = ["<", "<<", ">", ">>", "&", "&&", "*", ","];
    const OF_METHODS: [&str; 4] = ["const", "volatile", "&:", "&&:"];
    let is_of_method = |behind: &str| OF_METHODS.iter().any(|word| behind.starts_with(word));
    let is_operator = |before: &str| {
        OPERATORS.iter().any(|sign| before.strip_suffix(sign).is_some_and(|name| name.ends_with("operator")))
    };
    let (mut depth, mut start) = (0_usize, 0);
    for (place, c) in text[..at].char_indices().rev() {
        let (before, behind) = text.split_at(place + c.len_utf8());
        let is_name = before.ends_with("->") || is_operator(before) || is_of_method(&text[place..]);
        let is_end = match c {
            _ if is_name => false,
            '>' | ')' | '}' | ']' => {
                depth += 1;
                false
            }
            '<' | '(' | '{' | '[' if depth > 0 => {
                depth -= 1;
                false
            }
            ' ' => depth == 0 && !is_of_method(behind) && !before.ends_with("operator "),
            '<' | '(' | '{' | '[' | ',' | '&' | '*' => depth == 0,
            _ => false,
        };
        if is_end {
            start = before.len();
            break;
        }
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(text: &str) -> Vec<(String, i64, usize)> {
        let tokens = tokens(text);
        tokens.iter().map(|token| (token.class(text), token.number, token.depth)).collect()
    }

    fn expect(text: &str, expected: &[(&str, i64, usize)]) {
        let expected: Vec<_> =
            expected.iter().map(|(class, n, depth)| ((*class).to_owned(), *n, *depth)).collect();
        assert_eq!(classes(text), expected, "{text}");
    }

    #[test]
    fn numbers_are_found_with_the_scopes_around_them() {
        let lambda = "reg(int)::{lambda(int)#2}::operator()(int) const";
        expect(lambda, &[("reg(int)::{lambda(int)#", 2, 0)]);
        expect("std::handler<void (int), reg(int)::$_1>::invoke(int)", &[("reg(int)::$_", 1, 0)]);
        let shim = "<x::f::{closure#0}::{closure#3} as FnOnce<(u64,)>>::call_once::{shim:vtable#0}";
        expect(shim, &[("x::f::{closure#", 0, 0), ("x::f::{closure#0}::{closure#", 3, 1)]);
        let type_of = "<x::{impl#4}::f::{closure_env#7}<u8> as Fn<(u64)>>::{vtable}";
        expect(type_of, &[("x::{impl}::f::{closure#", 7, 0)]);
        let in_operator = "A::operator<(A const&) const::{lambda()#1}::n";
        expect(in_operator, &[("A::operator<(A const&) const::{lambda()#", 1, 0)]);
        expect("A::f() &::{lambda()#1}::n", &[("A::f() &::{lambda()#", 1, 0)]);
        let template = "typeinfo for void f<&x::$_2>(int)::$_1";
        expect(template, &[("x::$_", 2, 0), ("f<&x::$_2>(int)::$_", 1, 1)]);
        expect("core::fmt::write", &[]);
    }

    #[test]
    fn numbers_are_taken_away() {
        assert_eq!(wiped("f::{closure#12}::{closure#0}"), "f::{closure#}::{closure#}");
        assert_eq!(renumbered("f::$_2", |_| Some("-3".to_owned())), "f::$_-3");
        expect("f::$_-3", &[("f::$_", -3, 0)]);
        assert_eq!(skeleton("_ZZ3regiENKUliE0_clEi"), skeleton("_ZZ3regiENKUliE_clEi"));
        assert_eq!(skeleton("_ZTIZ3regiE3$_0"), skeleton("_ZTIZ3regiE3$_12"));
        assert_ne!(skeleton("_ZN1AC1Ev"), skeleton("_ZN1AC2Ev"));
    }
}
