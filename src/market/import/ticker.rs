//! Symbols as files and people write them: in capitals, and a class of shares on the US market is `BRK.B`, whether somebody
//! writes `BRK.B`, `BRK-B` or `brk-b`.
//!
//! One small letter among capitals is a sign there, not a habit: `TpC` is a preferred share of AT&T, `TPC` is Tutor Perini.

use std::collections::BTreeSet;

use crate::domain::{Exchange, InstrumentId, QuarantineReason, Symbol};

/// Small letters that tell preferred shares, rights and shares when issued from the company's own.
const SIGNS: [char; 3] = ['p', 'r', 'w'];
/// Fewest characters of a symbol with such a letter.
const SIGNED_CHARS_MIN: usize = 3;

/// Reads a symbol of an exchange. It begins with a letter, a digit or the `^` of an index, and is no path.
pub fn parse_symbol(text: &str, exchange: Exchange) -> Result<Symbol, QuarantineReason> {
    let text = if is_signed(text, exchange) { text.to_owned() } else { text.to_ascii_uppercase() };
    let class = text.rsplit_once('-').filter(|(stem, class)| {
        exchange == Exchange::Xnys
            && !stem.is_empty()
            && class.len() == 1
            && class.chars().all(|c| c.is_ascii_uppercase())
    });
    let symbol = match class {
        Some((stem, class)) => format!("{stem}.{class}").parse(),
        None => text.parse(),
    };
    let begins = |symbol: &Symbol| {
        let text = symbol.as_str();
        text.strip_prefix('^').unwrap_or(text).starts_with(|c: char| c.is_ascii_alphanumeric())
            && !text.contains("..")
            && !text.ends_with(['.', '/'])
    };
    symbol.ok().filter(begins).ok_or(QuarantineReason::BadSymbol)
}

/// The same where some instruments are known to be spelled otherwise than it reads them: a text that is spelled like one
/// of them to the letter is that one.
pub fn parse_symbol_among(
    text: &str,
    exchange: Exchange,
    odd: &BTreeSet<InstrumentId>,
) -> Result<Symbol, QuarantineReason> {
    let known = text.parse().map(|symbol| InstrumentId::new(symbol, exchange));
    let known = known.ok().filter(|id| odd.contains(id));
    known.map_or_else(|| parse_symbol(text, exchange), |id| Ok(id.symbol))
}

/// Whether a text can mean an instrument: it is its symbol to the letter, or is read as it.
pub fn means(text: &str, instrument: InstrumentId) -> bool {
    text == instrument.symbol.as_str() || parse_symbol(text, instrument.exchange) == Ok(instrument.symbol)
}

/// Whether a symbol of the US market is in capitals but for one letter that is a sign.
fn is_signed(text: &str, exchange: Exchange) -> bool {
    let mut small = text.chars().filter(|c| !c.is_ascii_uppercase());
    exchange == Exchange::Xnys
        && text.len() >= SIGNED_CHARS_MIN
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && small.next().is_some_and(|c| SIGNS.contains(&c))
        && small.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_class_of_us_shares_are_one_symbol() {
        let read = |text, exchange| parse_symbol(text, exchange).map(|symbol| symbol.to_string());
        for (text, symbol) in
            [("BRK.B", "BRK.B"), ("BRK-B", "BRK.B"), ("BAC-PL", "BAC-PL"), ("^GSPC", "^GSPC"), ("A", "A")]
        {
            assert_eq!(read(text, Exchange::Xnys).as_deref(), Ok(symbol));
        }
        for (text, symbol) in [("aapl", "AAPL"), ("Aapl", "AAPL"), ("brk-b", "BRK.B"), ("^gspc", "^GSPC")] {
            assert_eq!(read(text, Exchange::Xnys).as_deref(), Ok(symbol));
        }
        for signed in ["TpC", "BACpL", "GEw", "ABCr"] {
            assert_eq!(read(signed, Exchange::Xnys).as_deref(), Ok(signed));
        }
        for (text, symbol) in [("Hp", "HP"), ("pPC", "PPC"), ("AppL", "APPL"), ("GoOG", "GOOG")] {
            assert_eq!(read(text, Exchange::Xnys).as_deref(), Ok(symbol));
        }
        assert_eq!(read("TpC", Exchange::Xasx).as_deref(), Ok("TPC"));
        assert_eq!(read("BRK-B", Exchange::Xasx).as_deref(), Ok("BRK-B"));
        for bad in ["B K", "", ".", "..", "../x", "-A", "^", "^.X", "A..B", "A.", "A/", "/A"] {
            assert_eq!(read(bad, Exchange::Xnys), Err(QuarantineReason::BadSymbol), "{bad}");
        }
    }

    #[test]
    fn a_text_that_is_spelled_like_a_known_instrument_is_that_one() {
        let odd: BTreeSet<InstrumentId> = [InstrumentId::new("aapl".parse().unwrap(), Exchange::Xnys)].into();
        let read = |text, exchange| parse_symbol_among(text, exchange, &odd).map(|symbol| symbol.to_string());
        for (text, symbol) in [("aapl", "aapl"), ("Aapl", "AAPL"), ("AAPL", "AAPL"), ("msft", "MSFT")] {
            assert_eq!(read(text, Exchange::Xnys).as_deref(), Ok(symbol));
        }
        assert_eq!(read("aapl", Exchange::Xasx).as_deref(), Ok("AAPL"));
        assert_eq!(read("..", Exchange::Xnys), Err(QuarantineReason::BadSymbol));
    }
}
