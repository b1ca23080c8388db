//! Names: the part that survives rebuilding, and the form that people read.
//!
//! Compilers number what they split, clone or make local (`.constprop.0`, `.part.0`, `buf.1`), rustc adds
//! hashes that change with the crate's version or the partition of codegen units. What is left is the key
//! by which old and new are paired; equal keys are told apart by what they hold.

use std::fmt::{self, Write};

/// What a linkage name says once numbers and hashes are taken away.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    /// Name without suffixes.
    pub(crate) base: String,
    /// Suffixes that name a kind of clone, without their numbers: `constprop`, `part`, `isra`, `cold`.
    pub(crate) clones: Vec<&'static str>,
}

/// Suffixes by which compilers name a function made from another.
const CLONES: [&str; 8] =
    ["constprop", "part", "isra", "cold", "lto_priv", "specialized", "resolver", "warm"];

/// The key of a linkage name.
pub(crate) fn key(name: &str) -> Key {
    let mut clones = Vec::new();
    let base = strip_clones(name, &mut clones);
    clones.retain(|clone| *clone != "lto_priv");
    clones.reverse();
    let base = path_of_rust(base).unwrap_or_else(|| strip_discriminator(strip_rust_hash(base)).to_owned());
    Key { base, clones }
}

/// The path that a name of rustc's newer kind (RFC 2603) spells, with what it is an instance of. The name has numbers besides, by which implementations
/// and what has one name in a function are told apart: one more in front, and each has that of its neighbour.
fn path_of_rust(name: &str) -> Option<String> {
    /// A name that refers back to parts of itself may be told at any length.
    const LEN_MAX: usize = 8;
    struct Limited(String, usize);
    impl Write for Limited {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.1 = self.1.checked_sub(text.len()).ok_or(fmt::Error)?;
            self.0.push_str(text);
            Ok(())
        }
    }
    let path = rustc_demangle::try_demangle(name).ok().filter(|_| name.starts_with("_R"))?;
    let mut text = Limited(String::new(), LEN_MAX * name.len());
    write!(text, "{path:#}").ok()?;
    Some(text.0)
}

/// The linkage name of what a clone or a part was made from; of anything else its own.
pub(crate) fn original(name: &str) -> &str {
    strip_clones(name, &mut Vec::new())
}

/// The name without what compilers add to those of clones, which is put into `clones`, the last first.
fn strip_clones<'n>(name: &'n str, clones: &mut Vec<&'static str>) -> &'n str {
    let mut base = strip_llvm(name);
    while let Some((head, tail)) = base.rsplit_once('.') {
        if is_number(tail) {
            base = head;
        } else if let Some(clone) = CLONES.iter().find(|clone| **clone == tail) {
            clones.push(*clone);
            base = head;
        } else {
            break;
        }
    }
    base
}

/// Whether rustc made the name, of a path and what it is an instance of: then it says all about what it names.
pub(crate) fn is_rust(name: &str) -> bool {
    let name = strip_llvm(name);
    name.starts_with("_R") || strip_rust_hash(name).len() < name.len()
}

/// Whether the name is that of a thunk (Itanium C++ ABI, 5.1.4.1).
pub(crate) fn is_thunk(name: &str) -> bool {
    ["_ZTh", "_ZTv", "_ZTc"].iter().any(|thunk| name.starts_with(thunk))
}

/// Name of the function of which this is a fragment, as the compiler spelled it.
pub(crate) fn fragment_parent(name: &str) -> Option<&str> {
    let (head, tail) = name.rsplit_once(".cold")?;
    (tail.is_empty() || tail.strip_prefix('.').is_some_and(is_number)).then_some(head)
}

/// Whether the name stands for content and not for an identity: rustc's and LLVM's names of anonymous
/// constants, and labels of the assembler, which some linkers keep.
pub(crate) fn is_content(name: &str) -> bool {
    name.starts_with(".L")
        || name.starts_with("anon.")
        || name.starts_with("alloc_")
        || name.starts_with("switch.table.")
        || name.starts_with("reltable.")
        || name.starts_with("__unnamed_")
        || name.starts_with("str.")
        || name.starts_with("vtable.")
}

/// Whether it is a class's table of virtual functions, or the table of those tables.
pub(crate) fn is_class_table(name: &str) -> bool {
    name.starts_with("_ZTV") || name.starts_with("_ZTT")
}

/// Whether it is the name of a type in its type information.
pub(crate) fn is_type_name(name: &str) -> bool {
    name.starts_with("_ZTS")
}

/// Whether it is what a C++ compiler makes for a class: its table, its type information, the name in that. It is called by its address.
pub(crate) fn is_of_class(name: &str) -> bool {
    is_class_table(name) || name.starts_with("_ZTI") || is_type_name(name)
}

/// Whether it tells if a static local has been initialised; it stands behind that, and is called by its address.
pub(crate) fn is_guard(name: &str) -> bool {
    name.starts_with("_ZGV")
}

/// Name of the static local that it guards.
pub(crate) fn guarded(guard: &str) -> Option<String> {
    guard.strip_prefix("_ZGV").map(|rest| format!("_Z{rest}"))
}

/// Name of the class whose table it is.
pub(crate) fn class_of_table(name: &str) -> Option<String> {
    let shown = demangle(name);
    let (_, class) = shown.split_once('(').filter(|_| is_class_table(name))?;
    class.strip_suffix(")}").map(str::to_owned)
}

/// The name as people write it in the source.
pub fn demangle(name: &str) -> String {
    let plain = strip_llvm(name);
    if let Ok(rust) = rustc_demangle::try_demangle(plain) {
        return format!("{rust:#}");
    }
    if plain.starts_with("_Z")
        && let Ok(symbol) = cpp_demangle::Symbol::new(plain)
        && let Ok(text) = symbol.demangle()
    {
        return text;
    }
    plain.to_owned()
}

fn strip_llvm(name: &str) -> &str {
    name.split_once(".llvm.").map_or(name, |(head, _)| head)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What tells entities of one name in one C++ function apart (Itanium C++ ABI, 5.1.6): `_0`, or `__12_`. One more among them, and each
/// of those behind it has the number of its neighbour.
fn strip_discriminator(name: &str) -> &str {
    let Some(rest) = name.strip_prefix("_ZZ").or_else(|| name.strip_prefix("_ZGVZ")) else { return name };
    let (head, number) = match rest.strip_suffix('_') {
        Some(long) => long.rsplit_once("__").unwrap_or_default(),
        None => rest.rsplit_once('_').filter(|(_, number)| number.len() == 1).unwrap_or_default(),
    };
    if is_number(number) { &name[..name.len() - rest.len() + head.len()] } else { name }
}

/// Legacy mangling ends in `17h` and 16 hex digits and `E`.
fn strip_rust_hash(name: &str) -> &str {
    const HASH_LEN: usize = 20;
    let Some(at) = name.len().checked_sub(HASH_LEN) else { return name };
    let Some((head, tail)) = name.split_at_checked(at) else { return name };
    let hash = tail.strip_prefix("17h").and_then(|rest| rest.strip_suffix('E'));
    match hash {
        Some(hash) if name.starts_with("_ZN") && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => head,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_compilers_add_is_set_aside() {
        let base = |name| key(name).base;
        assert_eq!(base("buf.0"), "buf");
        assert_eq!(base("__func__.17"), "__func__");
        assert_eq!(base("parse.constprop.0.isra.3"), "parse");
        assert_eq!(base("state.llvm.1234"), "state");
        assert_eq!(base("_ZN4core3fmt5write17h0123456789abcdefE"), "_ZN4core3fmt5write");
        assert_eq!(base("vec.size"), "vec.size");
        assert_eq!(key("f.part.0.cold").clones, ["part", "cold"]);
        assert_ne!(key("f.part.0"), key("f"));
        assert_eq!(key("s.lto_priv.0"), key("s"));
        // One more implementation, or one more variable of the name, in front.
        assert_eq!(key("_RNvMs_CsbVXqutUjNVO_1xNtB4_3Foo3bar"), key("_RNvMs0_CsbVXqutUjNVO_1xNtB5_3Foo3bar"));
        assert_eq!(key("_RNvNvCsbVXqutUjNVO_1x6handle5COUNT"), key("_RNvNvCsbVXqutUjNVO_1x6handles_5COUNT"));
        assert_ne!(key("_RNCNvCsbVXqutUjNVO_1x8register0B3_"), key("_RNCNvCsbVXqutUjNVO_1x8registers_0B3_"));
    }

    #[test]
    fn cold_parts_know_their_function() {
        assert_eq!(fragment_parent("f.cold"), Some("f"));
        assert_eq!(fragment_parent("f.part.0.cold.1"), Some("f.part.0"));
        assert_eq!(fragment_parent("f.colder"), None);
        assert_eq!(fragment_parent("f.part.0"), None);
    }

    #[test]
    fn names_are_shown_as_written() {
        assert_eq!(demangle("_ZN4core3fmt5write17h0123456789abcdefE"), "core::fmt::write");
        assert_eq!(demangle("_ZN1A1fEi"), "A::f(int)");
        assert_eq!(demangle("main"), "main");
        assert_eq!(class_of_table("_ZTVN1A1BE").as_deref(), Some("A::B"));
        assert_eq!(class_of_table("_ZTIN1A1BE"), None);
    }
}
