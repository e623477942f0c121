//! `why403 replay PATH...`: logs in folders to a report.

#![expect(
    clippy::disallowed_methods,
    reason = "the command line reads and writes files: this is one of the ends"
)]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use why403::account::bundle::BundleAccount;
use why403::account::facts::Depth;
use why403::account::{Account, Answer, Question};
use why403::analysis::{self, Analysis, Directory};
use why403::clusters::key_hash;
use why403::countries::Countries;
use why403::limits::{self, Limits, Move};
use why403::logs::Times;
use why403::report::{Inputs, Report, Unreadable, handshakes, html, request, text};
use why403::trigger::Batch;
use why403::viewer::plain;

use super::moment::moment;
use super::read::{self, Object, Progress};
use super::see::{self, Seen, complain, report_unread, walk};
use super::{Ended, event};

/// What `replay` is told.
#[derive(Debug, Args)]
pub struct Replay {
    /// Bundles (folders with logs/ and aws/), folders of logs, log files, or Lambda events in JSON
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Only lines of the logs from this moment on: 2026-03-10T14:00:00Z, or 30m, 1h, 2d before now
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,

    /// Only lines before this moment, as --since
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,

    #[command(flatten)]
    shown: Shown,
}

/// How the answer is found and shown.
#[derive(Debug, Args)]
pub struct Shown {
    /// The form of the report
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Write the report to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Write one line of JSON for each refused request
    #[arg(long, value_name = "FILE")]
    requests: Option<PathBuf>,

    /// Say why this one request was refused, by its x-amz-cf-id; may be given more than once
    #[arg(long, value_name = "ID")]
    request_id: Vec<String>,

    /// A country database (MMDB) that tells where addresses are, for logs without a country
    #[arg(long, value_name = "FILE")]
    geoip: Option<PathBuf>,

    #[cfg(feature = "aws")]
    #[command(flatten)]
    asking: super::ask::Asking,

    /// Move a limit of reading; may be given more than once
    #[arg(long, value_name = "NAME=VALUE", help = limit_help())]
    limit: Vec<Move>,

    /// Read on so many threads, by default one for each processor; the report is the same
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<u16>>,

    /// Show no progress
    #[arg(long, short)]
    quiet: bool,

    /// Say of each file what it was taken for
    #[arg(long, short, conflicts_with = "quiet")]
    verbose: bool,
}

/// The forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs, schema why403/report/1
    Json,
    /// One page that opens from a mail attachment
    Html,
}

fn limit_help() -> String {
    format!("Move a limit of reading; may be given more than once. There are {}", limits::movable())
}

/// Runs the command.
pub fn run(command: &Replay) -> Ended {
    let times = Times { since: command.since, until: command.until };
    if let (Some(since), Some(until)) = (times.since, times.until)
        && since >= until
    {
        complain("--until: a moment after that of --since");
        return Ended::Usage;
    }
    explain(&command.paths, times, &command.shown)
}

/// Explains the refusals in logs that lie in these places.
pub fn explain(paths: &[PathBuf], times: Times, shown: &Shown) -> Ended {
    let mut inputs = Inputs::default();
    let Gathered { objects, account, events } = gather(paths, &mut inputs);
    // An event may carry no log by its nature, which is no failure.
    if objects.is_empty() && !events {
        report_unread(&inputs);
        complain("no log to read: give a bundle, a folder of logs or a log file");
        return Ended::NoInput;
    }
    let mut directory = Directory::ask(&account);
    if let Some(file) = &shown.geoip {
        match Countries::open(file) {
            Ok(countries) => directory.countries = countries,
            Err(why) => {
                complain(&format!("--geoip: {why}; give a country database in the MMDB format"));
                return Ended::Usage;
            }
        }
    }
    directory.logs.times = times;
    directory.logs.limits = Limits::moved(shown.limit.iter().copied());
    let asked = shown.request_id.iter().map(|id| key_hash(&[id.as_bytes()]));
    directory.logs.asked = Arc::new(asked.collect());
    let progress = Progress::new(objects.len(), shown.quiet, shown.verbose);
    let threads = read::threads(shown.threads);
    let seen = see::all(&objects, &directory, threads, &progress, inputs);
    report_unread(&seen.inputs);
    if seen.is_empty() && !events {
        complain("none of these files is a CloudFront access log or a WAF log");
        return Ended::NoInput;
    }
    let Seen { tally, logs, handshakes, inputs, partly } = seen;
    #[cfg(feature = "aws")]
    let again = shown.asking.is_wished().then(|| logs.clone());
    let analysis = analysis::analyse(&tally, logs, &account, Depth::Incident);
    #[cfg(feature = "aws")]
    let analysis = match again.zip(super::ask::ask(&shown.asking, &analysis, &account, paths)) {
        Some((logs, account)) => analysis::analyse(&tally, logs, &account, Depth::Incident),
        None => analysis,
    };
    let mut report = analysis.report(&tally, inputs, &directory.countries);
    report.handshakes = handshakes::of(&handshakes);
    let written = match &shown.requests {
        Some(path) => write_requests(path, &analysis),
        None => Ok(()),
    }
    .and_then(|()| match shown.request_id.as_slice() {
        [] => write_report(shown, &report, &analysis),
        ids => write_answers(shown, &analysis, ids),
    });
    match written {
        Ok(()) if partly => Ended::Partly,
        Ok(()) => Ended::Done,
        // Whoever reads may have had enough, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ended::Done,
        Err(error) => {
            complain(&format!("cannot write: {error}"));
            Ended::Internal
        }
    }
}

/// What there is to read.
pub(super) struct Gathered {
    /// Every object of every path, in the order of their names.
    pub(super) objects: Vec<Object>,
    /// The accounts of the bundles and events.
    pub(super) account: Accounts,
    /// Whether a path was a Lambda event.
    pub(super) events: bool,
}

pub(super) fn gather(paths: &[PathBuf], inputs: &mut Inputs) -> Gathered {
    let mut objects = BTreeSet::new();
    let mut accounts = Vec::new();
    let mut events = false;
    for path in paths {
        match fs::metadata(path) {
            Ok(about) if about.is_dir() => {
                let is_bundle = path.join("logs").is_dir() || path.join("aws").is_dir();
                let root = if is_bundle { path.join("logs") } else { path.clone() };
                walk(&root, &root, &mut objects, inputs);
                accounts.push(BundleAccount::open(path));
            }
            Ok(_) => match event::read(path) {
                Some(batch) => {
                    events = true;
                    deliver(path, &batch, &mut objects, inputs);
                    accounts.push(BundleAccount::open(event::folder(path)));
                }
                None => {
                    let name = path.to_string_lossy().into_owned();
                    objects.insert(Object::of_file(name, path.clone()));
                }
            },
            Err(error) => {
                let reason = error.to_string();
                inputs.unreadable_files.push(Unreadable { file: see::shown(path), reason });
            }
        }
    }
    Gathered { objects: objects.into_iter().collect(), account: Accounts(accounts), events }
}

/// The objects that an event speaks of.
fn deliver(path: &Path, batch: &Batch, objects: &mut BTreeSet<Object>, inputs: &mut Inputs) {
    for message in &batch.messages {
        for problem in &message.problems {
            let reason = problem.clone();
            inputs.unreadable_files.push(Unreadable { file: see::shown(path), reason });
        }
        for carried in &message.carried {
            let object = &carried.object;
            objects.insert(Object {
                name: format!("{}/{}", object.key, object.edition()),
                file: path.to_owned(),
                carried: Some(carried.text.as_slice().into()),
            });
        }
        for object in &message.objects {
            match event::file_of(event::folder(path), object) {
                Some(file) => drop(objects.insert(Object::of_file(object.key.clone(), file))),
                None => {
                    let file = plain(&format!("objects/{}/{}", object.bucket, object.key));
                    let reason = "the event speaks of it, and it is not there".to_owned();
                    inputs.unreadable_files.push(Unreadable { file, reason });
                }
            }
        }
    }
}

fn write_requests(path: &Path, analysis: &Analysis<'_>) -> io::Result<()> {
    whole(path, |out| {
        for request in analysis.requests() {
            serde_json::to_writer(&mut *out, &request)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    })
}

fn write_answers(shown: &Shown, analysis: &Analysis<'_>, ids: &[String]) -> io::Result<()> {
    let answers = ids.iter().map(|id| request::answer(analysis, id));
    let text = match shown.format {
        Format::Json => serde_json::to_string_pretty(&answers.collect::<Vec<_>>())? + "\n",
        // A page of one request says no more than its text.
        Format::Text | Format::Html => {
            let texts: Result<Vec<_>, _> = answers.map(|answer| request::text(&answer)).collect();
            texts.map_err(io::Error::other)?.join("\n")
        }
    };
    write_out(shown, &text)
}

fn write_report(shown: &Shown, report: &Report, analysis: &Analysis<'_>) -> io::Result<()> {
    let text = match shown.format {
        Format::Json => serde_json::to_string_pretty(report)? + "\n",
        Format::Html => html::write(report, analysis.requests()),
        Format::Text => text::write(report).map_err(io::Error::other)?,
    };
    write_out(shown, &text)
}

fn write_out(shown: &Shown, text: &str) -> io::Result<()> {
    match &shown.out {
        Some(path) => whole(path, |out| {
            out.write_all(anstream::adapter::strip_str(text).to_string().as_bytes())
        }),
        None => {
            let mut out = anstream::stdout().lock();
            out.write_all(text.as_bytes())?;
            out.flush()
        }
    }
}

/// Writes a file under another name and gives it its own once it is whole, so that an interruption
/// leaves nothing half written. What is no plain file (a pipe, `/dev/stdout`) is written to
/// directly, and a link stays a link.
fn whole(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let device = path.starts_with("/dev") || path.starts_with("/proc");
    if device || fs::metadata(path).is_ok_and(|about| !about.is_file()) {
        let mut out = BufWriter::new(File::options().append(true).open(path)?);
        write(&mut out)?;
        return out.flush();
    }
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let mut out = BufWriter::new(File::create(&part)?);
    let written = write(&mut out).and_then(|()| out.flush());
    match written {
        Ok(()) => fs::rename(&part, path),
        Err(error) => {
            let _ = fs::remove_file(&part);
            Err(error)
        }
    }
}

/// The accounts of all bundles: the first that knows an answer gives it.
pub(super) struct Accounts(Vec<BundleAccount>);

impl Account for Accounts {
    fn ask(&self, question: &Question) -> (Answer, Option<Timestamp>) {
        self.0
            .iter()
            .map(|account| account.ask(question))
            .find(|(answer, _)| *answer != Answer::Unasked)
            .unwrap_or((Answer::Unasked, None))
    }

    fn subjects(&self, operation: &'static str) -> Vec<String> {
        let all: BTreeSet<String> =
            self.0.iter().flat_map(|account| account.subjects(operation)).collect();
        all.into_iter().collect()
    }
}
