//! How far a long command has come, on standard error: a bar where somebody looks at it, else a line every
//! few seconds.

use std::{
    cell::Cell,
    io::{IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

/// Characters of the bar.
const WIDTH: usize = 30;
/// How often the bar moves.
const BAR: Duration = Duration::from_millis(100);
/// How often there is a line.
const LINES: Duration = Duration::from_secs(5);

/// A task under way.
#[derive(Debug)]
pub(super) struct Progress {
    what: String,
    total: u64,
    done: Cell<u64>,
    start: Instant,
    shown: Cell<Instant>,
    is_terminal: bool,
}

impl Progress {
    /// Begins a task of so many pieces; 0 if nobody knows.
    pub(super) fn new(what: impl Into<String>, total: u64) -> Self {
        let now = Instant::now();
        let is_terminal = std::io::stderr().is_terminal();
        Self { what: what.into(), total, done: Cell::new(0), start: now, shown: Cell::new(now), is_terminal }
    }

    /// More pieces are done.
    pub(super) fn add(&self, pieces: u64) {
        self.done.set(self.done.get() + pieces);
        if self.shown.get().elapsed() >= if self.is_terminal { BAR } else { LINES } {
            self.shown.set(Instant::now());
            self.show(false);
        }
    }

    /// The task is over. Returns the pieces.
    pub(super) fn finish(&self) -> u64 {
        self.show(true);
        self.done.get()
    }

    fn show(&self, is_last: bool) {
        let text = line(&self.what, self.done.get(), self.total, self.start.elapsed());
        let mut out = std::io::stderr().lock();
        let shown = match (self.is_terminal, is_last) {
            (true, false) => write!(out, "\r\x1b[K{text}").and_then(|()| out.flush()),
            (true, true) => writeln!(out, "\r\x1b[K{text}"),
            (false, _) => writeln!(out, "{text}"),
        };
        // Nobody may be there to read it any more.
        drop(shown);
    }
}

/// `User [######------]  50 %  10000 of 20000, 8000/s, 2 s left`.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "for people"
)]
fn line(what: &str, done: u64, total: u64, passed: Duration) -> String {
    let seconds = passed.as_secs_f64().max(0.001);
    // More may come than there were when they were counted.
    let left = total.saturating_sub(done);
    let rate = done as f64 / seconds;
    let time = match (left > 0 && rate > 0.0).then(|| (left as f64 / rate).ceil()) {
        Some(left) => format!("{left:.0} s left"),
        None => format!("{seconds:.1} s"),
    };
    if total == 0 {
        return format!("{what}  {done}, {rate:.0}/s, {time}");
    }
    let share = done as f64 / total.max(done) as f64;
    let full = ((share * WIDTH as f64) as usize).min(WIDTH);
    let bar = format!("{}{}", "#".repeat(full), "-".repeat(WIDTH - full));
    format!("{what} [{bar}] {:3.0} %  {done} of {total}, {rate:.0}/s, {time}", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_how_far_how_fast_and_how_long() {
        let two = Duration::from_secs(2);
        assert_eq!(
            line("User", 10_000, 40_000, two),
            "User [#######-----------------------]  25 %  10000 of 40000, 5000/s, 6 s left"
        );
        assert_eq!(
            line("User", 40, 40, two),
            "User [##############################] 100 %  40 of 40, 20/s, 2.0 s"
        );
        // More came than there were when they were counted.
        assert!(line("User", 41, 40, two).contains("] 100 %  41 of 40"));
        assert_eq!(line("Group", 0, 0, two), "Group  0, 0/s, 2.0 s");
    }
}
