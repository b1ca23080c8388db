//! Where an advisory is: `advisory.toml` in the directory of its case, or a copy of it anywhere.

use std::path::{Path, PathBuf};

use suture_advisory::Advisory;
use suture_advisory::read::ADVISORY_BYTES_MAX;
use suture_case::names::CaseId;

use crate::commands::case::store::{Store, Stored};
use crate::failure::Failure;
use crate::files;

const ADVISORY: &str = "advisory.toml";
const CASE: &str = "case.toml";

/// What a command line names.
pub(in crate::commands) enum Place {
    /// The directory of a case: that of all cases, and its id.
    Case { cases: PathBuf, id: CaseId },
    /// A file.
    File(PathBuf),
}

impl Place {
    /// A file, the directory of a case, or the id of one in `cases`.
    pub(in crate::commands) fn find(named: &Path, cases: &Path) -> Result<Self, Failure> {
        if named.is_file() {
            return Ok(Self::File(named.to_owned()));
        }
        let wrong = |why: &str| {
            Failure::usage(format!("`{}` is no case", named.display()))
                .why(why)
                .help("name a case in the directory of cases (--cases), or the directory of one")
        };
        if named.join(CASE).is_file() {
            let path = named.canonicalize().map_err(|error| wrong(&error.to_string()))?;
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let id = name.parse().map_err(|why: String| wrong(&why))?;
            // As it was named where that can be, so that messages name it so too.
            let parent = named.parent().filter(|_| named.file_name().is_some_and(|last| last == name));
            let cases = match parent {
                Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
                Some(parent) => parent,
                None => path.parent().unwrap_or(Path::new(".")),
            };
            return Ok(Self::Case { cases: cases.to_owned(), id });
        }
        let id = named.to_str().unwrap_or_default().parse().map_err(|why: String| wrong(&why))?;
        Ok(Self::Case { cases: cases.to_owned(), id })
    }

    /// The file of the advisory.
    pub(in crate::commands) fn file(&self) -> PathBuf {
        match self {
            Self::Case { cases, id } => cases.join(id.as_str()).join(ADVISORY),
            Self::File(path) => path.clone(),
        }
    }

    /// The case, kept from others while it may be changed.
    pub(super) fn open_case(&self) -> Result<Stored, Failure> {
        match self {
            Self::Case { cases, id } => Store::at(cases).open_to_change(id),
            Self::File(path) => Err(Failure::usage(format!("`{}` is no case", path.display()))
                .help("versions are made where the case is: name the case or its directory")),
        }
    }
}

/// The text of an advisory, and what it says.
pub(in crate::commands) fn read(path: &Path) -> Result<(String, Advisory), Failure> {
    if !path.exists() {
        return Err(Failure::usage(format!("there is no advisory `{}`", path.display()))
            .help("`suture advisory new CASE` begins one"));
    }
    let text = files::read_text_up_to(path, "the advisory", ADVISORY_BYTES_MAX as u64)?;
    let advisory = Advisory::parse(&text).map_err(|error| {
        Failure::usage(format!("`{}:{}` can't be used", path.display(), error.line))
            .why(&error)
            .help(error.help.clone())
    })?;
    Ok((text, advisory))
}

/// Writes an advisory, and gives its text. Comments of the text that was there stay, unless it would then say something else.
pub(super) fn write(path: &Path, old: Option<&str>, advisory: &Advisory) -> Result<String, Failure> {
    let odd = |why: String| {
        Failure::unexpected(format!("`{}` can't be written", path.display()))
            .why(&why)
            .help("report this as a fault of suture, with the file")
    };
    let fresh = advisory.to_text().map_err(|error| odd(error.to_string()))?;
    let edited = old.and_then(|old| suture_case::write::edited(old, &fresh).ok());
    let text = edited.filter(|text| Advisory::parse(text).as_ref() == Ok(advisory)).unwrap_or(fresh);
    // Read back before it is written: a file that can't be read again must not replace one that can.
    match Advisory::parse(&text) {
        Ok(said) if said == *advisory => files::write(path, text.as_bytes()).map(|()| text),
        Ok(_) => Err(odd("the text does not say what it should; nothing was changed".to_owned())),
        Err(error) => Err(Failure::usage(format!("`{}` would not be right", path.display()))
            .why(&error)
            .help(error.help)),
    }
}
