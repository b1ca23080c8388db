//! A bundle as bytes.

use crate::header::{BLOCK, END, Header, padding};
use crate::manifest;
use crate::{Bundle, BundleError, FILE_BYTES_MAX};

impl Bundle<'_> {
    /// The file of this bundle: the same bytes whenever and wherever it is written.
    ///
    /// # Errors
    /// [`BundleError::TooLong`] if no reader would take it.
    pub fn write(&self) -> Result<Vec<u8>, BundleError> {
        let manifest = manifest::encode(self);
        let members = || {
            let own = self.members().iter().map(|member| (member.name.as_str(), member.content));
            std::iter::once((manifest::NAME, manifest.as_slice())).chain(own)
        };
        let len: usize =
            members().map(|(_, content)| BLOCK + content.len() + padding(content.len())).sum::<usize>()
                + END.len();
        if len as u64 > FILE_BYTES_MAX {
            return Err(BundleError::TooLong(len as u64));
        }
        let mut bytes = Vec::with_capacity(len);
        for (name, content) in members() {
            bytes.extend_from_slice(&Header { name, len: content.len() as u64 }.encode());
            bytes.extend_from_slice(content);
            bytes.resize(bytes.len() + padding(content.len()), 0);
        }
        bytes.extend_from_slice(&END);
        Ok(bytes)
    }
}
