//! Runs a kernel compiled for the widest vectors of this machine. The only unsafe code of the project.
//!
//! The same source is compiled for each instruction set; the compiler never contracts a product and a sum into one
//! rounding, so every path gives the same bits.

/// Runs `work` with the widest vectors there are. `work` must be a closure marked `#[inline(always)]`, and what it
/// calls must be inlined too, or it is compiled for the plain instruction set.
#[inline(always)]
pub fn fastest<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    {
        if wide_512() {
            // SAFETY: `avx512` needs the features that `wide_512` has just found on this processor.
            #[allow(unsafe_code, reason = "the call is sound on a processor that has the features")]
            return unsafe { avx512(work) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: `avx2` needs the one feature that has just been found on this processor.
            #[allow(unsafe_code, reason = "the call is sound on a processor that has the feature")]
            return unsafe { avx2(work) };
        }
    }
    work()
}

#[cfg(target_arch = "x86_64")]
fn wide_512() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn avx512<R>(work: impl FnOnce() -> R) -> R {
    work()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2<R>(work: impl FnOnce() -> R) -> R {
    work()
}
