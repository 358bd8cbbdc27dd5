//! Child processes: the servers under test, and what Linux knows of them.

use std::{
    fs,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// Ticks of a second in /proc (`USER_HZ`), the same on every common architecture.
const TICKS: u64 = 100;

/// A process that is killed when dropped.
pub(crate) struct Running(Child);

impl Running {
    /// Starts a process, whose standard output can be read.
    pub(crate) fn start(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        Self(child.unwrap_or_else(|e| panic!("{command:?}: {e}")))
    }

    /// Its number.
    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Its standard output; once.
    pub(crate) fn output(&mut self) -> std::process::ChildStdout {
        self.0.stdout.take().expect("nobody took it before")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let ended = self.0.kill().and_then(|()| self.0.wait());
        if let Err(error) = ended {
            eprintln!("process {} was not ended: {error}", self.0.id());
        }
    }
}

/// Starts this program once more, in another role.
pub(crate) fn this(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.arg(role);
    command
}

/// CPU time that a process has used, in user and in kernel mode.
pub(crate) fn cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    // The name in parentheses may hold blanks; utime and stime are fields 14 and 15, counted from 1.
    let (_, fields) = stat.rsplit_once(')').expect("the name is in parentheses");
    let ticks = fields.split_ascii_whitespace().skip(11).take(2).map(|f| f.parse::<u64>().expect("a number"));
    Duration::from_millis(ticks.sum::<u64>() * 1000 / TICKS)
}

/// Resident memory of a process now, and the most it ever had, in megabytes.
pub(crate) fn memory(pid: u32) -> (f64, f64) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let field = |name: &str| {
        let line = status.lines().find_map(|l| l.strip_prefix(name)).expect("Linux tells it");
        line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
    };
    (field("VmRSS:"), field("VmHWM:"))
}
