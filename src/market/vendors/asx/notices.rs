//! What an answer of the site is before its data are looked at.
//!
//! A page for people is the wall whatever its status, a 400 "Symbol not found" an unknown code. The list of all
//! companies is text, so JSON in its place is a refusal; a 404 there means that the site has moved it, which it does.

use super::super::classify::{by_status, hide_keys, is_html};
use super::super::json::Json;
use super::super::{Reply, Response};
use crate::domain::CleanText;
use crate::domain::vendor::VendorId;

fn wall() -> Reply {
    Reply::Blocked("asx: a wall for robots came instead of data; it is left alone for a while".into())
}

/// What is no data whatever was asked for.
fn refusal(response: &Response<'_>) -> Option<Reply> {
    let is_page = is_html(response.body) || response.body.trim_ascii_start().starts_with(b"<");
    if is_page && response.status < 500 {
        return Some(wall());
    }
    let told = Json::parse(response.body).ok();
    let error = told.as_ref().and_then(|body| body.get("error"));
    let words = error.map_or("", |error| error.text_at("message"));
    if words.to_ascii_lowercase().contains("symbol not found") {
        return Some(Reply::NotFound);
    }
    match response.status {
        200..=299 if error.is_none() => None,
        200..=299 | 400 => Some(Reply::BadRequest(CleanText::from(format!("asx: {}", hide_keys(words))))),
        401 | 403 => Some(wall()),
        _ => by_status(VendorId::Asx, response),
    }
}

/// The body of a good answer, or what the answer is instead.
pub(super) fn body<'a>(response: &Response<'a>) -> Result<Json<'a>, Reply> {
    if let Some(refusal) = refusal(response) {
        return Err(refusal);
    }
    match Json::parse(response.body) {
        Ok(body @ Json::Map(_)) => Ok(body),
        Ok(_) => Err(Reply::Malformed("asx: the answer is no object".into())),
        Err(fault) => Err(Reply::Malformed(format!("asx: the answer {fault}").into())),
    }
}

/// The text of a good answer that is a list, or what the answer is instead.
pub(super) fn text<'a>(response: &Response<'a>) -> Result<&'a str, Reply> {
    if response.status == 404 && !is_html(response.body) {
        return Err(Reply::BadRequest("asx: the list of companies is no longer where it was".into()));
    }
    if let Some(refusal) = refusal(response) {
        return Err(refusal);
    }
    let text = std::str::from_utf8(response.body);
    text.map_err(|_| Reply::Malformed("asx: the list of companies is not UTF-8".into()))
}
