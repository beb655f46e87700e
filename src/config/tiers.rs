//! A fee's tiers as one text: `300000:0.002, 3000000:0.0015:0.5`, each of shares, price per share and basis points.

use super::registry::{bps, show_bps};
use crate::domain::venue::{FeeTier, FeeTiers};
use crate::domain::{Price, Ratio};

/// What such a text is, in words.
pub(super) const TIERS_EXPECTED: &str = "tiers by rising shares of the month, such as 300000:0.002, 3000000:0.0015 (SHARES:PER_SHARE or \
                                         SHARES:PER_SHARE:BPS, at most 4), or nothing";

pub(super) fn tiers_of(text: &str) -> Option<FeeTiers> {
    if text.trim().is_empty() {
        return Some(FeeTiers::default());
    }
    let tiers = text.split(',').map(|tier| tier_of(tier.trim())).collect::<Option<Vec<_>>>()?;
    FeeTiers::of(&tiers).ok()
}

fn tier_of(text: &str) -> Option<FeeTier> {
    let (from, price) = text.split_once(':')?;
    let (per_share, rate) = price.split_once(':').unwrap_or((price, "0"));
    Some(FeeTier { from: from.parse().ok()?, per_share: per_share.parse::<Price>().ok()?, rate: bps(rate)? })
}

pub(super) fn tier_words(tiers: &FeeTiers) -> String {
    let word = |tier: &FeeTier| match tier.rate {
        Ratio::ZERO => format!("{}:{}", tier.from, tier.per_share),
        rate => format!("{}:{}:{}", tier.from, tier.per_share, show_bps(rate)),
    };
    tiers.iter().map(word).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_are_read_back_as_they_are_shown_and_nonsense_is_refused() {
        for text in ["", "300000:0.002", "300000:0.002, 3000000:0.0015:0.5, 20000000:0:1"] {
            assert_eq!(tier_words(&tiers_of(text).unwrap()), text);
        }
        assert_eq!(tier_words(&tiers_of(" 5:1:0,10:0.5 ").unwrap()), "5:1, 10:0.5");
        let bad = [
            "5",
            "5:",
            ":1",
            "5:1:",
            "x:1",
            "5:-1",
            "-5:1",
            "0:1",
            "5:1,",
            "5:1,5:1",
            "9:1, 5:1",
            "5:1:x",
            "5:1:-1",
            "5:1:20000",
            "5:1:0.000001",
            "1:1,2:1,3:1,4:1,5:1",
        ];
        for text in bad {
            assert_eq!(tiers_of(text), None, "{text}");
        }
    }
}
