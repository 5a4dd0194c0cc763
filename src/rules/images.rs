//! `images`: where images may come from, and how they must be named.
//!
//! | Field | Allowed |
//! |---|---|
//! | `{c}.image` | a reference from one of `registries`, with no tag of `deniedTags`, and with a tag or a digest where asked |
//! | `spec.volumes[*].image.reference` | the same |
//!
//! `{c}` is every init, main and ephemeral container. References are compared as the runtime reads them
//! (`image_reference.rs`): a missing registry is `docker.io`, a missing folder there `library/`, hosts have no
//! case, and where a digest is written the tag does not matter.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::controls;
use super::image_reference::Reference;
use super::rule::{Arguments, Check, Parameter, Rule, Shape};
use super::{Finding, Found, Remedy};
use crate::pod::{FieldPath, PodView, VolumeSource};

pub(super) static RULE: Rule = Rule {
    id: "images",
    title: "Images come from listed registries, under names that cannot change",
    reads: &[
        "spec.initContainers[*].image",
        "spec.containers[*].image",
        "spec.ephemeralContainers[*].image",
        "spec.volumes[*].image.reference",
    ],
    allows: "References that a runtime can read. With `registries`, those whose registry and repository match one of \
             its patterns, such as `registry.example.com/**`; with `deniedTags`, those without such a tag (no tag and \
             no digest is the tag `latest`); with `requireTag`, those with a tag or a digest; with `requireDigest`, \
             those with a digest.",
    why: "An image is code that runs in the cluster. One from anywhere may be anybody's; one behind a tag may be \
          another tomorrow, on one node and not on the other, and nobody can say later what ran. A digest names \
          exactly what was looked at.",
    fix: "Pull the image through a registry that is listed, and name it by its digest: \
          registry.example.com/team/app@sha256:….",
    fills: "Nothing: which image is meant, only its author knows.",
    controls: &[
        controls::CIS_PROVENANCE,
        controls::NIST_UNTRUSTED_IMAGES,
        controls::NIST_STALE_IMAGES,
        controls::MITRE_DEPLOY,
    ],
    parameters: &[
        Parameter {
            name: "registries",
            shape: Shape::Globs,
            doc: "Registries with repositories that images may come from: `*` stands for any run of characters in a \
                  part between slashes, `**` for any parts. Default anywhere.",
        },
        Parameter {
            name: "deniedTags",
            shape: Shape::Globs,
            doc: "Tags that may not be used where there is no digest, such as `latest`. Default none.",
        },
        Parameter {
            name: "requireTag",
            shape: Shape::Bool,
            doc: "Whether there must be a tag or a digest. Default false.",
        },
        Parameter {
            name: "requireDigest",
            shape: Shape::Bool,
            doc: "Whether there must be a digest. Default false.",
        },
    ],
    build: |arguments: &Arguments| Box::new(Images::new(arguments)),
    pod_security: None,
};

#[derive(Debug)]
struct Images {
    registries: Option<Patterns>,
    denied_tags: Patterns,
    require_tag: bool,
    require_digest: bool,
}

#[derive(Debug, Default)]
struct Patterns {
    written: Vec<String>,
    set: GlobSet,
}

impl Patterns {
    /// The patterns were read once before: what is none matches nothing.
    fn new(written: &[String]) -> Self {
        let mut set = GlobSetBuilder::new();
        for pattern in written {
            if let Ok(glob) = glob(pattern) {
                set.add(glob);
            }
        }
        Self { written: written.to_vec(), set: set.build().unwrap_or_default() }
    }
}

/// A pattern of this rule: `*` stays between slashes.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn glob(pattern: &str) -> Result<globset::Glob, globset::Error> {
    GlobBuilder::new(pattern).literal_separator(true).build()
}

impl Images {
    fn new(arguments: &Arguments) -> Self {
        Self {
            registries: arguments.texts("registries").map(Patterns::new),
            denied_tags: arguments.texts("deniedTags").map(Patterns::new).unwrap_or_default(),
            require_tag: arguments.is_true("requireTag"),
            require_digest: arguments.is_true("requireDigest"),
        }
    }

    fn judge(&self, path: FieldPath, image: Option<&str>, findings: &mut Vec<Finding>) {
        let found = || image.map_or(Found::Absent, |image| Found::Text(image.to_owned()));
        let mut tell = |path: FieldPath, clause, allowed: String, advice: &'static str| {
            let remedy = Remedy::Advice(advice.into());
            findings.push(Finding {
                path,
                found: found(),
                allowed: allowed.into(),
                remedy,
                clause,
            });
        };
        let Some(reference) = image.and_then(Reference::read) else {
            let advice = "write REGISTRY/REPOSITORY:TAG, or @sha256:… for the tag";
            return tell(
                path,
                "reference",
                "a reference that a runtime can read".to_owned(),
                advice,
            );
        };
        if let Some(registries) = &self.registries
            && !registries.set.is_match(&reference.name)
        {
            let listed = registries.written.join(", ");
            let advice = "use the image from one of these registries";
            tell(path.clone(), "registry", format!("from {listed}"), advice);
        }
        let has_digest = reference.has_digest;
        if self.require_digest && !has_digest {
            let advice = "name the image by its digest: @sha256:…";
            return tell(path, "digest", "named by a digest".to_owned(), advice);
        }
        if self.require_tag && !has_digest && reference.tag.is_none() {
            let advice = "add the tag of a version, or a digest";
            return tell(path, "tag", "named by a tag or a digest".to_owned(), advice);
        }
        if !has_digest && self.denied_tags.set.is_match(reference.tag.unwrap_or("latest")) {
            let denied = self.denied_tags.written.join(", ");
            let advice = "use the tag of a version, or a digest";
            tell(path, "deniedTag", format!("without the tag {denied}"), advice);
        }
    }
}

impl Check for Images {
    fn check(&self, pod: &PodView<'_>, findings: &mut Vec<Finding>) {
        for (index, volume) in pod.volumes().iter().enumerate() {
            if volume.has(VolumeSource::Image) {
                let reference = volume.image.as_ref().and_then(|image| image.reference.as_deref());
                self.judge(pod.volume_path(index, "image.reference"), reference, findings);
            }
        }
        for container in pod.containers() {
            self.judge(pod.container_path(container, "image"), container.image(), findings);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::rules::Value;
    use crate::rules::testing::{lines, texts};

    /// What is said of a container with this image.
    fn said(arguments: &[(&str, Value)], image: &str) -> Vec<String> {
        let spec = serde_json::json!({"containers": [{"name": "a", "image": image}]}).to_string();
        lines(&RULE, arguments, &spec)
    }

    #[test]
    fn registries_are_compared_as_the_runtime_reads_them() {
        let arguments =
            [("registries", texts(&["registry.example.com/**", "docker.io/library/*"]))];
        for image in
            ["registry.example.com/a/b:1", "REGISTRY.example.com/a", "nginx", "docker.io/nginx:1"]
        {
            assert!(said(&arguments, image).is_empty(), "{image}");
        }
        for image in [
            "team/app",
            "registry.example.com.evil.io/a",
            "quay.io/a",
            "docker.io/library/a/b",
            "example.com/registry.example.com/a",
        ] {
            assert_eq!(
                said(&arguments, image),
                [format!(
                    "containers[a].image is {image:?}, must be from registry.example.com/**, docker.io/library/*; \
                     use the image from one of these registries"
                )]
            );
        }
    }

    #[test]
    fn tags_and_digests_are_refused_and_demanded() {
        let digest = format!("app@sha256:{}", "a".repeat(64));
        let both = format!("app:latest@sha256:{}", "a".repeat(64));
        let yes = Value::Bool(true);
        let denied = [("deniedTags", texts(&["latest", "*-snapshot"]))];
        for (arguments, image, expected) in [
            (&denied[..], "app", "without the tag latest, *-snapshot"),
            (&denied, "app:latest", "without the tag latest, *-snapshot"),
            (&denied, "app:1-snapshot", "without the tag latest, *-snapshot"),
            (&denied, "app:1", ""),
            (&denied, &both, ""),
            (&[("requireTag", yes.clone())], "app", "named by a tag or a digest"),
            (&[("requireTag", yes.clone())], "app:1", ""),
            (&[("requireTag", yes.clone())], &digest, ""),
            (&[("requireDigest", yes.clone())], "app:1", "named by a digest"),
            (&[("requireDigest", yes.clone())], &digest, ""),
        ] {
            let said = said(arguments, image);
            assert_eq!(said.is_empty(), expected.is_empty(), "{image}: {said:?}");
            assert!(said.iter().all(|line| line.contains(expected)), "{image}: {said:?}");
        }
    }

    #[test]
    fn every_place_that_names_an_image_is_looked_at() {
        let spec = r#"{"volumes": [{"name": "v", "image": {"reference": "quay.io/v"}}, {"name": "w", "image": {}}],
            "initContainers": [{"name": "i", "image": "quay.io/i"}], "containers": [{"name": "c"}],
            "ephemeralContainers": [{"name": "e", "image": "quay.io/e"}]}"#;
        let said = lines(&RULE, &[("registries", texts(&["r.io/**"]))], spec);
        let paths: Vec<&str> = said.iter().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(
            paths,
            [
                "volumes[v].image.reference",
                "volumes[w].image.reference",
                "initContainers[i].image",
                "containers[c].image",
                "ephemeralContainers[e].image",
            ]
        );
    }

    #[test]
    fn what_no_runtime_reads_is_refused_whatever_is_asked() {
        assert!(said(&[], "nginx").is_empty());
        assert_eq!(
            said(&[], "r.io/App"),
            ["containers[a].image is \"r.io/App\", must be a reference that a runtime can read; \
              write REGISTRY/REPOSITORY:TAG, or @sha256:… for the tag"]
        );
    }
}
