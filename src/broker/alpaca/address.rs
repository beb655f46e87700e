//! Which addresses the adapter speaks to: Alpaca's paper-trading host over TLS, and this machine. Nothing else, whatever
//! a setting says: real money cannot be reached from this release.

use super::super::BrokerError;
use crate::domain::vendor::ALPACA_HOSTS;
use crate::domain::{Address, BrokerId};

/// Where Alpaca's paper trading lives.
pub const PAPER_URL: &str = "https://paper-api.alpaca.markets";

/// Checks an address against the allow-list.
pub fn address(text: &str) -> Result<Address, BrokerError> {
    let refused =
        |e: crate::domain::AddressError| BrokerError::Address { broker: BrokerId::Alpaca, found: e.found };
    Address::parse(text, ALPACA_HOSTS).map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paper_trading_and_this_machine_are_allowed_and_real_money_is_not() {
        for good in [PAPER_URL, "https://paper-api.alpaca.markets/", "http://127.0.0.1:8080"] {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in ["https://api.alpaca.markets", "http://paper-api.alpaca.markets", "http://10.0.0.1"] {
            assert!(address(bad).is_err(), "{bad}");
        }
        let said = address("https://key:secret@evil.example").unwrap_err().to_string();
        assert!(!said.contains("secret") && said.contains(PAPER_URL), "{said}");
    }

    #[test]
    fn the_stream_lives_beside_the_rest_paths() {
        let paper = address(PAPER_URL).unwrap();
        assert_eq!(paper.stream("/stream"), "wss://paper-api.alpaca.markets/stream");
        assert_eq!(paper.rest("/v2/orders"), "https://paper-api.alpaca.markets/v2/orders");
    }
}
