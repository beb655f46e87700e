//! Symbols as files and people write them: in capitals, and a class of shares on the US market is `BRK.B`, whether somebody
//! writes `BRK.B`, `BRK-B` or `brk-b`.

use crate::domain::{Exchange, QuarantineReason, Symbol};

/// Reads a symbol of an exchange. It begins with a letter, a digit or the `^` of an index, and is no path.
pub fn parse_symbol(text: &str, exchange: Exchange) -> Result<Symbol, QuarantineReason> {
    let text = text.to_ascii_uppercase();
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
        assert_eq!(read("BRK-B", Exchange::Xasx).as_deref(), Ok("BRK-B"));
        for bad in ["B K", "", ".", "..", "../x", "-A", "^", "^.X", "A..B", "A.", "A/", "/A"] {
            assert_eq!(read(bad, Exchange::Xnys), Err(QuarantineReason::BadSymbol), "{bad}");
        }
    }
}
