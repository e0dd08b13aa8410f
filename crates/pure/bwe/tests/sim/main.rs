//! Estimator and pacer over simulated links, in virtual time: what they reach, and that they keep reaching it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "these are tests: what is not as expected fails them"
)]
#![expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]

mod layers;
mod link;
mod measure;
mod ours;
mod random;
mod scenarios;
mod source;
mod str0m_pair;
mod table;
mod world;
