//! Ticks of many symbols: four quotes to a trade, over all symbols in turn.

use qlib_pro::domain::market::{Quote, Trade};
use qlib_pro::domain::{InstrumentId, Price, Quantity, UnixNanos};
use qlib_pro::market::intraday::Counts;
use qlib_pro::market::live::{LiveEvent, LiveTrade};

/// Symbols that tick.
pub const SYMBOLS: i64 = 1_000;
/// Ticks a second that are the goal, of all symbols together.
pub const TICKS_PER_SECOND: i64 = 200_000;

/// The symbols.
pub fn symbols() -> Vec<InstrumentId> {
    (0..SYMBOLS).map(|symbol| format!("N{symbol:04}.XNYS").parse().unwrap()).collect()
}

/// A tick by its number.
pub fn tick(number: i64, symbols: &[InstrumentId], time: UnixNanos) -> LiveEvent {
    let size = Quantity::from_whole(100).unwrap();
    let instrument = *symbols.get((number % SYMBOLS) as usize).unwrap();
    let price = Price::from_raw((10_000 + number % 97) * 10_000_000);
    if number % 5 == 4 {
        let trade = Trade { instrument, time, price, size };
        return LiveEvent::Trade(LiveTrade { trade, counts: Counts::ALL, sequence: Some(number) });
    }
    let ask = Price::from_raw(price.raw() + 10_000_000);
    let quote = Quote { instrument, time, bid: price, ask, bid_size: size, ask_size: size };
    LiveEvent::Quote(quote, Some(number))
}
