//! Files and resources together: a broken resource never takes the others down.
//!
//! Files are reviewed together and are all or nothing. Resources have many authors: one that cannot be used is left
//! as it was when it last could, or left out, and said to be.

use super::compile::{Options, Source, compile};
use super::problem::{Problem, Severity};
use super::set::PolicySet;

/// A set, and what became of each resource.
#[derive(Debug)]
pub struct Assembled {
    /// The set.
    pub set: PolicySet,
    /// The resources as they are in force.
    pub resources: Vec<Source>,
    /// Why others are not.
    pub broken: Vec<Problem>,
    /// What loads, and should be looked at.
    pub warnings: Vec<Problem>,
}

/// Compiles `files` and `resources` together. `before` are the resources as they were last in force.
///
/// # Errors
/// All problems, where the files cannot be used.
pub fn assemble(
    files: &[Source],
    resources: &[Source],
    before: &[Source],
    options: &Options,
) -> Result<Assembled, Vec<Problem>> {
    let mut resources = resources.to_vec();
    let mut broken = Vec::new();
    loop {
        // Files first: a name that stands in both is the resource's fault.
        let sources: Vec<Source> = files.iter().chain(&resources).cloned().collect();
        let problems = match compile(&sources, options) {
            Ok((set, warnings)) => return Ok(Assembled { set, resources, broken, warnings }),
            Err(problems) => problems,
        };
        let errors = || problems.iter().filter(|problem| problem.severity == Severity::Error);
        let is_faulty = |source: &Source| errors().any(|problem| problem.source == source.name);
        if !resources.iter().any(is_faulty) {
            return Err(problems);
        }
        // What is told is what is wrong with the resource as it now stands, not with what it was.
        let told: Vec<Problem> = errors()
            .filter(|problem| resources.iter().any(|source| source.name == problem.source))
            .filter(|problem| !broken.iter().any(|known: &Problem| known.source == problem.source))
            .cloned()
            .collect();
        resources = resources
            .into_iter()
            .filter_map(|source| {
                if !is_faulty(&source) {
                    return Some(source);
                }
                // Each is put back once at most, so this comes to an end.
                before.iter().find(|old| old.name == source.name && **old != source).cloned()
            })
            .collect();
        broken.extend(told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        Options { expired: Severity::Warning, ..Options::at(now) }
    }

    fn source(name: &str, text: String) -> Source {
        Source { name: name.to_owned(), text }
    }

    fn policy(name: &str, rule: &str) -> Source {
        let text = format!(
            "apiVersion: podgate.dev/v1\nkind: PodPolicy\nmetadata: {{name: {name}}}\nspec: {{rules: [{rule}: {{}}]}}\n"
        );
        source(&format!("podpolicy/{name}"), text)
    }

    fn exception(policy: &str) -> Source {
        let text = format!(
            "apiVersion: podgate.dev/v1\nkind: PodPolicyException\nmetadata: {{name: e}}\nspec: {{policy: {policy}, \
             rules: [privileged], match: {{namespaces: {{include: [a]}}}}, reason: r, owner: o, expires: \
             2027-01-01T00:00:00Z}}\n"
        );
        source("podpolicyexception/e", text)
    }

    fn file() -> Source {
        let mut file = policy("a", "privileged");
        file.name = "a.yaml".to_owned();
        file
    }

    fn names(assembled: &Assembled) -> Vec<&str> {
        assembled.set.policies().iter().map(|policy| &*policy.name).collect()
    }

    #[test]
    fn a_broken_resource_leaves_the_others_in_force_and_is_told() {
        let resources = [policy("b", "privilegd"), policy("c", "hostPorts")];
        let assembled = assemble(&[file()], &resources, &[], &options()).unwrap();
        assert_eq!(names(&assembled), ["a", "c"]);
        let [problem] = &assembled.broken[..] else { panic!("{:?}", assembled.broken) };
        assert_eq!(problem.source, "podpolicy/b");
        assert!(problem.to_string().contains("did you mean \"privileged\"?"), "{problem}");
    }

    #[test]
    fn a_resource_that_broke_stays_as_it_was() {
        let before = [policy("b", "hostPorts")];
        let now = [policy("b", "hostPort")];
        let assembled = assemble(&[file()], &now, &before, &options()).unwrap();
        assert_eq!(names(&assembled), ["a", "b"]);
        assert_eq!(assembled.set.policies()[1].rules[0].id, "hostPorts");
        assert_eq!(assembled.resources, before);
        assert_eq!(assembled.broken.len(), 1);
    }

    #[test]
    fn a_name_in_a_file_and_a_resource_names_both_and_the_file_wins() {
        let resources = [policy("a", "hostPorts")];
        let assembled = assemble(&[file()], &resources, &resources, &options()).unwrap();
        assert_eq!(assembled.set.policies()[0].rules[0].id, "privileged");
        let text = assembled.broken[0].to_string();
        assert!(text.starts_with("podpolicy/a:3:18: error: metadata.name: "), "{text}");
        assert!(text.contains("policy a is already defined at a.yaml:3:18"), "{text}");
    }

    #[test]
    fn an_exception_goes_with_its_policy() {
        let resources = [policy("b", "privileged"), exception("b")];
        let assembled = assemble(&[file()], &resources, &[], &options()).unwrap();
        assert_eq!(assembled.set.exceptions().len(), 1);
        let left = &resources[1..];
        let assembled = assemble(&[file()], left, &assembled.resources, &options()).unwrap();
        assert_eq!(assembled.set.exceptions().len(), 0);
        assert!(assembled.broken[0].to_string().contains("there is no policy \"b\""));
    }

    #[test]
    fn broken_files_are_refused_with_whatever_else_is_wrong() {
        let mut file = policy("a", "privilegd");
        file.name = "a.yaml".to_owned();
        let problems = assemble(&[file], &[policy("b", "hostPort")], &[], &options()).unwrap_err();
        assert_eq!(problems.iter().filter(|p| p.source == "a.yaml").count(), 1, "{problems:?}");
    }
}
