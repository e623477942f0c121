//! `why403 causes [CAUSE]`: what there is to find, and what it means.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};

use anstyle::Style;
use clap::Args;
use clap::builder::PossibleValuesParser;
use why403::causes::{Cause, Severity, rule};
use why403::report::text::wrap;

use super::Ended;

/// What `causes` is told.
#[derive(Debug, Args)]
pub struct Causes {
    /// One cause, to read all about it
    #[arg(value_parser = PossibleValuesParser::new(Cause::ALL.map(Cause::id)))]
    cause: Option<String>,
}

/// Runs the command.
pub fn run(command: &Causes) -> Ended {
    let text = match command.cause.as_deref().and_then(Cause::of_id) {
        Some(cause) => one(cause),
        None => all(),
    };
    let mut out = anstream::stdout().lock();
    match text.map_err(io::Error::other).and_then(|text| out.write_all(text.as_bytes())) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Ended::Internal,
        _ => Ended::Done,
    }
}

/// Each cause with its details and their severities.
fn all() -> Result<String, fmt::Error> {
    let mut out = String::new();
    for cause in Cause::ALL {
        for (number, detail) in cause.details().iter().enumerate() {
            let name = if number == 0 { cause.id() } else { "" };
            let severity = Severity::of(cause, Some(detail)).id();
            writeln!(out, "{BOLD}{name:<22}{BOLD:#}  {detail:<24}  {severity}")?;
        }
    }
    writeln!(out, "\n`why403 causes CAUSE` says what one means, what proves it and what to do.")?;
    Ok(out)
}

const BOLD: Style = Style::new().bold();

fn one(cause: Cause) -> Result<String, fmt::Error> {
    let mut out = String::new();
    writeln!(out, "{BOLD}{}{BOLD:#}: {}", cause.id(), cause.details().join(", "))?;
    let Some(rule) = rule(cause) else {
        let text = "The evidence does not decide. The report says what was ruled out, and which \
                    missing fact would decide it.";
        writeln!(out, "\n{}", wrap(text, 0))?;
        return Ok(out);
    };
    let sheet = &rule.sheet;
    let parts = [
        ("What it means", sheet.means),
        ("What proves it", sheet.proves),
        ("What excludes it", sheet.excludes),
        ("What it is confused with", sheet.confused_with),
        ("What to do", sheet.remedy),
        ("Reference", sheet.reference),
    ];
    for (heading, text) in parts {
        writeln!(out, "\n{BOLD}{heading}{BOLD:#}\n  {}", wrap(text, 2))?;
    }
    if !sheet.changes.is_empty() {
        let text = sheet.changes.join(", ");
        writeln!(out, "\n{BOLD}Changes that can start it{BOLD:#}\n  {}", wrap(&text, 2))?;
    }
    Ok(out)
}
