//! What `values.yaml` of the chart says of each value: the comment above it and its default.

/// A value with the comment above it.
pub(crate) struct Documented {
    /// Its place, such as `webhook.replicas`.
    pub(crate) path: String,
    /// What it is, where nobody says otherwise.
    pub(crate) default: serde_yaml::Value,
    /// The comment.
    pub(crate) text: String,
}

/// The values with a comment, in the order of the file. What stands below such a value belongs to its default.
///
/// # Panics
/// Where a value has no comment, and neither has anything above it.
pub(crate) fn documented(text: &str) -> Vec<Documented> {
    let values: serde_yaml::Value = serde_yaml::from_str(text).expect("values.yaml is YAML");
    let mut found: Vec<Documented> = Vec::new();
    // The keys above, each with the column it begins in.
    let mut above: Vec<(usize, String)> = Vec::new();
    let mut comment = String::new();
    for line in text.lines() {
        let trimmed = line.trim_start();
        if let Some(more) = trimmed.strip_prefix('#') {
            let space = if comment.is_empty() { "" } else { " " };
            comment = format!("{comment}{space}{}", more.trim());
            continue;
        }
        let Some((key, rest)) = trimmed.split_once(':') else {
            assert!(
                trimmed.is_empty(),
                "values.yaml: not a line of the kind that is read here: {line}"
            );
            comment.clear();
            continue;
        };
        let column = line.len() - trimmed.len();
        above.retain(|(other, _)| *other < column);
        above.push((column, key.to_owned()));
        let keys: Vec<_> = above.iter().map(|(_, key)| key.as_str()).collect();
        let path = keys.join(".");
        let text = std::mem::take(&mut comment);
        let is_part = found.iter().any(|value| path.starts_with(&format!("{}.", value.path)));
        if is_part || (text.is_empty() && rest.trim().is_empty()) {
            continue;
        }
        assert!(!text.is_empty(), "values.yaml: {path} needs a comment above it");
        let default = keys.iter().fold(&values, |value, key| &value[*key]).clone();
        found.push(Documented { path, default, text });
    }
    found
}
