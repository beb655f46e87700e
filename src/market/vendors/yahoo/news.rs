//! Its headlines: an RSS feed by instrument, and where that is not to be had, those beside a search.
//!
//! A feed has nothing but headlines about its instrument; a search names instruments with each of them, and only those
//! that name the one asked for are taken. Neither has a tone.

use chrono::DateTime;

use super::replies::malformed;
use super::symbols::spelled;
use crate::domain::market::Headline;
use crate::domain::{InstrumentId, UnixNanos};
use crate::market::vendors::json::Json;
use crate::market::vendors::words::short;
use crate::market::vendors::{Call, Page, Payload, Reply, Response, ScoredHeadline};

/// Host of the feeds.
pub(super) const FEED_HOST: &str = "feeds.finance.yahoo.com";
const FEED_PATH: &str = "/rss/2.0/headline";
/// Publisher where none is named.
const PUBLISHER: &str = "Yahoo Finance";
/// Most headlines of one answer.
const HEADLINES_MAX: usize = 1_000;

fn feed_call(instrument: InstrumentId) -> Option<Call> {
    let call = Call::to(FEED_PATH).with("s", spelled(instrument)?).with("region", "US").with("lang", "en-US");
    Some(Call { host: Some(FEED_HOST), ..call })
}

fn search_call(instrument: InstrumentId) -> Option<Call> {
    let call = Call::to("/v1/finance/search").with("q", spelled(instrument)?);
    Some(call.with("quotesCount", "0").with("newsCount", "20"))
}

/// The call for the first instrument of a list.
pub(super) fn first_call(instruments: &[InstrumentId]) -> Option<Call> {
    instruments.iter().find_map(|instrument| feed_call(*instrument))
}

/// The instrument that a call is about, and the one after it.
fn place(instruments: &[InstrumentId], call: &Call) -> Option<(InstrumentId, Option<InstrumentId>)> {
    let symbol = call.query.iter().find(|(name, _)| name == "s" || name == "q").map(|(_, value)| value)?;
    let known: Vec<InstrumentId> = instruments.iter().filter(|i| spelled(**i).is_some()).copied().collect();
    let at = known.iter().position(|i| spelled(*i).as_ref() == Some(symbol))?;
    Some((*known.get(at)?, known.get(at + 1).copied()))
}

/// Headlines since a time. `refused` is what the answer is when it is no data.
pub(super) fn read(
    instruments: &[InstrumentId],
    since: UnixNanos,
    call: &Call,
    response: &Response<'_>,
    json: Option<&Json<'_>>,
    refused: Option<Reply>,
) -> Reply {
    let Some((instrument, after)) = place(instruments, call) else {
        return malformed("the call is of no instrument asked for");
    };
    let mut next = after.and_then(feed_call);
    let is_feed = call.path == FEED_PATH;
    let found = match json.filter(|_| refused.is_none()) {
        Some(json) => beside_search(json, instrument),
        None => feed_text(response).filter(|_| refused.is_none()).map(|feed| of_feed(feed, instrument)),
    };
    let mut found = match (found, refused) {
        (Some(found), _) => found,
        (None, Some(reply @ (Reply::RateLimited { .. } | Reply::Transient(_)))) => return reply,
        // No feed: the same is asked of the search, which then goes on with the next instrument.
        (None, _) if is_feed => {
            next = search_call(instrument);
            Vec::new()
        }
        (None, Some(reply)) => return reply,
        (None, None) => return malformed("the answer has no headlines"),
    };
    found.retain(|scored| since <= scored.headline.time && scored.headline.time <= response.now);
    found.sort_by(|a, b| {
        (a.headline.time, &a.headline.headline).cmp(&(b.headline.time, &b.headline.headline))
    });
    found.dedup_by(|a, b| a.headline == b.headline);
    if found.is_empty() && next.is_none() {
        return Reply::Empty;
    }
    let next = next.map(|next| Call { page: call.page + 1, ..next });
    Reply::Data(Box::new(Page { payload: Payload::News(found), rejected: Vec::new(), next }))
}

fn scored(instrument: InstrumentId, time: UnixNanos, title: &str, source: &str) -> Option<ScoredHeadline> {
    let (headline, source) = (short(title), short(source));
    let headline = Headline { instrument, time, headline, source };
    (!headline.headline.is_empty()).then_some(ScoredHeadline { headline, tone: None, tags: Vec::new() })
}

fn beside_search(json: &Json<'_>, instrument: InstrumentId) -> Option<Vec<ScoredHeadline>> {
    let symbol = spelled(instrument)?;
    let Some(Json::List(items)) = json.get("news") else { return None };
    let about = |item: &&Json<'_>| {
        let named = item.get("relatedTickers").map_or(&[][..], Json::items);
        named.iter().any(|ticker| ticker.text() == Some(symbol.as_str()))
    };
    let one = |item: &Json<'_>| {
        let time = UnixNanos::from_seconds(item.whole_at("providerPublishTime")?);
        scored(instrument, time, item.text_at("title"), item.text_at("publisher"))
    };
    Some(items.iter().filter(about).filter_map(one).take(HEADLINES_MAX).collect())
}

/// The text of an RSS feed.
fn feed_text<'a>(response: &Response<'a>) -> Option<&'a str> {
    let text = std::str::from_utf8(response.body).ok()?;
    text.get(..text.len().min(1_000)).unwrap_or(text).contains("<rss").then_some(text)
}

fn of_feed(feed: &str, instrument: InstrumentId) -> Vec<ScoredHeadline> {
    let items = feed.split("<item>").skip(1).filter_map(|rest| rest.split_once("</item>"));
    let one = |item: &str| {
        let time = DateTime::parse_from_rfc2822(element(item, "pubDate")?.trim()).ok()?;
        let publisher = element(item, "source").unwrap_or_else(|| PUBLISHER.to_owned());
        scored(
            instrument,
            UnixNanos::from_seconds(time.timestamp()),
            element(item, "title")?.trim(),
            &publisher,
        )
    };
    items.take(HEADLINES_MAX).filter_map(|(item, _)| one(item)).collect()
}

/// The text of an element without elements in it.
fn element(item: &str, name: &str) -> Option<String> {
    let (_, rest) = item.split_once(&format!("<{name}"))?;
    let (_, rest) = rest.split_once('>')?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let text = text.trim();
    let plain = text.strip_prefix("<![CDATA[").and_then(|text| text.strip_suffix("]]>"));
    Some(plain.map_or_else(|| without_entities(text), str::to_owned))
}

/// A text with its entities turned into what they stand for.
fn without_entities(text: &str) -> String {
    let mut made = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        made.push_str(before);
        let entity = after.split_once(';').filter(|(name, _)| name.len() <= 8);
        let read = entity.and_then(|(name, behind)| Some((character(name)?, behind)));
        let (c, behind) = read.unwrap_or(('&', after));
        made.push(c);
        rest = behind;
    }
    made + rest
}

fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        _ => {
            let code = name.strip_prefix('#')?;
            let hex = code.strip_prefix(['x', 'X']).map(|digits| u32::from_str_radix(digits, 16));
            char::from_u32(hex.unwrap_or_else(|| code.parse()).ok()?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_become_characters_and_what_is_none_stays() {
        let text = without_entities("A &amp; B &lt;c&gt; &#39;d&#x27; &nope; &");
        assert_eq!(text, "A & B <c> 'd' &nope; &");
        assert_eq!(element("<title a=\"b\"><![CDATA[x & y]]></title>", "title").unwrap(), "x & y");
        assert_eq!(element("<title>x", "title"), None);
    }
}
