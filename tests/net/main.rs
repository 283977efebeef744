//! TCP: connections, listeners, halves, options, and what cancelling and closing may not lose.

mod accept;
mod close;
mod connect;
mod halves;
mod options;
mod shutdown;
mod support;
