//! One value that is written and read by several at once, and what may be read of it.
//!
//! Every request has an interval in which it took effect, if it did: one that was acknowledged between its beginning and its
//! end, another one at any time after its beginning. A read is right if there is an order of all that explains it.

use std::{collections::HashMap, time::Instant};

/// A request that may have given the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Write {
    pub(super) value: String,
    pub(super) began: Instant,
    /// When it was over; `None` if nobody knows whether it happened.
    pub(super) ended: Option<Instant>,
    /// Of a creation that nobody was told of: until then, whatever else was acknowledged came behind it.
    pub(super) first_until: Option<Instant>,
    /// Which event of the history it is.
    pub(super) event: usize,
}

/// A request that was shown the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) value: String,
    pub(super) began: Instant,
    pub(super) ended: Instant,
    pub(super) event: usize,
}

/// The history of one value.
#[derive(Debug, Clone, Default)]
pub(super) struct Register {
    /// What it is before anybody writes it.
    pub(super) initial: Option<String>,
    pub(super) writes: Vec<Write>,
    pub(super) reads: Vec<Read>,
}

/// A read that no order explains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nobody has asked for this value by then.
    Unasked { read: usize },
    /// Another value had replaced it, and the client that wrote that had been told so.
    Stale { read: usize, lost: usize },
    /// Each of two values was shown after the other one.
    BackAndForth { first: usize, second: usize },
}

impl Register {
    /// Puts the writes in their order, which is to be done before faults are asked for: long histories are looked up.
    pub(super) fn sort(&mut self) {
        self.writes.sort_by_key(|write| write.began);
    }

    /// Reads that no order explains.
    pub(super) fn faults(&self) -> Vec<Fault> {
        let mut faults: Vec<Fault> = self.reads.iter().filter_map(|read| self.fault_of(read)).collect();
        if faults.is_empty() {
            faults.extend(self.back_and_forth());
        }
        faults
    }

    fn fault_of(&self, read: &Read) -> Option<Fault> {
        let mut lost = None;
        let until = self.writes.partition_point(|write| write.began < read.ended);
        let sources = self.writes.get(..until).unwrap_or_default().iter().rev();
        // The last one is the most likely one.
        for source in sources.filter(|write| write.value == read.value) {
            let is_first =
                source.ended.is_none() && source.first_until.is_some_and(|until| read.ended < until);
            let replaced = match is_first {
                true => self.replaced(Some(source.began), false, read),
                false => self.replaced(source.ended, source.ended.is_none(), read),
            };
            match replaced {
                None => return None,
                some => lost = lost.or(some),
            }
        }
        if self.initial.as_ref() == Some(&read.value) {
            match self.replaced(None, false, read) {
                None => return None,
                some => lost = lost.or(some),
            }
        }
        Some(match lost {
            None => Fault::Unasked { read: read.event },
            Some(lost) => Fault::Stale { read: read.event, lost },
        })
    }

    /// An acknowledged write of another value that lies wholly between a write and a read.
    fn replaced(&self, ended: Option<Instant>, is_open: bool, read: &Read) -> Option<usize> {
        if is_open {
            return None;
        }
        let from = ended.map_or(0, |ended| self.writes.partition_point(|write| write.began <= ended));
        let between =
            |other: &&Write| other.value != read.value && other.ended.is_some_and(|over| over < read.began);
        let later = self.writes.get(from..).unwrap_or_default().iter();
        later.take_while(|write| write.began < read.began).find(between).map(|write| write.event)
    }

    /// Values that were written once, and acknowledged, and whose times contradict each other: the value was surely
    /// there for a time that lies within that of another value, or both were so at the same time (Gibbons and Korach).
    fn back_and_forth(&self) -> Option<Fault> {
        let mut count: HashMap<&str, usize> = HashMap::new();
        self.writes.iter().for_each(|write| *count.entry(&write.value).or_default() += 1);
        let is_once = |value: &str| count.get(value) == Some(&1) && self.initial.as_deref() != Some(value);
        // When each value was there for certain: the first end and the last beginning of all that tell of it.
        let mut times: HashMap<&str, (Instant, Instant, usize)> = HashMap::new();
        for write in self.writes.iter().filter(|write| is_once(&write.value)) {
            let Some(ended) = write.ended else { continue };
            times.insert(&write.value, (ended, write.began, write.event));
        }
        for read in &self.reads {
            if let Some((first_end, last_begin, _)) = times.get_mut(&*read.value) {
                *first_end = read.ended.min(*first_end);
                *last_begin = read.began.max(*last_begin);
            }
        }
        let mut zones: Vec<(Instant, Instant, usize)> = times.into_values().collect();
        zones.sort_unstable();
        for (at, (end, begin, first)) in zones.iter().enumerate().filter(|(_, (end, begin, _))| end < begin) {
            for (other, (other_end, other_begin, second)) in zones.iter().enumerate() {
                let is_forward = other_end < other_begin;
                let clashes = match is_forward {
                    true => other_end < begin && end < other_begin,
                    false => end < other_begin && other_end < begin,
                };
                if at != other && clashes {
                    return Some(Fault::BackAndForth { first: *first, second: *second });
                }
            }
        }
        None
    }

    /// True if it has this value for certain from one instant to another.
    pub(super) fn is_surely(&self, value: &str, from: Instant, to: Instant) -> bool {
        self.writes.iter().any(|write| {
            let Some(ended) = write.ended else { return false };
            write.value == value
                && ended < from
                && self.writes.iter().all(|other| {
                    other.value == value
                        || other.began > to
                        || other.ended.is_some_and(|over| over < write.began)
                })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// `w1-2 a`: a write of `a` from 1 to 2; `w1-? a`: nobody knows whether it happened; `r3-4 a`: a read.
    fn faults(initial: &str, history: &[&str]) -> Vec<Fault> {
        let start = Instant::now();
        let at = |text: &str| Some(start + Duration::from_secs(text.parse().ok()?));
        let mut register = Register { initial: Some(initial.to_owned()), ..Register::default() };
        for (event, line) in history.iter().enumerate() {
            let (times, value) = line.trim_start_matches(['r', 'w']).split_once(' ').unwrap();
            let (began, ended) = times.split_once('-').unwrap();
            let (value, began, ended) = (value.to_owned(), at(began).unwrap(), at(ended));
            match line.starts_with('w') {
                true => register.writes.push(Write { value, began, ended, first_until: None, event }),
                false => register.reads.push(Read { value, began, ended: ended.unwrap(), event }),
            }
        }
        register.sort();
        register.faults()
    }

    #[test]
    fn what_was_acknowledged_is_there() {
        assert_eq!(faults("x", &["w1-2 a", "r3-4 a"]), []);
        assert_eq!(faults("x", &["w1-2 a", "r3-4 x"]), [Fault::Stale { read: 1, lost: 0 }]);
        assert_eq!(faults("x", &["w1-2 a", "w3-4 b", "r5-6 a"]), [Fault::Stale { read: 2, lost: 1 }]);
        assert_eq!(faults("x", &["w1-2 a", "r3-4 c"]), [Fault::Unasked { read: 1 }]);
        assert_eq!(faults("x", &["r1-2 a", "w3-4 a"]), [Fault::Unasked { read: 0 }]);
    }

    #[test]
    fn what_happens_at_once_may_be_seen_in_any_order() {
        assert_eq!(faults("x", &["w1-4 a", "r2-3 x", "r2-3 a"]), []);
        assert_eq!(faults("x", &["w1-4 a", "w2-3 b", "r5-6 a"]), []);
        assert_eq!(faults("x", &["w1-4 a", "w2-3 b", "r5-6 b"]), []);
        let both = faults("x", &["w1-4 a", "w2-3 b", "r5-6 a", "r7-8 b"]);
        assert!(matches!(both[..], [Fault::BackAndForth { .. }]), "{both:?}");
        let within = faults("x", &["w1-2 a", "w2-3 b", "r4-5 b", "w1-9 c", "r6-7 a"]);
        assert!(!within.is_empty());
    }

    #[test]
    fn what_was_not_answered_may_come_late_or_never() {
        assert_eq!(faults("x", &["w1-? a", "r3-4 x", "r5-6 a"]), []);
        assert_eq!(faults("x", &["w1-? a", "w2-3 b", "r4-5 a"]), []);
        assert_eq!(faults("x", &["w1-? a", "w2-3 b", "r4-5 x"]), [Fault::Stale { read: 2, lost: 1 }]);
    }

    #[test]
    fn certain_is_what_nobody_may_have_changed() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let write = |value: &str, began, ended: Option<u64>| Write {
            value: value.to_owned(),
            began: at(began),
            ended: ended.map(at),
            first_until: None,
            event: 0,
        };
        let mut register = Register { writes: vec![write("a", 1, Some(2))], ..Register::default() };
        assert!(register.is_surely("a", at(3), at(4)));
        assert!(!register.is_surely("a", at(1), at(4)));
        register.writes.push(write("b", 5, None));
        assert!(register.is_surely("a", at(3), at(4)));
        assert!(!register.is_surely("a", at(3), at(6)));
    }
}
