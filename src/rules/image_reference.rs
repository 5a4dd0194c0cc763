//! An image's reference, read as container runtimes read it (the grammar of `distribution/reference`): a host
//! that is missing is `docker.io`, and there what has no folder stands in `library/`.

/// A reference that a runtime would pull.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reference<'r> {
    /// Registry and repository, such as `docker.io/library/nginx`, in lower case where that means the same.
    pub(super) name: String,
    /// The tag, where one is written.
    pub(super) tag: Option<&'r str>,
    /// Whether a digest is written: then the tag does not matter.
    pub(super) has_digest: bool,
}

impl<'r> Reference<'r> {
    /// Reads `text`, or gives `None` where no runtime would.
    pub(super) fn read(text: &'r str) -> Option<Self> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        // A colon behind the last slash is a tag's; one before it, a port's.
        let last = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match rest[last..].find(':') {
            Some(colon) => (&rest[..last + colon], Some(&rest[last + colon + 1..])),
            None => (rest, None),
        };
        let (host, path) = match name.split_once('/') {
            Some((first, path)) if is_host(first) => (first, path),
            _ => ("docker.io", name),
        };
        let is_id = name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit());
        let sound = is_registry(host)
            && path.split('/').all(is_component)
            && !is_id
            && tag.is_none_or(is_tag)
            && digest.is_none_or(is_digest)
            && name.len() <= 255;
        // Only these very words are Docker Hub to a runtime; other spellings are a host like any other.
        let host = if host == "index.docker.io" { "docker.io" } else { host };
        let folder = if host == "docker.io" && !path.contains('/') { "library/" } else { "" };
        let host = host.to_ascii_lowercase();
        sound.then(|| Self {
            name: format!("{host}/{folder}{path}"),
            tag,
            has_digest: digest.is_some(),
        })
    }
}

/// Whether what stands before the first slash names a host and is no folder.
fn is_host(first: &str) -> bool {
    first.contains(['.', ':'])
        || first == "localhost"
        || first.bytes().any(|b| b.is_ascii_uppercase())
}

fn is_registry(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !host.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    let is_address =
        name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).is_some_and(|inner| {
            !inner.is_empty() && inner.bytes().all(|b| b.is_ascii_hexdigit() || b == b':')
        });
    let label = |label: &str| {
        let end = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = label.as_bytes();
        end(bytes.first())
            && end(bytes.last())
            && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
    };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    (is_address || name.split('.').all(label)) && port.is_none_or(is_port)
}

/// Lower case letters and digits, with `.`, `_`, `__` or any number of `-` between them.
fn is_component(component: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = component.as_bytes();
    let ends =
        bytes.first().copied().is_some_and(is_plain) && bytes.last().copied().is_some_and(is_plain);
    let separators = component.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    ends && separators.into_iter().all(|separator| {
        matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|b| b == b'-')
    })
}

fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    tag.len() <= 128
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}

fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else { return false };
    let starts = |part: &str| part.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    algorithm.split(['+', '.', '-', '_']).all(starts)
        && algorithm.bytes().all(|b| b.is_ascii_alphanumeric() || b"+.-_".contains(&b))
        && hex.len() >= 32
        && hex.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_means_what_a_runtime_takes_it_for() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, name, tag, has_digest) in [
            ("nginx", "docker.io/library/nginx", None, false),
            ("nginx:1.25", "docker.io/library/nginx", Some("1.25"), false),
            ("team/app", "docker.io/team/app", None, false),
            ("docker.io/nginx", "docker.io/library/nginx", None, false),
            ("index.docker.io/nginx", "docker.io/library/nginx", None, false),
            ("docker.io/library/nginx:latest", "docker.io/library/nginx", Some("latest"), false),
            ("registry.example.com/app", "registry.example.com/app", None, false),
            ("Docker.io/nginx", "docker.io/nginx", None, false),
            ("Registry.Example.com/app", "registry.example.com/app", None, false),
            ("REGISTRY/app", "registry/app", None, false),
            ("localhost/app", "localhost/app", None, false),
            ("localhost:5000/app:1", "localhost:5000/app", Some("1"), false),
            ("registry:5000/a/b/c", "registry:5000/a/b/c", None, false),
            ("[::1]:5000/app", "[::1]:5000/app", None, false),
            (&format!("app@{digest}"), "docker.io/library/app", None, true),
            (&format!("r.io/app:1@{digest}"), "r.io/app", Some("1"), true),
            ("a__b/c-d.e_f", "docker.io/a__b/c-d.e_f", None, false),
            ("app---x", "docker.io/library/app---x", None, false),
        ] {
            let name = name.to_owned();
            assert_eq!(Reference::read(text), Some(Reference { name, tag, has_digest }), "{text}");
        }
    }

    #[test]
    fn what_no_runtime_takes_is_none() {
        for text in [
            "",
            "/app",
            "app/",
            "app:",
            "app@",
            "App",
            "r.io/App",
            "a//b",
            "r.io/",
            "app:a b",
            "app:-1",
            "-app",
            "app-",
            "a..b",
            "a___b",
            "app@sha256",
            "app@sha256:abc",
            "r.io:port/app",
            "r.io:/app",
            "https://r.io/app",
            &"a".repeat(64),
            " app",
            "app\n",
            "é",
            "r..io/app",
            "app:a:b",
            "app@sha256:a@sha256:b",
            &format!("r.io/{}", "a".repeat(256)),
            &format!("app:{}", "a".repeat(129)),
        ] {
            assert_eq!(Reference::read(text), None, "{text:?}");
        }
    }
}
