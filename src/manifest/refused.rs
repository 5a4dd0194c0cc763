//! What the API server refuses by itself, and by which a pod would otherwise pass the standards.
//!
//! Pod Security judges after validation, and two of its exemptions lean on that: Windows pods need not
//! drop capabilities nor name a seccomp profile, and a volume with an allowed source passes whatever
//! other source it names. Nobody has validated a manifest, so it is asked here.

use crate::pod::{ContainerRef, PodView};

/// The first field of `pod` that the API server would refuse, in words.
pub(super) fn field(pod: &PodView<'_>) -> Option<String> {
    two_sources(pod).or_else(|| pod.is_windows().then(|| linux_only(pod)).flatten())
}

fn two_sources(pod: &PodView<'_>) -> Option<String> {
    pod.volumes().iter().enumerate().find_map(|(index, volume)| {
        let mut sources = volume.sources();
        let (first, second) = (sources.next()?, sources.next()?);
        let path = pod.volume_path(index, "");
        Some(format!(
            "{path} has two sources, {} and {}: the API server refuses it; keep one",
            first.name(),
            second.name()
        ))
    })
}

fn linux_only(pod: &PodView<'_>) -> Option<String> {
    let spec = pod.spec();
    let of_pod = pod.security_context().into_iter().flat_map(|context| {
        [
            (context.app_armor_profile.is_some(), "securityContext.appArmorProfile"),
            (context.se_linux_options.is_some(), "securityContext.seLinuxOptions"),
            (context.seccomp_profile.is_some(), "securityContext.seccompProfile"),
            (context.run_as_user.is_some(), "securityContext.runAsUser"),
            (context.sysctls.is_some(), "securityContext.sysctls"),
        ]
    });
    let of_spec = [
        (spec.host_pid == Some(true), "hostPID"),
        (spec.host_ipc == Some(true), "hostIPC"),
        (spec.host_users.is_some(), "hostUsers"),
    ];
    let path = of_spec
        .into_iter()
        .chain(of_pod)
        .find_map(|(is_set, field)| is_set.then(|| pod.path(field)))
        .or_else(|| {
            pod.containers().find_map(|c| Some(pod.container_path(c, linux_only_of(c)?)))
        })?;
    Some(format!(
        "{path} is for Linux and os.name is windows: the API server refuses it; remove one"
    ))
}

fn linux_only_of(container: ContainerRef<'_>) -> Option<&'static str> {
    let context = container.security_context()?;
    [
        (context.allow_privilege_escalation.is_some(), "securityContext.allowPrivilegeEscalation"),
        (context.app_armor_profile.is_some(), "securityContext.appArmorProfile"),
        (context.capabilities.is_some(), "securityContext.capabilities"),
        (context.privileged.is_some(), "securityContext.privileged"),
        (context.proc_mount.is_some(), "securityContext.procMount"),
        (context.se_linux_options.is_some(), "securityContext.seLinuxOptions"),
        (context.seccomp_profile.is_some(), "securityContext.seccompProfile"),
        (context.run_as_user.is_some(), "securityContext.runAsUser"),
    ]
    .into_iter()
    .find_map(|(is_set, field)| is_set.then_some(field))
}
