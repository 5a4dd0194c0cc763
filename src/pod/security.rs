//! `securityContext` of pod and container, with every field it may hold.
//!
//! Fields that Podgate does not know are kept by name, so that the rule `unknownFields` can report
//! what a newer Kubernetes added instead of passing over it.

use super::decode::{List, Present, Text, known_fields};

known_fields! {
    /// `spec.securityContext`.
    PodSecurityContext {
        /// `AppArmor` profile of all containers.
        app_armor_profile("appArmorProfile"): AppArmorProfile<'a>,
        /// Group that owns volumes.
        fs_group("fsGroup"): i64,
        /// Not judged.
        fs_group_change_policy("fsGroupChangePolicy"): Present,
        /// Group of the first process.
        run_as_group("runAsGroup"): i64,
        /// Whether the kubelet must refuse uid 0.
        run_as_non_root("runAsNonRoot"): bool,
        /// User of the first process.
        run_as_user("runAsUser"): i64,
        /// Not judged.
        se_linux_change_policy("seLinuxChangePolicy"): Present,
        /// `SELinux` context of all containers.
        se_linux_options("seLinuxOptions"): SeLinuxOptions<'a>,
        /// Seccomp profile of all containers.
        seccomp_profile("seccompProfile"): SeccompProfile<'a>,
        /// Further groups of every process.
        supplemental_groups("supplementalGroups"): List<i64>,
        /// Not judged.
        supplemental_groups_policy("supplementalGroupsPolicy"): Present,
        /// Kernel settings of the pod's namespaces.
        sysctls("sysctls"): List<Sysctl<'a>>,
        /// Windows only.
        windows_options("windowsOptions"): WindowsOptions<'a>,
    }
}

known_fields! {
    /// `securityContext` of a container.
    SecurityContext {
        /// Whether a process may gain more privileges than its parent (`no_new_privs` off).
        allow_privilege_escalation("allowPrivilegeEscalation"): bool,
        /// `AppArmor` profile.
        app_armor_profile("appArmorProfile"): AppArmorProfile<'a>,
        /// Capabilities added to and dropped from the runtime's default set.
        capabilities("capabilities"): Capabilities<'a>,
        /// Whether the container has the host's devices and all capabilities.
        privileged("privileged"): bool,
        /// How `/proc` is masked.
        proc_mount("procMount"): Text<'a>,
        /// Whether the image's files are read-only.
        read_only_root_filesystem("readOnlyRootFilesystem"): bool,
        /// Group of the first process.
        run_as_group("runAsGroup"): i64,
        /// Whether the kubelet must refuse uid 0.
        run_as_non_root("runAsNonRoot"): bool,
        /// User of the first process.
        run_as_user("runAsUser"): i64,
        /// `SELinux` context.
        se_linux_options("seLinuxOptions"): SeLinuxOptions<'a>,
        /// Seccomp profile.
        seccomp_profile("seccompProfile"): SeccompProfile<'a>,
        /// Windows only.
        windows_options("windowsOptions"): WindowsOptions<'a>,
    }
}

known_fields! {
    /// `capabilities`.
    Capabilities {
        /// Capabilities to add.
        add("add"): List<Text<'a>>,
        /// Capabilities to drop.
        drop("drop"): List<Text<'a>>,
    }
}

known_fields! {
    /// `seLinuxOptions`.
    SeLinuxOptions {
        /// Multi-category level; no standard restricts it.
        level("level"): Present,
        /// Role.
        role("role"): Text<'a>,
        /// Type of the process.
        kind("type"): Text<'a>,
        /// User.
        user("user"): Text<'a>,
    }
}

known_fields! {
    /// `seccompProfile`.
    SeccompProfile {
        /// Name of a profile on the node; its content is not known here.
        localhost_profile("localhostProfile"): Present,
        /// `RuntimeDefault`, `Localhost` or `Unconfined`; absent reads as the empty string.
        kind("type"): Text<'a>,
    }
}

known_fields! {
    /// `appArmorProfile`.
    AppArmorProfile {
        /// Name of a profile on the node; its content is not known here.
        localhost_profile("localhostProfile"): Present,
        /// `RuntimeDefault`, `Localhost` or `Unconfined`; absent reads as the empty string.
        kind("type"): Text<'a>,
    }
}

known_fields! {
    /// `windowsOptions`.
    WindowsOptions {
        /// Not judged.
        gmsa_credential_spec("gmsaCredentialSpec"): Present,
        /// Not judged.
        gmsa_credential_spec_name("gmsaCredentialSpecName"): Present,
        /// Whether the container runs on the host itself.
        host_process("hostProcess"): bool,
        /// Not judged.
        run_as_user_name("runAsUserName"): Present,
    }
}

known_fields! {
    /// One entry of `sysctls`.
    Sysctl {
        /// Name, with dots or slashes.
        name("name"): Text<'a>,
        /// Not judged.
        value("value"): Present,
    }
}
