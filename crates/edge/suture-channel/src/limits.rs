//! What a channel may ask of whoever reads it: every length has a name here and is checked before it is believed.
//!
//! TUF calls what these defend against *endless data* (specification, section 2.1.2): a server that never stops sending. What
//! signed metadata says about lengths counts too, but a signer may be malicious or mistaken, so that has limits as well.

use std::time::Duration;

/// Longest root metadata, in bytes: some hundred keys.
pub const ROOT_LEN_MAX: u64 = 256 << 10;
/// Longest timestamp metadata, in bytes: it names one file.
pub const TIMESTAMP_LEN_MAX: u64 = 16 << 10;
/// Longest snapshot metadata, in bytes.
pub const SNAPSHOT_LEN_MAX: u64 = 256 << 10;
/// Longest metadata of the targets and of the patch team, in bytes: some ten thousand files.
pub const TARGETS_LEN_MAX: u64 = 8 << 20;
/// Most versions of root that are followed in one fetch.
pub const ROOT_UPDATES_MAX: u64 = 256;
/// Most files in a channel.
pub const FILES_MAX: usize = 10_000;
/// Longest file in a channel, in bytes; the largest size class.
pub const FILE_LEN_MAX: u64 = 1 << 30;
/// Most bytes that one fetch downloads.
pub const FETCH_LEN_MAX: u64 = 16 << 30;
/// Longest name of a file in a channel, in bytes.
pub const NAME_LEN_MAX: usize = 160;
/// Most files in a trust policy, and the longest of them, in bytes.
pub const POLICY_FILES_MAX: usize = 256;
/// Longest file of a trust policy, in bytes.
pub const POLICY_LEN_MAX: u64 = 1 << 20;
/// Longest key file, identity file or list of recipients, in bytes.
pub const KEY_FILE_LEN_MAX: u64 = 64 << 10;
/// Most rounds of bcrypt that an encrypted key file may ask for: some ten seconds. OpenSSH asks for 16 or 24.
pub const BCRYPT_ROUNDS_MAX: u32 = 1024;
/// Most keys of one role.
pub const KEYS_MAX: usize = 64;
/// Most recipients of one bundle.
pub const RECIPIENTS_MAX: usize = 4096;
/// Longest that a metadata file may be valid, in seconds: ten years.
pub const LIFETIME_S_MAX: i64 = 10 * 365 * 86_400;
/// Longest that one file may take to arrive.
pub const DOWNLOAD_TIME_MAX: Duration = Duration::from_mins(10);
/// Longest that a connection may take.
pub const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// How often a file is asked for when the server is in trouble.
pub const TRIES_MAX: u32 = 3;

/// Limits that whoever fetches may lower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most files in the channel.
    pub files_max: usize,
    /// Longest file, in bytes.
    pub file_len_max: u64,
    /// Most bytes that are downloaded in all.
    pub fetch_len_max: u64,
    /// Longest that one file may take to arrive.
    pub download_time_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            files_max: FILES_MAX,
            file_len_max: FILE_LEN_MAX,
            fetch_len_max: FETCH_LEN_MAX,
            download_time_max: DOWNLOAD_TIME_MAX,
        }
    }
}
