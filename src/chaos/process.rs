//! The gateway as a process of its own, which is killed and started again.

use std::{
    cell::RefCell,
    fs::{self, File, OpenOptions},
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tokio::{net::TcpStream, time::sleep};

/// How long the gateway may take to listen.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);

/// A gateway under test; dropping it ends it.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) address: SocketAddr,
    program: PathBuf,
    settings: PathBuf,
    /// Variables that it must not see.
    hidden: Vec<String>,
    log: PathBuf,
    child: RefCell<Option<Child>>,
    /// When it was killed, and when it listened again.
    pub(super) away: RefCell<Vec<(Instant, Option<Instant>)>>,
}

impl Process {
    /// Starts the gateway with a settings file, at an address that is free now, and waits until it listens.
    pub(super) async fn start(
        program: PathBuf,
        settings: PathBuf,
        hidden: Vec<String>,
        log: PathBuf,
    ) -> io::Result<Self> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let process = Self {
            address,
            program,
            settings,
            hidden,
            log,
            child: RefCell::new(None),
            away: RefCell::new(Vec::new()),
        };
        process.begin().await?;
        Ok(process)
    }

    async fn begin(&self) -> io::Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(&self.program);
        self.hidden.iter().for_each(|name| {
            command.env_remove(name);
        });
        let child = command
            .args(["serve", "--config"])
            .arg(&self.settings)
            .env("SCIMGATE__SERVER__LISTEN", self.address.to_string())
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        *self.child.borrow_mut() = Some(child);
        let start = Instant::now();
        while TcpStream::connect(self.address).await.is_err() {
            let ended = self.child.borrow_mut().as_mut().map(Child::try_wait).transpose()?.flatten();
            if ended.is_some() || start.elapsed() > PATIENCE {
                return Err(io::Error::other(format!(
                    "the gateway does not listen; its log is {}",
                    self.log.display()
                )));
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Kills it as a crash would, and starts it again after a while.
    pub(super) async fn restart(&self, after: Duration) -> io::Result<()> {
        self.kill()?;
        sleep(after).await;
        self.begin().await?;
        if let Some((_, back)) = self.away.borrow_mut().last_mut() {
            *back = Some(Instant::now());
        }
        Ok(())
    }

    /// Kills it as a crash would.
    pub(super) fn kill(&self) -> io::Result<()> {
        self.away.borrow_mut().push((Instant::now(), None));
        if let Some(mut child) = self.child.borrow_mut().take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// True if it was away, killed by us, at some time between the two.
    pub(super) fn was_away(&self, from: Instant, to: Instant) -> bool {
        self.away.borrow().iter().any(|(gone, back)| *gone <= to && back.is_none_or(|back| back >= from))
    }

    /// The number that the system knows it by, while it runs.
    pub(super) fn number(&self) -> Option<u32> {
        self.child.borrow().as_ref().map(Child::id)
    }

    /// True if it has ended without being killed.
    pub(super) fn has_ended(&self) -> bool {
        self.child.borrow_mut().as_mut().is_some_and(|child| !matches!(child.try_wait(), Ok(None)))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.borrow_mut().take() {
            // It may have ended already.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// A file of ours, readable by its owner only, that goes when it is dropped.
#[derive(Debug)]
pub(super) struct OwnFile(pub(super) PathBuf);

impl OwnFile {
    /// Makes it; it must not be there.
    pub(super) fn with(path: &Path, text: &str) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file: File = options.open(path)?;
        io::Write::write_all(&mut file, text.as_bytes())?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        // Nothing can be done about it.
        drop(fs::remove_file(&self.0));
    }
}
