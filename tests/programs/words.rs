//! What programs are made of: the same words for the loop and for the model.

/// A worker: a task that does one command after another.
pub(crate) type Wid = usize;

/// What a worker may wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    Acquire {
        sem: usize,
        count: u32,
    },
    Put {
        queue: usize,
        item: u32,
    },
    Get {
        queue: usize,
    },
    /// Until every item of the queue is done.
    Drain {
        queue: usize,
    },
    /// One byte of the connection.
    Read,
    Token(usize),
    /// The end of another worker.
    Join(Wid),
    /// An operation that ends by itself.
    Nop,
    /// A sleep that ends by itself.
    Nap,
}

/// What is around a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrap {
    Plain,
    Limited,
    /// A limit in a limit.
    Nested,
    Shielded,
    /// `run_until_cancelled` of a token.
    Until(usize),
}

/// What a worker is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    Wait(Wait, Wrap),
    /// Drops the permits that it has had for longest in this scope.
    Release,
    /// Spawns a worker that belongs to nobody.
    Spawn(Wid),
    /// Spawns a worker in the group of its innermost scope.
    Child(Wid),
    /// Opens a scope, and takes its next commands in the body.
    Open,
    /// Ends the body of the innermost scope, or the worker.
    Finish(Result<u32, u32>),
    Panic,
    Defer {
        gated: bool,
    },
}

/// What the program does to workers and to what they share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Tell(Wid, Command),
    Cancel(Wid),
    Abort(Wid),
    /// The limit of a wait passes.
    Expire(Wid, Limit),
    /// Lets a clean-up that waits go on.
    OpenGate(Wid),
    AddPermits(usize, usize),
    CloseSem(usize),
    CloseQueue(usize),
    TaskDone(usize),
    CancelToken(usize),
    Write(u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    Inner,
    Outer,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Started,
    Done,
    Got(u32),
    Closed,
    Expired(Limit),
    /// The token of `Wrap::Until` was cancelled.
    Stopped,
    Joined(End),
    Group(Result<u32, Vec<Fail>>),
}

/// How a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Value(Result<u32, u32>),
    Panicked,
    Cancelled,
}

/// How a child or a body failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fail {
    Error(u32),
    Panic,
}
