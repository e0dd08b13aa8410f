//! What a receiver keeps per SSRC: few, found without hashing, and made only for a peer that proved to have the keys.

use super::{MAX_SOURCES, SrtpError};

/// State by SSRC.
pub(super) struct Sources<S> {
    ssrcs: Vec<u32>,
    states: Vec<S>,
    /// Where the last one was found: packets of one SSRC come in runs.
    last: usize,
}

impl<S> Sources<S> {
    pub(super) fn new() -> Self {
        Self { ssrcs: Vec::new(), states: Vec::new(), last: 0 }
    }

    /// The state of `ssrc`, or `None` where there is room for it.
    ///
    /// # Errors
    /// [`SrtpError::TooManySources`].
    #[inline]
    pub(super) fn find(&mut self, ssrc: u32) -> Result<Option<&mut S>, SrtpError> {
        if self.ssrcs.get(self.last) != Some(&ssrc) {
            match self.ssrcs.iter().position(|&known| known == ssrc) {
                Some(at) => self.last = at,
                None if self.ssrcs.len() >= MAX_SOURCES => return Err(SrtpError::TooManySources),
                None => return Ok(None),
            }
        }
        Ok(self.states.get_mut(self.last))
    }

    /// Adds an SSRC that [`Self::find`] did not find.
    pub(super) fn add(&mut self, ssrc: u32, state: S) {
        self.last = self.ssrcs.len();
        self.ssrcs.push(ssrc);
        self.states.push(state);
    }
}
