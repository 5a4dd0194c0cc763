//! The published controls that rules name, each written once.
//!
//! CIS ids are those of the Kubernetes Benchmark v1.8 to v1.10. The NSA/CISA guide numbers nothing, so
//! its chapter is the id.

use super::rule::Control;
use super::rule::Framework::{Cis, MitreAttack, Nist800190, NsaCisa};

macro_rules! controls {
    ($($name:ident = $framework:ident $id:literal $title:literal,)*) => {
        $(pub(super) const $name: Control = Control { framework: $framework, id: $id, title: $title };)*
    };
}

controls! {
    CIS_SERVICE_ACCOUNT_TOKENS = Cis "5.1.6" "Service account tokens are only mounted where necessary",
    CIS_PRIVILEGED = Cis "5.2.2" "Minimize privileged containers",
    CIS_HOST_PID = Cis "5.2.3" "Minimize sharing of the host process namespace",
    CIS_HOST_IPC = Cis "5.2.4" "Minimize sharing of the host IPC namespace",
    CIS_HOST_NETWORK = Cis "5.2.5" "Minimize sharing of the host network namespace",
    CIS_PRIVILEGE_ESCALATION = Cis "5.2.6" "Minimize allowPrivilegeEscalation",
    CIS_ROOT = Cis "5.2.7" "Minimize root containers",
    CIS_NET_RAW = Cis "5.2.8" "Minimize the NET_RAW capability",
    CIS_ADDED_CAPABILITIES = Cis "5.2.9" "Minimize added capabilities",
    CIS_ASSIGNED_CAPABILITIES = Cis "5.2.10" "Minimize assigned capabilities",
    CIS_WINDOWS_HOST_PROCESS = Cis "5.2.11" "Minimize Windows HostProcess containers",
    CIS_HOST_PATH = Cis "5.2.12" "Minimize hostPath volumes",
    CIS_HOST_PORTS = Cis "5.2.13" "Minimize hostPorts",
    CIS_PROVENANCE = Cis "5.5.1" "Configure image provenance",
    CIS_SECCOMP = Cis "5.7.2" "Seccomp profile is the runtime's default",
    CIS_SECURITY_CONTEXT = Cis "5.7.3" "Apply a security context to pods and containers",

    NSA_POD_ENFORCEMENT = NsaCisa "Kubernetes Pod security" "Pod security enforcement",
    NSA_NON_ROOT = NsaCisa "Kubernetes Pod security" "Non-root containers",
    NSA_IMMUTABLE = NsaCisa "Kubernetes Pod security" "Immutable container file systems",
    NSA_TOKENS = NsaCisa "Kubernetes Pod security" "Protecting Pod service account tokens",
    NSA_HARDENING = NsaCisa "Kubernetes Pod security" "Hardening container environments",

    NIST_UNTRUSTED_IMAGES = Nist800190 "4.1.5" "Use of untrusted images",
    NIST_STALE_IMAGES = Nist800190 "4.2.2" "Stale images in registries",
    NIST_UNBOUNDED_NETWORK = Nist800190 "4.4.2" "Unbounded network access from containers",
    NIST_RUNTIME = Nist800190 "4.4.3" "Insecure container runtime configurations",
    NIST_APP = Nist800190 "4.4.4" "App vulnerabilities",
    NIST_ROGUE = Nist800190 "4.4.5" "Rogue containers",
    NIST_SENSITIVITY = Nist800190 "4.3.4" "Mixing of workload sensitivity levels",
    NIST_SHARED_KERNEL = Nist800190 "4.5.2" "Shared kernel",
    NIST_HOST_FILES = Nist800190 "4.5.5" "Host OS file system tampering",

    MITRE_KERNEL = MitreAttack "T1068" "Exploitation for Privilege Escalation",
    MITRE_DISCOVERY = MitreAttack "T1046" "Network Service Discovery",
    MITRE_HIJACKING = MitreAttack "T1496" "Resource Hijacking",
    MITRE_DENIAL = MitreAttack "T1499" "Endpoint Denial of Service",
    MITRE_TOKEN = MitreAttack "T1528" "Steal Application Access Token",
    MITRE_DEPLOY = MitreAttack "T1610" "Deploy Container",
    MITRE_ESCAPE = MitreAttack "T1611" "Escape to Host",
    MITRE_ADMIN_COMMAND = MitreAttack "T1609" "Container Administration Command",
}
