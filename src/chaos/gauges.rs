//! What the gateways hold while the load lasts: memory, open files (connections among them), and threads. What grows
//! from the first part of a long run to the last is a leak.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fmt, fs,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::{check::Contradiction, client::Stage};

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(5);
/// Fewer looks tell nothing.
const FEWEST: usize = 50;
/// Into how many parts a run is divided; the first one is for warming up.
const PARTS: usize = 5;
/// By how much memory may differ: allocators give back when they like.
const SLACK_PERCENT: u64 = 15;
/// Kilobytes that may come beside.
const SLACK: u64 = 8 * 1024;
/// Open files and threads that may come.
const FEW: u64 = 8;

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gauge {
    /// In kilobytes.
    Memory,
    Files,
    Threads,
}

impl Gauge {
    const ALL: [Self; 3] = [Self::Memory, Self::Files, Self::Threads];

    fn word(self) -> &'static str {
        match self {
            Self::Memory => "memory of the gateways, kB",
            Self::Files => "open files",
            Self::Threads => "threads",
        }
    }

    /// Of a process, where the system tells.
    fn read(self, process: u32) -> Option<u64> {
        let line = |name: &str| {
            let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix(name))?.to_owned();
            line.trim().trim_end_matches(" kB").parse().ok()
        };
        match self {
            Self::Memory => line("VmRSS:"),
            Self::Threads => line("Threads:"),
            Self::Files => {
                u64::try_from(fs::read_dir(format!("/proc/{process}/fd")).ok()?.flatten().count()).ok()
            }
        }
    }

    fn may_become(self, first: u64) -> u64 {
        match self {
            Self::Memory => first + first * SLACK_PERCENT / 100 + SLACK,
            Self::Files | Self::Threads => first + FEW,
        }
    }
}

/// All looks, of all gateways together.
#[derive(Debug, Clone, Default)]
pub(super) struct Gauges(BTreeMap<Gauge, Vec<u64>>);

impl Gauges {
    /// Looks again and again while there are requests left, and at the end of the time, if there is one, leaves none.
    pub(super) async fn watch(stage: &Rc<Stage>, end: Option<Instant>) -> Self {
        let gauges = RefCell::new(Self::default());
        let mut next = Instant::now();
        while stage.left.get() > 0 {
            let now = Instant::now();
            if end.is_some_and(|end| now >= end) {
                stage.left.set(0);
            } else if now >= next {
                gauges.borrow_mut().look(stage);
                next = now + EVERY;
            }
            sleep(Duration::from_millis(100)).await;
        }
        gauges.into_inner()
    }

    fn look(&mut self, stage: &Stage) {
        for gauge in Gauge::ALL {
            let of_all = stage.processes.iter().filter_map(|process| gauge.read(process.number()?));
            self.0.entry(gauge).or_default().push(of_all.sum());
        }
    }

    /// The part behind the warming up, and the last one: the middle of each.
    fn ends(looks: &[u64]) -> Option<(u64, u64)> {
        let size = looks.len() / PARTS;
        let part = |number: usize| {
            let mut part = looks.get(number * size..(number + 1) * size)?.to_vec();
            part.sort_unstable();
            part.get(part.len() / 2).copied()
        };
        Some((part(1)?, part(PARTS - 1)?))
    }

    /// What has grown.
    pub(super) fn leaks(&self) -> Vec<Contradiction> {
        let leak = |(gauge, looks): (&Gauge, &Vec<u64>)| {
            let (first, last) = Self::ends(looks).filter(|_| looks.len() >= FEWEST)?;
            let what = || format!("{} grew from {first} to {last}", gauge.word());
            (last > gauge.may_become(first)).then(|| Contradiction::new(None, what(), Vec::new()))
        };
        self.0.iter().filter_map(leak).collect()
    }
}

impl fmt::Display for Gauges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (gauge, looks) in &self.0 {
            if let (Some((first, last)), Some(most)) = (Self::ends(looks), looks.iter().max()) {
                writeln!(
                    f,
                    "{:<34}{first:>8} in the first part, {last} in the last, {most} at most",
                    gauge.word()
                )?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grows(by: u64) -> Gauges {
        let looks = (0..100).map(|n| 100_000 + n * by).collect();
        Gauges([(Gauge::Memory, looks), (Gauge::Files, vec![20; 100])].into())
    }

    #[test]
    fn what_grows_is_told_and_what_wavers_is_not() {
        assert!(grows(0).leaks().is_empty());
        assert!(grows(100).leaks().is_empty());
        let leaks = grows(1000).leaks();
        assert_eq!(leaks.len(), 1);
        assert!(leaks[0].what.contains("130000 to 190000"), "{leaks:?}");
        let files = (0..100).map(|n| 20 + n / 4).collect();
        assert_eq!(Gauges([(Gauge::Files, files)].into()).leaks().len(), 1);
        // A short run tells nothing.
        assert!(Gauges([(Gauge::Files, vec![1, 10, 20, 30, 90])].into()).leaks().is_empty());
    }

    #[test]
    fn a_process_is_looked_at() {
        let own = std::process::id();
        for gauge in Gauge::ALL {
            assert!(gauge.read(own).is_some_and(|number| number > 0), "{gauge:?}");
        }
    }
}
