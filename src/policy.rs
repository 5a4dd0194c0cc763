//! What is judged: policies, and the published standards they build on.

pub mod standard;
