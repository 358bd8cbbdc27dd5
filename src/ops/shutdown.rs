//! The signals that ask this process to end.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The requests to end that were not yet answered.
///
/// They are caught from the moment this exists, so it is made before anything
/// that a signal should not interrupt.
#[derive(Debug)]
pub struct Shutdown {
    terminate: Signal,
    interrupt: Signal,
}

impl Shutdown {
    /// Starts to catch SIGTERM and SIGINT. Needs a runtime.
    ///
    /// # Errors
    ///
    /// If the system does not let us.
    pub fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next request to end. Returns the signal's name.
    pub async fn requested(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[tokio::test]
    async fn a_signal_ends_the_wait_and_not_the_process() {
        let mut shutdown = Shutdown::new().unwrap();
        let send = |name: &str| {
            let id = std::process::id().to_string();
            assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
        };
        send("TERM");
        assert_eq!(shutdown.requested().await, "SIGTERM");
        send("INT");
        assert_eq!(shutdown.requested().await, "SIGINT");
    }
}
