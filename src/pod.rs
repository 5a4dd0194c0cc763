//! The pod as rules see it: read straight from the bytes of an object, whatever kind carries it.
//!
//! [`Object::decode`] reads only the fields that rules ask about and skips the rest unparsed;
//! environment values, commands and `managedFields` are never looked into. [`Object::pod`] finds the
//! pod inside the nine kinds that carry one and gives a [`PodView`], which knows where in the
//! submitted kind each of its fields stands.

mod container;
mod decode;
mod kind;
mod object;
mod path;
mod security;
mod view;
mod volume;

pub use container::{Container, Handler, Lifecycle, Port, Probe, Resources, VolumeMount};
pub use decode::{DecodeError, List, Map, Names, Present, Text};
pub use kind::{Kind, resource};
pub use object::{Metadata, Object, Os, OwnerReference, Spec, Template, Toleration};
pub use path::{FieldPath, Segment, Subject};
pub use security::{
    AppArmorProfile, Capabilities, PodSecurityContext, SeLinuxOptions, SeccompProfile,
    SecurityContext, Sysctl, WindowsOptions,
};
pub use view::{ContainerList, ContainerRef, PodView};
pub use volume::{HostPath, Volume, VolumeSource};
