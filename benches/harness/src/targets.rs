//! Targets: what annulus should reach, beside what it and the others did.

/// One row of the page of targets.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// What is measured, and where.
    pub what: String,
    /// The target in words.
    pub target: String,
    pub ours: Option<f64>,
    /// The best of the peers, by name.
    pub best_peer: Option<(String, f64)>,
    pub tokio: Option<f64>,
    pub raw_ring: Option<f64>,
    /// `None` where it could not be told.
    pub met: Option<bool>,
}
