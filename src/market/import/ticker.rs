//! Symbols as files write them: a class of shares on the US market is `BRK.B` here, whether a file says `BRK.B` or `BRK-B`.

use crate::domain::{Exchange, QuarantineReason, Symbol};

/// Reads a symbol of an exchange.
pub(super) fn parse_symbol(text: &str, exchange: Exchange) -> Result<Symbol, QuarantineReason> {
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
    symbol.map_err(|_| QuarantineReason::BadSymbol)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_class_of_us_shares_are_one_symbol() {
        let read = |text, exchange| parse_symbol(text, exchange).map(|symbol| symbol.to_string());
        for (text, symbol) in
            [("BRK.B", "BRK.B"), ("BRK-B", "BRK.B"), ("BAC-PL", "BAC-PL"), ("-A", "-A"), ("A", "A")]
        {
            assert_eq!(read(text, Exchange::Xnys).as_deref(), Ok(symbol));
        }
        assert_eq!(read("BRK-B", Exchange::Xasx).as_deref(), Ok("BRK-B"));
        assert_eq!(read("B K", Exchange::Xnys), Err(QuarantineReason::BadSymbol));
    }
}
