//! The journal's canonical encoding and hash chain, and the [`Batch`] that the store writes.
//!
//! An event is encoded as JSON with its fields in the order of their declaration (version 1); the chain is
//! `hash(n) = SHA-256(hash(n-1) ‖ encoding(n))`, and `hash(0)` is 32 zero bytes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::event::Event;
use super::posting::Posting;
use super::row::Row;

/// Version of the encoding below; stored with every event.
pub const ENCODING_VERSION: u32 = 1;

/// A link of the chain.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainHash([u8; 32]);

impl ChainHash {
    /// Before the first event.
    pub const START: ChainHash = ChainHash([0; 32]);

    /// The raw bytes.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// From stored bytes; `None` unless there are 32.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(ChainHash)
    }

    /// The next link for an encoded event.
    pub fn next(&self, encoded: &[u8]) -> ChainHash {
        let mut hasher = Sha256::new();
        hasher.update(self.0);
        hasher.update(encoded);
        ChainHash(hasher.finalize().into())
    }
}

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl Serialize for ChainHash {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl FromStr for ChainHash {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const BAD: &str = "is not 64 hexadecimal digits";
        let mut bytes = [0; 32];
        if text.len() != 2 * bytes.len() || !text.is_ascii() {
            return Err(BAD);
        }
        for (at, slot) in bytes.iter_mut().enumerate() {
            let digits = text.get(2 * at..2 * at + 2).unwrap_or_default();
            *slot = u8::from_str_radix(digits, 16).map_err(|_| BAD)?;
        }
        Ok(ChainHash(bytes))
    }
}

impl<'de> Deserialize<'de> for ChainHash {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        super::serial::from_text(from)
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// An event that could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The text is no event of this version.
    #[error("event cannot be decoded: {0}")]
    Decode(#[from] serde_json::Error),
    /// Written by a later program.
    #[error(
        "event has encoding version {found}; this program reads up to {ENCODING_VERSION}: use a newer one"
    )]
    Version {
        /// What the store says.
        found: u32,
    },
}

/// An event's canonical text.
pub fn encode(event: &Event) -> Result<String, JournalError> {
    Ok(serde_json::to_string(event)?)
}

/// The name of an event in its canonical text. The fields before it hold no quotes of their own.
pub fn kind(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("\"event\":\"")?;
    rest.split_once('"').map(|(kind, _)| kind)
}

/// An event from its canonical text.
pub fn decode(version: u32, text: &str) -> Result<Event, JournalError> {
    if version > ENCODING_VERSION {
        return Err(JournalError::Version { found: version });
    }
    Ok(serde_json::from_str(text)?)
}

/// All that one engine step changes; the store writes it in one transaction or not at all.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    /// Events, in order, without gaps after the last batch.
    pub events: Vec<Event>,
    /// Their canonical texts, when [`Batch::with_texts`] has made them: the chain and the store use the same bytes.
    pub texts: Vec<String>,
    /// Ledger lines of those events.
    pub postings: Vec<Posting>,
    /// Projected rows.
    pub rows: Vec<Row>,
}

impl Batch {
    /// A batch with its texts.
    pub fn new(events: Vec<Event>, postings: Vec<Posting>, rows: Vec<Row>) -> Result<Self, JournalError> {
        Self { events, texts: Vec::new(), postings, rows }.with_texts()
    }

    /// The same, ready to be stored: the canonical texts of its events are made here, once, and not by who only
    /// wants to know what happened.
    pub fn with_texts(mut self) -> Result<Self, JournalError> {
        self.texts = self.events.iter().map(encode).collect::<Result<_, _>>()?;
        Ok(self)
    }

    /// Takes in a later batch: what is in one batch is written together.
    pub fn append(&mut self, later: Batch) {
        self.events.extend(later.events);
        self.texts.extend(later.texts);
        self.postings.extend(later.postings);
        self.rows.extend(later.rows);
    }

    /// Nothing happened.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}
