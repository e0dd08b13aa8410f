//! The whole program, in this process and as processes. One binary for all of it, because linking it is what takes time.
#![expect(clippy::unwrap_used, reason = "a broken assumption is a failed test")]

mod admin;
mod cluster;
mod command_line;
mod operator;
mod standalone;
mod support;
mod tokens;
mod webhooks;
mod without_servers;
