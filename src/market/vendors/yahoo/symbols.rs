//! Its spelling of symbols and ours, both ways, in one place.
//!
//! `BRK.B` is `BRK-B`; what trades in Sydney has `.AX` behind it; indices begin with `^` and some have other names.

use crate::domain::{Exchange, InstrumentId};

/// Indices: our exchange and symbol, its name.
const INDICES: [(Exchange, &str, &str); 13] = [
    (Exchange::Xnys, "SPX", "^GSPC"),
    (Exchange::Xnys, "DJI", "^DJI"),
    (Exchange::Xnys, "IXIC", "^IXIC"),
    (Exchange::Xnys, "NDX", "^NDX"),
    (Exchange::Xnys, "RUT", "^RUT"),
    (Exchange::Xnys, "VIX", "^VIX"),
    (Exchange::Xasx, "XJO", "^AXJO"),
    (Exchange::Xasx, "XAO", "^AORD"),
    (Exchange::Xasx, "XKO", "^AXKO"),
    (Exchange::Xasx, "XSO", "^AXSO"),
    (Exchange::Xasx, "XFL", "^ATLI"),
    (Exchange::Xasx, "XTO", "^ATOI"),
    (Exchange::Xasx, "XMD", "^AXMD"),
];
/// Its codes of the venues of the United States.
const AMERICAN: [&str; 9] = ["NMS", "NGM", "NCM", "NAS", "NYQ", "NYS", "ASE", "PCX", "BTS"];

/// Its spelling of an instrument; `None` for exchanges it does not have.
pub(super) fn spelled(instrument: InstrumentId) -> Option<String> {
    let symbol = instrument.symbol.as_str();
    let index =
        INDICES.iter().find(|(exchange, ours, _)| (*exchange, *ours) == (instrument.exchange, symbol));
    if let Some((_, _, name)) = index {
        return Some((*name).to_owned());
    }
    if symbol.starts_with('^') {
        return (instrument.exchange != Exchange::Sim).then(|| symbol.to_owned());
    }
    match instrument.exchange {
        Exchange::Xnys => Some(symbol.replace('.', "-")),
        Exchange::Xasx => Some(format!("{symbol}.AX")),
        Exchange::Sim => None,
    }
}

/// Our instrument for its symbol and its code of the venue; `None` when it is on no exchange of ours.
pub(super) fn instrument(symbol: &str, venue: &str) -> Option<InstrumentId> {
    if let Some((exchange, ours, _)) = INDICES.iter().find(|(_, _, name)| *name == symbol) {
        return Some(InstrumentId::new(ours.parse().ok()?, *exchange));
    }
    if let Some(symbol) = symbol.strip_suffix(".AX") {
        return Some(InstrumentId::new(symbol.parse().ok()?, Exchange::Xasx));
    }
    let american = AMERICAN.contains(&venue) && !symbol.contains('.');
    let symbol = symbol.replace('-', ".").parse().ok()?;
    american.then_some(InstrumentId::new(symbol, Exchange::Xnys))
}

/// A symbol inside a path.
pub(super) fn in_path(symbol: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    symbol.bytes().fold(String::new(), |mut path, byte| {
        if plain(byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
        path
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_go_both_ways() {
        let cases = [
            ("AAPL.XNYS", "AAPL", "NMS"),
            ("BRK.B.XNYS", "BRK-B", "NYQ"),
            ("SPX.XNYS", "^GSPC", "SNP"),
            ("BHP.XASX", "BHP.AX", "ASX"),
            ("XJO.XASX", "^AXJO", "ASX"),
        ];
        for (ours, theirs, venue) in cases {
            let id: InstrumentId = ours.parse().unwrap();
            assert_eq!(spelled(id).as_deref(), Some(theirs));
            assert_eq!(instrument(theirs, venue), Some(id));
        }
        assert_eq!(spelled("SPX.SIM".parse().unwrap()), None);
        assert_eq!([instrument("OCDO.L", "LSE"), instrument("BTC-USD", "CCC")], [None, None]);
        assert_eq!(in_path("^GSPC"), "%5EGSPC");
        assert_eq!(in_path("A/../B&c=d"), "A%2F..%2FB%26c%3Dd");
    }
}
