//! What is done with the bytes of a connection.

use annulus_bench_kit::http::{Malformed, Remainder};

pub(crate) trait Application {
    type State: Default;

    /// Whether the bytes themselves are the answer, so that they go out from where they came in.
    const ECHOES: bool;

    fn answer(
        state: &mut Self::State,
        bytes: &[u8],
        answers: &mut Vec<u8>,
    ) -> Result<(), Malformed>;
}

pub(crate) struct Echo;

impl Application for Echo {
    type State = ();
    const ECHOES: bool = true;

    fn answer((): &mut (), bytes: &[u8], answers: &mut Vec<u8>) -> Result<(), Malformed> {
        answers.extend_from_slice(bytes);
        Ok(())
    }
}

pub(crate) struct Hello;

impl Application for Hello {
    type State = Remainder;
    const ECHOES: bool = false;

    fn answer(
        remainder: &mut Remainder,
        bytes: &[u8],
        answers: &mut Vec<u8>,
    ) -> Result<(), Malformed> {
        remainder.answer(bytes, answers)
    }
}
