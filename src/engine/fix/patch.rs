//! The smallest JSON Patch (RFC 6902) that fills fields in: nothing but `add`, and only where nothing is.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::pod::{FieldPath, PodView, Segment, Subject};
use crate::rules::Fill;

/// The operations of a JSON Patch, one for each place.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Patch(Vec<Operation>);

/// One operation of a patch: adds a member that is not there, or is `null`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "op", rename = "add")]
pub struct Operation {
    /// The place, as a JSON Pointer.
    pub path: String,
    /// What is put there.
    pub value: Value,
}

impl Patch {
    /// Its operations.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.0
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The patch as JSON text.
    ///
    /// # Panics
    /// Never: nothing in a patch can fail to be written.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a patch holds only JSON")
    }

    /// Adds what fills one field of `pod`. False where nobody can tell what of its path is there.
    pub(super) fn add(&mut self, pod: &PodView<'_>, fill: &Fill) -> bool {
        let (Ok(value), Some(written)) =
            (serde_json::from_str::<Value>(&fill.value), written(pod, &fill.path))
        else {
            return false;
        };
        let mut place = fill.path.subject_segments();
        let field = fill.path.field_segments();
        let Some((within, rest)) = field.split_at_checked(written + 1) else { return false };
        place.extend(within);
        let path = pointer(&place);
        let known = self.0.iter_mut().find(|operation| operation.path == path);
        let root = match known {
            Some(operation) => &mut operation.value,
            None => {
                &mut self.0.push_mut(Operation { path, value: Value::Object(Map::new()) }).value
            }
        };
        put(root, rest, value)
    }
}

/// Puts `value` under the missing names of its path.
fn put(root: &mut Value, names: &[Segment<'_>], value: Value) -> bool {
    let mut place = root;
    for name in names {
        let (Segment::Key(name), Value::Object(members)) = (name, place) else { return false };
        place = members.entry(*name).or_insert_with(|| Value::Object(Map::new()));
    }
    *place = value;
    true
}

/// How many steps of a field's path are there already; what comes after them is absent. `None` where
/// the view of a pod does not know.
fn written(pod: &PodView<'_>, path: &FieldPath) -> Option<usize> {
    let field = path.field_segments();
    match (path.subject(), &field[..]) {
        (Subject::Pod, [Segment::Key("securityContext"), Segment::Key(_)]) => {
            Some(usize::from(pod.security_context().is_some()))
        }
        (Subject::Pod, [Segment::Key(_)]) => Some(0),
        (Subject::Container { list, index, .. }, steps) => {
            let container = pod.containers().find(|c| (c.list, c.index) == (*list, *index))?;
            let context = container.security_context();
            match steps {
                [Segment::Key("volumeMounts"), Segment::Index(index), Segment::Key(_)] => {
                    let mount = container.volume_mounts.as_deref()?.get(*index)?;
                    // One without a name may be `null`.
                    mount.name.as_deref().is_some_and(|name| !name.is_empty()).then_some(2)
                }
                [Segment::Key("securityContext"), Segment::Key(_)] => {
                    Some(usize::from(context.is_some()))
                }
                [
                    Segment::Key("securityContext"),
                    Segment::Key("capabilities"),
                    Segment::Key(_),
                ] => {
                    let capabilities = context.and_then(|context| context.capabilities.as_ref());
                    Some(usize::from(context.is_some()) + usize::from(capabilities.is_some()))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn pointer(segments: &[Segment<'_>]) -> String {
    let mut pointer = String::new();
    for segment in segments {
        pointer.push('/');
        match segment {
            Segment::Key(name) => pointer.push_str(&name.replace('~', "~0").replace('/', "~1")),
            Segment::Index(index) => pointer.push_str(&index.to_string()),
        }
    }
    pointer
}
