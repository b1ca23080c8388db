//! Objects of the build that a patch changes in place, as the process has them.
//!
//! All of it is read before anything is stopped. Code that is stopped can't change a constant, and who runs does not either, unless
//! it is something that changes programs; that was there before, or comes while a surgeon is at work, which nobody can.

use suture_delta::model::{BuildKind, Delta, Overwrite};
use suture_surgery::constants::Content;
use suture_surgery::home::{Home, RecordedOverwrite, State};
use suture_surgery::install::Installation;
use suture_surgery::memory::{Memory as _, MemoryError};
use suture_surgery::outcome::Refusal;

use crate::patient::Patient;
use crate::scope::Scope;

/// The delta for a library that changes objects of which the program has a copy: it changes the copies too. Which of the two
/// the library's own code uses depends on how it was linked.
pub(crate) fn with_copies(delta: &Delta, bias: u64, scope: &Scope<'_>) -> Result<Option<Delta>, Refusal> {
    if delta.meta.old.kind != BuildKind::SharedLibrary || delta.meta.overwrites.is_empty() {
        return Ok(None);
    }
    let copies = scope.copies().map_err(|error| Refusal::Unsupported(error.to_string()))?;
    let mut more = Vec::new();
    for object in &delta.meta.overwrites {
        let original = object.address.wrapping_add(bias);
        for copied in copies.iter().filter(|copied| copied.original == original) {
            // What is behind the program's room for it belongs to something else.
            if copied.room < object.size {
                let why = format!(
                    "the program was linked with a library whose {} had {} bytes, has a copy of that length, and the patch would write {}",
                    object.name, copied.room, object.size
                );
                return Err(Refusal::Unsupported(why));
            }
            more.push(Overwrite { address: copied.copy.wrapping_sub(bias), ..object.clone() });
        }
    }
    let mut delta = (!more.is_empty()).then(|| delta.clone());
    if let Some(delta) = &mut delta {
        delta.meta.overwrites.extend(more);
    }
    Ok(delta)
}

/// What the constants hold that `delta` changes, one for each overwrite, nothing for what the program may write. Refused unless it
/// is what the build has there, or the patches that are in the process.
pub(crate) fn constants(patient: &Patient, delta: &Delta, bias: u64) -> Result<Vec<Vec<u8>>, Refusal> {
    let mut all = Vec::with_capacity(delta.meta.overwrites.len());
    for object in &delta.meta.overwrites {
        if object.writable {
            all.push(Vec::new());
            continue;
        }
        let address = object.address.wrapping_add(bias);
        let found = read(patient, address, object.size)?;
        if let Some(mut expected) = Content::of_build(delta, object, bias)? {
            for below in patient.applied().filter(|home| home.head.data_saved) {
                for other in &below.record.overwrites {
                    expected.lay(address, other.address, &read(patient, other.content, other.size)?);
                }
            }
            expected.check(&object.name, address, &found)?;
        }
        all.push(found);
    }
    Ok(all)
}

/// Puts what constants hold where it is kept for the way back, so that it is known there even while the patch has never been on.
pub(crate) fn keep(installation: &mut Installation, constants: &[Vec<u8>]) {
    for (object, bytes) in installation.home.record.overwrites.iter().zip(constants) {
        let part = installation.parts.iter_mut().find(|part| part.range.contains(object.saved));
        if let Some(part) = part.filter(|_| !bytes.is_empty()) {
            let at = (object.saved - part.range.start) as usize;
            if part.bytes.len() < at + bytes.len() {
                part.bytes.resize(at + bytes.len(), 0);
            }
            part.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        }
    }
}

/// Refused unless the constants that an applied patch changes hold what it or the build has given them. A surgeon that was killed
/// may have left some of them old and some new.
pub(crate) fn unchanged(patient: &Patient, home: &Home) -> Result<(), Refusal> {
    let is_constant = |object: &&RecordedOverwrite| object.constant && home.head.state == State::Applied;
    for object in home.record.overwrites.iter().filter(is_constant) {
        let found = read(patient, object.address, object.size)?;
        let saved = read(patient, object.saved, object.size)?;
        let content = read(patient, object.content, object.size)?;
        if home.head.data_saved && found != saved {
            Content::exactly(&content).check(&object.name, object.address, &found)?;
        } else {
            Content::exactly(&saved).check(&object.name, object.address, &found)?;
        }
    }
    Ok(())
}

fn read(patient: &Patient, address: u64, len: u64) -> Result<Vec<u8>, Refusal> {
    let refused = |error: MemoryError| Refusal::Unsupported(error.to_string());
    patient.memory.read_vec(address, len).map_err(refused)
}
