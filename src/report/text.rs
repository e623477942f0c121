//! The report for people: the answer on the first screen, eighty columns.

use std::fmt::{self, Write};

use anstyle::{AnsiColor, Style};

use super::Report;
pub use super::commands::{command, is_command};
use super::finding::finding;
pub use super::finding::label_of;
use super::footer::{footer, legend};
use super::handshakes;
use super::headline::headline;
pub use super::headline::{name, name_of, sentence_of, title};
pub use super::words::{moment, several, thousands};

pub(super) const WIDTH: usize = 80;
pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();

pub(super) fn of_severity(severity: &str) -> Style {
    let color = match severity {
        "fault" => AnsiColor::Red,
        "enforcement" => AnsiColor::Green,
        _ => AnsiColor::Yellow,
    };
    Style::new().bold().fg_color(Some(color.into()))
}

/// The whole report. Styles are written always; the caller's stream strips them where nobody
/// wants them.
pub fn write(report: &Report) -> Result<String, fmt::Error> {
    let mut out = String::new();
    headline(&mut out, report)?;
    for (number, one) in report.findings.iter().enumerate() {
        finding(&mut out, number + 1, one, report)?;
    }
    handshakes::write(&mut out, &report.handshakes)?;
    footer(&mut out, report)?;
    legend(&mut out, report)?;
    Ok(out)
}

/// A labelled line, wrapped under its label.
pub fn item(out: &mut String, label: &str, text: &str) -> fmt::Result {
    writeln!(out, "  {DIM}{label:<8}{DIM:#} {}", wrap(text, 11))
}

/// Wraps at eighty columns; lines after the first are indented. Words that are longer than a line,
/// such as commands to copy, are not broken, and neither is a string of JSON.
pub fn wrap(text: &str, indent: usize) -> String {
    let mut out = String::new();
    let mut column = indent;
    for word in words(text) {
        let length = word.chars().count();
        if column > indent && column + 1 + length > WIDTH {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            column = indent;
        } else if column > indent {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out
}

/// What stands between spaces. Where the text holds JSON, a string of it is one word.
fn words(text: &str) -> Vec<&str> {
    let json = text.find("{ \"").unwrap_or(text.len());
    let (mut words, mut start, mut inside) = (Vec::new(), 0, false);
    for (at, character) in text.char_indices() {
        match character {
            '"' if at >= json => inside = !inside,
            ' ' if !inside => {
                words.extend(text.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    words.extend(text.get(start..));
    words
}
