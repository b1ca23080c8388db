//! Exception tables (`.gcc_except_table`): what happens when an exception passes a call of a function.
//!
//! The layout is that of the Itanium C++ ABI as gcc and LLVM write it for C++, Rust and C:
//! header, call sites, actions, type table (backwards from its base), exception specifications.

use gimli::Reader;

use super::error::{Flaw, FrameError};
use super::pointer::{self, Bytes, Pointer};

/// Actions that may follow one another.
const CHAIN_LEN_MAX: usize = 1 << 12;
/// Actions visited for one table.
const ACTIONS_MAX: usize = 1 << 20;

/// The exception table of one function or fragment.
///
/// Call sites, actions and exception specifications hold only offsets in the function and indices into
/// the types, so that their bytes can be compared and copied; whatever is an address stands apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Table<'d> {
    /// Virtual address of the table.
    pub address: u64,
    /// From where landing pads count, if it is not the beginning of the function.
    pub landing_base: Option<u64>,
    /// Encoding of numbers in `call_sites`.
    pub call_site_encoding: u8,
    /// Call sites: start, length, landing pad, action.
    pub call_sites: &'d [u8],
    /// Actions that the call sites name, in one piece.
    pub actions: &'d [u8],
    /// Type information that actions and specifications name, number 1 first; `None` catches everything.
    pub types: Vec<Option<Pointer>>,
    /// Exception specifications, in one piece.
    pub specifications: &'d [u8],
}

/// One call site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallSite {
    /// Offset of its code from the beginning of the function.
    pub start: u64,
    /// Length of its code, bytes.
    pub len: u64,
    /// Offset of the code that an exception goes on with; 0 for none.
    pub landing_pad: u64,
    /// 0 for a mere clean-up, or 1 plus the offset of the first action.
    pub action: u64,
}

impl<'d> Table<'d> {
    /// Reads the table at the virtual address `address`, of which `bytes` begin with the first and end
    /// somewhere behind it.
    pub fn read(bytes: &'d [u8], address: u64) -> Result<Self, FrameError> {
        Self::decode(Bytes::new(bytes, gimli::LittleEndian), address).map_err(|flaw| flaw.in_table(address))
    }

    fn decode(bytes: Bytes<'d>, address: u64) -> Result<Self, Flaw> {
        let place = |rest: &Bytes<'_>| address.wrapping_add((bytes.len() - rest.len()) as u64);
        let mut rest = bytes;
        let base_encoding = rest.read_u8()?;
        let landing_base = match base_encoding {
            pointer::OMIT => None,
            encoding => {
                let place = place(&rest);
                pointer::pointer(&mut rest, encoding, place)?.map(Pointer::address)
            }
        };
        let type_encoding = rest.read_u8()?;
        let mut type_base = None;
        if type_encoding != pointer::OMIT {
            let distance = rest.read_uleb128()?;
            let at = place(&rest).wrapping_sub(address).checked_add(distance);
            let base = at.and_then(|at| usize::try_from(at).ok()).filter(|at| *at <= bytes.len());
            type_base = Some(base.ok_or(Flaw::Said("its type table lies outside the section"))?);
        }
        let call_site_encoding = rest.read_u8()?;
        let len = usize::try_from(rest.read_uleb128()?).map_err(|_| Flaw::Said("call sites without end"))?;
        let call_sites = rest.split(len)?.slice();
        let mut table = Self {
            address,
            landing_base,
            call_site_encoding,
            call_sites,
            actions: &[],
            types: Vec::new(),
            specifications: &[],
        };
        let reach = table.follow_actions(rest)?;
        table.actions = rest.slice().get(..reach.actions_len).unwrap_or_default();
        if let Some(base) = type_base {
            table.read_types(bytes, base, type_encoding, &reach)?;
        } else if reach.type_max > 0 || !reach.specifications.is_empty() {
            return Err(Flaw::Said("an action names a type, but there is no type table"));
        }
        Ok(table)
    }

    /// Call sites, in the order of the table.
    pub fn call_sites(&self) -> Vec<CallSite> {
        let mut rest = Bytes::new(self.call_sites, gimli::LittleEndian);
        let mut sites = Vec::new();
        // The table was read once; it ends where it ended then.
        while let Ok(Some(site)) = call_site(&mut rest, self.call_site_encoding) {
            sites.push(site);
        }
        sites
    }

    fn follow_actions(&self, actions: Bytes<'d>) -> Result<Reach, Flaw> {
        let mut reach = Reach::default();
        let mut seen = std::collections::HashSet::new();
        let mut rest = Bytes::new(self.call_sites, gimli::LittleEndian);
        while let Some(site) = call_site(&mut rest, self.call_site_encoding)? {
            if let Some(first) = site.action.checked_sub(1)
                && seen.insert(first)
            {
                reach.follow(actions, first)?;
            }
        }
        Ok(reach)
    }

    fn read_types(&mut self, bytes: Bytes<'d>, base: usize, encoding: u8, reach: &Reach) -> Result<(), Flaw> {
        let specifications = bytes.range_from(base..);
        let (len, type_max) = specification_reach(specifications, reach)?;
        self.specifications = specifications.slice().get(..len).unwrap_or_default();
        let size = pointer::fixed_len(encoding)?;
        let type_max = usize::try_from(type_max.max(reach.type_max)).unwrap_or(usize::MAX);
        if type_max > base / size {
            return Err(Flaw::Said("an action names a type before the beginning of the table"));
        }
        for index in 1..=type_max {
            let at = base - index * size;
            let mut entry = bytes.range_from(at..);
            let place = self.address.wrapping_add(at as u64);
            self.types.push(pointer::pointer(&mut entry, encoding, place)?);
        }
        Ok(())
    }
}

/// How far the actions of a table reach.
#[derive(Debug, Default)]
struct Reach {
    actions_len: usize,
    type_max: u64,
    specifications: Vec<u64>,
    visited: usize,
}

impl Reach {
    fn follow(&mut self, actions: Bytes<'_>, first: u64) -> Result<(), Flaw> {
        let mut at = usize::try_from(first).map_err(|_| Flaw::Said("an action outside the table"))?;
        for _ in 0..CHAIN_LEN_MAX {
            self.visited += 1;
            let mut rest = actions;
            rest.skip(at)?;
            let filter = rest.read_sleb128()?;
            let link_at = actions.len() - rest.len();
            let link = rest.read_sleb128()?;
            self.actions_len = self.actions_len.max(actions.len() - rest.len());
            if filter > 0 {
                self.type_max = self.type_max.max(filter.unsigned_abs());
            } else if filter < 0 {
                self.specifications.push(filter.unsigned_abs() - 1);
            }
            if link == 0 {
                return Ok(());
            }
            if self.visited > ACTIONS_MAX {
                return Err(Flaw::Said("more actions than any function has"));
            }
            let next = link_at.checked_add_signed(isize::try_from(link).unwrap_or(isize::MAX));
            at = next.ok_or(Flaw::Said("an action outside the table"))?;
        }
        Err(Flaw::Said("actions that follow one another without end"))
    }
}

/// Length of the exception specifications that are named, and the highest type that they name.
fn specification_reach(all: Bytes<'_>, reach: &Reach) -> Result<(usize, u64), Flaw> {
    let mut offsets = reach.specifications.clone();
    offsets.sort_unstable();
    offsets.dedup();
    let (mut len, mut type_max) = (0, 0);
    for offset in offsets {
        let mut rest = all;
        rest.skip(usize::try_from(offset).map_err(|_| Flaw::Said("a specification outside the table"))?)?;
        loop {
            let index = rest.read_uleb128()?;
            type_max = type_max.max(index);
            let read = all.len() - rest.len();
            if index == 0 || read <= len {
                len = len.max(read);
                break;
            }
            len = read;
        }
    }
    Ok((len, type_max))
}

fn call_site(rest: &mut Bytes<'_>, encoding: u8) -> Result<Option<CallSite>, Flaw> {
    if rest.is_empty() {
        return Ok(None);
    }
    Ok(Some(CallSite {
        start: pointer::number(rest, encoding)?,
        len: pointer::number(rest, encoding)?,
        landing_pad: pointer::number(rest, encoding)?,
        action: rest.read_uleb128()?,
    }))
}
