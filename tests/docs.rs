//! What is generated from the program's own definitions is as it stands in `docs/`.
//! `UPDATE_DOCS=1 cargo test --test docs` writes it anew.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test reads files and may fail"
)]

use std::fmt::Write;
use std::path::Path;

use why403::causes::RULES;

#[test]
fn causes() {
    let mut text = String::from(
        "# Causes\n\nEach cause as its file in `src/causes/` has it. This page is generated: \
         `UPDATE_DOCS=1 cargo test --test docs`.\n",
    );
    let mut rules: Vec<_> = RULES.iter().collect();
    rules.sort_by_key(|rule| rule.cause.id());
    for rule in rules {
        let sheet = &rule.sheet;
        writeln!(text, "\n## {}\n", rule.cause.id()).unwrap();
        for (heading, said) in [
            ("What it means", sheet.means),
            ("What proves it", sheet.proves),
            ("What excludes it", sheet.excludes),
            ("What it is confused with", sheet.confused_with),
            ("Remedy", sheet.remedy),
            ("Reference", sheet.reference),
        ] {
            writeln!(text, "- **{heading}.** {said}").unwrap();
        }
        if !sheet.changes.is_empty() {
            let changes = sheet.changes.join("`, `");
            writeln!(text, "- **Changes that can start it.** `{changes}`").unwrap();
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/causes.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let stands = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(stands, text, "docs/causes.md is stale: UPDATE_DOCS=1 writes it anew");
}
