//! The answer: built from a uid, so that no answer can lack it.

use base64::Engine;
use serde::Serialize;

/// What the API server keeps of one warning, in characters, where all together are too many.
const WARNING_LIMIT: usize = 256;
/// What the API server keeps of all warnings of one answer, in characters.
const WARNINGS_LIMIT: usize = 4096;

/// A warning that an HTTP header can carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Warning(String);

impl Warning {
    /// Makes a warning of `text`: control characters become spaces, and what passes 4096 bytes is cut.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Self(clean).cut(WARNINGS_LIMIT)
    }

    /// Cuts it to `limit` bytes: the API server counts characters, of which there are never more.
    fn cut(mut self, limit: usize) -> Self {
        if self.0.len() > limit {
            let mut end = limit - '…'.len_utf8();
            while !self.0.is_char_boundary(end) {
                end -= 1;
            }
            self.0.truncate(end);
            self.0.push('…');
        }
        self
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An answer of a validating endpoint. It has no place for a patch: the API server would refuse it whole.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Response<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
    #[serde(skip_serializing_if = "Annotations::is_empty")]
    audit_annotations: Annotations,
}

#[derive(Debug, Clone, Serialize)]
struct Status {
    code: u16,
    reason: &'static str,
    message: String,
}

#[derive(Debug, Clone, Default)]
struct Annotations(Vec<(&'static str, String)>);

impl Annotations {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Annotations {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl<'a> Response<'a> {
    /// Lets the request pass.
    #[must_use]
    pub fn allowed(uid: &'a str) -> Self {
        Self {
            uid,
            allowed: true,
            status: None,
            warnings: Vec::new(),
            audit_annotations: Annotations::default(),
        }
    }

    /// Refuses the request: `code` is an HTTP status of 400 or more, `reason` a Kubernetes status reason.
    #[must_use]
    pub fn denied(uid: &'a str, code: u16, reason: &'static str, message: String) -> Self {
        Self {
            allowed: false,
            status: Some(Status { code, reason, message }),
            ..Self::allowed(uid)
        }
    }

    /// Adds warnings: whole where the API server carries them all, else each cut short and as many as it
    /// carries; the last one counts those left out.
    #[must_use]
    pub fn warnings(mut self, texts: &[String]) -> Self {
        let all: Vec<Warning> = texts.iter().map(|text| Warning::new(text)).collect();
        if all.iter().map(|warning| warning.0.len()).sum::<usize>() <= WARNINGS_LIMIT {
            self.warnings.extend(all);
            return self;
        }
        // Room for the line that counts the rest.
        let room = WARNINGS_LIMIT - 64;
        let mut used = 0;
        for (index, warning) in all.into_iter().enumerate() {
            let warning = warning.cut(WARNING_LIMIT);
            used += warning.0.len();
            if used > room {
                let rest = texts.len() - index;
                self.warnings.push(Warning(format!("podgate: {rest} more warnings left out")));
                break;
            }
            self.warnings.push(warning);
        }
        self
    }

    /// Adds an annotation to the API server's audit record. The API server prefixes the webhook's name.
    #[must_use]
    pub fn annotation(mut self, key: &'static str, value: String) -> Self {
        self.audit_annotations.0.push((key, value));
        self
    }

    /// The `AdmissionReview` around this answer, as JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        review_json(self, self.status.as_ref().map_or(0, |status| status.message.len()))
    }
}

/// An answer of the mutating endpoint: the only one that can carry a patch.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MutateResponse<'a> {
    #[serde(flatten)]
    response: Response<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
}

impl<'a> MutateResponse<'a> {
    /// An answer that changes nothing.
    #[must_use]
    pub fn unchanged(response: Response<'a>) -> Self {
        Self { response, patch: None, patch_type: None }
    }

    /// An answer with a JSON Patch (RFC 6902), given as the JSON text of its operations.
    #[must_use]
    pub fn patched(response: Response<'a>, patch: &[u8]) -> Self {
        Self {
            response,
            patch: Some(base64::engine::general_purpose::STANDARD.encode(patch)),
            patch_type: Some("JSONPatch"),
        }
    }

    /// The `AdmissionReview` around this answer, as JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        review_json(self, self.patch.as_ref().map_or(0, String::len))
    }
}

/// `length` is that of the longest text in it.
fn review_json(response: &impl Serialize, length: usize) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Review<'r, R> {
        api_version: &'static str,
        kind: &'static str,
        response: &'r R,
    }
    let review = Review { api_version: "admission.k8s.io/v1", kind: "AdmissionReview", response };
    // The rest of an answer is short, and newlines in the text take two bytes.
    let mut json = Vec::with_capacity(512 + length + length / 8);
    serde_json::to_writer(&mut json, &review)
        .expect("an answer holds only strings, numbers and booleans");
    json
}
