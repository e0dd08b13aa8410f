//! Random ids, never zero.

/// For a trace. `None`: the system gives no random bytes.
pub(super) fn trace() -> Option<u128> {
    let high = span()?;
    let low = span()?;
    Some(u128::from(high) << 64 | u128::from(low))
}

/// For a span. `None`: the system gives no random bytes.
pub(super) fn span() -> Option<u64> {
    getrandom::u64().ok().map(|id| id.max(1))
}
