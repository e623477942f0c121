//! Commands to copy, in eighty columns.

use std::fmt::{self, Write};

use super::MissingOut;
use super::text::{WIDTH, item};
use super::words::moment;
use crate::account::command::quoted;

/// What is missing, why, and the command that supplies it to a bundle.
pub(super) fn missing(out: &mut String, all: &[MissingOut]) -> fmt::Result {
    if all.is_empty() {
        return Ok(());
    }
    let open = all.iter().any(|one| has_placeholder(&one.command));
    let fill = if open { " Words in capitals are to be filled in." } else { "" };
    item(
        out,
        "missing",
        &format!(
            "What follows would decide more. Run it in the bundle's folder and replay the bundle \
             again; an error that AWS answers is an answer, too.{fill}"
        ),
    )?;
    for one in all {
        item(out, "", &reason(one))?;
        if let Some(supply) = supply(one) {
            command(out, &supply)?;
        }
        if let Some((how, by)) = &one.switched_on {
            item(out, "", how)?;
            command(out, by)?;
        }
    }
    Ok(())
}

/// Whether a command holds a word that stands for something.
fn has_placeholder(command: &str) -> bool {
    ["BUCKET", "ACCOUNT", "REGION", "GROUP", "KEY", "NAME", "ID", "ARN", "ZONE"].iter().any(
        |name| {
            command.split([' ', '/']).any(|word| word == *name || word == format!("{name}.json"))
        },
    )
}

/// Why a fact is missing, as a sentence that leads to a command.
pub(super) fn reason(one: &MissingOut) -> String {
    let (fact, may) = (&one.fact, one.permission);
    match one.why {
        "denied" => {
            format!("AWS did not let us read {fact}: grant {may} to the role that asks, then")
        }
        "unreadable" => format!("{fact} is there and cannot be read; ask again:"),
        "other-moment" => of_another_moment(one),
        "in-part" => format!("{fact} is in the bundle for some prefixes only:"),
        "no-line" => format!("{fact} is in the bundle without a line of these requests:"),
        _ => format!("{fact} is not in the bundle:"),
    }
}

/// Why a fact of another moment does not do, and whether reading it again would.
fn of_another_moment(one: &MissingOut) -> String {
    let fact = &one.fact;
    let Some(moments) = &one.moments else {
        return format!("{fact} is of another moment than the requests:");
    };
    let wanted = moment(moments.wanted);
    let read = moments.read.map_or_else(
        || "was read after the log".to_owned(),
        |at| format!("was read at {} UTC", moment(at)),
    );
    let changed = match moments.changed {
        Some(at) => format!("was changed at {} UTC", moment(at)),
        None => "was changed in between".to_owned(),
    };
    match (moments.is_past, moments.changed) {
        (true, _) => {
            let config = if moments.former.is_some() {
                ", or AWS Config (for you to read; replay does not):"
            } else {
                "."
            };
            format!(
                "{fact} {read} and {changed}, after the refusals from {wanted} UTC on: today's \
                 does not tell what it was then. The files of a deployment may{config}"
            )
        }
        (false, Some(_)) => format!(
            "{fact} {read} and {changed}, before the refusals from {wanted} UTC on. Read it again, \
             unless it was changed once more:"
        ),
        (false, None) => format!(
            "{fact} {read}, before the refusals from {wanted} UTC on, and what was changed in \
             between is not known. Read it again, and cloudtrail/lookup-events:"
        ),
    }
}

/// The command that supplies a fact, into the file of a bundle where it has one. There is none for
/// what nobody keeps.
pub(super) fn supply(one: &MissingOut) -> Option<String> {
    // What was in force then comes in another form, so that it is for eyes.
    if let Some(moments) = one.moments.as_ref().filter(|moments| moments.is_past) {
        return moments.former.clone();
    }
    let folder = one.file.as_deref().and_then(|file| Some((file, file.rsplit_once('/')?.0)));
    Some(match folder {
        Some((file, folder)) => {
            // An error that AWS answers is an answer; in a log it would be none.
            let errors = if file.starts_with("aws/") { " 2>&1" } else { "" };
            let (file, folder) = (quoted(file), quoted(folder));
            format!("mkdir -p {folder} && {} > {file}{errors}", one.command)
        }
        None => one.command.clone(),
    })
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
