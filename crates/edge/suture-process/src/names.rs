//! Names of functions in the stacks that a refusal shows.
//!
//! They stand in files, which the surgery itself never asks. So this happens when everything is over, and
//! only a file that has the build-id of what is in memory is believed.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use suture_elf::functions::FunctionNames;
use suture_surgery::modules::Module;
use suture_surgery::outcome::FrameText;

use crate::patient::Patient;
use crate::proc;

/// Longest file that is read for the sake of names, in bytes.
const FILE_BYTES_MAX: u64 = 4 << 30;

/// Gives frames in modules whose files can be read the names of their functions; the others stay as they are.
pub(crate) fn name(patient: &Patient, stack: &mut [FrameText]) {
    for module in &patient.modules {
        let mut own =
            stack.iter_mut().enumerate().filter(|(_, frame)| module.range.contains(frame.pc)).peekable();
        if own.peek().is_none() {
            continue;
        }
        let Some(file) = read(patient, module) else { continue };
        let Ok(names) = FunctionNames::read(&file) else { continue };
        if names.build_id().map(suture_delta::model::hex) != module.build_id {
            continue;
        }
        for (depth, frame) in own {
            // A return address may be the first of the next function.
            let executing = frame.pc.wrapping_sub(module.bias).wrapping_sub(u64::from(depth > 0));
            if let Some((name, distance)) = names.at(executing) {
                let name = suture_delta::demangle(name);
                let distance = distance + u64::from(depth > 0);
                frame.place = format!("{name}+{distance:#x} ({})", module.name);
            }
        }
    }
}

/// The file that is mapped, even if it has been deleted; else, for those who may not ask for that, the file that
/// has its path now.
fn read(patient: &Patient, module: &Module) -> Option<Vec<u8>> {
    let mapping = patient.maps.iter().find(|mapping| mapping.range.start == module.base)?;
    let mapped = format!("map_files/{:x}-{:x}", mapping.range.start, mapping.range.end);
    let named: PathBuf = proc::path(patient.pid, "root").join(module.path.trim_start_matches('/'));
    read_regular(&proc::path(patient.pid, &mapped)).or_else(|_| read_regular(&named)).ok()
}

/// A regular file. The path is what the process says, and may lead to a pipe that nobody ever fills.
fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() > FILE_BYTES_MAX {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let mut content = Vec::new();
    file.by_ref().take(FILE_BYTES_MAX).read_to_end(&mut content)?;
    Ok(content)
}
