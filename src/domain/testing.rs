//! What random tests of several rooms share: numbers from a seed, and how long a suite runs.

/// The next number of a sequence that depends on its seed alone (SplitMix64).
pub(crate) fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// How much of a suite runs: `long` where `QLIB_PRO_LONG=1` asks for it, else `gate`.
#[allow(clippy::disallowed_methods, reason = "the long suite is asked for by this variable")]
pub(crate) fn share(long: u64, gate: u64) -> u64 {
    if std::env::var_os("QLIB_PRO_LONG").is_some_and(|v| v == "1") { long } else { gate }
}
