//! `why403 causes [CAUSE]`: what there is to find, and what it means.

use std::ffi::OsStr;
use std::fmt::{self, Write as _};
use std::io::{self, Write as _};

use anstyle::Style;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Args, Command};
use why403::causes::{Cause, Severity, rule};
use why403::report::text::wrap;
use why403::viewer::plain;

use super::Ended;

/// What `causes` is told.
#[derive(Debug, Args)]
pub struct Causes {
    /// One cause, to read all about it; as reports name it, with its detail, does as well
    #[arg(value_parser = Named)]
    cause: Option<String>,
}

/// A cause by its name, or by `CAUSE/DETAIL`.
#[derive(Clone, Debug)]
struct Named;

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(Cause::ALL.map(Cause::id))
}

impl TypedValueParser for Named {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        let parts = value.to_str().and_then(|text| text.split_once('/'));
        let Some((cause, detail)) = parts else {
            return names().parse_ref(command, argument, value);
        };
        let id = names().parse_ref(command, argument, OsStr::new(cause))?;
        let details = Cause::of_id(&id).map(Cause::details).unwrap_or_default();
        if details.contains(&detail) {
            return Ok(id);
        }
        let text =
            format!("{id} has no detail '{}': it has {}\n", plain(detail), details.join(", "));
        Err(clap::Error::raw(ErrorKind::InvalidValue, text).with_cmd(command))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let names: Vec<PossibleValue> = Cause::ALL.map(|one| PossibleValue::new(one.id())).into();
        Some(Box::new(names.into_iter()))
    }
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
