//! Which user a container starts as, as far as the pod says.

use crate::pod::{ContainerRef, PodView};

/// The `runAsUser` that holds for `container`: its own, else the pod's.
pub(super) fn of(pod: &PodView<'_>, container: ContainerRef<'_>) -> Option<i64> {
    let own = container.security_context().and_then(|context| context.run_as_user);
    own.or_else(|| pod.security_context().and_then(|context| context.run_as_user))
}

/// Whether `container` is sure not to start as root: a user is given that is not, or the kubelet
/// refuses root.
pub(super) fn is_surely_not_root(pod: &PodView<'_>, container: ContainerRef<'_>) -> bool {
    let own = container.security_context().and_then(|context| context.run_as_non_root);
    let refuses_root =
        own.or_else(|| pod.security_context().and_then(|context| context.run_as_non_root));
    refuses_root == Some(true) || of(pod, container).is_some_and(|user| user > 0)
}
