//! Names of users and hosts, in a program that is linked statically.
//!
//! The C library asks for names whom the administrator has set up (`nsswitch.conf(5)`): modules that it loads, of which
//! each wants the very C library that it was made with. A static program brings its own, and can't rely on finding the same; what it has built in
//! are the system's files and the domain name system. Others are asked through `getent(1)`, a program that can load them.

use std::ffi::{CStr, c_char, c_int};
use std::process::{Command, Stdio};

use nix::unistd::{Uid, User};

unsafe extern "C" {
    /// `nss.h`: what is asked for names of a kind, in place of what the system's file says.
    fn __nss_configure_lookup(database: *const c_char, services: *const c_char) -> c_int;
}

/// Names of users come from the system's files, those of hosts from there and from the domain name system, whatever else is set up. To
/// be called by a static program before it has asked for a name.
pub fn leave_out_name_services() {
    const BUILT_IN: [(&CStr, &CStr); 2] = [(c"passwd", c"files"), (c"hosts", c"files dns")];
    for (database, services) in BUILT_IN {
        // SAFETY: reads two strings that live as long as the program. It fails for databases that don't exist, and these do.
        unsafe { __nss_configure_lookup(database.as_ptr(), services.as_ptr()) };
    }
}

/// Name of a user, if the system knows one.
pub fn user_name(uid: u32) -> Option<String> {
    let known = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    known.map(|user| user.name).or_else(|| asked_elsewhere(uid)).filter(|name| !name.is_empty())
}

fn asked_elsewhere(uid: u32) -> Option<String> {
    let mut getent = Command::new("getent");
    let answer = getent.args(["passwd", &uid.to_string()]).stdin(Stdio::null()).output().ok()?;
    let line = String::from_utf8(answer.stdout).ok()?;
    line.split_once(':').map(|(name, _)| name.to_owned())
}
