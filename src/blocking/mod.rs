//! blocking
pub(crate) struct BlockingPool;
