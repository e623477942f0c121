//! `why403 audit BUNDLE`: what a configuration will refuse, before any request comes.

#![expect(
    clippy::disallowed_methods,
    reason = "the command line reads files and the clock: this is one of the ends"
)]

use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use why403::account::bundle::BundleAccount;
use why403::audit::{self, Audit};

use super::Ended;

/// What `audit` is told.
#[derive(Debug, Args)]
pub struct Command {
    /// A bundle: a folder with aws/cloudfront/get-distribution/ID.json and what belongs to it
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,

    /// Only this distribution; may be given more than once
    #[arg(long, value_name = "ID")]
    distribution: Vec<String>,

    /// The form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// End with 1 where such a thing is confirmed; may be given more than once
    #[arg(long, value_enum, value_name = "SEVERITY")]
    fail_on: Vec<FailOn>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs, schema why403/audit/1
    Json,
    /// For pipelines
    Junit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Somebody who should get in will not
    Fault,
    /// A rule will do what it was set up to do
    Enforcement,
    /// Either
    Unknown,
}

impl FailOn {
    fn id(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Enforcement => "enforcement",
            Self::Unknown => "unknown",
        }
    }
}

/// Runs the command.
pub fn run(command: &Command) -> Ended {
    let account = BundleAccount::open(&command.bundle);
    let audit = audit::audit(&account, &command.distribution, Timestamp::now());
    if audit.distributions == 0 {
        complain(
            "no distribution to look at: put the output of `aws cloudfront get-distribution --id ID` \
             into BUNDLE/aws/cloudfront/get-distribution/ID.json",
        );
        return Ended::NoInput;
    }
    match write(command, &audit) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain(&format!("cannot write: {error}"));
            return Ended::Internal;
        }
        _ => {}
    }
    let fails = |severity: &str| command.fail_on.iter().any(|one| one.id() == severity);
    let confirmed = audit.findings.iter().filter(|finding| finding.confidence == "confirmed");
    if confirmed.map(|finding| finding.severity).any(fails) {
        return Ended::Found;
    }
    if audit.unread.is_empty() { Ended::Done } else { Ended::Partly }
}

fn write(command: &Command, audit: &Audit) -> io::Result<()> {
    let failed = |error: fmt::Error| io::Error::other(error);
    let text = match command.format {
        Format::Text => audit::text(audit).map_err(failed)?,
        Format::Json => serde_json::to_string_pretty(audit)? + "\n",
        Format::Junit => audit::junit(audit).map_err(failed)?,
    };
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

#[expect(clippy::print_stderr, reason = "standard error is where a command complains")]
fn complain(what: &str) {
    eprintln!("why403: {what}");
}
