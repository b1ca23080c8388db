//! What constants hold in a process, so that nobody else's change is overwritten.

use suture_delta::model::{self, Delta, Overwrite, Resolution, Target};

use crate::link::LinkError;
use crate::outcome::Refusal;

/// Most bytes of a constant that a refusal shows.
const SHOWN_MAX: usize = 8;
/// Length of a word that holds an address, in bytes.
const WORD_LEN: usize = 8;

/// What is expected where an object stands: each byte, or `None` where the loader has put what it found by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content(Vec<Option<u8>>);

impl Content {
    /// What `object` of the build that `delta` is for holds in a process that has loaded it at `bias`; `None` if the delta does not
    /// say, as for what the program may write.
    pub fn of_build(delta: &Delta, object: &Overwrite, bias: u64) -> Result<Option<Self>, LinkError> {
        let Some(expected) = &object.expected else { return Ok(None) };
        let malformed = || LinkError::Malformed(format!("what {} is expected to hold", object.name));
        let symbol = delta.symbols.get(expected.content as usize).ok_or_else(malformed)?;
        let section = delta.sections.get(symbol.section as usize).ok_or_else(malformed)?;
        let mut bytes = section.data.clone();
        for relocation in &section.relocations {
            let Target::Reference(index) = relocation.target else { return Err(malformed()) };
            let resolution = delta.references.get(index as usize).map(|reference| &reference.resolution);
            let Some(Resolution::Image { address }) = resolution else { return Err(malformed()) };
            let at = usize::try_from(relocation.offset).map_err(|_| malformed())?;
            let end = at.checked_add(WORD_LEN).ok_or_else(malformed)?;
            let value = address.wrapping_add(bias).wrapping_add_signed(relocation.addend);
            bytes.get_mut(at..end).ok_or_else(malformed)?.copy_from_slice(&value.to_le_bytes());
        }
        let start = usize::try_from(symbol.offset).map_err(|_| malformed())?;
        let end = start.checked_add(symbol.size as usize).ok_or_else(malformed)?;
        let mut content: Vec<_> =
            bytes.get(start..end).ok_or_else(malformed)?.iter().copied().map(Some).collect();
        for offset in &expected.open {
            let open = content.iter_mut().skip(*offset as usize).take(WORD_LEN);
            open.for_each(|byte| *byte = None);
        }
        Ok(Some(Self(content)))
    }

    /// These very bytes.
    pub fn exactly(bytes: &[u8]) -> Self {
        Self(bytes.iter().copied().map(Some).collect())
    }

    /// Lays what a patch has written at `address` over what is expected at `start`.
    pub fn lay(&mut self, start: u64, address: u64, bytes: &[u8]) {
        for (byte, at) in bytes.iter().zip(address..) {
            let place = at.checked_sub(start).and_then(|at| self.0.get_mut(usize::try_from(at).ok()?));
            if let Some(place) = place {
                *place = Some(*byte);
            }
        }
    }

    /// Refuses if `found`, read at `address` where `object` stands, is something else.
    pub fn check(&self, object: &str, address: u64, found: &[u8]) -> Result<(), Refusal> {
        let differs = |(expected, found): (&Option<u8>, &u8)| expected.is_some_and(|byte| byte != *found);
        let Some(at) = self.0.iter().zip(found).position(differs) else { return Ok(()) };
        let end = (at + SHOWN_MAX).min(found.len()).min(self.0.len());
        let expected: Vec<u8> = self.0[at..end].iter().map_while(|byte| *byte).collect();
        Err(Refusal::ForeignData {
            object: object.to_owned(),
            address: address.wrapping_add(at as u64),
            expected: model::hex(&expected),
            found: model::hex(&found[at..at + expected.len()]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_patch_below_has_written_is_expected_and_what_is_open_is_not_compared() {
        let mut content = Content::exactly(&[1, 2, 3, 4]);
        content.lay(0x1000, 0x0fff, &[9, 8]);
        content.lay(0x1000, 0x1003, &[7, 6]);
        assert_eq!(content, Content::exactly(&[8, 2, 3, 7]));
        content.0[1] = None;
        assert_eq!(content.check("it", 0x1000, &[8, 55, 3, 7]), Ok(()));
        let refused = content.check("it", 0x1000, &[8, 55, 4, 7]).unwrap_err();
        let (expected, found) = ("0307".to_owned(), "0407".to_owned());
        let object = "it".to_owned();
        assert_eq!(refused, Refusal::ForeignData { object, address: 0x1002, expected, found });
    }
}
