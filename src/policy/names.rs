//! Names as Kubernetes takes them (RFC 1123).

/// A DNS label: the name of a namespace.
pub(super) fn is_label(name: &str) -> bool {
    (1..=63).contains(&name.len()) && !name.contains('.') && is_subdomain(name)
}

/// A DNS subdomain: most other names.
pub(super) fn is_subdomain(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    name.len() <= 253 && name.split('.').all(label)
}
