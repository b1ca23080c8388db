//! From a delta and a place to a home: everything that will stand in the process, computed before the
//! process is touched.

use std::collections::BTreeMap;

use suture_delta::model::{Delta, JUMP_LEN, PatchCode, Range, Reference, Resolution, Site, SymbolKind};

use crate::home::{
    self, BODY_LEN_MAX, HEAD_LEN, Head, Home, RECORD_SCHEMA, Record, RecordedFunction, RecordedHooks,
    RecordedOverwrite, RecordedSite, State,
};
use crate::link::{self, Choice, HomeLayout, LinkError, Linked, Part, Resolver, Value};
use crate::outcome::Refusal;

/// A home ready to be put in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// Its record, in the state in which it begins.
    pub home: Home,
    /// Whether the home is mapped already and only has to be filled again.
    pub mapped: bool,
    /// Its memory, ascending; the first part is the encoded head.
    pub parts: Vec<Part>,
    /// Words of it that get their values in the process, once it is mapped and before anything of it runs.
    pub choices: Vec<Choice>,
}

/// What is to be installed, and by whom.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// The delta.
    pub delta: &'a Delta,
    /// SHA-256 of its file, hex.
    pub id: &'a str,
    /// Load bias of the module.
    pub bias: u64,
    /// The surgeon's own code for the beginning of the text.
    pub prelude: &'a [u8],
    /// Now, seconds since 1970.
    pub unix_s: u64,
    /// User id of the surgeon.
    pub uid: u32,
    /// Name of that user, or empty.
    pub user: &'a str,
    /// Address of the function that gives the address of a thread's `errno`, if the process has one.
    pub errno: Option<u64>,
}

/// A base and a bias with as many digits as any address has, for measuring a record.
const WIDEST_ADDRESS: u64 = 0x7000_0000_0000;
/// Stands for the code that a site had before, in measuring.
const WIDEST_BYTES: [u8; JUMP_LEN] = [255; JUMP_LEN];

/// The layout of the home of `order`'s delta.
pub fn layout(order: &Order<'_>) -> Result<HomeLayout, LinkError> {
    let rough = HomeLayout::new(order.delta, 0, order.prelude.len() as u64)?;
    let widest = Order { bias: WIDEST_ADDRESS, errno: Some(WIDEST_ADDRESS), ..*order };
    let sites: Vec<Found> = order.delta.meta.sites.iter().map(widest_found).collect();
    let record = record(&widest, &rough, WIDEST_ADDRESS, &sites)?;
    let bytes = home::encode(&Home { head: head(order), record });
    // What is not read back can't be taken back.
    let body_len = bytes.len() as u64 - HEAD_LEN;
    if body_len > BODY_LEN_MAX {
        return Err(LinkError::RecordTooLong(body_len));
    }
    HomeLayout::new(order.delta, bytes.len() as u64, order.prelude.len() as u64)
}

/// The home of `order`'s delta at `base`.
///
/// `before` is what stands at each site now: the code of the build, or the jump of the patch on which
/// this one stands.
pub fn prepare(
    order: &Order<'_>,
    layout: &HomeLayout,
    base: u64,
    before: &[[u8; JUMP_LEN]],
    resolver: &dyn Resolver,
) -> Result<Installation, LinkError> {
    let sites = order.delta.meta.sites.iter().zip(before);
    let sites = sites.map(|(site, before)| found(site, *before, resolver)).collect::<Result<Vec<_>, _>>()?;
    let record = record(order, layout, base, &sites)?;
    let home = Home { head: head(order), record };
    let Linked { mut parts, choices } =
        link::link(order.delta, layout, order.prelude, base, order.bias, resolver)?;
    if let Some(header) = parts.first_mut() {
        header.bytes = home::encode(&home);
    }
    Ok(Installation { home, mapped: false, parts, choices })
}

/// What a site is found to be in the process.
struct Found {
    before: [u8; JUMP_LEN],
    /// Code of earlier patches for the same function.
    below: Vec<Range>,
}

fn found(site: &Site, before: [u8; JUMP_LEN], resolver: &dyn Resolver) -> Result<Found, LinkError> {
    let address = |code: &PatchCode| {
        let resolution = Resolution::Patch { id: code.id.clone(), symbol: code.symbol };
        let reference = Reference { name: site.symbol.clone(), resolution };
        match resolver.resolve(&reference) {
            Ok(Value::Known(start)) => Ok(Range { start, end: start.saturating_add(code.size) }),
            Ok(Value::ChosenBy(_)) => Err("code of a patch is nothing to choose".to_owned()),
            Err(why) => Err(why),
        }
    };
    let below = site.below.iter().map(address).collect::<Result<_, _>>();
    let below = below.map_err(|why| LinkError::Unresolved { symbol: site.symbol.clone(), why })?;
    Ok(Found { before, below })
}

fn widest_found(site: &Site) -> Found {
    let widest = |code: &PatchCode| Range { start: WIDEST_ADDRESS, end: WIDEST_ADDRESS + code.size };
    Found { before: WIDEST_BYTES, below: site.below.iter().map(widest).collect() }
}

impl From<LinkError> for Refusal {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Unresolved { symbol, why } => Self::Unresolved { symbol, why },
            other => Self::Unsupported(other.to_string()),
        }
    }
}

fn head(order: &Order<'_>) -> Head {
    Head {
        switch: false,
        state: State::Installed,
        frames_registered: 0,
        ever_on: false,
        data_saved: false,
        changed_at: order.unix_s,
        by_uid: order.uid,
        by: order.user.to_owned(),
    }
}

fn record(order: &Order<'_>, layout: &HomeLayout, base: u64, found: &[Found]) -> Result<Record, LinkError> {
    let delta = order.delta;
    let meta = &delta.meta;
    let at = |symbol: u32| layout.symbol_address(delta, symbol, base);
    let in_home = |part: Range| Range { start: base + part.start, end: base + part.end };
    let in_module = |range: &Range| Range {
        start: range.start.wrapping_add(order.bias),
        end: range.end.wrapping_add(order.bias),
    };
    let mut sites = Vec::with_capacity(meta.sites.len());
    for (site, found) in meta.sites.iter().zip(found) {
        sites.push(RecordedSite {
            name: site.name.clone(),
            entry: site.address.wrapping_add(order.bias),
            jump_address: site.jump_address.wrapping_add(order.bias),
            before: found.before,
            stub: at(site.stub)?,
            code: at(site.code)?,
            ranges: site.ranges.iter().map(in_module).chain(found.below.iter().copied()).collect(),
        });
    }
    let overwrites = meta.overwrites.iter().zip(&layout.overwrites);
    let overwrites = overwrites.map(|(object, (saved, content))| RecordedOverwrite {
        name: object.name.clone(),
        address: object.address.wrapping_add(order.bias),
        size: object.size,
        saved: base + saved,
        content: base + content,
        constant: !object.writable,
    });
    let hook = |symbol: Option<u32>| symbol.map(at).transpose();
    let symbols = (0..delta.symbols.len() as u32).map(at).collect::<Result<Vec<_>, _>>()?;
    Ok(Record {
        schema: RECORD_SCHEMA,
        id: order.id.to_owned(),
        build_id: meta.old.build_id.clone(),
        name: meta.old.name.clone(),
        bias: order.bias,
        on: meta.on.clone(),
        home: Range { start: base, end: base + layout.len() },
        text: in_home(layout.text),
        call_stack: in_home(layout.call_stack),
        sites,
        overwrites: overwrites.collect(),
        hooks: RecordedHooks {
            pre_apply: hook(meta.hooks.pre_apply)?,
            post_apply: hook(meta.hooks.post_apply)?,
            pre_revert: hook(meta.hooks.pre_revert)?,
            post_revert: hook(meta.hooks.post_revert)?,
        },
        functions: functions(delta, &symbols),
        symbols,
        frames: frames(delta, layout, base),
        errno: order.errno,
    })
}

fn functions(delta: &Delta, addresses: &[u64]) -> Vec<RecordedFunction> {
    let names = demangled(delta);
    let code = delta.symbols.iter().zip(addresses).filter(|(symbol, _)| symbol.kind == SymbolKind::Function);
    code.map(|(symbol, start)| RecordedFunction {
        name: names.get(symbol.name.as_str()).copied().unwrap_or(&symbol.name).to_owned(),
        range: Range { start: *start, end: start + symbol.size },
    })
    .collect()
}

/// The demangled name that the report has for a symbol; of several the first.
fn demangled(delta: &Delta) -> BTreeMap<&str, &str> {
    let report = &delta.meta.report;
    let changed = report.changed.iter().map(|f| (f.symbol.as_str(), f.name.as_str()));
    let new = report.new.iter().map(|f| (f.symbol.as_str(), f.name.as_str()));
    changed.chain(new).rev().collect()
}

fn frames(delta: &Delta, layout: &HomeLayout, base: u64) -> Option<u64> {
    let is_frames =
        |section: &suture_delta::model::Section| section.kind == suture_delta::model::SectionKind::Frames;
    let index = delta.sections.iter().position(is_frames)?;
    Some(base + layout.sections[index])
}
