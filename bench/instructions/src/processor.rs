//! Which of a processor's instructions the program sees: the ciphers choose their code by them.

/// Those that aws-lc looks at.
#[cfg(target_arch = "x86_64")]
macro_rules! seen {
    ($($feature:tt),*) => {
        [$(($feature, std::arch::is_x86_feature_detected!($feature))),*]
    };
}

/// The names of those that are there. Under callgrind they are those that it emulates.
#[cfg(target_arch = "x86_64")]
pub(crate) fn features() -> Vec<String> {
    let all = seen![
        "aes",
        "pclmulqdq",
        "ssse3",
        "avx",
        "avx2",
        "bmi1",
        "bmi2",
        "adx",
        "avx512f",
        "avx512bw",
        "avx512vl",
        "vaes",
        "vpclmulqdq",
        "sha"
    ];
    all.iter().filter(|(_, there)| *there).map(|(name, _)| (*name).to_owned()).collect()
}

/// Elsewhere only the architecture is known.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn features() -> Vec<String> {
    vec![std::env::consts::ARCH.to_owned()]
}
