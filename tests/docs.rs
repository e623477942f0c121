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

use why403::causes::{RULES, Sheet};

/// A heading, and what stands under it.
type Section = (&'static str, fn(&Sheet) -> &'static str);

const HEADINGS: [Section; 6] = [
    ("What it means", |sheet| sheet.means),
    ("What proves it", |sheet| sheet.proves),
    ("What excludes it", |sheet| sheet.excludes),
    ("What it is confused with", |sheet| sheet.confused_with),
    ("Remedy", |sheet| sheet.remedy),
    ("Reference", |sheet| sheet.reference),
];

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
        for (heading, said) in HEADINGS {
            let said = said(sheet);
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

/// Whoever opens a cause's file reads what the page says.
#[test]
fn every_cause_file_opens_with_its_sheet() {
    let causes = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/causes");
    for rule in RULES {
        let name = rule.cause.id().replace('-', "_");
        let file = causes.join(format!("{name}.rs"));
        let file = if file.is_file() { file } else { causes.join(name).join("mod.rs") };
        let source = std::fs::read_to_string(&file).unwrap();
        let lines = source.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
        let mut parts: Vec<(&str, String)> = Vec::new();
        for line in lines {
            match (line.strip_prefix("# "), parts.last_mut()) {
                (Some(heading), _) => parts.push((heading, String::new())),
                (None, Some((_, text))) => text.push_str(&format!("{line} ")),
                (None, None) => {}
            }
        }
        let sheet = HEADINGS.map(|(heading, said)| (heading, said(&rule.sheet).to_owned()));
        let stands: Vec<(&str, String)> = parts
            .into_iter()
            .map(|(heading, text)| (heading, text.trim().trim_matches(['<', '>']).to_owned()))
            .collect();
        assert_eq!(stands, sheet, "{}", file.display());
    }
}
