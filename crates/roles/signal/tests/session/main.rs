//! The mechanics of sessions, against a whole signalling node: real WebSockets,
//! a real register over the in-memory store, and an SFU that only pretends.

#[cfg(test)]
mod admin;
#[cfg(test)]
mod client;
#[cfg(test)]
mod ending;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod fake_sfu;
#[cfg(test)]
mod handshake;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod media_notices;
#[cfg(test)]
mod moving;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod rooms;
#[cfg(test)]
mod speakers;
#[cfg(test)]
mod steering;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod unreliable;
#[cfg(test)]
mod world;
