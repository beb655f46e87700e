//! Names as people type them: as one on the screen is spelled, else as they are read from files, in capitals but for the
//! one small letter of a preferred share (`BACpL`).

use std::collections::BTreeSet;

use crate::domain::{Exchange, Symbol};
use crate::service::parse_symbol;

use super::state::UiState;

/// Symbols that the screen speaks of.
pub fn on_screen(state: &UiState) -> Vec<Symbol> {
    let screen = &state.screen;
    let watched = screen.watchlist.iter().map(|row| row.symbol);
    let held = screen.positions.iter().map(|row| row.instrument.symbol);
    let ordered = screen.orders.iter().map(|row| row.symbol);
    watched.chain(held).chain(ordered).collect::<BTreeSet<_>>().into_iter().collect()
}

/// A text that ends with an exchange, such as `bhp.ax`: what stands before it, and the exchange.
pub fn suffixed(text: &str) -> Option<(&str, Exchange)> {
    let (code, end) = text.rsplit_once('.')?;
    Some((code, Exchange::of_suffix(&end.to_ascii_uppercase()).ok()?))
}

/// The symbol that a text means on an exchange: one of the known to the letter, else what it reads as. A text in small
/// letters that reads as none of them is the one that is spelled like it.
pub fn read(text: &str, exchange: Exchange, known: &[Symbol]) -> Result<Symbol, String> {
    let text = text.trim();
    if let Some(exact) = known.iter().find(|symbol| symbol.as_str() == text) {
        return Ok(*exact);
    }
    let Ok(read) = parse_symbol(text, exchange) else {
        let why = text.parse::<Symbol>().err().map(|error| error.to_string());
        return Err(
            why.unwrap_or_else(|| format!("'{text}' is no symbol: it begins with a letter or a digit"))
        );
    };
    let is_small = !text.contains(|c: char| c.is_ascii_uppercase());
    let spelled = known.iter().find(|symbol| symbol.as_str().eq_ignore_ascii_case(text));
    Ok(*spelled.filter(|_| is_small && !known.contains(&read)).unwrap_or(&read))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_on_the_screen_or_what_it_reads_as() {
        let known = ["AAPL", "BACpL", "TPC", "TpC", "odd"].map(|text| text.parse().unwrap());
        let on = |text: &str, exchange| read(text, exchange, &known).map(|symbol| symbol.to_string());
        for (text, symbol) in [
            ("aapl", "AAPL"),
            ("Aapl", "AAPL"),
            ("BACpL", "BACpL"),
            ("bacpl", "BACpL"),
            ("BACPL", "BACPL"),
            ("TpC", "TpC"),
            ("tpc", "TPC"),
            ("odd", "odd"),
            ("ODD", "ODD"),
            ("GEw", "GEw"),
            (" msft ", "MSFT"),
            ("brk-b", "BRK.B"),
        ] {
            assert_eq!(on(text, Exchange::Xnys).as_deref(), Ok(symbol), "{text}");
        }
        assert_eq!(on("bhp", Exchange::Xasx).as_deref(), Ok("BHP"));
        for bad in ["", "A B", "-A"] {
            assert!(on(bad, Exchange::Xnys).is_err(), "{bad}");
        }
    }
}
