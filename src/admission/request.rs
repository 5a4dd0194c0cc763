//! `request` of an `AdmissionReview`, and where its object stands in the body.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use crate::pod::{List, Text};

/// The fields that a decision needs; `O` is what the objects are read as.
pub(super) struct Request<'a, O> {
    pub(super) uid: Option<Text<'a>>,
    pub(super) kind: Option<GroupVersionKind<'a>>,
    pub(super) resource: Option<GroupVersionResource<'a>>,
    pub(super) sub_resource: Option<Text<'a>>,
    pub(super) name: Option<Text<'a>>,
    pub(super) namespace: Option<Text<'a>>,
    pub(super) operation: Option<Text<'a>>,
    pub(super) user_info: Option<UserInfo<'a>>,
    pub(super) object: Option<O>,
    pub(super) old_object: Option<O>,
    pub(super) dry_run: Option<bool>,
    /// `None` where the object is absent, or no other field follows it.
    pub(super) around_object: Option<Around<'a>>,
}

#[derive(Default, Deserialize)]
pub(super) struct GroupVersionKind<'a> {
    #[serde(borrow)]
    pub(super) group: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) version: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) kind: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
pub(super) struct GroupVersionResource<'a> {
    #[serde(borrow)]
    pub(super) resource: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
pub(super) struct UserInfo<'a> {
    #[serde(borrow)]
    pub(super) username: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) uid: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) groups: Option<List<Text<'a>>>,
}

/// The keys before and after a value, both slices of the body. A digest of what was sent needs the
/// value's own bytes, and serde tells no position: these spare reading a large body twice.
pub(super) struct Around<'a> {
    key: &'a str,
    next: &'a str,
}

impl<'a> Around<'a> {
    /// The value between the two keys of `body`, from which both were read.
    pub(super) fn between(&self, body: &'a str) -> Option<&'a str> {
        let at = |key: &str| (key.as_ptr() as usize).checked_sub(body.as_ptr() as usize);
        // What separates them: `":` after the one, `,"` before the other, and white space.
        let between = body.get(at(self.key)? + self.key.len()..at(self.next)?)?;
        let value = trim(between.strip_prefix('"')?).strip_prefix(':')?;
        Some(trim(trim(value.strip_suffix('"')?).strip_suffix(',')?))
    }
}

/// Without JSON's white space at both ends.
fn trim(json: &str) -> &str {
    json.trim_matches([' ', '\t', '\n', '\r'])
}

impl<'de: 'a, 'a, O: Deserialize<'de>> Deserialize<'de> for Request<'a, O> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RequestVisitor(PhantomData))
    }
}

struct RequestVisitor<O>(PhantomData<O>);

/// Each may stand once, also where it is `null`.
const FIELDS: [&str; 11] = [
    "uid",
    "kind",
    "resource",
    "subResource",
    "name",
    "namespace",
    "operation",
    "userInfo",
    "object",
    "oldObject",
    "dryRun",
];

impl<'de, O: Deserialize<'de>> Visitor<'de> for RequestVisitor<O> {
    type Value = Request<'de, O>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request of an AdmissionReview")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut request = Request {
            uid: None,
            kind: None,
            resource: None,
            sub_resource: None,
            name: None,
            namespace: None,
            operation: None,
            user_info: None,
            object: None,
            old_object: None,
            dry_run: None,
            around_object: None,
        };
        let mut object_key = None;
        let mut seen = 0_u16;
        while let Some(Text(key)) = map.next_key::<Text<'de>>()? {
            // A key with an escape is no slice of the body, and no key that an API server writes.
            let slice = if let Cow::Borrowed(slice) = key { Some(slice) } else { None };
            if let (Some(key), Some(next)) = (object_key.take(), slice) {
                request.around_object = Some(Around { key, next });
            }
            if let Some(index) = FIELDS.iter().position(|field| *field == key) {
                if seen & (1 << index) != 0 {
                    return Err(A::Error::duplicate_field(FIELDS[index]));
                }
                seen |= 1 << index;
            }
            match &*key {
                "uid" => request.uid = map.next_value()?,
                "kind" => request.kind = map.next_value()?,
                "resource" => request.resource = map.next_value()?,
                "subResource" => request.sub_resource = map.next_value()?,
                "name" => request.name = map.next_value()?,
                "namespace" => request.namespace = map.next_value()?,
                "operation" => request.operation = map.next_value()?,
                "userInfo" => request.user_info = map.next_value()?,
                "object" => {
                    request.object = map.next_value()?;
                    object_key = slice.filter(|_| request.object.is_some());
                }
                "oldObject" => request.old_object = map.next_value()?,
                "dryRun" => request.dry_run = map.next_value()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(request)
    }
}
