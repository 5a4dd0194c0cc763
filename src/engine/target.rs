//! Which pod of a request is judged, and how.

use super::decision::NotJudged;
use crate::admission::{Attributes, Operation};
use crate::pod::{Container, Kind, Object, PodView};
use crate::rules;

/// Subresources of pods that bring no pod; any other, known or not, is judged, as Pod Security does.
pub(super) const PODLESS_SUBRESOURCES: &[&str] =
    &["exec", "attach", "eviction", "log", "portforward", "proxy", "status"];

/// What to judge.
#[derive(Debug)]
pub(super) enum Target<'v> {
    /// The whole pod.
    Whole(PodView<'v>),
    /// Only what the update adds to what was wrong before: `new`, then `old`.
    Added(PodView<'v>, PodView<'v>),
    /// Only metadata: a Binding merges its annotations into the pod.
    Metadata(PodView<'v>),
    /// Nothing, and why.
    Nothing(NotJudged),
    /// The object should hold a pod and cannot be read.
    Unreadable(String),
}

/// Finds what to judge in a request. `read_everything` says that some rule may read any field: then no update is
/// about nothing.
pub(super) fn find<'v>(attributes: &'v Attributes<'_>, read_everything: bool) -> Target<'v> {
    if matches!(attributes.operation, Operation::Delete | Operation::Connect) {
        return Target::Nothing(NotJudged::Operation);
    }
    let subresource = &*attributes.subresource;
    let of_pods = attributes.group.is_empty() && &*attributes.resource == "pods";
    if of_pods && subresource == "binding" || &*attributes.kind == "Binding" {
        return binding(attributes);
    }
    let kind = match attributes.pod_kind() {
        Some(Kind::Pod) if PODLESS_SUBRESOURCES.contains(&subresource) => None,
        Some(Kind::Pod) => Some(Kind::Pod),
        // `scale` and `status` of a workload cannot change its template.
        kind if subresource.is_empty() => kind,
        _ if of_pods && !PODLESS_SUBRESOURCES.contains(&subresource) => {
            let kind = &*attributes.kind;
            return Target::Unreadable(format!(
                "pods/{subresource} brings a {kind:?}, and Podgate knows no such subresource"
            ));
        }
        _ => None,
    };
    let Some(kind) = kind else { return Target::Nothing(NotJudged::NoPod) };
    if let Some(error) = &attributes.unreadable {
        return Target::Unreadable(error.clone());
    }
    let Some(object) = &attributes.object else {
        return Target::Unreadable("request.object is missing".to_owned());
    };
    let old_object = attributes.old_object.as_ref();
    pod(kind, object, old_object, attributes.operation, read_everything)
}

fn pod<'v>(
    kind: Kind,
    object: &'v Object<'_>,
    old_object: Option<&'v Object<'_>>,
    operation: Operation,
    read_everything: bool,
) -> Target<'v> {
    let Some(new) = object.pod(kind) else { return Target::Nothing(NotJudged::NoPod) };
    if operation != Operation::Update {
        return Target::Whole(new);
    }
    if object.is_being_deleted() {
        return Target::Nothing(NotJudged::BeingDeleted);
    }
    let Some(old) = old_object.and_then(|old| old.pod(kind)) else { return Target::Whole(new) };
    if new.spec() == old.spec() && security_annotations(&new).eq(security_annotations(&old)) {
        // Built-in rules find the same before and after.
        return if read_everything {
            Target::Added(new, old)
        } else {
            Target::Nothing(NotJudged::NothingChanged)
        };
    }
    // A workload's template makes new pods; a pod's update concerns one that may already run.
    if kind != Kind::Pod || is_significant(&new, &old) {
        return Target::Whole(new);
    }
    Target::Added(new, old)
}

fn binding<'v>(attributes: &'v Attributes<'_>) -> Target<'v> {
    if let Some(error) = &attributes.unreadable {
        return Target::Unreadable(error.clone());
    }
    match &attributes.object {
        Some(binding) => Target::Metadata(binding.metadata_view()),
        None => Target::Unreadable("request.object is missing".to_owned()),
    }
}

/// Pod Security Admission's own test: images, the number of containers, or a new ephemeral container.
pub(super) fn is_significant(new: &PodView<'_>, old: &PodView<'_>) -> bool {
    let (new, old) = (new.spec(), old.spec());
    let (new_ephemeral, old_ephemeral) = (
        new.ephemeral_containers.as_deref().unwrap_or_default(),
        old.ephemeral_containers.as_deref().unwrap_or_default(),
    );
    let images_differ =
        [(&new.containers, &old.containers), (&new.init_containers, &old.init_containers)]
            .into_iter()
            .any(|(new, old)| {
                let (new, old) =
                    (new.as_deref().unwrap_or_default(), old.as_deref().unwrap_or_default());
                new.len() != old.len()
                    || new.iter().zip(old).any(|(new, old)| image(new) != image(old))
            });
    images_differ
        || new_ephemeral.iter().any(|container| {
            let old = old_ephemeral.iter().find(|old| name(old) == name(container));
            old.is_none_or(|old| image(old) != image(container))
        })
}

/// An absent name or image is the empty one, as upstream reads it.
fn name<'c>(container: &'c Container<'_>) -> &'c str {
    container.name.as_deref().unwrap_or_default()
}

fn image<'c>(container: &'c Container<'_>) -> &'c str {
    container.image.as_deref().unwrap_or_default()
}

fn security_annotations<'v>(pod: &PodView<'v>) -> impl Iterator<Item = (&'v str, &'v str)> {
    pod.annotations()
        .filter(|(key, _)| rules::ANNOTATIONS.iter().any(|prefix| key.starts_with(prefix)))
}
