//! [`Address`]: where the program may connect to: a service's own hosts over TLS, and this machine. Nothing else,
//! whatever a setting says.
//!
//! Only the plain form `http(s)://host[:port]` is taken: no user, query or fragment, and below this machine's own
//! addresses a plain path, so that several services can live on one test server. A refusal shows nothing before an
//! `@`, which could be a secret.

use core::net::IpAddr;

use super::CleanText;

/// Longest part of a refused address that is shown, in characters.
const SHOWN_CHARS_MAX: usize = 120;
/// Longest path in front of all others, in bytes.
const PREFIX_BYTES_MAX: usize = 64;

/// An address that is not on the list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the address '{found}' is not allowed; give {own}, or an address of this machine such as http://127.0.0.1:8080"
)]
pub struct AddressError {
    /// What was given, cleaned.
    pub found: CleanText,
    /// The hosts that would do.
    pub own: CleanText,
}

/// An allowed address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    is_tls: bool,
    host: String,
    port: Option<u16>,
    prefix: String,
}

impl Address {
    /// Checks an address: `https` to one of `hosts` at its usual port, or anything on this machine.
    pub fn parse(text: &str, hosts: &[&str]) -> Result<Self, AddressError> {
        let allowed = split(text).filter(|found| {
            let own = found.is_tls && found.port.is_none() && found.prefix.is_empty();
            (own && hosts.contains(&found.host.as_str())) || found.is_this_machine()
        });
        allowed.ok_or_else(|| AddressError { found: shown(text), own: CleanText::new(&listed(hosts)) })
    }

    /// The host without brackets.
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// Whether it is on this machine.
    pub fn is_this_machine(&self) -> bool {
        self.host() == "localhost" || self.host().parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// `http(s)://host[:port]` and the path in front of all others, without a slash at its end.
    pub fn base(&self) -> String {
        self.with_scheme(if self.is_tls { "https" } else { "http" })
    }

    /// The address of a path, which starts with a slash.
    pub fn rest(&self, path: &str) -> String {
        format!("{}{path}", self.base())
    }

    /// The WebSocket address of a path, which starts with a slash.
    pub fn stream(&self, path: &str) -> String {
        format!("{}{path}", self.with_scheme(if self.is_tls { "wss" } else { "ws" }))
    }

    fn with_scheme(&self, scheme: &str) -> String {
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{scheme}://{}{port}{}", self.host, self.prefix)
    }
}

fn split(text: &str) -> Option<Address> {
    let (is_tls, rest) = match text.split_once("://")? {
        ("https", rest) => (true, rest),
        ("http", rest) => (false, rest),
        _ => return None,
    };
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let prefix = path.trim_end_matches('/');
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_');
    if prefix.len() > PREFIX_BYTES_MAX || !prefix.chars().all(plain) || prefix.contains("//") {
        return None;
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse::<u16>().ok()?)),
        _ => (authority, None),
    };
    let named = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
    let numbered = host.starts_with('[') && host.ends_with(']') && {
        let inside = host.trim_start_matches('[').trim_end_matches(']');
        inside.parse::<core::net::Ipv6Addr>().is_ok()
    };
    (named || numbered).then(|| Address {
        is_tls,
        host: host.to_ascii_lowercase(),
        port,
        prefix: prefix.to_owned(),
    })
}

fn shown(text: &str) -> CleanText {
    let rest = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
    CleanText::new(&rest.chars().take(SHOWN_CHARS_MAX).collect::<String>())
}

fn listed(hosts: &[&str]) -> String {
    let all: Vec<String> = hosts.iter().map(|host| format!("https://{host}")).collect();
    all.join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &[&str] = &["api.vendor.example", "old.vendor.example"];

    #[test]
    fn own_hosts_and_this_machine_are_allowed() {
        for good in [
            "https://api.vendor.example",
            "https://old.vendor.example/",
            "http://127.0.0.1:8080",
            "http://localhost:9",
            "http://[::1]:7/",
            "https://127.0.0.1",
            "http://127.0.0.1:8080/yahoo",
        ] {
            assert!(Address::parse(good, OWN).is_ok(), "{good}");
        }
    }

    #[test]
    fn other_hosts_and_disguises_are_refused() {
        for bad in [
            "https://elsewhere.example",
            "http://api.vendor.example",
            "https://api.vendor.example.evil.example",
            "https://api.vendor.example:8443",
            "https://api.vendor.example@evil.example",
            "https://user:pass@127.0.0.1",
            "https://api.vendor.example/v2/live",
            "http://10.0.0.1",
            "http://localhost.evil.example",
            "ftp://127.0.0.1",
            "http://127.0.0.1/?x=1",
            "http://127.0.0.1/a#b",
            "http://127.0.0.1/../etc",
            "http://127.0.0.1\\@evil.example",
            "http://127.0.0.1:99999",
            "http://[::1",
            "not an address",
            "",
        ] {
            assert!(Address::parse(bad, OWN).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_refusal_names_what_would_do_and_nothing_before_an_at_sign() {
        let said = Address::parse("https://key:secret@evil.example", OWN).unwrap_err().to_string();
        assert!(!said.contains("secret") && said.contains("https://api.vendor.example"), "{said}");
    }

    #[test]
    fn paths_and_streams_live_below_the_address() {
        let own = Address::parse("https://API.vendor.example", OWN).unwrap();
        assert_eq!(own.rest("/v2/x"), "https://api.vendor.example/v2/x");
        assert_eq!(own.stream("/stream"), "wss://api.vendor.example/stream");
        let test = Address::parse("http://[::1]:81/polygon/", OWN).unwrap();
        assert_eq!(test.rest("/v2/x"), "http://[::1]:81/polygon/v2/x");
        assert_eq!(test.stream("/stocks"), "ws://[::1]:81/polygon/stocks");
        assert!(test.is_this_machine() && !own.is_this_machine());
    }
}
