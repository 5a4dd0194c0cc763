//! The policies that podgate brings along.

use super::compile::Source;

const LIBRARY: [(&str, &str); 4] = [
    ("baseline", include_str!("../../policies/baseline/policy.yaml")),
    ("hardened", include_str!("../../policies/hardened/policy.yaml")),
    ("restricted", include_str!("../../policies/restricted/policy.yaml")),
    ("shared-kernel", include_str!("../../policies/shared-kernel/policy.yaml")),
];

/// The library under `policies/`, one source a policy, sorted by name: `(embedded) baseline` and so on.
#[must_use]
pub fn embedded() -> Vec<Source> {
    LIBRARY
        .iter()
        .map(|(name, text)| Source { name: format!("(embedded) {name}"), text: (*text).to_owned() })
        .collect()
}
