//! The keys that a struct is read from, asked of serde: a list beside the struct would be a second truth.

use serde::{
    de::{Deserialize, Deserializer, Error as _, Visitor, value::Error},
    forward_to_deserialize_any,
};

/// The keys of a struct with named fields that derives `Deserialize`; of anything else, none.
///
/// ```
/// #[derive(serde::Deserialize)]
/// #[allow(dead_code)]
/// struct Point {
///     x: f32,
///     #[serde(rename = "why")]
///     y: f32,
/// }
/// assert_eq!(glassbox_spec::keys_of::<Point>(), ["x", "why"]);
/// assert!(glassbox_spec::keys_of::<u8>().is_empty());
/// ```
pub fn keys_of<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let mut keys: &'static [&'static str] = &[];
    // Nothing is read, so this fails; by then the struct has said what it reads.
    let _ = T::deserialize(Listener(&mut keys));
    keys
}

struct Listener<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Listener<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("there is nothing to read"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
