//! Short by default, long with `ANNULUS_SOAK=1`.

/// Whether the long rounds were asked for.
pub(crate) fn is_on() -> bool {
    std::env::var_os("ANNULUS_SOAK").is_some_and(|value| value == "1")
}

/// `short` rounds by default, `long` ones in a soak.
pub(crate) fn rounds(short: usize, long: usize) -> usize {
    if is_on() { long } else { short }
}

/// A seed for one run, printed so that a failure can be run again with `ANNULUS_SEED`.
pub(crate) fn seed() -> fastrand::Rng {
    let given = std::env::var("ANNULUS_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    eprintln!("ANNULUS_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}
