//! An ssh-agent that ends with the test.

use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

pub(crate) struct Agent {
    child: Child,
    room: TempDir,
}

impl Agent {
    /// Starts one that has no keys yet.
    pub(crate) fn start() -> Self {
        // Names of sockets are short.
        let room = tempfile::tempdir().unwrap();
        let mut command = Command::new("ssh-agent");
        command.arg("-D").arg("-a").arg(room.path().join("agent")).stdout(Stdio::piped());
        let mut agent = Self { child: command.spawn().unwrap(), room };
        // It says where it listens once it does.
        let mut line = String::new();
        std::io::BufReader::new(agent.child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        agent
    }

    /// What `SSH_AUTH_SOCK` is set to.
    pub(crate) fn socket(&self) -> PathBuf {
        self.room.path().join("agent")
    }

    /// Gives it the key in a file.
    pub(crate) fn add(&self, key: &Path) {
        let mut command = Command::new("ssh-add");
        command.arg("-q").arg(key).env("SSH_AUTH_SOCK", self.socket());
        assert!(command.status().unwrap().success());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
