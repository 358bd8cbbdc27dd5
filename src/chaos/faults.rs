//! What goes wrong, and when.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    io,
    process::{Command, Stdio},
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::{
    client::Stage,
    dice::Dice,
    proxy::{End, Proxy},
};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    Delay,
    Swallow,
    Close,
    Midway,
    Reset,
    Refuse,
    KillGateway,
    RestartStore,
}

impl Fault {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Delay => "delay",
            Self::Swallow => "swallow",
            Self::Close => "cut",
            Self::Midway => "cut in the middle of a message",
            Self::Reset => "reset",
            Self::Refuse => "refuse connections",
            Self::KillGateway => "kill the gateway",
            Self::RestartStore => "restart the store",
        }
    }
}

/// Ways to the servers, and what may be done to them.
pub(super) struct Trouble {
    pub(super) stage: Rc<Stage>,
    pub(super) proxies: Vec<Proxy>,
    pub(super) kills: bool,
    pub(super) restart: Option<String>,
    pub(super) dice: Dice,
    pub(super) counts: RefCell<BTreeMap<Fault, u64>>,
}

/// How long the command that restarts the store may take.
const RESTART: Duration = Duration::from_secs(120);
/// How often its end is looked for.
const PAUSE: Duration = Duration::from_millis(20);

impl Trouble {
    /// Makes trouble for as long as there are requests left.
    pub(super) async fn make(&mut self) -> io::Result<()> {
        let network: &[(Fault, u64)] = &[
            (Fault::Delay, 4),
            (Fault::Swallow, 2),
            (Fault::Close, 3),
            (Fault::Midway, 4),
            (Fault::Reset, 4),
            (Fault::Refuse, 2),
        ];
        let mut choice: Vec<(Fault, u64)> = Vec::new();
        if !self.proxies.is_empty() {
            choice.extend(network);
        }
        if self.kills {
            choice.push((Fault::KillGateway, 2));
        }
        if self.restart.is_some() {
            choice.push((Fault::RestartStore, 1));
        }
        // Each of them once, the rarest first; then as they come.
        let mut first: Vec<Fault> = choice.iter().map(|(fault, _)| *fault).collect();
        while self.stage.left.get() > 0 {
            sleep(Duration::from_millis(self.dice.between(50, 1200))).await;
            if let Some(fault) = first.pop().or_else(|| self.dice.weighted(&choice)) {
                *self.counts.borrow_mut().entry(fault).or_default() += 1;
                self.begin(fault).await?;
            }
        }
        self.end();
        Ok(())
    }

    /// Everything passes again.
    fn end(&self) {
        for proxy in &self.proxies {
            proxy.set_refusing(false);
            proxy.set_swallowing(false);
            proxy.set_delay(Duration::ZERO);
        }
    }

    async fn begin(&mut self, fault: Fault) -> io::Result<()> {
        let at = usize::try_from(self.dice.between(0, self.proxies.len() as u64)).unwrap_or(0);
        let mut times = self.dice.clone();
        let mut short = |low, high| Duration::from_millis(times.between(low, high));
        let mut dice = Dice::new(self.dice.next(), 0);
        let all = dice.chance(50);
        match (fault, self.proxies.get(at)) {
            (Fault::Delay, Some(proxy)) => {
                proxy.set_delay(short(10, 150));
                sleep(short(200, 1500)).await;
            }
            (Fault::Swallow, Some(proxy)) => {
                proxy.set_swallowing(true);
                // Some of it lasts longer than the gateway waits.
                sleep(if dice.chance(15) { short(3500, 5000) } else { short(200, 1500) }).await;
                if all {
                    proxy.end(End::Reset, || true);
                }
            }
            (Fault::Close, Some(proxy)) => proxy.end(End::Close, || all || dice.chance(40)),
            (Fault::Midway, Some(proxy)) => proxy.end(End::Midway, || all || dice.chance(40)),
            (Fault::Reset, Some(proxy)) => proxy.end(End::Reset, || all || dice.chance(40)),
            (Fault::Refuse, Some(proxy)) => {
                proxy.set_refusing(true);
                if all {
                    proxy.end(End::Reset, || true);
                }
                sleep(short(100, 1500)).await;
            }
            (Fault::KillGateway, _) => {
                let count = self.stage.processes.len() as u64;
                let at = usize::try_from(dice.between(0, count)).unwrap_or(0);
                if let Some(process) = self.stage.processes.get(at) {
                    process.restart(short(0, 500)).await?;
                }
            }
            (Fault::RestartStore, _) => self.restart_store().await?,
            (_, None) => {}
        }
        self.end();
        Ok(())
    }

    async fn restart_store(&self) -> io::Result<()> {
        let Some(command) = &self.restart else { return Ok(()) };
        let mut child =
            Command::new("sh").args(["-c", command]).stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        let start = Instant::now();
        loop {
            match child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => {
                    return Err(io::Error::other(format!("the command that restarts the store: {status}")));
                }
                None if start.elapsed() > RESTART => {
                    child.kill()?;
                    child.wait()?;
                    return Err(io::Error::other("the command that restarts the store does not end"));
                }
                None => sleep(PAUSE).await,
            }
        }
    }
}
