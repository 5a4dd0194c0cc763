//! The wire: `AdmissionReview` as the API server sends it, and the answer it accepts.
//!
//! The types are Podgate's own, borrowed from the body: a review is read once, in one pass, and only
//! the fields that a decision needs are kept.

mod attributes;
mod managed_fields;
mod request;
mod response;
mod review;

pub use attributes::{Attributes, NAME_LABEL, NamespaceLabels, Operation, Source, User};
pub use managed_fields::without_managed_fields;
pub use response::{MutateResponse, Response, Warning};
pub use review::{Review, ReviewError, old_object_json};
