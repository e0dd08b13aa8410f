//! Against real HTTP servers on loopback.

mod addresses;
mod answers;
mod delivery;
mod end;
mod harness;
mod receiver;
mod tls;
