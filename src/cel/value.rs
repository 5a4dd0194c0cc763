//! Values while an expression is evaluated.

use core::net::IpAddr;
use std::cmp::Ordering;

use super::library::{Cidr, Format, Quantity, Semver, Url};
use super::moment::Moment;
use super::types::Type;

/// A value. Whatever is larger than a word lives in the judgement's memory.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// 64 bits, signed.
    Int(i64),
    /// 64 bits, unsigned.
    Uint(u64),
    /// 64 bits, floating.
    Double(f64),
    /// Text.
    String(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A moment.
    Timestamp(Moment),
    /// A span of time, in nanoseconds.
    Duration(i64),
    /// Items.
    List(&'a [Value<'a>]),
    /// Entries.
    Map(Map<'a>),
    /// A value that may be absent.
    Optional(Option<&'a Value<'a>>),
    /// The name of a type.
    Type(&'static str),
    /// Kubernetes' quantity.
    Quantity(&'a Quantity<'a>),
    /// An IP address.
    Ip(&'a IpAddr),
    /// A range of IP addresses.
    Cidr(&'a Cidr),
    /// A URL.
    Url(&'a Url<'a>),
    /// A semantic version.
    Semver(&'a Semver<'a>),
    /// A named format.
    Format(&'static Format),
}

/// Entries of a map, in the order in which they were written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Map<'a>(pub(super) &'a [(Value<'a>, Value<'a>)]);

impl<'a> Map<'a> {
    pub(super) fn entries(self) -> &'a [(Value<'a>, Value<'a>)] {
        self.0
    }

    pub(super) fn field(self, name: &str) -> Option<Value<'a>> {
        let found =
            self.0.iter().find(|(key, _)| matches!(key, Value::String(key) if *key == name));
        found.map(|(_, value)| *value)
    }

    pub(super) fn get(self, wanted: &Value<'_>) -> Option<Value<'a>> {
        self.0.iter().find(|(key, _)| key.equals(wanted)).map(|(_, value)| *value)
    }
}

impl Value<'_> {
    /// The name of its type, as `type()` gives it.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => Type::Null.name(),
            Self::Bool(_) => Type::Bool.name(),
            Self::Int(_) => Type::Int.name(),
            Self::Uint(_) => Type::Uint.name(),
            Self::Double(_) => Type::Double.name(),
            Self::String(_) => Type::String.name(),
            Self::Bytes(_) => Type::Bytes.name(),
            Self::Timestamp(_) => Type::Timestamp.name(),
            Self::Duration(_) => Type::Duration.name(),
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Optional(_) => "optional_type",
            Self::Type(_) => "type",
            Self::Quantity(_) => Type::Quantity.name(),
            Self::Ip(_) => Type::Ip.name(),
            Self::Cidr(_) => Type::Cidr.name(),
            Self::Url(_) => Type::Url.name(),
            Self::Semver(_) => Type::Semver.name(),
            Self::Format(_) => Type::Format.name(),
        }
    }

    /// Whether it may stand where `declared` is asked for.
    pub(super) fn is_a(&self, declared: &Type) -> bool {
        match (declared, self) {
            (Type::Dyn | Type::Parameter(_), _)
            | (Type::Map(..) | Type::Struct(_), Self::Map(_))
            | (Type::Optional(_), Self::Optional(_))
            | (Type::Type(_), Self::Type(_)) => true,
            (Type::List(item), Self::List(items)) => {
                item.is_dyn() || items.iter().all(|value| value.is_a(item))
            }
            (declared, value) => declared.name() == value.type_name(),
        }
    }

    /// CEL's `==`: numbers by what they are worth, whatever their types; other types differ from one another.
    pub(super) fn equals(&self, other: &Value<'_>) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::String(a), Value::String(b)) => a == b,
            (Value::Type(a), Value::Type(b)) => *a == *b,
            (Value::Bytes(a), Value::Bytes(b)) => a == b,
            (Value::Timestamp(a), Value::Timestamp(b)) => a == b,
            (Value::Duration(a), Value::Duration(b)) => a == b,
            (Value::List(a), Value::List(b)) => {
                a.len() == b.len() && a.iter().zip(*b).all(|(a, b)| a.equals(b))
            }
            (Value::Map(a), Value::Map(b)) => {
                let has = |(key, value): &(Value<'_>, Value<'_>)| {
                    b.get(key).is_some_and(|other| value.equals(&other))
                };
                a.0.len() == b.0.len() && a.0.iter().all(has)
            }
            (Value::Optional(a), Value::Optional(b)) => match (a, b) {
                (Some(a), Some(b)) => a.equals(b),
                (None, None) => true,
                _ => false,
            },
            (Value::Quantity(a), Value::Quantity(b)) => a.compare(b) == Ordering::Equal,
            (Value::Ip(a), Value::Ip(b)) => a == b,
            (Value::Cidr(a), Value::Cidr(b)) => a == b,
            (Value::Url(a), Value::Url(b)) => a == b,
            (Value::Semver(a), Value::Semver(b)) => a.compare(b) == Ordering::Equal,
            (Value::Format(a), Value::Format(b)) => a.name() == b.name(),
            (a, b) => a.compare_numbers(b) == Some(Ordering::Equal),
        }
    }

    /// The order of two values of one type, or of two numbers; `None` where there is none.
    pub(super) fn compare(&self, other: &Value<'_>) -> Option<Ordering> {
        match (self, other) {
            (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
            (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
            (Value::Bytes(a), Value::Bytes(b)) => Some(a.cmp(b)),
            (Value::Timestamp(a), Value::Timestamp(b)) => Some(a.cmp(b)),
            (Value::Duration(a), Value::Duration(b)) => Some(a.cmp(b)),
            (a, b) => a.compare_numbers(b),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "that is the meaning")]
    fn compare_numbers(&self, other: &Value<'_>) -> Option<Ordering> {
        match (self, other) {
            (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
            (Value::Uint(a), Value::Uint(b)) => Some(a.cmp(b)),
            (Value::Double(a), Value::Double(b)) => a.partial_cmp(b),
            (Value::Int(a), Value::Uint(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
            (Value::Uint(a), Value::Int(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
            // As upstream has it, an integer is compared as the double that is nearest to it.
            (Value::Int(a), Value::Double(b)) => (*a as f64).partial_cmp(b),
            (Value::Uint(a), Value::Double(b)) => (*a as f64).partial_cmp(b),
            (Value::Double(_), Value::Int(_) | Value::Uint(_)) => {
                other.compare_numbers(self).map(Ordering::reverse)
            }
            _ => None,
        }
    }

    /// How much there is of it: what copying or walking it costs, in steps.
    pub(super) fn weight(&self) -> u64 {
        let length = match self {
            Self::String(text) => text.len() / 16,
            Self::Bytes(bytes) => bytes.len() / 16,
            Self::List(items) => items.len(),
            Self::Map(map) => map.0.len(),
            _ => 0,
        };
        1 + length as u64
    }

    /// What comparing it with another one like it costs, in steps: all that it holds, up to about `limit`. The keys
    /// of a map are looked for one by one.
    pub(super) fn deep_weight(&self, limit: u64) -> u64 {
        let mut weight = self.weight();
        let mut add = |value: &Value<'_>| {
            if weight < limit {
                weight += value.deep_weight(limit - weight);
            }
        };
        match self {
            Self::List(items) => items.iter().for_each(add),
            Self::Map(map) => {
                map.0.iter().for_each(|(_, value)| add(value));
                let length = map.0.len() as u64;
                weight = weight.saturating_add(length * length / 32);
            }
            Self::Optional(Some(value)) => add(value),
            _ => {}
        }
        weight
    }
}
