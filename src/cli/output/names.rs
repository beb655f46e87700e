//! The column names of a record type without a record: what an empty list still has to say as CSV.
//!
//! A type names its fields when it asks to be read; that is all that is taken from it here.

use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};
use serde::forward_to_deserialize_any;

/// The fields of a record type, in the order in which it declares them; none for what is no plain record.
pub fn names<T: DeserializeOwned>() -> &'static [&'static str] {
    T::deserialize(Asked).err().and_then(|asked| asked.0).unwrap_or(&[])
}

/// Nothing to read from: it only hears what is asked for.
struct Asked;

/// What was asked for.
#[derive(Debug)]
struct Names(Option<&'static [&'static str]>);

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing is read here")
    }
}

impl std::error::Error for Names {}

impl Error for Names {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Names(None)
    }
}

impl<'de> Deserializer<'de> for Asked {
    type Error = Names;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Names> {
        Err(Names(None))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Names> {
        Err(Names(Some(fields)))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only its names are asked for")]
    struct Row {
        symbol: String,
        #[serde(rename = "type")]
        kind: String,
    }

    #[test]
    fn a_record_names_its_fields_and_anything_else_names_none() {
        assert_eq!(names::<Row>(), ["symbol", "type"]);
        assert_eq!(names::<Vec<Row>>(), [""; 0]);
        assert_eq!(names::<String>(), [""; 0]);
    }
}
