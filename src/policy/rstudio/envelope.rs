//! RStudio's JSON-RPC envelope, read strictly: one object, each known field once, its parameters by number.
//!
//! rsession's own reader takes the last of two equal fields of the envelope and the first of two equal ones inside a
//! parameter: what two programs can read in two ways is an error here. Parameters that nobody asks for are passed over.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::rpc::{Arg, Method};

/// A parameter that is looked at.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
    /// A number.
    Other,
}

impl Value {
    /// A field of an object; `Null` when it isn't there, `None` when this is no object.
    pub(super) fn field(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => {
                Some(fields.iter().find(|(field, _)| field == name).map_or(&Self::Null, |(_, value)| value))
            }
            _ => None,
        }
    }
}

/// A call.
#[derive(Debug, PartialEq)]
pub(super) struct Call<'b> {
    /// `method`.
    pub(super) method: Cow<'b, str>,
    /// The parameters that were asked for, with their numbers.
    pub(super) params: Vec<(u8, Value)>,
}

/// Reads a call; of the parameters only those that `wanted` is about.
pub(super) fn read<'b>(body: &'b [u8], wanted: &[Arg]) -> Result<Call<'b>, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let call = reader.deserialize_map(Envelope { wanted })?;
    reader.end()?;
    Ok(call)
}

/// What of a method's parameters is looked at under these conditions.
pub(super) fn wanted(method: &Method, files: bool, input: bool) -> Vec<Arg> {
    let counts = |arg: &Arg| if arg.is_input() { input } else { files || !arg.names_files() };
    method.args.iter().copied().filter(counts).collect()
}

struct Envelope<'w> {
    wanted: &'w [Arg],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Field {
    #[serde(rename = "method")]
    Method,
    #[serde(rename = "params")]
    Params,
    #[serde(rename = "kwparams")]
    Named,
    #[serde(rename = "sourceWnd")]
    Window,
    #[serde(rename = "clientId")]
    Client,
    #[serde(rename = "clientVersion")]
    Version,
    #[serde(other)]
    Other,
}

impl<'de> Visitor<'de> for Envelope<'_> {
    type Value = Call<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a call")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Call<'de>, A::Error> {
        let (mut method, mut params, mut seen) = (None, Vec::new(), 0_u8);
        while let Some(field) = map.next_key::<Field>()? {
            let bit = 1 << field as u8;
            if field != Field::Other && seen & bit != 0 {
                return Err(A::Error::custom("a field is given twice"));
            }
            seen |= bit;
            match field {
                Field::Method => method = Some(map.next_value_seed(Text)?),
                Field::Params => params = map.next_value_seed(Params { wanted: self.wanted })?,
                Field::Named | Field::Window | Field::Client | Field::Version | Field::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let method = method.ok_or_else(|| A::Error::custom("no method is named"))?;
        Ok(Call { method, params })
    }
}

/// Text, borrowed where nothing in it is escaped.
struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a method")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

struct Params<'w> {
    wanted: &'w [Arg],
}

impl<'de> DeserializeSeed<'de> for Params<'_> {
    type Value = Vec<(u8, Value)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Params<'_> {
    type Value = Vec<(u8, Value)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of parameters")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        for at in 0..=u8::MAX {
            let more = if self.wanted.iter().any(|arg| arg.index() == Some(at)) {
                let value = seq.next_element::<Value>()?;
                value.map(|value| found.push((at, value))).is_some()
            } else {
                seq.next_element::<IgnoredAny>()?.is_some()
            };
            if !more {
                return Ok(found);
            }
        }
        Err(A::Error::custom("there are too many parameters"))
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a parameter")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element()? {
            list.push(value);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields: Vec<(String, Value)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            // An object of a parameter has few fields; more would make this look slow.
            if fields.len() >= FIELDS_MAX {
                return Err(A::Error::custom("an object has too many fields"));
            }
            if fields.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom("a field is given twice"));
            }
            fields.push((name, value));
        }
        Ok(Value::Object(fields))
    }
}

/// Most fields of an object that is looked at: preferences are the largest, with some hundreds.
const FIELDS_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_read_in_one_way_or_not_at_all() {
        let wanted = [Arg::Path(0), Arg::In(1, "path")];
        let read = |body: &'static str| super::read(body.as_bytes(), &wanted);
        let call = read(r#"{"params":["~/a",{"path":"b"},3],"method":"stat","clientId":"x","id":1}"#);
        let call = call.expect("a call");
        assert_eq!(call.method, "stat");
        assert_eq!(call.params[0], (0, Value::Text("~/a".into())));
        assert_eq!(call.params[1].1.field("path"), Some(&Value::Text("b".into())));
        assert_eq!(call.params[1].1.field("other"), Some(&Value::Null));
        assert_eq!(read(r#"{"m\u0065thod":"st\u0061t"}"#).expect("a call").method, "stat");
        for bad in [
            "",
            "[]",
            "null",
            "{}",
            "{",
            r#"{"method":1}"#,
            r#"{"method":"a","method":"b"}"#,
            r#"{"method":"a","m\u0065thod":"b"}"#,
            r#"{"method":"a","params":[],"params":["/etc"]}"#,
            r#"{"method":"a","params":{}}"#,
            r#"{"method":"a","params":[{"path":"x","path":"/etc"}]}"#,
            r#"{"method":"a"} {"method":"b"}"#,
            r#"{"method":"a",}"#,
            r#"{"method":"a"/*,"method":"b"*/}"#,
            r#"{"method":"a","params":[NaN]}"#,
            "\u{feff}{\"method\":\"a\"}",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(super::read(b"{\"method\":\"a\xff\"}", &[]).is_err());
        let deep = format!("{{\"method\":\"a\",\"params\":{}1{}}}", "[".repeat(300), "]".repeat(300));
        assert!(super::read(deep.as_bytes(), &[Arg::Path(0)]).is_err(), "what is kept is not deep");
    }
}
