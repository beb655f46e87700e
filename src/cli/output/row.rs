//! A record as ordered (name, value) pairs: what tables and CSV need and JSON maps lose.

use serde::Serialize;
use serde::ser::{Impossible, SerializeMap, SerializeStruct, Serializer};
use serde_json::{Error, Value};

/// Fields of one record, in the order in which it declares them.
pub type Fields = Vec<(String, Value)>;

/// The fields of a struct or map.
pub fn fields<T: Serialize>(record: &T) -> Result<Fields, Error> {
    record.serialize(FieldSerializer)
}

struct FieldSerializer;

/// Collects fields as they come.
#[derive(Default)]
struct Collector {
    fields: Fields,
    key: String,
}

impl SerializeStruct for Collector {
    type Ok = Fields;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Error> {
        self.fields.push((key.to_string(), serde_json::to_value(value)?));
        Ok(())
    }

    fn end(self) -> Result<Fields, Error> {
        Ok(self.fields)
    }
}

impl SerializeMap for Collector {
    type Ok = Fields;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.key = match serde_json::to_value(key)? {
            Value::String(text) => text,
            other => other.to_string(),
        };
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.fields.push((std::mem::take(&mut self.key), serde_json::to_value(value)?));
        Ok(())
    }

    fn end(self) -> Result<Fields, Error> {
        Ok(self.fields)
    }
}

fn no_record<T>() -> Result<T, Error> {
    Err(serde::ser::Error::custom("a row of a table must be a record with named fields"))
}

macro_rules! refuse {
    ($($method:ident: $kind:ty),* $(,)?) => {
        $(fn $method(self, _: $kind) -> Result<Fields, Error> { no_record() })*
    };
}

impl Serializer for FieldSerializer {
    type Ok = Fields;
    type Error = Error;
    type SerializeSeq = Impossible<Fields, Error>;
    type SerializeTuple = Impossible<Fields, Error>;
    type SerializeTupleStruct = Impossible<Fields, Error>;
    type SerializeTupleVariant = Impossible<Fields, Error>;
    type SerializeMap = Collector;
    type SerializeStruct = Collector;
    type SerializeStructVariant = Impossible<Fields, Error>;

    refuse! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_f32: f32,
        serialize_f64: f64, serialize_char: char, serialize_str: &str, serialize_bytes: &[u8],
        serialize_unit_struct: &'static str,
    }

    fn serialize_none(self) -> Result<Fields, Error> {
        no_record()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Fields, Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Fields, Error> {
        no_record()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<Fields, Error> {
        no_record()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Fields, Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Fields, Error> {
        no_record()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Error> {
        no_record()
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Error> {
        no_record()
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, Error> {
        no_record()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        no_record()
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Collector, Error> {
        Ok(Collector::default())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Collector, Error> {
        Ok(Collector::default())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        no_record()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Inner {
        z: u8,
        a: Option<f64>,
    }

    #[derive(Serialize)]
    struct Outer {
        name: &'static str,
        #[serde(flatten)]
        inner: Inner,
    }

    #[test]
    fn fields_keep_their_order_through_flattening() {
        let found = fields(&Outer { name: "x", inner: Inner { z: 1, a: None } }).unwrap();
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["name", "z", "a"]);
        assert_eq!(found[2].1, Value::Null);
    }

    #[test]
    fn a_row_that_is_no_record_is_an_error() {
        assert!(fields(&vec![1, 2]).is_err());
        assert!(fields(&"text").is_err());
    }
}
