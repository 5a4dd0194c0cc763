//! Which policies a pod may be about, without asking each of them.
//!
//! A policy goes under the narrowest thing it cannot match without: the namespaces that it includes,
//! else a pod label that it demands, else nothing, and then it is always asked. A thousand policies
//! for other teams' namespaces then cost one look-up.

use std::collections::HashMap;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::matcher::{MatchInput, Matcher};
use super::pattern::Pattern;

#[derive(Debug, Default)]
pub(super) struct Index {
    namespaces: HashMap<String, Vec<usize>>,
    globs: GlobSet,
    /// The policy behind each glob of `globs`.
    owners: Vec<usize>,
    labels: HashMap<String, HashMap<String, Vec<usize>>>,
    always: Vec<usize>,
}

impl Index {
    pub(super) fn new<'m>(matchers: impl Iterator<Item = &'m Matcher>) -> Self {
        let mut index = Self::default();
        let mut globs = GlobSetBuilder::new();
        for (position, matcher) in matchers.enumerate() {
            if let Some(patterns) = matcher.included_namespaces() {
                for pattern in patterns {
                    index.add_namespace(pattern, position, &mut globs);
                }
            } else if let Some((key, value)) = matcher.required_label() {
                let values = index.labels.entry(key.to_owned()).or_default();
                values.entry(value.to_owned()).or_default().push(position);
            } else {
                index.always.push(position);
            }
        }
        match globs.build() {
            Ok(globs) => index.globs = globs,
            // Patterns that globset cannot take as a whole are asked one by one.
            Err(_) => index.always.append(&mut index.owners),
        }
        index
    }

    fn add_namespace(&mut self, pattern: &Pattern, position: usize, globs: &mut GlobSetBuilder) {
        if pattern.is_exact() {
            self.namespaces.entry(pattern.as_str().to_owned()).or_default().push(position);
            return;
        }
        match GlobBuilder::new(pattern.as_str()).literal_separator(false).build() {
            Ok(glob) => {
                globs.add(glob);
                self.owners.push(position);
            }
            Err(_) => self.always.push(position),
        }
    }

    /// Positions of the policies that may match, ascending, each once.
    pub(super) fn candidates(&self, input: &MatchInput<'_>) -> Vec<usize> {
        let mut found = self.always.clone();
        found.extend(self.namespaces.get(input.namespace).into_iter().flatten());
        if !self.globs.is_empty() {
            found.extend(
                self.globs.matches(input.namespace).into_iter().filter_map(|i| self.owners.get(i)),
            );
        }
        if !self.labels.is_empty() {
            for (key, value) in input.pod.labels() {
                let policies = self.labels.get(key).and_then(|values| values.get(value));
                found.extend(policies.into_iter().flatten());
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}
