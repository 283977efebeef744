//! The servers of the examples in a simulated world, tested as a user would test them (feature
//! `sim`). Their code is the examples' own.

#![allow(dead_code, reason = "the tests use part of the examples")]

#[path = "../../examples/http/accept.rs"]
mod accept;
#[path = "../../examples/http/body.rs"]
mod body;
#[path = "../../examples/http/connection.rs"]
mod connection;
#[path = "../../examples/http/download.rs"]
mod download;
#[path = "../../examples/echo.rs"]
mod echo;
#[path = "../../examples/http/files.rs"]
mod files;
#[path = "../../examples/http/input.rs"]
mod input;
#[path = "../../examples/http/limits.rs"]
mod limits;
#[path = "../../examples/http/metrics.rs"]
mod metrics;
#[path = "../../examples/http/range.rs"]
mod range;
#[path = "../../examples/http/request.rs"]
mod request;
#[path = "../../examples/http/response.rs"]
mod response;
#[path = "../../examples/http/server.rs"]
mod server;
#[path = "../../examples/http/status.rs"]
mod status;

mod echoes;
mod pages;
