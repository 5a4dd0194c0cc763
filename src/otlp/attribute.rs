//! Attributes.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};

pub(super) fn text(key: &str, value: &str) -> KeyValue {
    of(key, Value::StringValue(value.to_owned()))
}

pub(super) fn number(key: &str, value: i64) -> KeyValue {
    of(key, Value::IntValue(value))
}

pub(super) fn flag(key: &str, value: bool) -> KeyValue {
    of(key, Value::BoolValue(value))
}

/// Each text once, in the order in which they come first.
pub(super) fn texts<'t>(key: &str, texts: impl IntoIterator<Item = &'t str>) -> KeyValue {
    let mut distinct: Vec<&str> = Vec::new();
    for text in texts {
        if !distinct.contains(&text) {
            distinct.push(text);
        }
    }
    let values = distinct.into_iter().map(|text| any(Value::StringValue(text.to_owned())));
    of(key, Value::ArrayValue(ArrayValue { values: values.collect() }))
}

pub(super) fn any(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn of(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(any(value)), ..KeyValue::default() }
}
