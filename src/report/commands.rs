//! Commands to copy, in eighty columns.

use std::fmt::{self, Write};

use super::MissingOut;
use super::text::{WIDTH, item};
use super::words::moment;
use crate::account::command::quoted;

/// What is missing, why, and the command that supplies it to a bundle.
pub(super) fn missing(out: &mut String, all: &[MissingOut]) -> fmt::Result {
    let (past, usable): (Vec<_>, Vec<_>) = all.iter().partition(|one| one.is_past());
    if !usable.is_empty() {
        item(
            out,
            "missing",
            "What follows would decide more. Run it in the bundle's folder and replay the bundle \
             again; an error that AWS answers is an answer, too.",
        )?;
    }
    let mut commands = Vec::new();
    for one in usable {
        item(out, "", &reason(one))?;
        if let Some(supply) = supply(one) {
            command(out, &supply)?;
            commands.push(supply);
        }
        if let Some((how, by)) = &one.switched_on {
            item(out, "", how)?;
            command(out, by)?;
            commands.push(by.clone());
        }
    }
    filled_in(out, &commands, &[])?;
    for (number, one) in past.into_iter().enumerate() {
        item(out, if number == 0 { "missing" } else { "" }, &reason(one))?;
        if let Some(supply) = supply(one) {
            command(out, &supply)?;
        }
    }
    Ok(())
}

/// What the words in capitals of some commands stand for.
/// `said` are sentences that explain some themselves.
pub(super) fn filled_in(out: &mut String, commands: &[String], said: &[&str]) -> fmt::Result {
    let is_said = |word: &str| {
        said.iter().any(|text| {
            text.contains(&format!("{word}: ")) || text.contains(&format!("{word} is "))
        })
    };
    let mut told: Vec<String> = Vec::new();
    for command in commands {
        let words = command.split([' ', '/', '=', ':']);
        for word in words.map(|word| word.trim_end_matches(".json")) {
            let Some(meaning) = meaning(word, command).filter(|_| !is_said(word)) else { continue };
            let line = format!("{word}: {meaning}");
            if !told.contains(&line) {
                told.push(line);
            }
        }
    }
    match told.is_empty() {
        true => Ok(()),
        false => item(out, "", &format!("Fill in {}.", told.join("; "))),
    }
}

/// What a word in capitals stands for in a command.
fn meaning(word: &str, command: &str) -> Option<&'static str> {
    let has = |text: &str| command.contains(text);
    Some(match word {
        "BUCKET" if has("elasticloadbalancing") || has("access_logs") => {
            "the bucket that takes the load balancer's log"
        }
        "BUCKET" => "the bucket's name",
        "ACCOUNT" => "the ID of the account that the load balancer is in",
        "REGION" if has("/aws/lambda/") => "each Region that is near such viewers",
        "REGION" => "its Region",
        "GROUP" => "the log group of the API's stage",
        "KEY" => "the object's key",
        "METRIC" => "the metric name of one of the web ACL's rules (aws wafv2 get-web-acl)",
        "ARN" if has("--load-balancer-arn") => {
            "the load balancer's (aws elbv2 describe-load-balancers)"
        }
        "ARN" if has("--listener-arn") => "a listener's, as describe-listeners tells",
        "ARN" if has("aws wafv2 get-sampled-requests") => {
            "the web ACL's (aws wafv2 list-web-acls --region us-east-1 --scope CLOUDFRONT)"
        }
        "ARN" => "its ARN",
        "STAGE" => "the API's stage",
        "FUNCTION" => "the function's name",
        "ZONE" => "the hosted zone's ID",
        "NAME" => "its name",
        "ID" => "its ID",
        _ => return None,
    })
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
        Some(at) => {
            let by = moments.change.as_deref().map_or(String::new(), |by| format!(" ({by})"));
            format!("was changed at {} UTC{by}", moment(at))
        }
        None => "was changed in between".to_owned(),
    };
    match (moments.is_past, moments.changed) {
        (true, _) => {
            let config = if moments.former.is_some() { ", or in AWS Config:" } else { "." };
            format!(
                "{fact} {read} and {changed}, after the refusals from {wanted} UTC on. Replay \
                 cannot decide by it any more. Read yourself what it was then, in the files of a \
                 deployment{config}"
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
