//! Types, as the checker knows them, and the notation that functions are declared in.

use std::fmt;

/// The type of an expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Type {
    /// Known only when it is evaluated: what a manifest holds.
    Dyn,
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// 64 bits, signed.
    Int,
    /// 64 bits, unsigned.
    Uint,
    /// 64 bits, floating.
    Double,
    /// Text.
    String,
    /// Bytes.
    Bytes,
    /// A moment.
    Timestamp,
    /// A span of time.
    Duration,
    /// Kubernetes' quantities, such as `100Mi`.
    Quantity,
    /// An IP address.
    Ip,
    /// A range of IP addresses.
    Cidr,
    /// A URL.
    Url,
    /// A semantic version.
    Semver,
    /// One of Kubernetes' named formats.
    Format,
    /// A list of one type.
    List(Box<Type>),
    /// A map from one type to another.
    Map(Box<Type>, Box<Type>),
    /// A value that may be absent.
    Optional(Box<Type>),
    /// A type itself.
    Type(Box<Type>),
    /// An object whose fields are known.
    Struct(&'static Struct),
    /// Any type, the same wherever it stands in one declaration.
    Parameter(char),
}

/// An object whose fields are known.
#[derive(Debug, PartialEq)]
pub struct Struct {
    /// Its name in messages.
    pub name: &'static str,
    /// Its fields, with their types in the notation of [`Type::read`].
    pub fields: &'static [(&'static str, &'static str)],
    /// Types that `fields` name beside CEL's own.
    pub parts: &'static [&'static Struct],
}

impl Struct {
    /// The type of the field `name`.
    pub(super) fn field(&self, name: &str) -> Option<Type> {
        let (_, notation) = self.fields.iter().find(|(field, _)| *field == name)?;
        Some(Type::read(notation, self.parts))
    }
}

impl Type {
    pub(super) fn list(item: Type) -> Self {
        Self::List(Box::new(item))
    }

    pub(super) fn map(key: Type, value: Type) -> Self {
        Self::Map(Box::new(key), Box::new(value))
    }

    pub(super) fn optional(value: Type) -> Self {
        Self::Optional(Box::new(value))
    }

    pub(super) fn of_type(of: Type) -> Self {
        Self::Type(Box::new(of))
    }

    /// Reads `list<A>`, `map<string, dyn>`, `optional<int>` and the names of types. What is no such name is
    /// one of `structs`, or anything at all: declarations are ours, and a test reads each.
    pub(super) fn read(notation: &str, structs: &[&'static Struct]) -> Self {
        if let Some((outer, inner)) =
            notation.strip_suffix('>').and_then(|text| text.split_once('<'))
        {
            return match outer {
                "list" => Self::list(Self::read(inner, structs)),
                "optional" => Self::optional(Self::read(inner, structs)),
                "type" => Self::of_type(Self::read(inner, structs)),
                _ => {
                    let (key, value) = inner.split_once(", ").unwrap_or((inner, "dyn"));
                    Self::map(Self::read(key, structs), Self::read(value, structs))
                }
            };
        }
        if let Some(known) = structs.iter().find(|known| known.name == notation) {
            return Self::Struct(known);
        }
        match notation {
            "A" | "B" | "K" | "V" => Self::Parameter(notation.chars().next().unwrap_or('A')),
            "timestamp" => Self::Timestamp,
            "duration" => Self::Duration,
            "quantity" => Self::Quantity,
            "ip" => Self::Ip,
            "cidr" => Self::Cidr,
            "url" => Self::Url,
            "semver" => Self::Semver,
            "format" => Self::Format,
            _ => Self::named(notation).unwrap_or(Self::Dyn),
        }
    }

    /// The type that an expression means by `name`.
    pub(super) fn named(name: &str) -> Option<Self> {
        let any = || Box::new(Self::Dyn);
        Some(match name {
            "bool" => Self::Bool,
            "int" => Self::Int,
            "uint" => Self::Uint,
            "double" => Self::Double,
            "string" => Self::String,
            "bytes" => Self::Bytes,
            "null_type" => Self::Null,
            "list" => Self::List(any()),
            "map" => Self::Map(any(), any()),
            "type" => Self::Type(any()),
            "optional_type" => Self::Optional(any()),
            "google.protobuf.Timestamp" => Self::Timestamp,
            "google.protobuf.Duration" => Self::Duration,
            "net.IP" => Self::Ip,
            "net.CIDR" => Self::Cidr,
            _ => return None,
        })
    }

    /// Its name in an expression; of a list, a map or an optional, without what it holds.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Dyn | Self::Parameter(_) => "dyn",
            Self::Null => "null_type",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Double => "double",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Timestamp => "google.protobuf.Timestamp",
            Self::Duration => "google.protobuf.Duration",
            Self::Quantity => "kubernetes.Quantity",
            Self::Ip => "net.IP",
            Self::Cidr => "net.CIDR",
            Self::Url => "kubernetes.URL",
            Self::Semver => "kubernetes.Semver",
            Self::Format => "kubernetes.NamedFormat",
            Self::List(_) => "list",
            Self::Map(..) => "map",
            Self::Optional(_) => "optional_type",
            Self::Type(_) => "type",
            Self::Struct(known) => known.name,
        }
    }

    /// Whether nothing is known of it before it is evaluated.
    pub(super) fn is_dyn(&self) -> bool {
        matches!(self, Self::Dyn | Self::Parameter(_))
    }

    /// What two branches have in common.
    pub(super) fn join(self, other: &Self) -> Self {
        if self.is_dyn() || self == *other { self } else { Self::Dyn }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List(item) => write!(f, "list({item})"),
            Self::Map(key, value) => write!(f, "map({key}, {value})"),
            Self::Optional(value) => write!(f, "optional({value})"),
            Self::Type(of) => write!(f, "type({of})"),
            Self::Null => f.write_str("null"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Duration => f.write_str("duration"),
            Self::Quantity => f.write_str("quantity"),
            Self::Ip => f.write_str("ip"),
            Self::Cidr => f.write_str("cidr"),
            Self::Url => f.write_str("url"),
            Self::Semver => f.write_str("semver"),
            Self::Format => f.write_str("format"),
            other => f.write_str(other.name()),
        }
    }
}

/// What the parameters of a declaration stand for in one call of it.
#[derive(Debug, Default)]
pub(super) struct Bindings(Vec<(char, Type)>);

impl Bindings {
    /// Whether a value of type `given` may stand where `wanted` is declared.
    pub(super) fn accept(&mut self, wanted: &Type, given: &Type) -> bool {
        match (wanted, given) {
            (Type::Parameter(name), _) => self.bind(*name, given),
            (Type::Dyn, _)
            | (_, Type::Dyn | Type::Parameter(_))
            | (Type::Type(_), Type::Type(_)) => true,
            (Type::List(wanted), Type::List(given))
            | (Type::Optional(wanted), Type::Optional(given)) => self.accept(wanted, given),
            (Type::Map(key, value), Type::Map(given_key, given_value)) => {
                self.accept(key, given_key) && self.accept(value, given_value)
            }
            (Type::Null, other) | (other, Type::Null) => is_nullable(other),
            _ => wanted == given,
        }
    }

    fn bind(&mut self, name: char, given: &Type) -> bool {
        let Some(place) = self.0.iter().position(|(bound, _)| *bound == name) else {
            self.0.push((name, given.clone()));
            return true;
        };
        let bound = self.0[place].1.clone();
        if bound.is_dyn() {
            self.0[place].1 = if given.is_dyn() { Type::Dyn } else { given.clone() };
            return true;
        }
        let accepted = self.accept(&bound, given);
        if accepted && bound == Type::Null {
            self.0[place].1 = given.clone();
        }
        accepted
    }

    /// `declared`, with what its parameters stand for.
    pub(super) fn resolve(&self, declared: &Type) -> Type {
        match declared {
            Type::Parameter(name) => {
                let bound = self.0.iter().find(|(bound, _)| bound == name);
                bound.map_or(Type::Dyn, |(_, bound)| bound.clone())
            }
            Type::List(item) => Type::list(self.resolve(item)),
            Type::Map(key, value) => Type::map(self.resolve(key), self.resolve(value)),
            Type::Optional(value) => Type::optional(self.resolve(value)),
            Type::Type(of) => Type::of_type(self.resolve(of)),
            other => other.clone(),
        }
    }
}

/// Whether `null` may stand for it, as upstream's checker has it.
fn is_nullable(of: &Type) -> bool {
    !matches!(
        of,
        Type::Bool
            | Type::Int
            | Type::Uint
            | Type::Double
            | Type::String
            | Type::Bytes
            | Type::List(_)
            | Type::Map(..)
            | Type::Type(_)
    )
}
