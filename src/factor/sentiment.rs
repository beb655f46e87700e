//! The tone of a headline from our own list of finance words (`data/lexicon/finance.csv`).
//!
//! A headline's score is the sum of the weights of the words and phrases in it, longest phrase first, turned and
//! halved by a negation up to three words before, scaled by a word of degree beside it; a signed percentage counts
//! like a word. Words are compared by a simple stem. No model, no training: the same text always scores the same.

use std::collections::BTreeMap;

/// The list that ships with the program.
const BUILTIN: &str = include_str!("../../data/lexicon/finance.csv");
/// Most words of a phrase.
const PHRASE_WORDS_MAX: usize = 4;
/// Most words of a headline that are read.
const HEADLINE_WORDS_MAX: usize = 200;
/// Words before a term in which a negation turns it.
const NEGATION_REACH: usize = 3;
/// What a negation makes of a weight.
const NEGATION_SCALE: f64 = -0.5;
/// Weight of a signed percentage such as `+5%`.
const PERCENT_WEIGHT: f64 = 1.5;
/// Score at which the tone is one half.
const HALF_TONE_SCORE: f64 = 3.0;
/// Score from which a headline counts as good or bad rather than neutral.
pub const NEUTRAL_MAX: f64 = 1.0;

/// Why a lexicon could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("lexicon line {line}: {reason}")]
pub struct LexiconError {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: &'static str,
}

/// What a headline says of a company.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// Bad news.
    Bearish,
    /// Neither.
    Neutral,
    /// Good news.
    Bullish,
}

/// What an entry does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Entry {
    Tone(f64),
    Negation,
    Degree(f64),
}

/// Finance words and phrases with their weights (-4 to 4), negations and words of degree.
#[derive(Debug, Clone, PartialEq)]
pub struct Lexicon {
    entries: BTreeMap<String, Entry>,
}

impl Lexicon {
    /// Reads `term,kind,weight` lines with a header; kinds are `tone`, `negation`, `degree`.
    pub fn parse(text: &str) -> Result<Self, LexiconError> {
        let mut entries = BTreeMap::new();
        for (k, line) in text.lines().enumerate().skip(1).filter(|(_, l)| !l.trim().is_empty()) {
            let wrong = |reason| LexiconError { line: k + 1, reason };
            let mut parts = line.split(',').map(str::trim);
            let (Some(term), Some(kind), Some(weight)) = (parts.next(), parts.next(), parts.next()) else {
                return Err(wrong("needs term,kind,weight"));
            };
            let weight: f64 = weight.parse().map_err(|_| wrong("the weight is no number"))?;
            let entry = match kind {
                "tone" if weight.abs() <= 4.0 => Entry::Tone(weight),
                "negation" => Entry::Negation,
                "degree" if (0.0..=4.0).contains(&weight) => Entry::Degree(weight),
                "tone" | "degree" => return Err(wrong("the weight is out of range")),
                _ => return Err(wrong("the kind is none of tone, negation, degree")),
            };
            let words = words(term);
            if words.is_empty() || words.len() > PHRASE_WORDS_MAX {
                return Err(wrong("a term has one to four words"));
            }
            if entries.insert(words.join(" "), entry).is_some_and(|old| old != entry) {
                return Err(wrong("the term is there twice with other weights"));
            }
        }
        Ok(Self { entries })
    }

    /// The list that ships with the program.
    pub fn builtin() -> Result<Self, LexiconError> {
        Self::parse(BUILTIN)
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Sum of the weights found, turned and scaled; 0 when nothing is known.
    pub fn score(&self, text: &str) -> f64 {
        let words = words(text);
        let mut total = 0.0;
        let mut at = 0;
        while at < words.len() {
            let (length, weight) = self.match_at(&words, at);
            if weight != 0.0 {
                total += weight * self.context(&words, at, at + length);
            }
            at += length;
        }
        total
    }

    /// The score squeezed into -1 to 1.
    pub fn tone(&self, text: &str) -> f64 {
        let score = self.score(text);
        score / (score.abs() + HALF_TONE_SCORE)
    }

    /// Good, bad or neither.
    pub fn label(&self, text: &str) -> Tone {
        let score = self.score(text);
        if score >= NEUTRAL_MAX {
            Tone::Bullish
        } else if score <= -NEUTRAL_MAX {
            Tone::Bearish
        } else {
            Tone::Neutral
        }
    }

    /// Words taken from `at` on and their weight (0 for an unknown word).
    fn match_at(&self, words: &[String], at: usize) -> (usize, f64) {
        for length in (1..=PHRASE_WORDS_MAX).rev() {
            let Some(slice) = words.get(at..at + length) else { continue };
            match self.entries.get(&slice.join(" ")) {
                Some(Entry::Tone(weight)) => return (length, *weight),
                Some(Entry::Negation | Entry::Degree(_)) => return (length, 0.0),
                None => {}
            }
        }
        let signed = words.get(at).map_or(0.0, |w| match w.as_str() {
            "+%" => PERCENT_WEIGHT,
            "-%" => -PERCENT_WEIGHT,
            _ => 0.0,
        });
        (1, signed)
    }

    /// What the words around `from..to` make of its weight.
    fn context(&self, words: &[String], from: usize, to: usize) -> f64 {
        let mut scale = 1.0;
        let before = words.get(from.saturating_sub(NEGATION_REACH)..from).unwrap_or(&[]);
        let negated = |w: &String| matches!(self.entries.get(w), Some(Entry::Negation));
        let negated_pair = |w: &[String]| matches!(self.entries.get(&w.join(" ")), Some(Entry::Negation));
        if before.iter().any(negated) || before.windows(2).any(negated_pair) {
            scale *= NEGATION_SCALE;
        }
        let beside = [from.checked_sub(1), Some(to)];
        for word in beside.into_iter().flatten().filter_map(|k| words.get(k)) {
            if let Some(Entry::Degree(degree)) = self.entries.get(word) {
                scale *= degree;
            }
        }
        scale
    }
}

/// Stems of the words of a text; cashtags, links and numbers are dropped, a signed percentage is kept.
fn words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase().replace('’', "'");
    let pieces =
        lower.split(|c: char| c.is_whitespace() || matches!(c, '/' | ';' | ',' | ':' | '"' | '(' | ')'));
    pieces.filter_map(word).take(HEADLINE_WORDS_MAX).collect()
}

fn word(piece: &str) -> Option<String> {
    if piece.starts_with(['$', '#', '@']) || piece.starts_with("http") {
        return None;
    }
    let signed = piece.starts_with(['+', '-']) && piece.trim_end_matches(['.', '!', '?']).ends_with('%');
    if signed && piece.contains(|c: char| c.is_ascii_digit()) {
        return Some(format!("{}%", piece.get(..1).unwrap_or("+")));
    }
    let bare = piece.trim_matches(|c: char| !c.is_alphanumeric());
    let bare = bare.strip_suffix("'s").unwrap_or(bare);
    if !bare.contains(char::is_alphabetic) {
        return None;
    }
    Some(stem(bare))
}

/// Takes the endings of plural, past and present participle off words of five letters and more.
fn stem(word: &str) -> String {
    if let Some(base) = word.strip_suffix("ies").filter(|b| b.len() >= 3) {
        return format!("{base}y");
    }
    if let Some(base) = word.strip_suffix("ied").filter(|b| b.len() >= 3) {
        return format!("{base}y");
    }
    let ended = ["ings", "ing", "ed", "es", "s"].into_iter().find_map(|end| {
        word.strip_suffix(end).filter(|b| {
            b.len() >= 3 && !b.ends_with(['s', 'u'])
                || (end == "es" || end == "ed" || end == "ing") && b.len() >= 3
        })
    });
    let base = ended.unwrap_or(word);
    let base = base.strip_suffix('e').filter(|b| b.len() >= 3).unwrap_or(base);
    let mut letters = base.chars().rev();
    match (letters.next(), letters.next()) {
        (Some(a), Some(b))
            if a == b && ended.is_some() && base.len() > 3 && !matches!(a, 'a' | 'e' | 'i' | 'o' | 'u') =>
        {
            base.get(..base.len() - a.len_utf8()).unwrap_or(base).to_owned()
        }
        _ => base.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    #[allow(clippy::disallowed_methods, reason = "tests find the shared data by this variable")]
    fn labelled() -> Option<String> {
        let given = std::env::var("QLIB_PRO_TEST_DATA").ok().map(PathBuf::from);
        let root = given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"));
        let text =
            std::fs::read_to_string(root.join("market/sentiment/finance_posts_labelled_sample.csv")).ok();
        if text.is_none() {
            println!("skipped: no shared data");
        }
        text
    }

    /// Mean over the three labels of the harmonic mean of precision and recall.
    fn macro_f1(pairs: &[(Tone, Tone)]) -> f64 {
        let one = |label: Tone| {
            let both = pairs.iter().filter(|(a, b)| *a == label && *b == label).count() as f64;
            let either =
                pairs.iter().map(|(a, b)| f64::from(*a == label) + f64::from(*b == label)).sum::<f64>();
            2.0 * both / either
        };
        (one(Tone::Bearish) + one(Tone::Neutral) + one(Tone::Bullish)) / 3.0
    }

    #[test]
    fn labels_agree_with_people_far_better_than_chance() {
        let Some(text) = labelled() else { return };
        let lexicon = Lexicon::builtin().unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let pairs: Vec<(Tone, Tone)> = reader
            .records()
            .map(|r| r.unwrap())
            .map(|r| {
                let given = match &r[1] {
                    "bearish" => Tone::Bearish,
                    "bullish" => Tone::Bullish,
                    _ => Tone::Neutral,
                };
                (given, lexicon.label(&r[0]))
            })
            .collect();
        let f1 = macro_f1(&pairs);
        println!("macro-F1 {f1:.4} over {} posts", pairs.len());
        assert!(pairs.len() > 2_000 && f1 >= 0.58, "macro-F1 {f1:.4}");
    }

    #[test]
    fn the_list_is_large_and_of_both_signs() {
        let lexicon = Lexicon::builtin().unwrap();
        assert!(lexicon.len() >= 300, "{}", lexicon.len());
        assert_eq!(lexicon.label("Shares surge after earnings beat"), Tone::Bullish);
        assert_eq!(lexicon.label("Retailer slumps as guidance cut"), Tone::Bearish);
        assert_eq!(lexicon.label("Company to present at conference"), Tone::Neutral);
    }

    #[test]
    fn negation_turns_degree_scales_and_phrases_win_over_words() {
        let lexicon = Lexicon::parse(
            "term,kind,weight\nnot,negation,0\nfails to,negation,0\nsharply,degree,1.5\nslightly,degree,0.5\n\
             gain,tone,2\ntarget raised,tone,3\nraise,tone,1\n",
        )
        .unwrap();
        assert_eq!(lexicon.score("gains"), 2.0);
        assert_eq!(lexicon.score("did not gain"), -1.0);
        assert_eq!(lexicon.score("fails to gain"), -1.0);
        assert_eq!(lexicon.score("gained sharply"), 3.0);
        assert_eq!(lexicon.score("slightly gaining"), 1.0);
        assert_eq!(lexicon.score("Target raised"), 3.0);
        assert_eq!(lexicon.score("$GAIN up +5.2% and -3%, 2019"), 0.0);
        assert_eq!(lexicon.score("+5.2%"), 1.5);
        assert!(lexicon.tone("gain gain gain gain") < 1.0);
    }

    #[test]
    fn a_broken_line_is_named() {
        let error = Lexicon::parse("term,kind,weight\ngain,tone,9\n").unwrap_err();
        assert_eq!(error.to_string(), "lexicon line 2: the weight is out of range");
    }
}
