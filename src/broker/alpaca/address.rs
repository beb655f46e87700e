//! Which addresses the adapter speaks to: Alpaca's paper-trading host over TLS, and loopback. Nothing else, whatever a
//! setting says: real money cannot be reached from this release.

use std::net::IpAddr;

use reqwest::Url;

use super::super::BrokerError;
use crate::domain::{BrokerId, CleanText};

/// Where Alpaca's paper trading lives.
pub const PAPER_URL: &str = "https://paper-api.alpaca.markets";
const PAPER_HOST: &str = "paper-api.alpaca.markets";

/// An allowed address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    base: Url,
}

impl Address {
    /// Checks an address against the allow-list.
    pub fn parse(text: &str) -> Result<Self, BrokerError> {
        let refused = || BrokerError::Address { broker: BrokerId::Alpaca, found: shown(text) };
        let base = Url::parse(text).map_err(|_| refused())?;
        let plain = base.username().is_empty()
            && base.password().is_none()
            && base.query().is_none()
            && base.fragment().is_none()
            && matches!(base.path(), "" | "/");
        let host = base.host_str().unwrap_or("");
        let paper = base.scheme() == "https" && host == PAPER_HOST && base.port().is_none();
        let loopback = matches!(base.scheme(), "http" | "https") && is_loopback(host);
        if plain && (paper || loopback) { Ok(Self { base }) } else { Err(refused()) }
    }

    /// The address of a REST path.
    pub(super) fn rest(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(path);
        url
    }

    /// The address of the report stream.
    pub(super) fn stream(&self) -> String {
        let scheme = if self.base.scheme() == "https" { "wss" } else { "ws" };
        let authority = self.base.authority();
        format!("{scheme}://{authority}/stream")
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// What may be shown of an address: nothing before an `@`, which could be a secret.
fn shown(text: &str) -> CleanText {
    let rest = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
    CleanText::new(&rest.chars().take(120).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paper_and_loopback_are_allowed() {
        for good in [
            PAPER_URL,
            "https://paper-api.alpaca.markets/",
            "http://127.0.0.1:8080",
            "http://localhost:9",
            "http://[::1]:7/",
        ] {
            assert!(Address::parse(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn real_money_other_hosts_and_disguises_are_refused() {
        for bad in [
            "https://api.alpaca.markets",
            "http://paper-api.alpaca.markets",
            "https://paper-api.alpaca.markets.evil.example",
            "https://paper-api.alpaca.markets:8443",
            "https://paper-api.alpaca.markets@evil.example",
            "https://user:pass@127.0.0.1",
            "https://paper-api.alpaca.markets/v2/live",
            "http://10.0.0.1",
            "http://localhost.evil.example",
            "ftp://127.0.0.1",
            "http://127.0.0.1/?x=1",
            "not an address",
            "",
        ] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_refusal_shows_nothing_before_an_at_sign() {
        let said = Address::parse("https://key:secret@evil.example").unwrap_err().to_string();
        assert!(!said.contains("secret"), "{said}");
    }

    #[test]
    fn the_stream_lives_beside_the_rest_paths() {
        let paper = Address::parse(PAPER_URL).unwrap();
        assert_eq!(paper.stream(), "wss://paper-api.alpaca.markets/stream");
        assert_eq!(paper.rest("/v2/orders").as_str(), "https://paper-api.alpaca.markets/v2/orders");
        let own = Address::parse("http://127.0.0.1:81").unwrap();
        assert_eq!(own.stream(), "ws://127.0.0.1:81/stream");
    }
}
