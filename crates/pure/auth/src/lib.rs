//! Access tokens: who may do what, in which rooms, until when.
//!
//! A token is a signed JSON Web Token (RFC 7519, the compact form of RFC 7515). Whoever runs the
//! server's users makes them, and the server only checks them: [`Keys::verify`] turns a token
//! into a [`Grant`]. [`SigningKey::sign`] makes one.
//!
//! Pure: there is no clock, no file and no socket here; the time of day comes in.
//!
//! # Keys
//!
//! | algorithm | key |
//! |---|---|
//! | `HS256` | a shared secret of at least [`MIN_SECRET_BYTES`] bytes |
//! | `ES256` | a P-256 key, PEM |
//! | `EdDSA` | an Ed25519 key, PEM |
//!
//! The key says the algorithm; a token's header only chooses among the keys. Where it has a `kid`,
//! that is the key with this id, and otherwise every key of the header's algorithm is tried. So a
//! key is replaced by giving the new one beside the old one until the last old token has expired.
//!
//! # Claims
//!
//! | claim | type | missing | meaning |
//! |---|---|---|---|
//! | `sub` | string | error | the user's id |
//! | `exp` | seconds since 1970 | error | when the token ends |
//! | `nbf` | seconds since 1970 | at once | when the token begins |
//! | `rooms` | list | no room | the rooms, see below |
//! | `publish` | boolean | true | may publish streams |
//! | `subscribe` | boolean | true | may receive streams |
//! | `broadcast` | boolean | true | may send messages to the room |
//! | `record` | boolean | false | may record |
//! | `admin` | boolean | false | may administrate |
//!
//! A string in `rooms` is a room's id, or, with a `*` at its end, what the ids begin with: `"*"` is
//! every room. `{"room": "a*"}` is the room `a*` and no other, `{"prefix": "a"}` the same as `"a*"`.
//!
//! Any other claim is ignored, `iss` and `aud` among them: a key must not sign for anybody else.
//! Clocks may differ by [`CLOCK_SKEW`]. Of a claim that is there twice the last one counts.

mod claims;
mod grant;
mod key_material;
mod keys;
mod room_pattern;
mod signing_key;
mod token_error;

use std::time::Duration;

pub use claims::Claims;
pub use grant::Grant;
pub use key_material::{KeyFlaw, KeyMaterial};
pub use keys::{KeyError, KeyName, KeySpec, Keys};
pub use room_pattern::{RoomPattern, RoomPrefix};
pub use signing_key::{SignError, SigningKey};
pub use token_error::TokenError;

/// The longest token, in bytes. A longer one is not even looked at.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// The shortest shared secret, in bytes: the size of the hash (RFC 7518, section 3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// How far the clock of whoever made a token may be from the one of whoever checks it.
pub const CLOCK_SKEW: Duration = Duration::from_mins(1);
