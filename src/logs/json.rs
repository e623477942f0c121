//! Standard logs of version 2 as JSON: one object a line, its keys the names of columns, its
//! values strings in the log's own encoding.

use std::borrow::Cow;
use std::fmt;

use memchr::memmem;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::fault::{Fault, FaultKind};
use super::lines::Line;
use super::names::{self, Dialect, Name};
use super::row::{Cells, Clock, Named, Row};

/// Whether a line is such a record. Two keys tell it; a configuration may leave out any others.
pub fn is_record(line: &[u8]) -> bool {
    let has = |key: &[u8]| memmem::find(line, key).is_some();
    line.starts_with(b"{")
        && (has(b"\"sc-status\"") || has(b"\"sc_status\""))
        && (has(b"\"cs-uri-stem\"") || has(b"\"cs_uri_stem\""))
}

/// Reads records. Remembers which column each key names, since all records of an object have the
/// same keys in the same order.
#[derive(Default)]
pub struct Records {
    keys: Vec<(Box<[u8]>, Option<Name>)>,
    clock: Clock,
}

impl Records {
    /// Reads one line and hands its row to `each`, or says what is wrong with it.
    pub fn read(
        &mut self,
        line: &Line<'_>,
        each: impl FnOnce(&Row<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let bad = |kind, reason: &str| Fault::new(line.place(), kind, reason);
        let record = match serde_json::from_slice::<Object<'_, Text<'_>>>(line.bytes) {
            Ok(Object(pairs)) => pairs,
            // Bytes first: a value that is not UTF-8 must not lose its line.
            Err(_) if std::str::from_utf8(line.bytes).is_err() => {
                let Object(pairs) = serde_json::from_slice::<Object<'_, Bytes<'_>>>(line.bytes)
                    .map_err(|error| bad(FaultKind::BadJson, &what_is_wrong(&error)))?;
                pairs.into_iter().map(|(key, value)| (key, Text(Some(value.0)))).collect()
            }
            Err(error) => return Err(bad(FaultKind::BadJson, &what_is_wrong(&error))),
        };
        // Whoever writes real-time records as JSON spells the names as real-time logs do.
        let realtime =
            record.iter().any(|(key, _)| matches!(key.as_ref(), b"cs-host" | b"timestamp"));
        let dialect = if realtime { Dialect::Realtime } else { Dialect::Standard };
        let mut values: Named<'_> = [const { None }; names::COUNT];
        for (place, (key, Text(value))) in record.into_iter().enumerate() {
            let Some(name) = self.name(place, &key, dialect) else { continue };
            if let Some(slot @ None) = values.get_mut(name as usize) {
                // The column is there, even where it is `null`.
                *slot = Some(value.unwrap_or(Cow::Borrowed(b"-")));
            }
        }
        match Row::new(Cells::Named(&values), dialect, &mut self.clock) {
            Ok(row) => each(&row),
            Err((kind, reason)) => Err(bad(kind, reason)),
        }
    }

    fn name(&mut self, place: usize, key: &[u8], dialect: Dialect) -> Option<Name> {
        if dialect == Dialect::Standard
            && let Some((known, name)) = self.keys.get(place)
            && known.as_ref() == key
        {
            return *name;
        }
        let name = names::of(key, dialect);
        if dialect == Dialect::Standard && place < crate::limits::COLUMNS {
            self.keys.truncate(place);
            if self.keys.len() == place {
                self.keys.push((key.into(), name));
            }
        }
        name
    }
}

/// The pairs of an object, in their order.
struct Object<'a, V>(Vec<(Cow<'a, [u8]>, V)>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Object<'de, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs<V>(std::marker::PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Pairs<V> {
            type Value = Object<'de, V>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::with_capacity(48);
                while let Some((Bytes(key), value)) = map.next_entry::<Bytes<'de>, V>()? {
                    // More than any log has would cost many times the line's length.
                    if pairs.len() >= crate::limits::COLUMNS {
                        return Err(serde::de::Error::custom("too many keys"));
                    }
                    pairs.push((key, value));
                }
                Ok(Object(pairs))
            }
        }
        deserializer.deserialize_map(Pairs(std::marker::PhantomData))
    }
}

/// A string whose bytes need not be UTF-8.
struct Bytes<'a>(Cow<'a, [u8]>);

impl<'de> Deserialize<'de> for Bytes<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Bytes<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
                Ok(Bytes(Cow::Borrowed(bytes)))
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                Ok(Bytes(Cow::Owned(bytes.to_vec())))
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Bytes(Cow::Borrowed(text.as_bytes())))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Bytes(Cow::Owned(text.as_bytes().to_vec())))
            }
        }
        deserializer.deserialize_bytes(Any)
    }
}

/// A value as text. AWS writes strings alone; whoever passes records on may write numbers.
struct Text<'a>(Option<Cow<'a, [u8]>>);

fn written<'a, E>(number: impl ToString) -> Result<Text<'a>, E> {
    Ok(Text(Some(Cow::Owned(number.to_string().into_bytes()))))
}

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Some(Cow::Borrowed(text.as_bytes()))))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Some(Cow::Owned(text.as_bytes().to_vec()))))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                written(number)
            }
            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                written(number)
            }
            fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
                written(number)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Text(None))
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Text(None))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Text(None))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Text(None))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// What kind of JSON error it was, without the text that caused it.
pub(super) fn what_is_wrong(error: &serde_json::Error) -> String {
    let kind = match error.classify() {
        serde_json::error::Category::Io => "cannot be read",
        serde_json::error::Category::Syntax => "not JSON",
        serde_json::error::Category::Data => "another shape",
        serde_json::error::Category::Eof => "ends too early",
    };
    format!("{kind} at column {}", error.column())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::record::{Column, Refusal};

    fn refusal(text: &[u8]) -> Result<Refusal, FaultKind> {
        let mut out = None;
        let line = Line { number: 1, byte: 0, bytes: text };
        Records::default()
            .read(&line, |row| {
                out = Some(row.refusal());
                Ok(())
            })
            .map_err(|fault| fault.kind)?;
        Ok(out.unwrap())
    }

    const RECORD: &str = r#"{"date":"2026-03-10","time":"14:00:01","cs(Host)":"d1.cloudfront.net",
        "cs-uri-stem":"/a%2520b","sc-status":"403","cs(User-Agent)":"x\t\"y","sc-content-len":"-",
        "x-edge-detailed-result-type":null,"asn":"1","nested":{"a":[1]}}"#;

    #[test]
    fn keys_are_the_names_of_columns() {
        let row = refusal(RECORD.as_bytes()).unwrap();
        assert_eq!(row.path.shown(), "/a%20b");
        assert_eq!(row.distribution_domain.as_deref(), Some("d1.cloudfront.net"));
        assert_eq!(row.user_agent.value().unwrap().logged(), b"x\t\"y");
        assert_eq!(row.content_length, Column::Dash);
        assert_eq!(row.detailed_result_type, Column::Dash);
        assert_eq!(row.host, Column::Missing);
        assert_eq!(row.cookie_cut_at, None);
    }

    // See: coralogix-aws-shipper: one byte that is not UTF-8 lost the object.
    #[test]
    fn a_value_that_is_no_utf_8_keeps_its_line() {
        let text = RECORD.replace("null", r#""-""#).replace(r#","nested":{"a":[1]}"#, "");
        let text = text.replace(r"x\t", "!");
        let bytes: Vec<u8> = text.bytes().map(|b| if b == b'!' { 0xff } else { b }).collect();
        let row = refusal(&bytes).unwrap();
        assert_eq!(row.user_agent.value().unwrap().logged(), b"\xff\"y");
    }

    #[test]
    fn numbers_are_taken_and_depth_is_no_danger() {
        let text = RECORD.replace(r#""403""#, "403");
        assert_eq!(refusal(text.as_bytes()).unwrap().status, 403);
        let deep = RECORD.replace("[1]", &format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)));
        assert_eq!(refusal(deep.as_bytes()).map(|row| row.status), Ok(403));
        assert_eq!(refusal(b"{\"date\":").unwrap_err(), FaultKind::BadJson);
        let wide = (0..300).map(|n| format!("\"k{n}\":0,")).collect::<String>();
        let wide = RECORD.replacen('{', &format!("{{{wide}"), 1);
        assert_eq!(refusal(wide.as_bytes()).unwrap_err(), FaultKind::BadJson);
    }
}
