//! `why403 replay PATH...`: logs in folders to a report.

#![expect(
    clippy::disallowed_methods,
    reason = "the command line reads and writes files: this is one of the ends"
)]

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsStr;
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

    /// Write the report to a file instead of standard output, which is -
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Write one line of JSON for each refused request; with --out to standard output, if it is -
    #[arg(long, value_name = "FILE")]
    requests: Option<PathBuf>,

    /// Say why this one request was refused, by its x-amz-cf-id, which logs name x-edge-request-id;
    /// may be given more than once
    #[arg(long, value_name = "ID", allow_hyphen_values = true, value_parser = request_id)]
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

/// The id of a request, of which the whole line of its header may have been copied.
fn request_id(text: &str) -> Result<String, String> {
    let text = text.trim();
    let id = match text.split_once(':') {
        Some((name, id)) if NAMES_OF_IDS.iter().any(|one| name.eq_ignore_ascii_case(one)) => id,
        _ => text,
    };
    match id.trim() {
        "" => Err("an id is the value of the header x-amz-cf-id".to_owned()),
        id => Ok(id.to_owned()),
    }
}

/// What answers and logs name the id of a request.
const NAMES_OF_IDS: [&str; 2] = ["x-amz-cf-id", "x-edge-request-id"];

impl Shown {
    /// Why this cannot be shown so, where it cannot: better said before the logs are read than
    /// after.
    pub fn unusable(&self) -> Option<String> {
        if self.format == Format::Html && !self.request_id.is_empty() {
            let why = "--request-id: the answer is text or JSON; leave out --format html";
            return Some(why.to_owned());
        }
        let elsewhere = self.out.as_deref().is_some_and(|path| !is_stdout(path));
        if self.requests.as_deref().is_some_and(is_stdout) && !elsewhere {
            let why = "--requests -: the report goes to standard output; give it a file by --out";
            return Some(why.to_owned());
        }
        let files = [("--out", &self.out), ("--requests", &self.requests)];
        files.into_iter().find_map(|(flag, path)| {
            let path = path.as_deref().filter(|path| !is_stdout(path))?;
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let is_there = folder.is_none_or(Path::is_dir);
            (!is_there).then(|| format!("{flag} {}: there is no such folder", see::shown(path)))
        })
    }
}

fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
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
    if let Some(why) = command.shown.unusable() {
        complain(&why);
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
            complain(&format!("cannot write {error}"));
            match error.kind() {
                io::ErrorKind::NotFound
                | io::ErrorKind::PermissionDenied
                | io::ErrorKind::NotADirectory
                | io::ErrorKind::IsADirectory
                | io::ErrorKind::ReadOnlyFilesystem => Ended::Usage,
                _ => Ended::Internal,
            }
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
                walk_bundle(path, &mut objects, inputs);
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

/// The logs of a bundle or of any other folder. Logs may lie loose in a folder to which somebody
/// added facts or further logs: they are read like those in its `logs/`.
fn walk_bundle(folder: &Path, objects: &mut BTreeSet<Object>, inputs: &mut Inputs) {
    let mut apart: Vec<PathBuf> =
        ["aws", "origin/asked.json", "capture.json"].map(|name| folder.join(name)).into();
    let logs = folder.join("logs");
    let has_logs = logs.is_dir();
    if has_logs {
        walk(&logs, &logs, &[], objects, inputs);
        apart.push(logs.clone());
    }
    let mut loose = BTreeSet::new();
    walk(folder, folder, &apart, &mut loose, inputs);
    // What somebody copied to where it belongs would count twice.
    let likeness = |one: &Object| {
        let length = fs::metadata(&one.file).map_or(0, |about| about.len());
        (one.file.file_name().map(OsStr::to_owned), length)
    };
    let known: HashSet<_> = match loose.is_empty() {
        true => HashSet::new(),
        false => objects.iter().filter(|one| one.file.starts_with(&logs)).map(likeness).collect(),
    };
    loose.retain(|one| !known.contains(&likeness(one)));
    objects.extend(loose.into_iter().map(|one| Object { beside: has_logs, ..one }));
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
                beside: false,
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
    let write = |out: &mut dyn Write| {
        for request in analysis.requests() {
            serde_json::to_writer(&mut *out, &request)?;
            out.write_all(b"\n")?;
        }
        out.flush()
    };
    match is_stdout(path) {
        true => to_stdout(|out| write(&mut BufWriter::new(out))),
        false => whole(path, write),
    }
}

fn write_answers(shown: &Shown, analysis: &Analysis<'_>, ids: &[String]) -> io::Result<()> {
    let answers = ids.iter().map(|id| request::answer(analysis, id));
    let text = match shown.format {
        Format::Json => serde_json::to_string_pretty(&answers.collect::<Vec<_>>())? + "\n",
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
    match shown.out.as_deref().filter(|path| !is_stdout(path)) {
        Some(path) => whole(path, |out| {
            out.write_all(anstream::adapter::strip_str(text).to_string().as_bytes())
        }),
        None => to_stdout(|out| out.write_all(text.as_bytes())),
    }
}

fn to_stdout(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    let written = write(&mut out).and_then(|()| out.flush());
    written.map_err(|error| named("to standard output", &error))
}

/// An error with the name of what could not be written.
fn named(what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

/// Writes a file under another name and gives it its own once it is whole, so that an interruption
/// leaves nothing half written. What is no plain file (a pipe, `/dev/stdout`) is written to
/// directly, and a link stays a link.
fn whole(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    put(path, write).map_err(|error| named(&see::shown(path), &error))
}

fn put(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
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
