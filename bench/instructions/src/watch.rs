//! What a worker does so that an operator sees something.

#[cfg(feature = "uncounted")]
mod absent;
#[cfg(not(feature = "uncounted"))]
mod present;

#[cfg(feature = "uncounted")]
pub(crate) use absent::Watch;
#[cfg(not(feature = "uncounted"))]
pub(crate) use present::Watch;
