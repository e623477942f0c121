//! Commands to copy, in eighty columns.

use std::fmt::{self, Write};

use super::MissingOut;
use super::text::{WIDTH, item};
use crate::account::command::quoted;

/// What is missing, why, and the command that supplies it to a bundle.
pub(super) fn missing(out: &mut String, all: &[MissingOut]) -> fmt::Result {
    for one in all {
        item(out, "missing", &reason(one))?;
        command(out, &supply(one))?;
        if let Some((how, by)) = one.switched_on {
            item(out, "", how)?;
            command(out, by)?;
        }
    }
    Ok(())
}

/// Why a fact is missing, as a sentence that leads to a command.
pub(super) fn reason(one: &MissingOut) -> String {
    let (fact, may) = (&one.fact, one.permission);
    match one.why {
        "denied" => {
            format!("AWS did not let us read {fact}: grant {may} to the role that asks, then run")
        }
        "unreadable" => format!("{fact} is there and cannot be read: ask again"),
        "other-moment" => format!(
            "{fact} of that moment: what was read is of another. Your deployments or AWS Config \
             may have it; today's comes by"
        ),
        _ => format!("{fact} is not in the bundle: run"),
    }
}

/// The command that supplies a fact, into the file of a bundle where it has one.
pub(super) fn supply(one: &MissingOut) -> String {
    let folder = one.file.as_deref().and_then(|file| Some((file, file.rsplit_once('/')?.0)));
    match folder {
        Some((file, folder)) => {
            format!("mkdir -p {} && {} > {}", quoted(folder), one.command, quoted(file))
        }
        None => one.command.clone(),
    }
}

/// Whether a step of a remedy is a command to copy.
pub fn is_command(step: &str) -> bool {
    ["aws ", "curl "].iter().any(|name| step.starts_with(name))
}

/// A command under the last label. Where it is longer than a line, a backslash joins the lines, so
/// that they can be copied together.
pub fn command(out: &mut String, text: &str) -> fmt::Result {
    const INDENT: usize = 11;
    // What leads up to the command stands on lines of its own.
    let mut text = text;
    while let Some((first, rest)) = text.split_once(" && ") {
        writeln!(out, "{:INDENT$}{first} &&", "")?;
        text = rest;
    }
    let mut lines = vec![String::new()];
    for word in words(text) {
        // Two more characters for what joins it to the next line.
        let further = if lines.len() == 1 { INDENT } else { INDENT + 2 };
        let Some(line) = lines.last_mut() else { continue };
        if line.is_empty() {
            line.push_str(word);
        } else if further + line.chars().count() + word.chars().count() + 3 > WIDTH {
            lines.push(word.to_owned());
        } else {
            line.push(' ');
            line.push_str(word);
        }
    }
    for (number, line) in lines.iter().enumerate() {
        let indent = if number == 0 { INDENT } else { INDENT + 2 };
        let joined = if number + 1 < lines.len() { " \\" } else { "" };
        writeln!(out, "{:indent$}{line}{joined}", "")?;
    }
    Ok(())
}

/// The parts of a command that stay on one line: a word, an option with its value, `>` with its
/// file. What stands in quotes is one word.
fn words(text: &str) -> Vec<&str> {
    let (mut words, mut start, mut inside) = (Vec::new(), 0, false);
    for (at, character) in text.char_indices() {
        match character {
            '\'' => inside = !inside,
            ' ' if !inside => {
                let word = text.get(start..at).unwrap_or_default();
                let next = text.get(at + 1..).unwrap_or_default();
                let alone = !word.contains(' ') && !next.starts_with(['-', '>']);
                if !(alone && (word.starts_with('-') || word == ">")) {
                    words.push(word);
                    start = at + 1;
                }
            }
            _ => {}
        }
    }
    words.extend(text.get(start..));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_command_is_one_command_on_several_lines() {
        let mut out = String::new();
        let text = "mkdir -p aws/x && aws s3api head-object --bucket a-bucket-with-a-long-name \
                    --key 'a key with blanks in it.jpg' > aws/x/y.json";
        command(&mut out, text).unwrap();
        let lines = [
            "           mkdir -p aws/x &&",
            r"           aws s3api head-object --bucket a-bucket-with-a-long-name \",
            r"             --key 'a key with blanks in it.jpg' > aws/x/y.json",
        ];
        assert_eq!(out.lines().collect::<Vec<_>>(), lines);
    }
}
