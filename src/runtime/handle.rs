//! Reaches a loop from any thread.

/// A name of a loop that may be kept and used anywhere.
#[derive(Debug, Clone)]
pub struct Handle {
    number: u32,
}

impl Handle {
    pub(super) fn new(number: u32) -> Self {
        Handle { number }
    }

    /// The loop's number.
    pub fn id(&self) -> u32 {
        self.number
    }
}
