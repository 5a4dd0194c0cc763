//! The fields of the kinds that carry a pod, as the API server publishes them: what Podgate knows of them is made from
//! that, and is what the newest Kubernetes has.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use podgate::pod::Kind;
use serde_json::Value;

use crate::{Outcome, server};

/// A type's name without the package: unique among those that are reached.
fn short(reference: &str) -> &str {
    reference.rsplit(['.', '/']).next().unwrap_or(reference)
}

/// The types that `kinds` are made of, with what stands behind each field: a name, `[…]` or `{…}` of one, or nothing.
#[derive(Default)]
struct Types {
    schemas: BTreeMap<String, Value>,
    read: BTreeMap<String, BTreeMap<String, String>>,
    full: BTreeMap<String, String>,
    version: String,
}

impl Types {
    fn fetch() -> Result<Self> {
        let version = server().client().get("/version")?.accepted()?.body;
        let number = |name: &str| version[name].as_str().unwrap_or_default().to_owned();
        let version = format!("{}.{}", number("major"), number("minor"));
        let mut types = Self { version, ..Self::default() };
        for path in ["/openapi/v3/api/v1", "/openapi/v3/apis/apps/v1", "/openapi/v3/apis/batch/v1"]
        {
            let document = server().client().get(path)?.accepted()?.body;
            let schemas = document["components"]["schemas"].as_object().context("schemas")?.clone();
            types.schemas.extend(schemas);
        }
        for kind in Kind::ALL {
            let group = if kind.group().is_empty() { "core" } else { kind.group() };
            types.read_type(&format!("io.k8s.api.{group}.v1.{}", kind.name()))?;
        }
        Ok(types)
    }

    fn read_type(&mut self, full: &str) -> Result<()> {
        let name = short(full);
        if let Some(known) = self.full.get(name) {
            anyhow::ensure!(known == full, "{known} and {full} would be one");
            return Ok(());
        }
        self.full.insert(name.to_owned(), full.to_owned());
        let schema = self.schemas.get(full).with_context(|| full.to_owned())?.clone();
        let mut fields = BTreeMap::new();
        for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
            fields.insert(field.clone(), self.shape(schema)?);
        }
        self.read.insert(name.to_owned(), fields);
        Ok(())
    }

    fn shape(&mut self, schema: &Value) -> Result<String> {
        let reference = schema["$ref"].as_str().or_else(|| schema["allOf"][0]["$ref"].as_str());
        if let Some(reference) = reference {
            let full = short_reference(reference);
            // What has no fields of its own is a value, such as a quantity or a time.
            if self.schemas.get(full).is_none_or(|schema| schema["properties"].is_null()) {
                return Ok(String::new());
            }
            self.read_type(full)?;
            return Ok(short(full).to_owned());
        }
        let around = |open: &str, inner: String, close: &str| {
            if inner.is_empty() { inner } else { format!("{open}{inner}{close}") }
        };
        Ok(match schema["type"].as_str() {
            Some("array") => around("[", self.shape(&schema["items"])?, "]"),
            Some("object") => around("{", self.shape(&schema["additionalProperties"])?, "}"),
            _ => String::new(),
        })
    }

    fn text(&self) -> String {
        let mut text = format!("Kubernetes {}\n", self.version);
        for (name, fields) in &self.read {
            text.push_str(name);
            for (field, shape) in fields {
                let colon = if shape.is_empty() { "" } else { ":" };
                let _ = write!(text, " {field}{colon}{shape}");
            }
            text.push('\n');
        }
        text
    }
}

fn short_reference(reference: &str) -> &str {
    reference.strip_prefix("#/components/schemas/").unwrap_or(reference)
}

/// Each type with its fields, of the table that Podgate has.
fn known(text: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let types = text.lines().skip(1).filter_map(|line| line.split_once(' '));
    types
        .map(|(name, fields)| {
            let fields = fields.split(' ').map(|field| field.split(':').next().unwrap_or(field));
            (name, fields.collect())
        })
        .collect()
}

/// Fields of alpha features that no newer Kubernetes has.
const TAKEN_BACK: &[&str] = &[
    "ClaimSource.resourceClaimName",
    "ClaimSource.resourceClaimTemplateName",
    "PodResourceClaim.source",
];

#[test]
fn the_fields_that_podgate_knows_are_those_that_the_api_server_publishes() -> Outcome {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/cel/fields/kubernetes.txt");
    let published = Types::fetch()?;
    if e2e::is_newest() && std::env::var_os("PODGATE_BLESS").is_some() {
        std::fs::write(&path, published.text()).context("the table")?;
    }
    let table = std::fs::read_to_string(&path).context("the table")?;
    if e2e::is_newest() {
        assert!(published.text() == table, "run this test with PODGATE_BLESS=1 to make it anew");
        return Ok(());
    }
    // What an older Kubernetes knows may be written still, but for what was taken back.
    let known = known(&table);
    let mut gone = Vec::new();
    for (name, fields) in &published.read {
        let of = known.get(name.as_str());
        let is_gone = |field: &&String| !of.is_some_and(|known| known.contains(field.as_str()));
        gone.extend(fields.keys().filter(is_gone).map(|field| format!("{name}.{field}")));
    }
    gone.retain(|field| !TAKEN_BACK.contains(&field.as_str()));
    assert!(gone.is_empty(), "{gone:?}");
    Ok(())
}
