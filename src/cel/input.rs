//! What expressions read: JSON into values.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::arena::Arena;
use super::environment::Root;
use super::program::{Activation, Fault};
use super::value::Value;

/// The values of the roots.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inputs<'a> {
    pub(super) object: Value<'a>,
    pub(super) old_object: Value<'a>,
    pub(super) request: Value<'a>,
    pub(super) namespace: Value<'a>,
}

pub(super) fn read<'a>(arena: &'a Arena, activation: &Activation<'a>) -> Result<Inputs<'a>, Fault> {
    let wants = |root| activation.roots.contains(&root);
    let mut inputs = Inputs {
        object: Value::Null,
        old_object: Value::Null,
        request: Value::Null,
        namespace: Value::Null,
    };
    if let Some(review) = activation.review {
        let wanted = Wanted {
            object: !activation.old_for_new && (wants(Root::Object) || wants(Root::Pod)),
            old_object: activation.old_for_new || wants(Root::OldObject),
            request: wants(Root::Request),
        };
        let mut deserializer = serde_json::Deserializer::from_str(review);
        let seed = ReviewSeed { arena, wanted, inputs: &mut inputs };
        seed.deserialize(&mut deserializer).map_err(|error| unreadable(&error))?;
    } else {
        if let Some(object) = activation.object {
            inputs.object = json(arena, object)?;
        }
        if let Some(request) = activation.request {
            inputs.request = json(arena, request)?;
        }
    }
    if activation.old_for_new {
        inputs.object = std::mem::replace(&mut inputs.old_object, Value::Null);
    }
    if let Some(name) = activation.namespace.filter(|_| wants(Root::NamespaceObject)) {
        inputs.namespace = namespace(arena, name, activation.namespace_labels)?;
    }
    Ok(inputs)
}

/// A whole JSON text.
pub(super) fn json<'a>(arena: &'a Arena, text: &'a str) -> Result<Value<'a>, Fault> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    ValueSeed(arena).deserialize(&mut deserializer).map_err(|error| unreadable(&error))
}

/// The arena's bound passes through serde as a text.
const FULL: &str = "the object does not fit in memory";

fn unreadable(error: &serde_json::Error) -> Fault {
    if error.to_string().starts_with(FULL) {
        return Fault::Memory;
    }
    Fault::Error(format!("the object cannot be read: {error}"))
}

fn namespace<'a>(
    arena: &'a Arena,
    name: &'a str,
    labels: Option<&'a [(String, String)]>,
) -> Result<Value<'a>, Fault> {
    let mut metadata = vec![(Value::String("name"), Value::String(name))];
    if let Some(labels) = labels {
        let labels: Vec<_> =
            labels.iter().map(|(key, value)| (Value::String(key), Value::String(value))).collect();
        metadata.push((Value::String("labels"), arena.map(&labels)?));
    }
    arena.map(&[(Value::String("metadata"), arena.map(&metadata)?)])
}

/// The pod that stands at `at`, with all its containers in one list, each with its path in the object.
pub(super) fn pod<'a>(
    arena: &'a Arena,
    object: Value<'a>,
    at: Option<&str>,
) -> Result<Value<'a>, Fault> {
    let Some(at) = at else { return Ok(Value::Null) };
    let field = |value: Value<'a>, name: &str| match value {
        Value::Map(map) => map.field(name),
        _ => None,
    };
    let mut steps = at.split('.').filter(|step| !step.is_empty());
    let pod = steps.try_fold(object, field).unwrap_or(Value::Null);
    let mut containers = Vec::new();
    let spec = field(pod, "spec").unwrap_or(Value::Null);
    let prefix = if at.is_empty() { String::new() } else { format!("{at}.") };
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        let Some(Value::List(items)) = field(spec, list) else { continue };
        for (index, item) in items.iter().enumerate() {
            let Value::Map(container) = item else { continue };
            let path = arena.text(&format!("{prefix}spec.{list}[{index}]"))?;
            let own = [
                (Value::String("path"), Value::String(path)),
                (Value::String("list"), Value::String(list)),
            ];
            containers.push(arena.map(&[container.entries(), &own].concat())?);
        }
    }
    let containers = arena.list(&containers)?;
    let known = ["metadata", "spec"]
        .into_iter()
        .filter_map(|name| field(pod, name).map(|value| (Value::String(name), value)));
    let fields: Vec<_> = known.chain([(Value::String("containers"), containers)]).collect();
    arena.map(&fields)
}

#[derive(Clone, Copy)]
struct Wanted {
    object: bool,
    old_object: bool,
    request: bool,
}

/// The review: only its `request` is looked at.
struct ReviewSeed<'i, 'a> {
    arena: &'a Arena,
    wanted: Wanted,
    inputs: &'i mut Inputs<'a>,
}

impl<'de: 'a, 'a> DeserializeSeed<'de> for ReviewSeed<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de: 'a, 'a> Visitor<'de> for ReviewSeed<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an AdmissionReview")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { arena, wanted, inputs } = self;
        while let Some(key) = map.next_key_seed(TextSeed(arena))? {
            if key == "request" {
                map.next_value_seed(RequestSeed(ReviewSeed {
                    arena,
                    wanted,
                    inputs: &mut *inputs,
                }))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

struct RequestSeed<'i, 'a>(ReviewSeed<'i, 'a>);

impl<'de: 'a, 'a> DeserializeSeed<'de> for RequestSeed<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de: 'a, 'a> Visitor<'de> for RequestSeed<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request of an AdmissionReview")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let ReviewSeed { arena, wanted, inputs } = self.0;
        let mut request = Vec::new();
        while let Some(key) = map.next_key_seed(TextSeed(arena))? {
            match key {
                "object" if wanted.object => {
                    inputs.object = map.next_value_seed(ValueSeed(arena))?;
                }
                "oldObject" if wanted.old_object => {
                    inputs.old_object = map.next_value_seed(ValueSeed(arena))?;
                }
                "object" | "oldObject" => {
                    map.next_value::<IgnoredAny>()?;
                }
                _ if wanted.request => {
                    request.push((Value::String(key), map.next_value_seed(ValueSeed(arena))?));
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        inputs.request = arena.map(&request).map_err(|_| A::Error::custom(FULL))?;
        Ok(())
    }
}

/// A string: borrowed from the text where it holds no escape.
#[derive(Clone, Copy)]
struct TextSeed<'a>(&'a Arena);

impl<'de: 'a, 'a> DeserializeSeed<'de> for TextSeed<'a> {
    type Value = &'a str;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<&'a str, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de: 'a, 'a> Visitor<'de> for TextSeed<'a> {
    type Value = &'a str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<&'a str, E> {
        Ok(text)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<&'a str, E> {
        self.0.text(text).map_err(|_| E::custom(FULL))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<&'a str, E> {
        self.visit_str(&Cow::from(text))
    }
}

/// Any value.
#[derive(Clone, Copy)]
struct ValueSeed<'a>(&'a Arena);

impl<'de: 'a, 'a> DeserializeSeed<'de> for ValueSeed<'a> {
    type Value = Value<'a>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<'a>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de: 'a, 'a> Visitor<'de> for ValueSeed<'a> {
    type Value = Value<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value<'a>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value<'a>, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value<'a>, E> {
        Ok(Value::Int(value))
    }

    /// What does not fit in a signed number is a double, as the API server reads it.
    #[expect(clippy::cast_precision_loss, reason = "as the API server does")]
    fn visit_u64<E: Error>(self, value: u64) -> Result<Value<'a>, E> {
        Ok(i64::try_from(value).map_or(Value::Double(value as f64), Value::Int))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value<'a>, E> {
        Ok(Value::Double(value))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Value<'a>, E> {
        Ok(Value::String(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value<'a>, E> {
        TextSeed(self.0).visit_str(text).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value<'a>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self)? {
            items.push(item);
        }
        self.0.list(&items).map_err(|_| A::Error::custom(FULL))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'a>, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key_seed(TextSeed(self.0))? {
            entries.push((Value::String(key), map.next_value_seed(self)?));
        }
        self.0.map(&entries).map_err(|_| A::Error::custom(FULL))
    }
}
