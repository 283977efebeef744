//! What one round costs.

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Count {
    pub(crate) instructions: f64,
    /// Rounded to hundredths: a queue that grows once in a while is no cost of a round.
    pub(crate) allocations: f64,
}
