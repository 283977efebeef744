//! The simulator's own randomness: small, fast, and the same on every machine.

/// SplitMix64 (Steele, Lea, Flood 2014): one word of state, every seed is good.
#[derive(Debug, Clone)]
pub(crate) struct Rng {
    state: u64,
}

impl Rng {
    pub(crate) fn new(seed: u64) -> Rng {
        Rng { state: seed ^ 0x5851_f42d_4c95_7f2d }
    }

    /// The next number.
    #[inline]
    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not zero.
    #[inline]
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }

    /// A number of `first..=last`.
    #[inline]
    pub(crate) fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last - first + 1)
    }

    /// True in `per_mille` of a thousand cases. A chance of zero draws nothing.
    #[inline]
    pub(crate) fn chance(&mut self, per_mille: u32) -> bool {
        per_mille != 0 && self.below(1000) < u64::from(per_mille)
    }

    /// A time that is short as a rule and now and then long: exponential in steps, with this mean.
    pub(crate) fn spread(&mut self, mean: u64) -> u64 {
        if mean == 0 {
            return 0;
        }
        // A geometric number of halvings: half of all draws are below the mean's half.
        let doublings = (self.next() | 1 << 6).trailing_zeros();
        self.below((mean << doublings) / 2 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_again_and_another_seed_others() {
        let numbers = |seed| {
            let mut rng = Rng::new(seed);
            (0..8).map(|_| rng.next()).collect::<Vec<_>>()
        };
        assert_eq!(numbers(7), numbers(7));
        assert_ne!(numbers(7), numbers(8));
    }

    #[test]
    fn numbers_stay_in_their_range_and_reach_its_ends() {
        let mut rng = Rng::new(1);
        let drawn: Vec<u64> = (0..1000).map(|_| rng.between(3, 6)).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&3), Some(&6)));
    }

    #[test]
    fn a_chance_comes_about_as_often_as_it_says() {
        let mut rng = Rng::new(2);
        let hits = (0..10_000).filter(|_| rng.chance(250)).count();
        assert!((2_200..2_800).contains(&hits), "{hits}");
        assert!(!(0..1000).any(|_| rng.chance(0)));
    }

    #[test]
    fn spread_times_have_about_their_mean() {
        let mut rng = Rng::new(3);
        let sum: u64 = (0..10_000).map(|_| rng.spread(1000)).sum();
        assert!((500..3_000).contains(&(sum / 10_000)), "{}", sum / 10_000);
        assert_eq!(rng.spread(0), 0);
    }
}
