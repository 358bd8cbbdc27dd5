//! What came of a run, for people. Its values are those of the resources that the run itself has made.

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, Instant},
};

use super::{
    check::Contradiction,
    faults::Fault,
    gauges::Gauges,
    history::{Event, Kind, Members, Number, Outcome},
    world::World,
};

/// Contradictions that are told with their history.
const TOLD: usize = 10;
/// Lines of a history.
const LINES: usize = 60;
/// Lines of it that show a contradiction and are told with those around them.
const MARKS: usize = 6;

/// What came of a run.
#[derive(Debug, Default)]
pub struct Report {
    /// The seed of the run.
    pub seed: u64,
    /// Requests that were sent.
    pub requests: usize,
    /// How many contradictions there are.
    pub contradictions: usize,
    took: Duration,
    /// By kind of request: done, refused, told to come back, no answer.
    kinds: BTreeMap<Kind, [usize; 4]>,
    faults: BTreeMap<Fault, u64>,
    gauges: Gauges,
    longest: Duration,
    middle: Duration,
    told: Vec<String>,
}

impl Report {
    pub(super) fn of(
        world: &World,
        seed: u64,
        start: Instant,
        (faults, gauges): (BTreeMap<Fault, u64>, Gauges),
        found: &[Contradiction],
        last: usize,
    ) -> Self {
        let load = world.history.get(..last).unwrap_or_default();
        let mut kinds: BTreeMap<Kind, [usize; 4]> = BTreeMap::new();
        for event in load {
            let column = match event.outcome {
                Outcome::Done => 0,
                Outcome::Refused { .. } | Outcome::Wrong { .. } => 1,
                Outcome::Later => 2,
                Outcome::Lost { .. } => 3,
            };
            if let Some(count) = kinds.entry(event.kind).or_default().get_mut(column) {
                *count += 1;
            }
        }
        let mut times: Vec<Duration> =
            load.iter().map(|event| event.ended.saturating_duration_since(event.began)).collect();
        times.sort_unstable();
        Self {
            seed,
            requests: load.len(),
            contradictions: found.len(),
            took: load.last().map_or(Duration::ZERO, |event| event.ended.saturating_duration_since(start)),
            kinds,
            faults,
            gauges,
            longest: times.last().copied().unwrap_or_default(),
            middle: times.get(times.len() / 2).copied().unwrap_or_default(),
            told: told(world, start, found),
        }
    }
}

/// Contradictions, those of one resource together with its history.
fn told(world: &World, start: Instant, found: &[Contradiction]) -> Vec<String> {
    let mut by_number: BTreeMap<Option<Number>, Vec<&Contradiction>> = BTreeMap::new();
    for one in found {
        by_number.entry(one.number).or_default().push(one);
    }
    by_number.into_iter().take(TOLD).map(|(number, all)| story(world, start, number, &all)).collect()
}

fn story(world: &World, start: Instant, number: Option<Number>, all: &[&Contradiction]) -> String {
    let known = number.and_then(|number| world.known.get(number));
    let mut text = match (number, known) {
        (Some(number), Some(known)) => {
            format!("#{number} {} {}", known.name, known.id.as_deref().unwrap_or("of unknown id"))
        }
        _ => "contradiction".to_owned(),
    };
    for one in all.iter().take(TOLD) {
        text.push_str(&format!("\n  ! {}", one.what));
    }
    let (mut lines, mut named) = (Vec::new(), Vec::new());
    for (at, event) in world.history.iter().enumerate() {
        let shows = event.seen.iter().filter(|image| image.number.is_some() && image.number == number);
        let is_named = all.iter().any(|one| one.events.contains(&at));
        let is_own = event.number.is_some() && event.number == number;
        if !is_named && !is_own && !touches_members(world, all, event) {
            continue;
        }
        let mark = if is_named { "  >" } else { "   " };
        named.extend(is_named.then_some(lines.len()));
        lines.push(format!("{mark} {}", event.line(start)));
        lines.extend(shows.map(|image| format!("        {}", image.line())));
    }
    for (from, to) in told_lines(lines.len(), &named) {
        if from > 0 {
            text.push_str("\n    …");
        }
        for line in lines.get(from..to).unwrap_or_default() {
            text.push('\n');
            text.push_str(line);
        }
    }
    text
}

/// Which lines of a history are told: those around the ones that show a contradiction, or else the last ones.
fn told_lines(count: usize, named: &[usize]) -> Vec<(usize, usize)> {
    if count <= LINES || named.is_empty() {
        return vec![(count.saturating_sub(LINES), count)];
    }
    let around = LINES / (2 * named.len().min(MARKS));
    let mut parts: Vec<(usize, usize)> = Vec::new();
    for at in named.iter().take(MARKS) {
        let (from, to) = (at.saturating_sub(around), (at + around).min(count));
        match parts.last_mut() {
            Some((_, end)) if *end >= from => *end = to,
            _ => parts.push((from, to)),
        }
    }
    parts
}

/// True if an event changes somebody whom an event of a contradiction names as a member, at the same time.
fn touches_members(world: &World, all: &[&Contradiction], event: &Event) -> bool {
    let is_change = matches!(event.kind, Kind::Delete | Kind::Rename | Kind::Replace);
    let named = all.iter().flat_map(|one| &one.events).filter_map(|at| world.history.get(*at));
    is_change
        && named.into_iter().any(|other| {
            let users = match &other.members {
                Members::With(users) | Members::All(users) => users,
                Members::Same | Members::Without(_) => return false,
            };
            let is_meanwhile = event.began <= other.ended && other.began <= event.ended;
            is_meanwhile && event.number.is_some_and(|number| users.contains(&number))
        })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for told in &self.told {
            writeln!(f, "{told}\n")?;
        }
        let Self { seed, requests, took, middle, longest, .. } = self;
        writeln!(f, "seed {seed}: {requests} requests in {:.1} s", took.as_secs_f64())?;
        writeln!(
            f,
            "an answer took {} ms in the middle, {} ms at most\n",
            middle.as_millis(),
            longest.as_millis()
        )?;
        writeln!(f, "{:<34}{:>8}{:>8}{:>8}{:>10}", "request", "done", "4xx", "503", "no answer")?;
        let mut all = [0; 4];
        for (kind, counts) in &self.kinds {
            let [done, refused, later, lost] = counts;
            writeln!(f, "{:<34}{done:>8}{refused:>8}{later:>8}{lost:>10}", kind.word())?;
            all.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
        let [done, refused, later, lost] = all;
        writeln!(f, "{:<34}{done:>8}{refused:>8}{later:>8}{lost:>10}\n", "all")?;
        for (fault, count) in &self.faults {
            writeln!(f, "{:<34}{count:>8}", fault.word())?;
        }
        write!(f, "{}", self.gauges)?;
        writeln!(f, "\ncontradictions: {}", self.contradictions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_contradicts_is_told_with_what_is_around_it() {
        assert_eq!(told_lines(40, &[3]), [(0, 40)]);
        assert_eq!(told_lines(400, &[]), [(340, 400)]);
        assert_eq!(told_lines(400, &[100]), [(70, 130)]);
        assert_eq!(told_lines(400, &[10, 20, 399]), [(0, 30), (389, 400)]);
    }
}
