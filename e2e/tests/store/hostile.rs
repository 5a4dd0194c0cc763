//! Whatever an object's author writes comes back as it was.

use e2e::ledger::Chain;
use podgate::ledger::query::{Filter, Page};
use serde_json::json;

use crate::{on_both, start};

#[test]
fn hostile_texts_come_back_as_they_were_and_are_found() {
    on_both("hostile", async |store| {
        let long = "x".repeat(1024 * 1024);
        let texts = [
            "'; DROP TABLE records; --",
            "\"quoted\" \\ back\\slash",
            "<script>alert(1)</script>",
            "\u{0}nul\u{1}\u{7f}\u{85}\u{2028}",
            "🦀 ünïcödé \u{202e}right to left",
            "%_*?[]{}",
            "$1 ?1 :a @b",
            &long,
        ];
        let mut chain = Chain::begin("r'\"", "b;--", start());
        let lines: Vec<String> = texts
            .iter()
            .map(|text| {
                chain.decision(&json!({
                    "incident": text, "decisionId": text, "user": {"name": text},
                    "object": {"name": text, "namespace": text, "kind": text},
                    "owner": {"kind": text, "name": text, "uid": text},
                    "violations": [{"policy": text, "rule": text, "path": text, "found": text, "exception": text}],
                }))
            })
            .collect();
        store.append(&chain.id, &lines.concat()).await?;
        let stored = store.lines(&chain.id, 0, 100).await?;
        let stored: String = stored.into_iter().map(|(_, line)| line + "\n").collect();
        assert_eq!(stored, lines.concat());
        for text in texts {
            // A star would be a pattern, and a NUL is no text of Postgres's.
            if text.contains(['*', '?', '\0']) {
                continue;
            }
            let filter = Filter {
                users: vec![text.to_owned()],
                policies: vec![text.to_owned()],
                ..Filter::default()
            };
            let found = store.decisions(&filter, &Page::first(10)).await?.items;
            assert_eq!(found.len(), 1, "{text:.40}");
            assert_eq!(found[0].decision().map(|d| d.object.name.as_str()), Some(text));
        }
        Ok(())
    });
}
