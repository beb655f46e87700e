//! The random numbers of the SIM exchange: the same on every platform and for ever.
//!
//! xoshiro256** (Blackman and Vigna, 2018) seeded through splitmix64. Normals come from Marsaglia's polar
//! method with `libm::log` and the IEEE square root, so no platform's own mathematics library is asked.
//! A stream is addressed by a key (seed and up to three numbers); streams never share state, so what one
//! consumer draws cannot change what another sees. Not for secrets.

/// One stream of random numbers.
#[derive(Debug, Clone)]
pub struct Rng {
    state: [u64; 4],
    spare: Option<f64>,
}

/// The next output of splitmix64, moving `state` on.
fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Rng {
    /// The stream of a key. Order matters: `[1, 2, 3]` and `[3, 2, 1]` are different streams.
    pub fn keyed(seed: u64, key: [u64; 3]) -> Self {
        let mut mixed = seed;
        for part in key {
            mixed = splitmix(&mut mixed) ^ part.wrapping_mul(0xD6E8_FEB8_6659_FD93);
        }
        let state = [(); 4].map(|()| splitmix(&mut mixed));
        Self { state, spare: None }
    }

    /// 64 uniform bits.
    pub fn bits(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let (c2, d2) = (c ^ a, d ^ b);
        self.state = [a ^ d2, b ^ c2, c2 ^ (b << 17), d2.rotate_left(45)];
        result
    }

    /// Uniform strictly between 0 and 1.
    pub fn uniform(&mut self) -> f64 {
        ((self.bits() >> 12) as f64 + 0.5) / 4_503_599_627_370_496.0
    }

    /// Uniform in `0..bound`; 0 when `bound` is 0. The bias is below 2^-32 for the small bounds used here.
    pub fn below(&mut self, bound: u32) -> u32 {
        (((self.bits() >> 32) * u64::from(bound)) >> 32) as u32
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.uniform() < p
    }

    /// Standard normal.
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let (u, v) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let s = u * u + v * v;
            if s < 1.0 && s > 0.0 {
                let scale = (-2.0 * libm::log(s) / s).sqrt();
                self.spare = Some(v * scale);
                return u * scale;
            }
        }
    }

    /// One of `items`, or `None` when there is none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len() as u32) as usize)
    }

    /// Fisher and Yates.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u32 + 1) as usize);
        }
    }
}

/// The standard normal value below which a share `p` lies, by bisection of `libm::erfc` on ±8.
pub fn normal_quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-8.0_f64, 8.0_f64);
    for _ in 0..50 {
        let middle = (low + high) / 2.0;
        if 0.5 * libm::erfc(-middle / std::f64::consts::SQRT_2) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_pinned() {
        let mut rng = Rng::keyed(7, [1, 2, 3]);
        let first: Vec<u64> = (0..3).map(|_| rng.bits()).collect();
        let mut again = Rng::keyed(7, [1, 2, 3]);
        assert_eq!(first, (0..3).map(|_| again.bits()).collect::<Vec<_>>());
        assert_ne!(first[0], Rng::keyed(7, [3, 2, 1]).bits());
        assert_ne!(first[0], Rng::keyed(8, [1, 2, 3]).bits());
    }

    #[test]
    fn normals_have_mean_zero_and_unit_variance() {
        let mut rng = Rng::keyed(1, [0, 0, 0]);
        let n = 100_000;
        let draws: Vec<f64> = (0..n).map(|_| rng.normal()).collect();
        let mean = draws.iter().sum::<f64>() / f64::from(n);
        let var = draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / f64::from(n);
        assert!(mean.abs() < 0.015 && (var - 1.0).abs() < 0.02, "mean {mean}, variance {var}");
    }

    #[test]
    fn quantiles_match_the_table() {
        for (p, z) in [(0.5, 0.0), (0.975, 1.959_963_985), (0.05, -1.644_853_627)] {
            assert!((normal_quantile(p) - z).abs() < 1e-8);
        }
    }

    #[test]
    fn below_reaches_every_value_and_no_other() {
        let mut rng = Rng::keyed(3, [0, 0, 0]);
        let mut seen = [0; 5];
        (0..1_000).for_each(|_| seen[rng.below(5) as usize] += 1);
        assert!(seen.iter().all(|&n| n > 120));
    }
}
