//! Headlines of the SIM exchange, from templates of our own in `data/sim/headlines.txt`.
//!
//! What is written follows what happened: reports beat or miss with the surprise that also moves quality, and
//! the tone of the other headlines leans with quality (which also moves future returns) and with recent returns.
//! So a sentiment factor has a modest, honest edge. Every headline says that it is simulated.

use std::collections::BTreeMap;

use crate::domain::market::Headline;
use crate::domain::{CleanText, Instrument};

use super::calendar::{date_of, instant};
use super::process::Day;
use super::rng::Rng;

/// Source of every headline.
pub const NEWS_SOURCE: &str = "SIM Newswire (simulated)";

const TEMPLATES: &str = include_str!("../../../data/sim/headlines.txt");
const STREAM_NEWS: u64 = 5;
/// Chance a session of a headline that leans with quality and recent returns.
const STORY_CHANCE: f64 = 0.06;
/// Chance a session of a headline without tone.
const NEUTRAL_CHANCE: f64 = 0.012;
/// Surprise within which a report is called in line, in standard deviations.
const IN_LINE: f64 = 0.25;

const GOOD: [&str; 5] = ["upgrade", "product", "contract", "guidance_up", "buyback"];
const BAD: [&str; 5] = ["downgrade", "recall", "contract_lost", "guidance_cut", "probe"];

/// Templates by kind.
pub type Templates = BTreeMap<&'static str, Vec<&'static str>>;

/// Who writes about one name on one session.
pub struct Desk<'a> {
    /// Seed of the simulation.
    pub seed: u64,
    /// Number of the session.
    pub index: u32,
    /// Number of the name.
    pub number: u64,
    /// The name.
    pub instrument: &'a Instrument,
    /// What can be written.
    pub templates: &'a Templates,
}

impl Desk<'_> {
    /// Adds the name's headlines of the session.
    pub fn write(&self, day: &Day, out: &mut Vec<Headline>) {
        let mut rng = Rng::keyed(self.seed, [STREAM_NEWS, u64::from(self.index), self.number]);
        if let Some(report) = &day.report {
            let kind = match report.surprise {
                s if s > IN_LINE => "beat",
                s if s < -IN_LINE => "miss",
                _ => "in_line",
            };
            let eps = format!("{:.2}", report.figures.eps);
            self.publish(kind, &eps, &mut rng, out);
        }
        if day.news {
            let kinds = if day.log_return > 0.0 { GOOD } else { BAD };
            self.publish(rng.pick(&kinds).unwrap_or(&""), "", &mut rng, out);
        }
        if rng.chance(STORY_CHANCE) {
            let good = (0.5 + 0.20 * day.quality + 0.035 * day.momentum).clamp(0.05, 0.95);
            let kinds = if rng.chance(good) { GOOD } else { BAD };
            self.publish(rng.pick(&kinds).unwrap_or(&""), "", &mut rng, out);
        }
        if rng.chance(NEUTRAL_CHANCE) {
            self.publish("neutral", "", &mut rng, out);
        }
        if day.dividend > 0 {
            let amount = format!("{}.{:02}", day.dividend / 100, day.dividend % 100);
            self.publish("dividend", &amount, &mut rng, out);
        }
        if let Some((new, old)) = day.split {
            self.publish("split", &format!("{new} for {old}"), &mut rng, out);
        }
    }

    fn publish(&self, kind: &str, detail: &str, rng: &mut Rng, out: &mut Vec<Headline>) {
        let Some(template) = self.templates.get(kind).and_then(|t| rng.pick(t)) else { return };
        let text = template.replace("{name}", self.instrument.name.as_str()).replace("{detail}", detail);
        let (from, to) = if matches!(kind, "neutral" | "upgrade" | "downgrade") {
            MORNING_TO_EVENING
        } else {
            BEFORE_OPEN
        };
        let seconds = from + i64::from(rng.below((to - from) as u32));
        out.push(Headline {
            instrument: self.instrument.id,
            time: instant(date_of(self.index), seconds),
            headline: CleanText::new(&text),
            source: CleanText::new(NEWS_SOURCE),
        });
    }
}

/// Seconds after midnight between which news that moves the open is published: 06:00 to 09:25.
const BEFORE_OPEN: (i64, i64) = (21_600, 33_900);
/// Seconds after midnight between which other news is published: 07:00 to 19:00.
const MORNING_TO_EVENING: (i64, i64) = (25_200, 68_400);

/// The bundled templates: lines `kind | text`.
pub fn templates() -> Templates {
    let mut templates = Templates::new();
    for (kind, text) in TEMPLATES.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_once(" | "))
    {
        templates.entry(kind).or_default().push(text);
    }
    templates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_templates_with_the_name() {
        let kinds = ["beat", "miss", "in_line", "neutral", "dividend", "split"];
        let templates = templates();
        for kind in kinds.iter().chain(&GOOD).chain(&BAD) {
            assert!(templates[kind].len() >= 3, "{kind}");
            assert!(templates[kind].iter().all(|t| t.contains("{name}")), "{kind}");
        }
        assert_eq!(templates.len(), kinds.len() + GOOD.len() + BAD.len());
    }
}
