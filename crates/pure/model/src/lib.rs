//! The values of the control plane: ids, media info, error codes, a room's state machine.
//!
//! Pure: values in, values out. There is no clock, no socket and no environment here; time comes
//! in as a number. Three things live on top of the plain values:
//!
//! - [`Room`]: the truth about one room, a numbered log. Every change gets the room's next version
//!   and is exactly one [`RoomEvent`].
//! - [`Speakers`]: who of a room is heard to speak, without flapping.
//! - [`RoomView`]: what somebody who only hears the events keeps. Whatever happens to the events on
//!   their way (lost, doubled, out of order), the view ends with the truth and lets every fact
//!   through once.

pub mod error_code;
pub mod facts;
pub mod ids;
pub mod json_text;
pub mod media_info;
pub mod media_notice;
pub mod preference;
pub mod room;
pub mod speakers;
pub mod view;

pub use error_code::ErrorCode;
pub use facts::{Gone, Notice, Owner, RoomEvent, RoomState, Stream, Takeover, User};
pub use ids::{InvalidId, LayerName, NodeId, RoomId, StreamId, SubscriptionId, UserId};
pub use json_text::{InvalidJson, JsonText};
pub use media_info::{InvalidMediaInfo, MediaInfo};
pub use media_notice::{LayerWanted, MediaFact, MediaNotice};
pub use preference::Preference;
pub use room::{EventsSince, Left, Refusal, Removed, Room};
pub use speakers::{Speaker, Speakers, SpeakersOfNode};
pub use view::{Applied, RoomView};
