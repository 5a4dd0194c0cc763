//! What a rule is called.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// The id of a rule: a built-in one's, or the name that a policy gives one of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(Name);

#[derive(Debug, Clone)]
enum Name {
    BuiltIn(&'static str),
    Own(Arc<str>),
}

impl From<&'static str> for RuleId {
    fn from(id: &'static str) -> Self {
        Self(Name::BuiltIn(id))
    }
}

impl From<Arc<str>> for RuleId {
    fn from(name: Arc<str>) -> Self {
        Self(Name::Own(name))
    }
}

impl RuleId {
    /// The id as a text of its own, copied only where a policy gave it.
    #[must_use]
    pub fn to_cow(&self) -> Cow<'static, str> {
        match &self.0 {
            Name::BuiltIn(id) => Cow::Borrowed(id),
            Name::Own(name) => Cow::Owned(name.as_ref().to_owned()),
        }
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::BuiltIn(id) => id,
            Self::Own(name) => name,
        }
    }
}

// Two ids are the same where they read the same.
impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (**self).cmp(&**other)
    }
}

impl std::hash::Hash for Name {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl Deref for RuleId {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for RuleId {
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl PartialEq<&str> for RuleId {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl Serialize for RuleId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}
