//! JSON as vendors really send it: numbers kept as written, bare `NaN` and `Infinity` taken for what they say.
//!
//! A general reader turns numbers into floats and keeps one of two equal keys; here a number stays its own text, to be
//! read exactly by `market::import::parse_scaled`, and an object stays a list of pairs in the order sent. Depth and
//! the number of values are bounded, so a body of a known size needs a known memory. Nothing here knows a vendor.

use std::borrow::Cow;

/// Deepest nesting that is read.
pub const DEPTH_MAX: u32 = 48;
/// Most values of one body, keys not counted: 150 MB at the worst, when every second one is an object of its own.
pub const VALUES_MAX: u32 = 1_000_000;
/// Words that stand for no finite number; some servers write them without quotes.
const NOT_FINITE: [&str; 7] = ["-Infinity", "+Infinity", "Infinity", "-NaN", "NaN", "-inf", "inf"];

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Json<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as written, or `NaN`, `Infinity`, `-Infinity` without quotes.
    Number(&'a str),
    /// A string.
    Text(Cow<'a, str>),
    /// An array.
    List(Vec<Json<'a>>),
    /// An object: its pairs as sent, equal keys included.
    Map(Vec<(Cow<'a, str>, Json<'a>)>),
}

/// Why a body is no JSON that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// Not UTF-8.
    #[error("is not UTF-8")]
    NotUtf8,
    /// It ends too early.
    #[error("ends in the middle")]
    Ends,
    /// A character that has no place there.
    #[error("is no JSON at byte {0}")]
    Unexpected(usize),
    /// Nested deeper than [`DEPTH_MAX`].
    #[error("is nested more than 48 deep")]
    Deep,
    /// More values than [`VALUES_MAX`].
    #[error("has more than a million values")]
    Many,
}

impl<'a> Json<'a> {
    /// Reads a whole body.
    pub fn parse(body: &'a [u8]) -> Result<Self, JsonFault> {
        let text = std::str::from_utf8(body).map_err(|_| JsonFault::NotUtf8)?;
        let mut reader = Reader { text, at: 0, values: 0 };
        if text.starts_with('\u{feff}') {
            reader.at = '\u{feff}'.len_utf8();
        }
        let value = reader.value(0)?;
        reader.blanks();
        if reader.at < text.len() { Err(JsonFault::Unexpected(reader.at)) } else { Ok(value) }
    }

    /// The value of a key of an object; of several the first.
    pub fn get(&self, key: &str) -> Option<&Json<'a>> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The value at the end of a path of keys.
    pub fn at(&self, path: &[&str]) -> Option<&Json<'a>> {
        path.iter().try_fold(self, |value, key| value.get(key))
    }

    /// The pairs of an object; none of anything else.
    pub fn entries(&self) -> &[(Cow<'a, str>, Json<'a>)] {
        if let Json::Map(pairs) = self { pairs } else { &[] }
    }

    /// The values of an array; none of anything else.
    pub fn items(&self) -> &[Json<'a>] {
        if let Json::List(items) = self { items } else { &[] }
    }

    /// The text of a string.
    pub fn text(&self) -> Option<&str> {
        if let Json::Text(text) = self { Some(text) } else { None }
    }

    /// The text of a string or number; empty for anything else, so that it reads as missing.
    pub fn number_text(&self) -> &str {
        match self {
            Json::Number(text) => text,
            Json::Text(text) => text,
            _ => "",
        }
    }

    /// The text of a string or number under a key; empty when there is none.
    pub fn number_at(&self, key: &str) -> &str {
        self.get(key).map_or("", Json::number_text)
    }

    /// The text of a string under a key; empty when there is none.
    pub fn text_at(&self, key: &str) -> &str {
        self.get(key).and_then(Json::text).unwrap_or("")
    }

    /// A whole number under a key, from a number or a string.
    pub fn whole_at(&self, key: &str) -> Option<i64> {
        self.number_at(key).trim().parse().ok()
    }

    /// A finite float under a key, from a number or a string: for figures, never for prices.
    pub fn float_at(&self, key: &str) -> Option<f64> {
        self.number_at(key).trim().parse::<f64>().ok().filter(|value| value.is_finite())
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    values: u32,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// What is wrong at this place.
    fn fault(&self) -> JsonFault {
        if self.at >= self.text.len() { JsonFault::Ends } else { JsonFault::Unexpected(self.at) }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn takes(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn value(&mut self, depth: u32) -> Result<Json<'a>, JsonFault> {
        self.values += 1;
        if self.values > VALUES_MAX {
            return Err(JsonFault::Many);
        }
        if depth > DEPTH_MAX {
            return Err(JsonFault::Deep);
        }
        self.blanks();
        match self.peek() {
            Some(b'{') => self.map(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.string().map(Json::Text),
            Some(b'-' | b'+' | b'0'..=b'9' | b'N' | b'I' | b'i') => self.number().map(Json::Number),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<Json<'a>, JsonFault> {
        let words = [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))];
        let rest = self.rest();
        let found = words.into_iter().find(|(word, _)| rest.starts_with(word)).ok_or_else(|| self.fault())?;
        self.at += found.0.len();
        Ok(found.1)
    }

    fn number(&mut self) -> Result<&'a str, JsonFault> {
        let rest = self.rest();
        let plain = |b: u8| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E');
        let word = NOT_FINITE.iter().find(|word| rest.starts_with(**word)).map(|word| word.len());
        let length = word.unwrap_or_else(|| rest.bytes().take_while(|b| plain(*b)).count());
        let text = rest.get(..length).filter(|text| !text.is_empty()).ok_or_else(|| self.fault())?;
        self.at += length;
        Ok(text)
    }

    fn list(&mut self, depth: u32) -> Result<Json<'a>, JsonFault> {
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if self.takes(b']') {
            return Ok(Json::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.blanks();
            if self.takes(b']') {
                return Ok(Json::List(items));
            }
            if !self.takes(b',') {
                return Err(self.fault());
            }
        }
    }

    fn map(&mut self, depth: u32) -> Result<Json<'a>, JsonFault> {
        self.at += 1;
        let mut pairs = Vec::new();
        self.blanks();
        if self.takes(b'}') {
            return Ok(Json::Map(pairs));
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return Err(self.fault());
            }
            let key = self.string()?;
            self.blanks();
            if !self.takes(b':') {
                return Err(self.fault());
            }
            pairs.push((key, self.value(depth + 1)?));
            self.blanks();
            if self.takes(b'}') {
                return Ok(Json::Map(pairs));
            }
            if !self.takes(b',') {
                return Err(self.fault());
            }
        }
    }

    /// A string from its opening quote to behind its closing one.
    fn string(&mut self) -> Result<Cow<'a, str>, JsonFault> {
        self.at += 1;
        let mut made = String::new();
        loop {
            let rest = self.rest();
            let length = rest.find(['"', '\\']).ok_or(JsonFault::Ends)?;
            let piece = rest.get(..length).unwrap_or("");
            self.at += length;
            if self.takes(b'"') {
                let whole = made.is_empty();
                return Ok(if whole { Cow::Borrowed(piece) } else { Cow::Owned(made + piece) });
            }
            made.push_str(piece);
            self.at += 1;
            made.push(self.escaped()?);
        }
    }

    /// What stands for one character behind a backslash. Half of a pair that stands alone becomes U+FFFD.
    fn escaped(&mut self) -> Result<char, JsonFault> {
        let byte = self.peek().ok_or(JsonFault::Ends)?;
        let plain = match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.at += 1;
                let first = self.four_digits()?;
                return Ok(self.joined(first));
            }
            _ => return Err(self.fault()),
        };
        self.at += 1;
        Ok(plain)
    }

    fn four_digits(&mut self) -> Result<u32, JsonFault> {
        let digits = self.rest().get(..4).filter(|t| t.bytes().all(|b| b.is_ascii_hexdigit()));
        let value = digits.and_then(|t| u32::from_str_radix(t, 16).ok()).ok_or_else(|| self.fault())?;
        self.at += 4;
        Ok(value)
    }

    /// The character of a code unit, with the second half of a pair where one follows.
    fn joined(&mut self, first: u32) -> char {
        if (0xD800..0xDC00).contains(&first) && self.rest().starts_with("\\u") {
            let before = self.at;
            self.at += 2;
            if let Ok(second @ 0xDC00..0xE000) = self.four_digits() {
                let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
            }
            self.at = before;
        }
        char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json(text: &str) -> Json<'_> {
        Json::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn numbers_stay_as_written_and_equal_keys_stay_apart() {
        let read = json("\u{feff} {\"a\": 34.099998474121094, \"a\": \"1e3\", \"b\": [null, true, -0]} ");
        assert_eq!(read.number_at("a"), "34.099998474121094");
        assert_eq!(read.entries().len(), 3);
        let items = [Json::Null, Json::Bool(true), Json::Number("-0")];
        assert_eq!(read.get("b").unwrap().items(), items);
        assert_eq!(read.entries()[1].1.number_text(), "1e3");
        assert_eq!(read.float_at("nothing"), None);
    }

    #[test]
    fn bare_words_for_no_number_are_numbers_that_do_not_read() {
        let read = json("[NaN,Infinity,-Infinity, \"NaN\", -NaN]");
        let texts: Vec<&str> = read.items().iter().map(Json::number_text).collect();
        assert_eq!(texts, ["NaN", "Infinity", "-Infinity", "NaN", "-NaN"]);
        for text in texts {
            let fault = crate::market::import::parse_scaled(text, 9);
            assert_eq!(fault, Err(crate::market::import::NumberFault::NotFinite), "{text}");
        }
        assert_eq!(json("{\"t\":\"NaN, Infinity\"}").text_at("t"), "NaN, Infinity");
    }

    #[test]
    fn escapes_become_characters_and_lone_halves_do_no_harm() {
        let read = json(r#""a\"\\\/\b\f\n\r\tA\u00e9\ud83d\ude00\ud83dx\ude00""#);
        assert_eq!(read.text(), Some("a\"\\/\u{8}\u{c}\n\r\tAé😀\u{fffd}x\u{fffd}"));
    }

    #[test]
    fn what_is_broken_says_where() {
        for text in ["", "{", "[1,", "\"abc", "{\"a\":", "[1", "{\"a\":1", "nul", "\"\\"] {
            let fault = Json::parse(text.as_bytes()).unwrap_err();
            assert!(matches!(fault, JsonFault::Ends | JsonFault::Unexpected(_)), "{text}: {fault}");
        }
        for (text, at) in
            [("<html>", 0), ("{} x", 3), ("[1 2]", 3), ("{a:1}", 1), ("[1,]", 3), ("\"\\q\"", 2)]
        {
            assert_eq!(Json::parse(text.as_bytes()), Err(JsonFault::Unexpected(at)), "{text}");
        }
        assert_eq!(Json::parse(b"\"\xff\""), Err(JsonFault::NotUtf8));
    }

    #[test]
    fn depth_and_values_are_bounded() {
        let deep = "[".repeat(1_000_000);
        assert_eq!(Json::parse(deep.as_bytes()), Err(JsonFault::Deep));
        let many = format!("[{}0]", "0,".repeat(VALUES_MAX as usize));
        assert_eq!(Json::parse(many.as_bytes()), Err(JsonFault::Many));
        assert!(size_of::<Json<'_>>() <= 32, "{}", size_of::<Json<'_>>());
    }

    proptest! {
        #[test]
        fn what_serde_writes_is_read_back(texts in prop::collection::vec(any::<String>(), 0..8), n in any::<f64>()) {
            let value = serde_json::json!({ "t": texts, "n": n });
            let written = value.to_string();
            let read = Json::parse(written.as_bytes()).unwrap();
            let back: Vec<&str> = read.get("t").unwrap().items().iter().filter_map(Json::text).collect();
            prop_assert_eq!(back, texts.iter().map(String::as_str).collect::<Vec<_>>());
            prop_assert_eq!(read.float_at("n"), Some(n).filter(|n| n.is_finite()));
        }

        #[test]
        fn no_bytes_upset_it(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _read = Json::parse(&bytes);
        }
    }
}
