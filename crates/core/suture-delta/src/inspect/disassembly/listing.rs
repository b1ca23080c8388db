//! Decoding: one instruction, one line, with operands named by whoever knows them.

use std::cell::RefCell;
use std::rc::Rc;

use iced_x86::{
    Decoder, DecoderOptions, Formatter as _, Instruction, IntelFormatter, Mnemonic, OpKind, SymbolResolver,
    SymbolResult,
};

use serde::Serialize;

use crate::page::clean;

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Where it stands: a link-time address of the old build, an offset in a new function.
    pub place: String,
    /// The instruction in Intel's syntax, its operands named.
    #[serde(rename = "instruction")]
    pub shown: String,
    /// What an operand points to, such as a string.
    pub remark: Option<String>,
    /// Equal for instructions that do the same.
    #[serde(skip)]
    pub(super) key: String,
    #[serde(skip)]
    is_padding: bool,
}

impl Line {
    /// The line as it is printed, its place padded to `place_width`.
    pub(super) fn text(&self, place_width: usize) -> String {
        let remark = self.remark.as_ref().map(|remark| format!("  ; {remark}")).unwrap_or_default();
        format!("{:<place_width$}  {}{remark}", self.place, self.shown)
    }
}

/// How wide the places of `lines` are.
pub(super) fn place_width<'l>(lines: impl Iterator<Item = &'l Line>) -> usize {
    lines.map(|line| line.place.len()).max().unwrap_or(0)
}

/// An operand that may be a place: a displacement or an immediate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    /// Where its bytes are.
    pub(super) at: u64,
    /// Where the next instruction begins.
    pub(super) next: u64,
    /// Its value; for a relative one the place that it leads to.
    pub(super) value: u64,
    /// Whether it counts from the next instruction.
    pub(super) relative: bool,
    /// How many bytes the instruction reads or writes there; 0 if it only takes the address.
    pub(super) access_len: u64,
}

/// What an operand means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Operand {
    /// Its name.
    pub(super) shown: String,
    /// Equal for operands that mean the same.
    pub(super) key: String,
    /// What is there.
    pub(super) remark: Option<String>,
}

/// Knows what operands of a piece of code mean.
pub(super) trait Operands {
    /// The meaning of `field`; `None` if it is just a number.
    fn operand(&self, field: Field) -> Option<Operand>;
    /// How the address `ip` is written at the beginning of a line.
    fn place(&self, ip: u64) -> String;
}

/// The instructions of `code`, which stands at `ip`; padding at the end is left out.
pub(super) fn lines(code: &[u8], ip: u64, operands: &dyn Operands) -> Vec<Line> {
    let mut decoder = Decoder::with_ip(64, code, ip, DecoderOptions::NONE);
    let mut writer = Writer::new();
    let mut lines = Vec::new();
    while decoder.can_decode() {
        let instruction = decoder.decode();
        let offsets = decoder.get_constant_offsets(&instruction);
        let field = |offset: usize, value, relative, access_len| {
            let at = instruction.ip().wrapping_add(offset as u64);
            operands.operand(Field { at, next: instruction.next_ip(), value, relative, access_len })
        };
        let displacement = offsets.has_displacement().then(|| {
            let access_len = instruction.memory_size().size() as u64;
            let value = instruction.memory_displacement64();
            field(offsets.displacement_offset(), value, instruction.is_ip_rel_memory_operand(), access_len)
        });
        let immediate = offsets.has_immediate().then(|| {
            let (value, relative) = immediate(&instruction);
            field(offsets.immediate_offset(), value, relative, 0)
        });
        let fields = Fields { displacement: displacement.flatten(), immediate: immediate.flatten() };
        lines.push(writer.line(&instruction, fields, operands.place(instruction.ip())));
    }
    let used = lines.iter().rposition(|line| !line.is_padding).map_or(0, |last| last + 1);
    lines.truncate(used);
    lines
}

fn immediate(instruction: &Instruction) -> (u64, bool) {
    if matches!(instruction.op0_kind(), OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64) {
        return (instruction.near_branch_target(), true);
    }
    let value = (0..instruction.op_count()).find_map(|operand| instruction.try_immediate(operand).ok());
    (value.unwrap_or(0), false)
}

#[derive(Default)]
struct Fields {
    displacement: Option<Operand>,
    immediate: Option<Operand>,
}

/// Texts that the formatter asks for while it writes an instruction.
#[derive(Default)]
struct Texts {
    displacement: Option<String>,
    immediate: Option<String>,
}

struct Resolver(Rc<RefCell<Texts>>);

impl SymbolResolver for Resolver {
    fn symbol(
        &mut self,
        instruction: &Instruction,
        _operand: u32,
        instruction_operand: Option<u32>,
        address: u64,
        _address_size: u32,
    ) -> Option<SymbolResult<'_>> {
        let texts = self.0.borrow();
        let text = match instruction.try_op_kind(instruction_operand?).ok()? {
            OpKind::Memory => texts.displacement.clone(),
            _ => texts.immediate.clone(),
        };
        text.map(|text| SymbolResult::with_string(address, text))
    }
}

struct Writer {
    formatter: IntelFormatter,
    texts: Rc<RefCell<Texts>>,
}

impl Writer {
    fn new() -> Self {
        let texts = Rc::new(RefCell::new(Texts::default()));
        let resolver = Box::new(Resolver(Rc::clone(&texts)));
        let mut formatter = IntelFormatter::with_options(Some(resolver), None);
        let options = formatter.options_mut();
        options.set_hex_prefix("0x");
        options.set_hex_suffix("");
        options.set_uppercase_hex(false);
        options.set_space_after_operand_separator(true);
        options.set_first_operand_char_index(6);
        Self { formatter, texts }
    }

    fn line(&mut self, instruction: &Instruction, fields: Fields, place: String) -> Line {
        let text =
            |operand: &Option<Operand>, of: fn(&Operand) -> &String| operand.as_ref().map(|o| of(o).clone());
        let mut write = |of: fn(&Operand) -> &String| {
            *self.texts.borrow_mut() = Texts {
                displacement: text(&fields.displacement, of),
                immediate: text(&fields.immediate, of),
            };
            let mut output = String::new();
            self.formatter.format(instruction, &mut output);
            output
        };
        let shown = clean(&write(|operand| &operand.shown));
        let key = write(|operand| &operand.key);
        let remark = [fields.displacement, fields.immediate].into_iter().flatten().find_map(|o| o.remark);
        let is_padding = matches!(instruction.mnemonic(), Mnemonic::Nop | Mnemonic::Int3);
        Line { place, shown, remark, key, is_padding }
    }
}
