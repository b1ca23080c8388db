//! Exception tables, written down again.

use suture_elf::frames::{Pointer, Table};

use crate::model::{Relocation, RelocationKind, Section, SectionKind, Target};

use super::number::unsigned;
use super::{OMIT, Outside, Piece, RELATIVE, RELATIVE_SLOT, UnwindError, resolve};

/// Writes the exception table of the code at `start` down again, hands it over and gives its symbol.
pub(super) fn carry(
    piece: &Piece<'_>,
    start: u64,
    table: &Table<'_>,
    outside: &mut dyn Outside,
) -> Result<Target, UnwindError> {
    let mut written = TableWriter::default();
    match table.landing_base.filter(|base| *base != start) {
        Some(address) => {
            let name = || piece.name.to_owned();
            let place = outside.code(address);
            let place = place.map_err(|why| UnwindError::Unresolved { name: name(), address, why })?;
            written.data.push(RELATIVE);
            written.point(place);
        }
        None => written.data.push(OMIT),
    }
    let mut rest = vec![table.call_site_encoding];
    unsigned(&mut rest, table.call_sites.len() as u64);
    rest.extend(table.call_sites);
    rest.extend(table.actions);
    if table.types.is_empty() && table.specifications.is_empty() {
        written.data.push(OMIT);
        written.data.extend(rest);
    } else {
        let is_slot = table.types.iter().flatten().any(|pointer| matches!(pointer, Pointer::Slot(_)));
        written.data.push(if is_slot { RELATIVE_SLOT } else { RELATIVE });
        unsigned(&mut written.data, (rest.len() + 4 * table.types.len()) as u64);
        written.data.extend(rest);
        for pointer in table.types.iter().rev() {
            match pointer {
                Some(pointer) => written.point(resolve(piece, *pointer, outside)?),
                None => written.data.extend([0; 4]),
            }
        }
        written.data.extend(table.specifications);
    }
    Ok(outside.place_table(piece.name, written.section(piece.name)))
}

/// An exception table under construction.
#[derive(Debug, Default)]
struct TableWriter {
    data: Vec<u8>,
    relocations: Vec<Relocation>,
}

impl TableWriter {
    fn point(&mut self, (target, addend): (Target, i64)) {
        let offset = self.data.len() as u64;
        self.relocations.push(Relocation { offset, kind: RelocationKind::Pc32, target, addend });
        self.data.extend([0; 4]);
    }

    fn section(self, name: &str) -> Section {
        Section {
            name: format!(".gcc_except_table.{name}"),
            kind: SectionKind::ReadOnly,
            align: 4,
            size: self.data.len() as u64,
            data: self.data,
            relocations: self.relocations,
        }
    }
}
