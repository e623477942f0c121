//! What is generated from the program's own definitions is as it stands in `docs/`.
//! `UPDATE_DOCS=1 cargo test --features aws,mcp --test docs` writes it anew.

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
         `UPDATE_DOCS=1 cargo test --features aws,mcp --test docs`.\n",
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

/// A mail to show.
const ALERT: &str = "tests/alerts/s3-origin.access-not-granted.txt";

/// What `docs/deploying.md` says of the stack is what `template.yaml` has.
#[test]
fn deploying() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let template = std::fs::read_to_string(root.join("template.yaml")).unwrap();
    let path = root.join("docs/deploying.md");
    let stands = std::fs::read_to_string(&path).unwrap();
    let parts = [
        ("alert", alert(root)),
        ("parameters", parameters(&template)),
        ("outputs", outputs(&template)),
        ("permissions", permissions(&template)),
    ];
    let text = parts.iter().fold(stands.clone(), |text, (name, part)| {
        let start = format!("<!-- {name} -->\n");
        let (before, rest) = text.split_once(&start).expect(name);
        let (_, after) = rest.split_once("<!-- end -->").expect(name);
        format!("{before}{start}{part}<!-- end -->{after}")
    });
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &text).unwrap();
        return;
    }
    assert_eq!(stands, text, "docs/deploying.md is stale: UPDATE_DOCS=1 writes it anew");
}

/// The entries of a section of the template: each name, and its own lines.
fn entries<'a>(template: &'a str, section: &str) -> Vec<(&'a str, Vec<&'a str>)> {
    let lines = template.lines().skip_while(|line| *line != format!("{section}:")).skip(1);
    let lines = lines.take_while(|line| line.is_empty() || line.starts_with(' '));
    let mut entries: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in lines {
        let name = line.strip_prefix("  ").filter(|line| !line.starts_with([' ', '#']));
        match (name.and_then(|name| name.strip_suffix(':')), entries.last_mut()) {
            (Some(name), _) => entries.push((name, Vec::new())),
            (None, Some((_, own))) => own.push(line.trim()),
            (None, None) => {}
        }
    }
    assert!(entries.len() > 5, "{section}: {entries:?}");
    entries
}

fn field<'a>(lines: &[&'a str], name: &str) -> Option<&'a str> {
    let value = lines.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    value.map(|value| value.trim_matches('"'))
}

/// The beginning of a mail, as the golden files have it.
fn alert(root: &Path) -> String {
    let told = std::fs::read_to_string(root.join(ALERT)).unwrap();
    let (_, mail) = told.split_once("Subject: ").unwrap();
    let (mail, _) = mail.split_once("\n\nWhat to do\n").unwrap();
    format!("```\n{mail}\n```\n")
}

fn parameters(template: &str) -> String {
    let mut text = String::from("| parameter | default | meaning |\n| --- | --- | --- |\n");
    for (name, lines) in entries(template, "Parameters") {
        let default = field(&lines, "Default").expect(name);
        let default = if default.is_empty() { "none".to_owned() } else { format!("`{default}`") };
        let meaning = field(&lines, "Description").expect(name).trim_end_matches('.');
        let one_of = field(&lines, "AllowedValues").map(|values| values.trim_matches(['[', ']']));
        let one_of = one_of.map(|values| format!(" ({})", values.replace('"', "")));
        writeln!(text, "| `{name}` | {default} | {meaning}{} |", one_of.unwrap_or_default())
            .unwrap();
    }
    text
}

fn outputs(template: &str) -> String {
    let mut text = String::from("| output | what it is |\n| --- | --- |\n");
    for (name, lines) in entries(template, "Outputs") {
        writeln!(text, "| `{name}` | {} |", field(&lines, "Description").expect(name)).unwrap();
    }
    text
}

/// Each statement of the function's role, with the remark before it.
fn permissions(template: &str) -> String {
    let resources = entries(template, "Resources");
    let (_, lines) = resources.iter().find(|(name, _)| *name == "Role").expect("a role");
    let mut text = String::from("| policy | actions | why |\n| --- | --- | --- |\n");
    let (mut policy, mut why, mut statements) = ("", String::new(), 0);
    let mut lines = lines.iter().peekable();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("- PolicyName: ") {
            policy = name;
        } else if let Some(remark) = line.strip_prefix("# ") {
            why = format!("{why} {remark}");
        } else if let Some(actions) = line.strip_prefix("Action:").filter(|_| !policy.is_empty()) {
            let mut actions: Vec<&str> = actions
                .trim()
                .trim_matches(['[', ']'])
                .split(", ")
                .filter(|one| !one.is_empty())
                .collect();
            while let Some(action) = lines.peek().and_then(|line| line.strip_prefix("- ")) {
                actions.push(action);
                lines.next();
            }
            assert!(!why.is_empty(), "{actions:?} stands without a reason in template.yaml");
            let actions = actions.join("`, `");
            writeln!(text, "| `{policy}` | `{actions}` | {} |", std::mem::take(&mut why).trim())
                .unwrap();
            statements += 1;
        }
    }
    assert!(statements > 15, "{statements}");
    text
}
