//! `why403 audit BUNDLE` and `why403 audit --distribution ID`: what a configuration will refuse,
//! before any request comes.

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
#[cfg(feature = "aws")]
use why403::account::live::Reach;
use why403::audit::{self, Audit};

use super::Ended;
#[cfg(feature = "aws")]
use super::capture;
use super::see::complain;

/// What `audit` is told.
#[derive(Debug, Args)]
pub struct Command {
    /// A bundle: a folder with aws/cloudfront/get-distribution/ID.json and what belongs to it
    #[arg(value_name = "BUNDLE")]
    #[cfg_attr(feature = "aws", arg(required_unless_present = "distribution"))]
    #[cfg_attr(not(feature = "aws"), arg(required = true))]
    bundle: Option<PathBuf>,

    #[cfg_attr(
        feature = "aws",
        doc = "This distribution: without a BUNDLE on the live account, read-only; else only this \
               one of it. May be given more than once"
    )]
    #[cfg_attr(not(feature = "aws"), doc = "Only this distribution; may be given more than once")]
    #[arg(long, value_name = "ID")]
    distribution: Vec<String>,

    /// A role to assume in the account that owns the distribution; may be given more than once, and
    /// the first that knows the distribution is asked about it
    #[cfg(feature = "aws")]
    #[arg(long, value_name = "ARN", value_parser = capture::role, conflicts_with = "bundle")]
    role_arn: Vec<String>,

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
    let audit = match &command.bundle {
        Some(bundle) => {
            let account = BundleAccount::open(bundle);
            audit::audit(&account, &command.distribution, Timestamp::now())
        }
        None => match live(command) {
            Ok(audit) => audit,
            Err(ended) => return ended,
        },
    };
    if audit.distributions == 0 {
        audit.unread.iter().for_each(|fact| complain(&fact.says()));
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

/// Audits distributions of the live account.
#[cfg(feature = "aws")]
fn live(command: &Command) -> Result<Audit, Ended> {
    let ids = &command.distribution;
    if !ids.iter().all(|id| capture::is_id(id)) {
        complain(capture::ID);
        return Err(Ended::Usage);
    }
    let runtime = capture::new_runtime()?;
    let now = Timestamp::now();
    let account = capture::live(&runtime, &command.role_arn, Reach::default());
    // Which names, buckets and zones there are to ask about is learned from the distributions.
    let are_there = ids.iter().try_for_each(|id| capture::is_there(&account, id));
    capture::complain_of_roles(&account);
    are_there?;
    Ok(audit::audit(&account, ids, now))
}

#[cfg(not(feature = "aws"))]
fn live(_: &Command) -> Result<Audit, Ended> {
    Err(Ended::Usage)
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
