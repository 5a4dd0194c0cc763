//! The change to what a pod was made from, as a line to copy: a pod that a controller made is not edited.

use serde_json::{Map, Value, json};

use crate::admission::Attributes;
use crate::pod::{ContainerList, Kind, OwnerReference, Segment, Subject};
use crate::rules::Remedy;

/// The workload whose template a pod came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// As `kubectl` names the resource.
    resource: &'static str,
    name: String,
    namespace: String,
}

impl Owner {
    /// The owner of the pod that a request is about, where it is one whose template can be changed. The
    /// template of a Job cannot.
    pub(super) fn of(attributes: &Attributes<'_>) -> Option<Self> {
        if attributes.pod_kind() != Some(Kind::Pod) {
            return None;
        }
        let object = attributes.object.as_ref()?;
        let owner = object.controlling_owner()?;
        let name = owner.name.as_deref()?;
        let (resource, name) = match kind(owner)? {
            Kind::ReplicaSet => {
                let hash = object.pod(Kind::Pod)?.label("pod-template-hash");
                let of_deployment = hash
                    .filter(|hash| !hash.is_empty())
                    .and_then(|hash| name.strip_suffix(hash)?.strip_suffix('-'));
                match of_deployment {
                    Some(deployment) => ("deployment", deployment),
                    None => ("replicaset", name),
                }
            }
            Kind::StatefulSet => ("statefulset", name),
            Kind::DaemonSet => ("daemonset", name),
            Kind::ReplicationController => ("replicationcontroller", name),
            _ => return None,
        };
        let namespace = &*attributes.namespace;
        // Whoever made the pod wrote the owner's name, and somebody else will paste this line.
        (is_plain(name) && is_plain(namespace)).then(|| Self {
            resource,
            name: name.to_owned(),
            namespace: namespace.to_owned(),
        })
    }

    /// The command that makes these changes, as far as a strategic merge patch can say them.
    pub(super) fn command<'r>(
        &self,
        remedies: impl IntoIterator<Item = &'r Remedy>,
    ) -> Option<String> {
        let mut template = Map::new();
        for remedy in remedies {
            change(&mut template, remedy);
        }
        if template.is_empty() {
            return None;
        }
        let patch = json!({"spec": {"template": template}}).to_string();
        let Self { resource, name, namespace } = self;
        (!patch.contains(char::is_control)).then(|| {
            let patch = patch.replace('\'', r"'\''");
            format!("kubectl patch {resource} {name} -n {namespace} -p '{patch}'")
        })
    }
}

/// The kind of an owner, where it is Kubernetes' own: others have kinds of the same names.
fn kind(owner: &OwnerReference<'_>) -> Option<Kind> {
    let api_version = owner.api_version.as_deref()?;
    let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
    Kind::from_group(group, owner.kind.as_deref()?)
}

/// Whether a shell and `kubectl` take it for a name and nothing else.
fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
}

/// Adds one change to the patch of a template. What stands in a list that is replaced as a whole is left
/// out: the patch does not know the rest of the list.
fn change(template: &mut Map<String, Value>, remedy: &Remedy) -> Option<()> {
    let (path, value) = match remedy {
        Remedy::Fill(fill) => (&fill.path, serde_json::from_str(&fill.value).ok()?),
        Remedy::Set(path, value) => (path, serde_json::from_str(value).ok()?),
        Remedy::Remove(path) => (path, Value::Null),
        Remedy::Advice(_) => return None,
    };
    let field = path.field_segments();
    let names: Vec<&str> = field
        .iter()
        .map(|step| match step {
            Segment::Key(name) => Some(*name),
            Segment::Index(_) => None,
        })
        .collect::<Option<_>>()?;
    match path.subject() {
        Subject::Pod => put(member(template, "spec")?, &names, value),
        Subject::Metadata => put(member(template, "metadata")?, &names, value),
        Subject::Container { list, name, .. }
            if *list != ContainerList::Ephemeral && !name.is_empty() =>
        {
            let list = member(template, "spec")?.entry(list.field()).or_insert_with(|| json!([]));
            let list = list.as_array_mut()?;
            let known = list.iter().position(|container| container["name"] == **name);
            let place = known.unwrap_or_else(|| {
                list.push(json!({"name": name}));
                list.len() - 1
            });
            put(list.get_mut(place)?.as_object_mut()?, &names, value)
        }
        _ => None,
    }
}

fn put(object: &mut Map<String, Value>, names: &[&str], value: Value) -> Option<()> {
    let (last, above) = names.split_last()?;
    let mut object = object;
    for name in above {
        object = member(object, name)?;
    }
    object.insert((*last).to_owned(), value);
    Some(())
}

/// The object under `name`, made where there is none.
fn member<'m>(
    object: &'m mut Map<String, Value>,
    name: &str,
) -> Option<&'m mut Map<String, Value>> {
    object.entry(name).or_insert_with(|| Value::Object(Map::new())).as_object_mut()
}
