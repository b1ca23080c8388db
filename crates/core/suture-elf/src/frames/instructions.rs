//! Unwind instructions, as far as copying them needs: where they end, and that they name no address.

use gimli::{Encoding, Expression, Format, Operation, Reader};

use super::error::Flaw;
use super::pointer::Bytes;

const ENCODING: Encoding = Encoding { address_size: 8, format: Format::Dwarf32, version: 4 };

/// The instructions without the padding (`DW_CFA_nop`) behind the last one.
///
/// Fails for instructions that are unknown or hold an absolute address (`DW_CFA_set_loc`, `DW_OP_addr`):
/// the rules could not be moved with their function.
pub(super) fn without_padding(all: Bytes<'_>) -> Result<&[u8], Flaw> {
    let mut rest = all;
    let mut end = 0;
    while !rest.is_empty() {
        let code = rest.read_u8()?;
        if code != gimli::DW_CFA_nop.0 {
            skip_operands(&mut rest, code)?;
            end = all.len() - rest.len();
        }
    }
    Ok(all.slice().get(..end).unwrap_or_default())
}

fn skip_operands(rest: &mut Bytes<'_>, code: u8) -> Result<(), Flaw> {
    use gimli::constants as c;
    const KIND_MASK: u8 = 0xc0;
    match c::DwCfa(code & KIND_MASK) {
        c::DW_CFA_advance_loc | c::DW_CFA_restore => return Ok(()),
        c::DW_CFA_offset => return numbers(rest, 1),
        _ => {}
    }
    match c::DwCfa(code) {
        c::DW_CFA_set_loc => Err(Flaw::Said("DW_CFA_set_loc binds the rules to an address")),
        c::DW_CFA_advance_loc1 => Ok(rest.skip(1)?),
        c::DW_CFA_advance_loc2 => Ok(rest.skip(2)?),
        c::DW_CFA_advance_loc4 => Ok(rest.skip(4)?),
        c::DW_CFA_MIPS_advance_loc8 => Ok(rest.skip(8)?),
        c::DW_CFA_remember_state | c::DW_CFA_restore_state => Ok(()),
        c::DW_CFA_restore_extended
        | c::DW_CFA_undefined
        | c::DW_CFA_same_value
        | c::DW_CFA_def_cfa_register
        | c::DW_CFA_def_cfa_offset
        | c::DW_CFA_def_cfa_offset_sf
        | c::DW_CFA_GNU_args_size => numbers(rest, 1),
        c::DW_CFA_offset_extended
        | c::DW_CFA_register
        | c::DW_CFA_def_cfa
        | c::DW_CFA_offset_extended_sf
        | c::DW_CFA_def_cfa_sf
        | c::DW_CFA_val_offset
        | c::DW_CFA_val_offset_sf
        | c::DW_CFA_GNU_negative_offset_extended => numbers(rest, 2),
        c::DW_CFA_def_cfa_expression => expression(rest),
        c::DW_CFA_expression | c::DW_CFA_val_expression => {
            numbers(rest, 1)?;
            expression(rest)
        }
        _ => Err(Flaw::Instruction(code)),
    }
}

/// Signed and unsigned LEB128 numbers end alike.
fn numbers(rest: &mut Bytes<'_>, count: usize) -> Result<(), Flaw> {
    for _ in 0..count {
        rest.skip_leb128()?;
    }
    Ok(())
}

fn expression(rest: &mut Bytes<'_>) -> Result<(), Flaw> {
    let len = usize::try_from(rest.read_uleb128()?).map_err(|_| Flaw::Said("an expression without end"))?;
    let mut operations = Expression(rest.split(len)?).operations(ENCODING);
    while let Some(operation) = operations.next()? {
        if matches!(operation, Operation::Address { .. } | Operation::AddressIndex { .. }) {
            return Err(Flaw::Said("an expression that names an address"));
        }
    }
    Ok(())
}
