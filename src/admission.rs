//! The wire: `AdmissionReview` as the API server sends it, and the answer it accepts.
//!
//! The types are Podgate's own, borrowed from the body: a review is read once, in one pass, and only
//! the fields that a decision needs are kept.

mod attributes;
mod response;
mod review;

pub use attributes::{Attributes, NamespaceLabels, Operation, User};
pub use response::{MutateResponse, Response, Warning};
pub use review::{Review, ReviewError};
