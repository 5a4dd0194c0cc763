//! The commands of a shell block in documentation.

/// One command: its words, without what is put before it (`NAME=value`) and where its output goes.
pub(crate) type Words = Vec<String>;

/// The commands of `block`, in order: lines that go on are joined, comments left out, pipes and chains taken apart.
pub(crate) fn commands(block: &str) -> Vec<Words> {
    let lines = block.replace("\\\n", " ");
    let mut commands = Vec::new();
    for line in lines.lines() {
        let mut words = Words::new();
        let mut is_target = false;
        for word in shlex::Shlex::new(line) {
            if ["|", "||", "&&", ";"].contains(&word.as_str()) {
                commands.push(std::mem::take(&mut words));
            } else if std::mem::take(&mut is_target) {
                // The name of a file, behind a `>` of its own.
            } else if word.starts_with('>') {
                is_target = word == ">";
            } else if !(words.is_empty() && word.contains('=')) {
                words.push(word);
            }
        }
        commands.push(words);
    }
    commands.retain(|words| !words.is_empty());
    commands
}

#[test]
fn finds_each_command_of_a_block() {
    let block = "podgate check 'a b' \\\n  --policies p >out # why\n\nA=1 make x && [ $? -eq 1 ]\nhelm template c | podgate check - > f\n";
    let expected: [&[&str]; 5] = [
        &["podgate", "check", "a b", "--policies", "p"],
        &["make", "x"],
        &["[", "$?", "-eq", "1", "]"],
        &["helm", "template", "c"],
        &["podgate", "check", "-"],
    ];
    assert_eq!(commands(block), expected);
}
