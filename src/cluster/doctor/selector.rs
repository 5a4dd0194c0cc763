//! Whether a label selector, as JSON, takes an object with these labels.

use serde_json::Value;

/// An absent selector takes everything. An operator that is not known takes everything too: better to warn
/// of a webhook that is harmless than not of one that is not.
pub(super) fn takes(selector: &Value, labels: &[(&str, &str)]) -> bool {
    let get = |key: &str| labels.iter().find(|(k, _)| *k == key).map(|(_, value)| *value);
    let equal = selector["matchLabels"].as_object().into_iter().flatten();
    let expressions = selector["matchExpressions"].as_array().into_iter().flatten();
    equal.into_iter().all(|(key, value)| get(key) == value.as_str())
        && expressions.into_iter().all(|expression| {
            let value = get(expression["key"].as_str().unwrap_or_default());
            let listed = || {
                let values = expression["values"].as_array();
                values.is_some_and(|values| values.iter().any(|v| v.as_str() == value))
            };
            match expression["operator"].as_str() {
                Some("In") => value.is_some() && listed(),
                Some("NotIn") => value.is_none() || !listed(),
                Some("Exists") => value.is_some(),
                Some("DoesNotExist") => value.is_none(),
                _ => true,
            }
        })
}
