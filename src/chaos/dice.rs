//! Random numbers that come again with the same seed (splitmix64).

/// A source of random numbers.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    /// The numbers of a seed; each `who` gets others.
    pub(super) fn new(seed: u64, who: u64) -> Self {
        let mut dice = Self(seed ^ who.wrapping_mul(0xa076_1d64_78bd_642f));
        dice.next();
        dice
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `low` to below `high`.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % high.saturating_sub(low).max(1)
    }

    /// True in so many of a hundred cases.
    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.between(0, 100) < percent
    }

    /// One of some.
    pub(super) fn pick<'t, T>(&mut self, from: &'t [T]) -> Option<&'t T> {
        from.get(usize::try_from(self.between(0, from.len() as u64)).ok()?)
    }

    /// One of some, each with its weight.
    pub(super) fn weighted<T: Copy>(&mut self, from: &[(T, u64)]) -> Option<T> {
        let mut point = self.between(0, from.iter().map(|(_, weight)| weight).sum());
        from.iter()
            .find(|(_, weight)| match point.checked_sub(*weight) {
                Some(rest) => {
                    point = rest;
                    false
                }
                None => true,
            })
            .map(|(what, _)| *what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_tells_the_numbers() {
        let numbers = |seed, who| {
            let mut dice = Dice::new(seed, who);
            [dice.next(), dice.next(), dice.between(10, 20), dice.between(5, 5)]
        };
        assert_eq!(numbers(1, 2), numbers(1, 2));
        assert_ne!(numbers(1, 2), numbers(1, 3));
        assert_ne!(numbers(1, 2), numbers(2, 2));
        assert_eq!(numbers(1, 2)[3], 5);
        let mut dice = Dice::new(7, 0);
        let mut seen = [0; 3];
        for _ in 0..3000 {
            seen[dice.weighted(&[(0, 1), (1, 0), (2, 2)]).unwrap()] += 1;
        }
        assert!(seen[0] > 800 && seen[1] == 0 && seen[2] > 1600, "{seen:?}");
    }
}
