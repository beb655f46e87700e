//! What the tests of the vendors share: recorded and hand-made answers, and how they are put to a vendor.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Ask, Facts, Listings, Minutes, News, Page, Payload, Quotes, Reply, Response, Series, Vendor};
use crate::domain::market::CorporateAction;
use crate::domain::{Quarantined, UnixNanos};
use crate::market::testing::shared;

/// A recorded answer.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub status: u16,
    pub content_type: String,
    pub body: Vec<u8>,
}

/// Reads `vendors/FILE` of the shared data; an envelope is opened. `None` without shared data.
pub(crate) fn recorded(file: &str) -> Option<Recorded> {
    let body = std::fs::read(shared(&format!("vendors/{file}"))?).unwrap();
    let plain = Recorded { status: 200, content_type: "application/json".to_owned(), body };
    if !file.starts_with("yahoo/") || file.contains("/handmade/") {
        return Some(plain);
    }
    let envelope: serde_json::Value = serde_json::from_slice(&plain.body).unwrap();
    let response = &envelope["response"];
    // The text of the body as it is in the file: numbers must not pass through a float.
    let body = match (&response["bodyJson"], &response["body"], &response["bodyText"]) {
        (serde_json::Value::Null, body, text) => {
            body.as_str().or(text.as_str()).unwrap_or("").as_bytes().to_vec()
        }
        _ => {
            let text = String::from_utf8(plain.body).unwrap();
            let parts: std::collections::BTreeMap<String, Box<serde_json::value::RawValue>> =
                serde_json::from_str(&text).unwrap();
            let response: std::collections::BTreeMap<String, Box<serde_json::value::RawValue>> =
                serde_json::from_str(parts["response"].get()).unwrap();
            response["bodyJson"].get().as_bytes().to_vec()
        }
    };
    let status = response["status"].as_u64().unwrap() as u16;
    let kind = &response["headers"]["content-type"];
    let content_type = kind.as_str().or(kind[0].as_str()).unwrap_or("").to_owned();
    Some(Recorded { status, content_type, body })
}

/// Files below `vendors/FOLDER` that none of `named` is; a name that is no file is told too.
pub(crate) fn not_named(folder: &str, named: &[&str]) -> Vec<String> {
    let Some(root) = shared(&format!("vendors/{folder}")) else { return Vec::new() };
    let mut found = BTreeSet::new();
    walk(&root, "", &mut found);
    let named: BTreeSet<String> = named.iter().map(|name| (*name).to_owned()).collect();
    found.symmetric_difference(&named).cloned().collect()
}

fn walk(folder: &Path, prefix: &str, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            walk(&entry.path(), &format!("{name}/"), found);
        } else {
            found.insert(name);
        }
    }
}

pub(crate) fn time(text: &str) -> UnixNanos {
    text.parse().unwrap()
}

/// What a vendor makes of an answer to a wish.
pub(crate) fn read(vendor: &dyn Vendor, ask: &Ask, now: &str, recorded: &Recorded) -> Reply {
    let now = time(now);
    let call = vendor.call(ask, now).unwrap();
    let Recorded { status, content_type, body } = recorded;
    let (retry_after, remaining) = (None, None);
    vendor.read(ask, &call, &Response { status: *status, retry_after, remaining, content_type, body, now })
}

pub(crate) fn page(reply: Reply) -> Page {
    let Reply::Data(page) = reply else { panic!("no data: {reply:?}") };
    *page
}

pub(crate) fn series(reply: Reply) -> (Series, Vec<Quarantined>) {
    let page = page(reply);
    let Payload::Series(series) = page.payload else { panic!("no series: {:?}", page.payload) };
    (series, page.rejected)
}

macro_rules! payloads {
    ($($name:ident -> $kind:ty = $variant:ident,)+) => {
        $(pub(crate) fn $name(reply: Reply) -> $kind {
            let page = page(reply);
            let Payload::$variant(found) = page.payload else { panic!("{:?}", page.payload) };
            found
        })+
    };
}

payloads! {
    minutes -> Minutes = Minutes,
    quotes -> Quotes = Quotes,
    facts -> Facts = Facts,
    news -> News = News,
    listings -> Listings = Listings,
    actions -> Vec<CorporateAction> = Actions,
}

/// Bars, rejected row numbers and events of `expected/…` beside a hand-made answer.
pub(crate) fn expected(file: &str) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(shared(&format!("vendors/{file}")).unwrap()).unwrap()).unwrap()
}

/// A series' bars as an expected file has them: every value read from its own text.
pub(crate) fn assert_bars(series: &Series, expected: &serde_json::Value) {
    let wanted = expected["bars"].as_array().unwrap();
    assert_eq!(series.bars.len(), wanted.len());
    for (bar, want) in series.bars.iter().zip(wanted) {
        let got = [bar.open, bar.high, bar.low, bar.close].map(|price| price.to_string());
        let want_prices = ["open", "high", "low", "close"].map(|key| want[key].to_string());
        let plain = |text: &String| text.trim_end_matches(".0").to_owned();
        assert_eq!(got, want_prices.each_ref().map(plain), "{}", bar.session);
        assert_eq!(bar.session.to_string(), want["date"].as_str().unwrap());
        assert_eq!(bar.volume.to_string(), plain(&want["volume"].to_string()));
    }
}
