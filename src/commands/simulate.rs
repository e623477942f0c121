//! `why403 simulate SCENARIO --out DIR`: a made-up incident, as a bundle with its truth.

#![expect(
    clippy::disallowed_methods,
    reason = "the command line writes files and has a clock: this is one of the ends"
)]

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::{fs, process};

use clap::Args;
use clap::builder::PossibleValuesParser;
use jiff::Timestamp;
use why403::simulate::{self, Scenario};

use super::Ended;
use super::moment::moment;
use super::see::{complain, shown};

/// What `simulate` is told.
#[derive(Debug, Args)]
pub struct Simulate {
    /// What goes wrong; --list says what there is
    #[arg(
        required_unless_present = "list",
        value_parser = PossibleValuesParser::new(Scenario::ALL.map(Scenario::id))
    )]
    scenario: Option<String>,

    /// The folder of the bundle, new or empty. Beside logs/ and aws/ it holds truth.ndjson, with the
    /// cause of each refusal
    #[arg(long, value_name = "DIR", required_unless_present = "list")]
    out: Option<PathBuf>,

    /// Another number makes up another site
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// When the six hours of logs end: a moment such as 2026-03-10T14:00:00Z, or 30m, 1h, 2d before
    /// now; now if left out. The same scenario, seed and moment give the same bytes
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,

    /// Say which scenarios there are
    #[arg(long)]
    list: bool,
}

/// Runs the command.
pub fn run(command: &Simulate) -> Ended {
    let named = command.scenario.as_deref();
    let scenario = Scenario::ALL.into_iter().find(|one| Some(one.id()) == named);
    match (scenario, &command.out) {
        (Some(scenario), Some(out)) if !command.list => make(scenario, out, command),
        _ => list(),
    }
}

fn list() -> Ended {
    let lines = Scenario::ALL.map(|one| format!("{:<20}{}\n", one.id(), one.about()));
    match io::stdout().lock().write_all(lines.concat().as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Ended::Internal,
        _ => Ended::Done,
    }
}

fn make(scenario: Scenario, out: &Path, command: &Simulate) -> Ended {
    match is_free(out) {
        Ok(true) => {}
        Ok(false) => {
            complain(&format!("{}: is there already and is not an empty folder", shown(out)));
            return Ended::Usage;
        }
        Err(error) => {
            complain(&format!("{}: {error}", shown(out)));
            return Ended::Usage;
        }
    }
    let parent = parent(out);
    if !parent.is_dir() {
        complain(&format!("{}: is no folder; make it first", shown(parent)));
        return Ended::Usage;
    }
    let until = command.until.unwrap_or_else(Timestamp::now);
    let made = simulate::simulate(scenario, command.seed, until);
    if let Err(error) = write(out, &made.files) {
        complain(&format!("{}: {error}", shown(out)));
        return Ended::Internal;
    }
    let began = match scenario {
        Scenario::Healthy => String::new(),
        _ => format!("; it begins at {:.0}", made.onset),
    };
    complain(&format!(
        "{}: {}, {} of {} requests refused{began}. Explain it: why403 replay {}",
        made.distribution_id,
        scenario.id(),
        made.refused,
        made.requests,
        shown(out)
    ));
    Ended::Done
}

/// The folder in which a folder lies.
fn parent(out: &Path) -> &Path {
    match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Whether nothing would be overwritten.
fn is_free(out: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(out) {
        Ok(about) if about.is_dir() => Ok(fs::read_dir(out)?.next().is_none()),
        Ok(_) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// Writes the bundle under another name, so that there is a whole one or none.
fn write(out: &Path, files: &BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    let part = parent(out).join(format!(".why403-{}", process::id()));
    fs::create_dir(&part)?;
    // While this is there, an interruption takes the folder with it.
    #[cfg(feature = "aws")]
    let _guard = super::capture::runtime(&part);
    let written = files.iter().try_for_each(|(name, bytes)| {
        let path = part.join(name);
        fs::create_dir_all(path.parent().unwrap_or(&part))?;
        fs::write(path, bytes)
    });
    let written = written.and_then(|()| fs::rename(&part, out));
    if written.is_err() {
        let _ = fs::remove_dir_all(&part);
    }
    written
}
