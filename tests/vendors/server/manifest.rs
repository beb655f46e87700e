//! Which request gets which file: the manifest of a folder, or the built-in one for the recorded replies.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::{Canned, Seen};

/// The manifest of a folder that has none of its own.
const BUILT_IN: &str = include_str!("recorded.json");
/// Name of a folder's own manifest.
const FILE: &str = "manifest.json";

/// One line of a manifest.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Vendor in front of the path; any when empty.
    #[serde(default)]
    pub vendor: String,
    /// The whole path, or its beginning when it ends in `*`.
    pub path: String,
    /// Parameters that must be there; `*` for any value.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// Status; 200.
    #[serde(default = "ok")]
    pub status: u16,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// File, below the manifest's folder. A recorded envelope `{request, response}` is unpacked.
    pub body: String,
    #[serde(skip)]
    folder: PathBuf,
}

const fn ok() -> u16 {
    200
}

/// The routes of a folder.
pub fn load(folder: &Path) -> Result<Vec<Route>, String> {
    let own = folder.join(FILE);
    let text = match std::fs::read_to_string(&own) {
        Ok(text) => text,
        Err(_) => BUILT_IN.to_owned(),
    };
    let mut routes: Vec<Route> =
        serde_json::from_str(&text).map_err(|e| format!("{}: {e}", own.display()))?;
    for route in &mut routes {
        route.folder = folder.to_path_buf();
    }
    Ok(routes)
}

impl Route {
    /// Whether a request is this one.
    pub fn matches(&self, seen: &Seen) -> bool {
        let path = match self.path.strip_suffix('*') {
            Some(start) => seen.path.starts_with(start),
            None => seen.path == self.path,
        };
        let asked = |(name, value): (&String, &String)| {
            seen.query.get(name).is_some_and(|given| value == "*" || given == value)
        };
        let vendor = self.vendor.is_empty() || seen.vendor.is_empty() || self.vendor == seen.vendor;
        vendor && path && self.query.iter().all(asked)
    }

    /// Whether it is for whatever comes: its path ends where names begin.
    pub fn is_wide(&self) -> bool {
        self.path.ends_with("/*") && self.path.split('/').all(|part| !is_name(part))
    }

    /// Its answer.
    pub fn answer(&self) -> Canned {
        let file = self.folder.join(&self.body);
        let body = match std::fs::read(&file) {
            Ok(body) => body,
            Err(e) => return Canned::text(500, "text/plain", &format!("{}: {e}", file.display())),
        };
        if let Some(canned) = envelope(&body) {
            return canned;
        }
        let mut headers: Vec<(String, String)> = self.headers.clone().into_iter().collect();
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            let kind = match file.extension().and_then(|e| e.to_str()) {
                Some("json") => "application/json",
                Some("csv") => "text/csv",
                Some("xml") => "application/xml",
                Some("html") => "text/html",
                _ => "text/plain",
            };
            headers.push(("content-type".to_owned(), kind.to_owned()));
        }
        Canned { status: self.status, headers, body }
    }
}

/// Whether a part of a path is a symbol.
fn is_name(part: &str) -> bool {
    part.chars().any(|c| c.is_ascii_uppercase()) && part.chars().all(|c| !c.is_ascii_lowercase())
}

/// A recorded exchange: its status and body, without headers that belong to the wire.
fn envelope(body: &[u8]) -> Option<Canned> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let response = value.get("response").filter(|_| value.get("request").is_some())?;
    let status = response["status"].as_u64().and_then(|n| u16::try_from(n).ok()).unwrap_or(200);
    if let Some(json) = response.get("bodyJson") {
        return Some(Canned { status, ..Canned::json(json) });
    }
    let text = ["body", "bodyText"].iter().find_map(|key| response.get(*key)?.as_str())?;
    Some(Canned::text(status, "text/plain", text))
}
