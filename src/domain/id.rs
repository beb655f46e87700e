//! Identifiers: short ASCII names held inline, so that ids are `Copy` and compare without allocation.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a text is no identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Empty text.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// Longer than the id may be.
    #[error("{kind} is longer than {max} characters")]
    TooLong {
        /// What was being made.
        kind: &'static str,
        /// Longest allowed, in ASCII characters.
        max: usize,
    },
    /// A character that ids do not have.
    #[error("{kind} may not contain '{}'", .found.escape_default())]
    BadCharacter {
        /// What was being made.
        kind: &'static str,
        /// The offending character.
        found: char,
    },
    /// Not one of the known names.
    #[error("{kind} '{found}' is unknown; known are {known}")]
    Unknown {
        /// What was being made.
        kind: &'static str,
        /// The offending text, cleaned.
        found: String,
        /// The names that would do.
        known: &'static str,
    },
}

/// Bytes compared at a time.
const WORD_BYTES: usize = 8;

/// Whether bytes of one length (whole words) are the same: all of them are looked at, which costs less than asking
/// after each word.
#[inline]
fn same_words(a: &[u8], b: &[u8]) -> bool {
    let ((a, _), (b, _)) = (a.as_chunks::<WORD_BYTES>(), b.as_chunks::<WORD_BYTES>());
    let differ =
        |(a, b): (&[u8; WORD_BYTES], &[u8; WORD_BYTES])| u64::from_ne_bytes(*a) ^ u64::from_ne_bytes(*b);
    a.iter().zip(b).map(differ).fold(0, |any, word| any | word) == 0
}

/// Compares bytes of one length (whole words) a word at a time: ids are the keys of nearly everything, and a call for
/// each comparison costs more than the comparison.
#[inline]
fn by_words(a: &[u8], b: &[u8]) -> Ordering {
    let ((a, _), (b, _)) = (a.as_chunks::<WORD_BYTES>(), b.as_chunks::<WORD_BYTES>());
    for (a, b) in a.iter().zip(b) {
        // Whether they differ at all is asked before they are turned around: mostly they do not.
        let (a, b) = (u64::from_ne_bytes(*a), u64::from_ne_bytes(*b));
        if a != b {
            return u64::from_be(a).cmp(&u64::from_be(b));
        }
    }
    Ordering::Equal
}

macro_rules! ascii_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, max $max:literal, also $extra:literal) => {
        $(#[$doc])*
        // Unused bytes are zero and no id has a zero in it, so that the bytes alone tell ids apart and sort them.
        #[derive(Clone, Copy, Eq)]
        pub struct $name {
            bytes: [u8; usize::div_ceil($max, WORD_BYTES) * WORD_BYTES],
            len: u8,
        }

        impl $name {
            /// Longest id, in ASCII characters.
            pub const MAX_LEN: usize = $max;

            /// The id as text.
            pub fn as_str(&self) -> &str {
                self.bytes.get(..usize::from(self.len)).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or("")
            }
        }

        impl PartialEq for $name {
            #[inline]
            fn eq(&self, other: &Self) -> bool { same_words(&self.bytes, &other.bytes) }
        }

        impl Hash for $name {
            fn hash<H: Hasher>(&self, into: &mut H) { into.write(&self.bytes); }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> { Some(self.cmp(other)) }
        }

        impl Ord for $name {
            #[inline]
            fn cmp(&self, other: &Self) -> Ordering { by_words(&self.bytes, &other.bytes) }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                if text.is_empty() {
                    return Err(IdError::Empty($kind));
                }
                if let Some(found) = text.chars().find(|c| !c.is_ascii_alphanumeric() && !$extra.contains(*c)) {
                    return Err(IdError::BadCharacter { kind: $kind, found });
                }
                let too_long = IdError::TooLong { kind: $kind, max: $max };
                if text.len() > $max {
                    return Err(too_long);
                }
                let mut bytes = [0; usize::div_ceil($max, WORD_BYTES) * WORD_BYTES];
                let slot = bytes.get_mut(..text.len()).ok_or(too_long)?;
                slot.copy_from_slice(text.as_bytes());
                Ok(Self { bytes, len: text.len() as u8 })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.pad(self.as_str()) }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "{:?}", self.as_str()) }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.serialize_str(self.as_str()) }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                super::serial::from_text(d)
            }
        }
    };
}

ascii_id!(
    /// A ticker on one exchange, such as `BRK.B`.
    Symbol, "symbol", max 20, also ".-_^=/&"
);
ascii_id!(
    /// An account, such as `desk` or `sim-kim`.
    AccountId, "account", max 32, also ".-_@"
);
ascii_id!(
    /// A client order id: unique per account for good (48 is what common broker libraries allow).
    OrderId, "order id", max 48, also ".-_:#/"
);
ascii_id!(
    /// A person or program that acts.
    UserName, "user name", max 32, also ".-_@"
);

ascii_id!(
    /// A venue's own name for an order; one client order id may have several over its life.
    VenueOrderId, "venue order id", max 64, also ".-_:"
);
ascii_id!(
    /// A venue's name for one execution, or ours for one that was inferred.
    TradeId, "trade id", max 96, also ".-_:~"
);
ascii_id!(
    /// A set of limit drafts that are approved together.
    ChangeSetId, "change set", max 32, also ".-_"
);
ascii_id!(
    /// A strategy that asks for orders.
    StrategyId, "strategy", max 32, also ".-_"
);

/// Position of an event in the journal, from 1.
pub type Seq = u64;

/// Where an instrument trades. `Sim` is the simulated exchange and never anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Exchange {
    /// New York Stock Exchange (and the US consolidated market).
    Xnys,
    /// Australian Securities Exchange.
    Xasx,
    /// The simulated exchange.
    Sim,
}

impl Exchange {
    /// All exchanges, in id order.
    pub const ALL: [Exchange; 3] = [Exchange::Xnys, Exchange::Xasx, Exchange::Sim];

    /// The market identifier code.
    pub const fn code(self) -> &'static str {
        match self {
            Exchange::Xnys => "XNYS",
            Exchange::Xasx => "XASX",
            Exchange::Sim => "SIM",
        }
    }

    /// The exchange that the end of a name such as `BHP.XASX` names, in any case: its code, or `AX`, as Yahoo and others
    /// write what trades in Sydney.
    pub fn of_suffix(suffix: &str) -> Result<Self, IdError> {
        if suffix.eq_ignore_ascii_case("AX") { Ok(Exchange::Xasx) } else { suffix.parse() }
    }

    /// Currency of its prices.
    pub const fn currency(self) -> Currency {
        match self {
            Exchange::Xnys | Exchange::Sim => Currency(*b"USD"),
            Exchange::Xasx => Currency(*b"AUD"),
        }
    }
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl FromStr for Exchange {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let known = || IdError::Unknown {
            kind: "exchange",
            found: text.escape_default().to_string(),
            known: "XNYS, XASX, SIM",
        };
        Exchange::ALL.into_iter().find(|e| e.code().eq_ignore_ascii_case(text)).ok_or_else(known)
    }
}

/// A three-letter ISO 4217 currency code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// US dollar.
    pub const USD: Currency = Currency(*b"USD");

    /// The code as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("")
    }
}

impl FromStr for Currency {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let bytes: Option<[u8; 3]> = text.as_bytes().try_into().ok();
        let code = bytes.filter(|b| b.iter().all(u8::is_ascii_uppercase));
        code.map(Currency).ok_or_else(|| IdError::Unknown {
            kind: "currency",
            found: text.escape_default().to_string(),
            known: "three capital letters such as USD",
        })
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        super::serial::from_text(d)
    }
}

/// An instrument: symbol and exchange, written `AAPL.XNYS`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstrumentId {
    /// Ticker on the exchange.
    pub symbol: Symbol,
    /// Where it trades.
    pub exchange: Exchange,
}

impl InstrumentId {
    /// From its parts.
    pub const fn new(symbol: Symbol, exchange: Exchange) -> Self {
        Self { symbol, exchange }
    }
}

impl fmt::Display for InstrumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.width().is_some() || f.precision().is_some() {
            return f.pad(&format!("{}.{}", self.symbol, self.exchange));
        }
        f.write_str(self.symbol.as_str())?;
        f.write_str(".")?;
        f.write_str(self.exchange.code())
    }
}

impl fmt::Debug for InstrumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.symbol, self.exchange)
    }
}

impl FromStr for InstrumentId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let (symbol, exchange) = text.rsplit_once('.').unwrap_or((text, ""));
        Ok(Self { symbol: symbol.parse()?, exchange: exchange.parse()? })
    }
}

impl Serialize for InstrumentId {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for InstrumentId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        super::serial::from_text(d)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_name_may_name_its_exchange() {
        for (end, exchange) in [("AX", Exchange::Xasx), ("ax", Exchange::Xasx), ("xnys", Exchange::Xnys)] {
            assert_eq!(Exchange::of_suffix(end), Ok(exchange));
        }
        assert!(Exchange::of_suffix("B").is_err());
    }

    #[test]
    fn an_instrument_splits_at_its_last_dot() {
        let id: InstrumentId = "BRK.B.XNYS".parse().unwrap();
        assert_eq!((id.symbol.as_str(), id.exchange), ("BRK.B", Exchange::Xnys));
        assert_eq!(id.to_string(), "BRK.B.XNYS");
    }

    #[test]
    fn ids_refuse_control_characters_and_length() {
        assert!(matches!("A\u{1b}[2J".parse::<Symbol>(), Err(IdError::BadCharacter { .. })));
        assert!(matches!("A".repeat(49).parse::<OrderId>(), Err(IdError::TooLong { max: 48, .. })));
        assert_eq!("".parse::<AccountId>(), Err(IdError::Empty("account")));
    }

    proptest::proptest! {
        #[test]
        fn ids_are_the_same_and_sort_as_their_text_does(a in "[ab.]{1,48}", b in "[ab.]{1,48}", same in 0..48_usize) {
            let b = format!("{}{b}", a.get(..same).unwrap_or(&a));
            let b = b.get(..OrderId::MAX_LEN.min(b.len())).unwrap_or_default();
            let (x, y): (OrderId, OrderId) = (a.parse().unwrap(), b.parse().unwrap());
            proptest::prop_assert_eq!(x.cmp(&y), a.as_str().cmp(b));
            proptest::prop_assert_eq!(x == y, a == b);
        }
    }

    #[test]
    fn shorter_ids_sort_like_their_text() {
        let mut ids: Vec<Symbol> = ["B", "AA", "A"].iter().map(|s| s.parse().unwrap()).collect();
        ids.sort();
        assert_eq!(ids.iter().map(Symbol::as_str).collect::<Vec<_>>(), ["A", "AA", "B"]);
    }
}
