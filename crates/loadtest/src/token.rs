//! Tokens for a server that asks for them.

use std::fmt;
use std::sync::Arc;

/// Makes a token for each user that the load has. Who does not want to know how gets it from outside.
#[derive(Clone)]
pub struct TokenMaker(Arc<dyn Fn(&str) -> String + Send + Sync>);

impl TokenMaker {
    /// By this function, which gets the user's id.
    pub fn new(make: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(make))
    }

    pub(crate) fn make(&self, uid: &str) -> String {
        (self.0)(uid)
    }
}

/// The same one, not only one that makes the same.
impl PartialEq for TokenMaker {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for TokenMaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenMaker")
    }
}
