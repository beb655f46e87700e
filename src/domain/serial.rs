//! Encodings that several nouns share: values kept as text, maps kept as lists of pairs, short text without an
//! allocation. Nothing here knows what is encoded.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

struct Text<T>(PhantomData<T>);

impl<T> Visitor<'_> for Text<T>
where
    T: FromStr,
    T::Err: fmt::Display,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(|e| E::custom(format_args!("'{}' {e}", text.escape_default())))
    }
}

/// Reads a value from its text without keeping the text.
pub fn from_text<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: FromStr,
    T::Err: fmt::Display,
    D: Deserializer<'de>,
{
    from.deserialize_str(Text(PhantomData))
}

/// For `#[serde(with = "…")]`: a map whose keys are no text, as a list of pairs.
pub mod pairs {
    use super::{Deserialize, Deserializer, Serialize, Serializer};

    /// Writes the pairs in their order.
    pub fn serialize<'m, M, K, V, S>(map: &'m M, to: S) -> Result<S::Ok, S::Error>
    where
        &'m M: IntoIterator<Item = (&'m K, &'m V)>,
        K: Serialize + 'm,
        V: Serialize + 'm,
        S: Serializer,
    {
        to.collect_seq(map)
    }

    /// Reads them back.
    pub fn deserialize<'de, M, K, V, D>(from: D) -> Result<M, D::Error>
    where
        M: FromIterator<(K, V)>,
        K: Deserialize<'de>,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(from)?.into_iter().collect())
    }
}

/// For `#[serde(with = "…")]`: a shared value as the value itself.
pub mod shared {
    use std::sync::Arc;

    use super::{Deserialize, Deserializer, Serialize, Serializer};

    /// Writes the value.
    pub fn serialize<T: Serialize, S: Serializer>(value: &Arc<T>, to: S) -> Result<S::Ok, S::Error> {
        value.as_ref().serialize(to)
    }

    /// Reads a value of its own.
    pub fn deserialize<'de, T, D>(from: D) -> Result<Arc<T>, D::Error>
    where
        T: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        T::deserialize(from).map(Arc::new)
    }
}

/// Longest text of a [`Short`], in bytes.
const SHORT_BYTES_MAX: usize = 64;

/// A short ASCII text that is built on the stack.
#[derive(Debug)]
pub(super) struct Short {
    bytes: [u8; SHORT_BYTES_MAX],
    len: usize,
}

impl Short {
    pub(super) const fn new() -> Self {
        Self { bytes: [0; SHORT_BYTES_MAX], len: 0 }
    }

    pub(super) fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.len) {
            *slot = byte;
            self.len += 1;
        }
    }

    /// A number with at least `width` digits.
    pub(super) fn number(&mut self, value: u64, width: usize) {
        let (mut digits, mut count, mut rest) = ([b'0'; 20], 0, value);
        for slot in &mut digits {
            if rest == 0 && count >= width.max(1) {
                break;
            }
            *slot = b'0' + (rest % 10) as u8;
            rest /= 10;
            count += 1;
        }
        digits.iter().take(count).rev().for_each(|digit| self.push(*digit));
    }

    pub(super) fn as_str(&self) -> &str {
        self.bytes.get(..self.len).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or("")
    }
}
