//! Where a longer answer goes on: `next_url` taken apart, so that it can only ever lead to our own address.
//!
//! Its host must be the vendor's (the old name too) or this machine's; any other makes the whole answer malformed.
//! Of the rest only path and parameters are kept, a key in it is dropped, and the path must be one of the vendor's. An
//! answer that goes on where it is already, or without end, is stopped.

use super::super::json::Json;
use super::super::{Call, Reply};
use crate::domain::vendor::VendorId;

/// Most pages of one answer: 300 of 50,000 minutes are seventy years of one share, 300 of 1,000 tickers more than
/// were ever listed.
pub(super) const PAGES_MAX: u32 = 300;
/// First parts of the vendor's paths.
const ROOTS: [&str; 5] = ["/v1/", "/v2/", "/v3/", "/vX/", "/stocks/"];
/// Names under which a key could stand in an address.
const KEYS: [&str; 2] = ["apikey", "api_key"];

/// The next call, if the answer goes on; an answer that leads elsewhere or nowhere is refused.
pub(super) fn next(call: &Call, body: &Json<'_>) -> Result<Option<Call>, Reply> {
    let url = match body.get("next_url") {
        None | Some(Json::Null) => return Ok(None),
        Some(Json::Text(url)) if url.is_empty() => return Ok(None),
        Some(Json::Text(url)) => url,
        Some(_) => return Err(Reply::Malformed("polygon: the address of the next page is no text".into())),
    };
    let found = taken_apart(url);
    let Some(found) = found else {
        return Err(Reply::Malformed(
            "polygon: the next page is said to be at another host; not followed".into(),
        ));
    };
    let cursor = |call: &Call| call.query.iter().find(|(name, _)| name == "cursor").cloned();
    let stays = match cursor(&found) {
        None => true,
        to => to == cursor(call),
    };
    if found.path == call.path && stays {
        return Err(Reply::Malformed("polygon: the answer goes on where it is already; stopped".into()));
    }
    if call.page + 1 >= PAGES_MAX {
        return Err(Reply::Malformed(format!("polygon: the answer has more than {PAGES_MAX} pages").into()));
    }
    Ok(Some(Call { page: call.page + 1, ..found }))
}

fn taken_apart(url: &str) -> Option<Call> {
    let (scheme, rest) = url.split_once("://")?;
    let (authority, below) = rest.split_at(rest.find('/')?);
    let (path, query) = below.split_once('?').unwrap_or((below, ""));
    let is_own = scheme == "https"
        && VendorId::Polygon.hosts().iter().any(|host| host.eq_ignore_ascii_case(authority));
    let is_allowed = is_own || (matches!(scheme, "http" | "https") && is_this_machine(authority));
    if !is_allowed {
        return None;
    }
    // On a test server all paths may stand below another one.
    let start = ROOTS.iter().filter_map(|root| path.find(root)).min().filter(|at| !is_own || *at == 0)?;
    let path = path.get(start..)?;
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'-' | b'_' | b'%');
    if !path.bytes().all(is_plain) || path.contains("..") {
        return None;
    }
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let pairs = pairs.map(|(name, value)| (decoded(name), decoded(value)));
    let is_key = |name: &str| KEYS.iter().any(|key| key.eq_ignore_ascii_case(name));
    let query = pairs.filter(|(name, _)| !is_key(name)).collect();
    Some(Call { path: path.to_owned(), query, ..Call::default() })
}

fn is_this_machine(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        _ => authority,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A parameter as it was before it was encoded; what is no encoding stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let hex = behind.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = hex.filter(|two| two.bytes().all(|b| b.is_ascii_hexdigit()));
        let byte = byte.and_then(|two| u8::from_str_radix(two, 16).ok()).filter(|_| *first == b'%');
        match byte {
            Some(byte) => {
                bytes.push(byte);
                rest = behind.get(2..).unwrap_or(&[]);
            }
            None => {
                bytes.push(if *first == b'+' { b' ' } else { *first });
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(url: &str) -> Result<Option<Call>, Reply> {
        let body = format!("{{\"next_url\":{}}}", serde_json::to_string(url).unwrap());
        next(&Call::to("/v3/reference/tickers").with("cursor", "one"), &Json::parse(body.as_bytes()).unwrap())
    }

    #[test]
    fn the_next_page_is_a_path_below_our_own_address() {
        for host in ["https://api.massive.com", "https://api.polygon.io", "http://127.0.0.1:81/polygon"] {
            let call = follow(&format!("{host}/v3/reference/tickers?cursor=a%3D%3D&apiKey=secret")).unwrap();
            let call = call.unwrap();
            assert_eq!(call.path, "/v3/reference/tickers");
            assert_eq!(call.query, [("cursor".to_owned(), "a==".to_owned())]);
            assert_eq!(call.page, 1);
        }
        assert_eq!(follow(""), Ok(None));
    }

    #[test]
    fn another_host_or_path_is_never_followed() {
        for url in [
            "https://evil.example/v3/reference/tickers?cursor=x",
            "http://api.massive.com/v3/reference/tickers?cursor=x",
            "https://api.massive.com@evil.example/v3/reference/tickers",
            "https://api.massive.com.evil.example/v3/reference/tickers",
            "https://api.massive.com:8443/v3/x",
            "https://api.massive.com/else/v3/x",
            "https://api.massive.com/v3/../../x",
            "//evil.example/v3/x",
            "ftp://127.0.0.1/v3/x",
            "nonsense",
        ] {
            assert!(matches!(follow(url), Err(Reply::Malformed(_))), "{url}");
        }
    }

    #[test]
    fn a_loop_and_an_endless_answer_are_stopped() {
        let again = follow("https://api.massive.com/v3/reference/tickers?cursor=one");
        assert!(matches!(again, Err(Reply::Malformed(_))), "{again:?}");
        let body = Json::parse(b"{\"next_url\":\"https://api.massive.com/v3/x?cursor=two\"}").unwrap();
        let last = Call { page: PAGES_MAX - 1, ..Call::to("/v3/x") };
        assert!(matches!(next(&last, &body), Err(Reply::Malformed(_))));
        let before = Call { page: PAGES_MAX - 2, ..Call::to("/v3/x") };
        assert!(next(&before, &body).unwrap().is_some());
    }
}
