//! `why403 replay PATH...`: logs in folders to a report.

#![expect(
    clippy::disallowed_methods,
    reason = "the command line reads and writes files: this is one of the ends"
)]

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use why403::account::bundle::BundleAccount;
use why403::account::facts::Depth;
use why403::account::{Account, Answer, Question};
use why403::analysis::{self, Analysis, Directory, Logs};
use why403::countries::Countries;
use why403::limits::{self, BUNDLE_FILES, Limits, Move};
use why403::logs::fault::Faults;
use why403::logs::function::FunctionIndex;
use why403::logs::origin::{OriginIndex, Wanted};
use why403::logs::tally::AccessTally;
use why403::logs::waf::WafIndex;
use why403::logs::{self, Kind, Outcome};
use why403::report::{Inputs, Report, Unreadable, request, text};
use why403::trigger::Batch;
use why403::viewer::plain;

use super::read::{self, Object, Progress};
use super::{Ended, event};

/// What `replay` is told.
#[derive(Debug, Args)]
pub struct Replay {
    /// Bundles (folders with logs/ and aws/), folders of logs, log files, or Lambda events in JSON
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

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

    /// Move a limit of reading; may be given more than once
    #[arg(long, value_name = "NAME=VALUE", help = limit_help())]
    limit: Vec<Move>,

    /// Read on so many threads, by default one for each processor; the report is the same
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<u16>>,

    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

/// The forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs, schema why403/report/1
    Json,
}

fn limit_help() -> String {
    format!("Move a limit of reading; may be given more than once. There are {}", limits::movable())
}

/// Runs the command.
pub fn run(command: &Replay) -> Ended {
    let mut inputs = Inputs::default();
    let Gathered { objects, account, events } = gather(&command.paths, &mut inputs);
    // An event may carry no log by its nature, which is no failure.
    if objects.is_empty() && !events {
        report_unread(&inputs);
        complain("no log to read: give a bundle, a folder of logs or a log file");
        return Ended::NoInput;
    }
    let mut directory = Directory::ask(&account);
    if let Some(file) = &command.geoip {
        match Countries::open(file) {
            Ok(countries) => directory.countries = countries,
            Err(why) => {
                complain(&format!("--geoip: {why}; give a country database in the MMDB format"));
                return Ended::Usage;
            }
        }
    }
    directory.logs.limits = Limits::moved(command.limit.iter().copied());
    let progress = Progress::new(objects.len(), command.quiet);
    let threads = read::threads(command.threads);

    let all: Vec<&Object> = objects.iter().collect();
    let read = read::all(&all, threads, &progress, |object, file, tally: &mut AccessTally| {
        logs::read_access(&object.name, file, &directory.logs, tally)
    });
    let mut partly = false;
    let (mut waf_objects, mut origin_objects, mut function_objects) = (vec![], vec![], vec![]);
    for (object, outcome) in all.into_iter().zip(read.outcomes) {
        let Some(outcome) = noted(object, outcome, &mut inputs) else { continue };
        match outcome.kind {
            Kind::Waf => waf_objects.push(object),
            Kind::Origin => origin_objects.push(object),
            Kind::Function => function_objects.push(object),
            Kind::Access => inputs.access_log_files += 1,
            Kind::Mixed => {
                inputs.access_log_files += 1;
                waf_objects.push(object);
            }
            Kind::Empty | Kind::Foreign => {}
        }
        partly |= !outcome.faults.is_empty();
    }
    let mut tally = AccessTally::default();
    read.parts.into_iter().for_each(|part| tally.merge(part));
    tally.settle();
    directory.assign(&mut tally.refusals);

    // Without such logs nobody asks for the ids, of which there may be millions.
    let by_id = !waf_objects.is_empty() || !function_objects.is_empty();
    let wanted = if by_id { analysis::wanted(&tally) } else { HashSet::new() };
    let read = read::all(&waf_objects, threads, &progress, |object, file, waf: &mut WafIndex| {
        logs::read_waf(&object.name, file, &directory.logs.limits, &wanted, waf)
    });
    for (object, outcome) in waf_objects.into_iter().zip(read.outcomes) {
        let outcome = noted(object, outcome, &mut inputs);
        partly |= outcome.as_ref().is_some_and(|outcome| !outcome.faults.is_empty());
        inputs.waf_log_files += u64::from(outcome.is_some());
    }
    let mut waf = WafIndex::default();
    read.parts.into_iter().for_each(|part| waf.merge(part));
    let mut function = FunctionIndex::default();
    let read = read::all(
        &function_objects,
        threads,
        &progress,
        |_, file, function: &mut FunctionIndex| {
            logs::read_function(file, &directory.logs.limits, &wanted, function)
        },
    );
    for (object, outcome) in function_objects.into_iter().zip(read.outcomes) {
        let outcome = noted(object, outcome, &mut inputs);
        inputs.function_log_files += u64::from(outcome.is_some());
    }
    read.parts.into_iter().for_each(|part| function.merge(part));
    inputs.function_log_lines = function.lines;
    // Origins are read last: under which ids they know a request is told by their WAFs. What is
    // kept of one id depends on the order of its lines, so they are read one after the other.
    let wanted = match origin_objects.as_slice() {
        [] => Wanted::default(),
        _ => analysis::wanted_of_origins(&tally, &waf),
    };
    let read = read::all(&origin_objects, 1, &progress, |_, file, origin: &mut OriginIndex| {
        logs::read_origin(file, &directory.logs.limits, &wanted, origin)
    });
    for (object, outcome) in origin_objects.into_iter().zip(read.outcomes) {
        let outcome = noted(object, outcome, &mut inputs);
        inputs.origin_log_files += u64::from(outcome.is_some());
    }
    let origin = read.parts.into_iter().next().unwrap_or_default();
    progress.done();
    inputs.origin_log_lines = origin.lines;
    inputs.origin_lines_left_out = origin.left_out;
    inputs.waf_records = waf.records;
    inputs.access_log_lines = tally.lines;
    inputs.malformed_lines = tally.malformed + origin.malformed;
    inputs.unreadable_files.sort();
    inputs.unreadable_files.dedup();
    report_unread(&inputs);
    let files = inputs.access_log_files
        + inputs.waf_log_files
        + inputs.origin_log_files
        + inputs.function_log_files;
    if files == 0 && !events {
        complain("none of these files is a CloudFront access log or a WAF log");
        return Ended::NoInput;
    }

    partly |= !inputs.unreadable_files.is_empty() || inputs.malformed_lines > 0;
    let logs = Logs { waf: waf.into(), origin, function };
    let analysis = analysis::analyse(&tally, logs, &account, Depth::Incident);
    let report = analysis.report(&tally, inputs, &directory.countries);
    let written = match &command.requests {
        Some(path) => write_requests(path, &analysis),
        None => Ok(()),
    }
    .and_then(|()| match command.request_id.as_slice() {
        [] => write_report(command, &report),
        ids => write_answers(command, &analysis, ids),
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
struct Gathered {
    /// Every object of every path, in the order of their names.
    objects: Vec<Object>,
    /// The accounts of the bundles and events.
    account: Accounts,
    /// Whether a path was a Lambda event.
    events: bool,
}

fn gather(paths: &[PathBuf], inputs: &mut Inputs) -> Gathered {
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
                    objects.insert(Object { name, file: path.clone() });
                }
            },
            Err(error) => {
                let reason = error.to_string();
                inputs.unreadable_files.push(Unreadable { file: shown(path), reason });
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
            inputs.unreadable_files.push(Unreadable { file: shown(path), reason });
        }
        for object in &message.objects {
            match event::file_of(event::folder(path), object) {
                Some(file) => drop(objects.insert(Object { name: object.key.clone(), file })),
                None => {
                    let file = plain(&format!("objects/{}/{}", object.bucket, object.key));
                    let reason = "the event speaks of it, and it is not there".to_owned();
                    inputs.unreadable_files.push(Unreadable { file, reason });
                }
            }
        }
    }
}

/// The files below a folder, links not followed, since a link may lead out of it.
fn walk(root: &Path, folder: &Path, objects: &mut BTreeSet<Object>, inputs: &mut Inputs) {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => {
            let reason = error.to_string();
            inputs.unreadable_files.push(Unreadable { file: shown(folder), reason });
            return;
        }
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        let reason = if kind.is_dir() {
            walk(root, &path, objects, inputs);
            continue;
        } else if kind.is_symlink() {
            "a link, which is not followed".to_owned()
        } else if !kind.is_file() {
            // A pipe or a device may never end.
            "neither a file nor a folder".to_owned()
        } else if objects.len() >= BUNDLE_FILES {
            // One is named for all: they are too many.
            if inputs.unreadable_files.iter().any(|file| file.reason.starts_with("more than")) {
                continue;
            }
            format!("more than {BUNDLE_FILES} files, of which the others are not read")
        } else {
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            objects.insert(Object { name, file: path });
            continue;
        };
        inputs.unreadable_files.push(Unreadable { file: shown(&path), reason });
    }
}

/// Complains of what could not be read of an object.
fn noted(object: &Object, outcome: io::Result<Outcome>, inputs: &mut Inputs) -> Option<Outcome> {
    match outcome {
        Ok(outcome) => {
            note(object, &outcome.faults, inputs);
            Some(outcome)
        }
        Err(error) => {
            let reason = error.to_string();
            inputs.unreadable_files.push(Unreadable { file: shown(&object.file), reason });
            None
        }
    }
}

fn note(object: &Object, faults: &Faults, inputs: &mut Inputs) {
    for fault in faults.kept() {
        if fault.is_of_the_object() {
            let reason = fault.to_string();
            inputs.unreadable_files.push(Unreadable { file: shown(&object.file), reason });
        } else {
            complain(&format!("{}: {fault}", shown(&object.file)));
        }
    }
    let kept = faults.kept().iter().filter(|fault| !fault.is_of_the_object()).count() as u64;
    if faults.lines() > kept {
        let more = faults.lines() - kept;
        complain(&format!("{}: {more} more lines could not be read", shown(&object.file)));
    }
}

fn report_unread(inputs: &Inputs) {
    for file in &inputs.unreadable_files {
        complain(&format!("{}: {}", file.file, file.reason));
    }
}

fn shown(path: &Path) -> String {
    plain(&path.to_string_lossy())
}

#[expect(clippy::print_stderr, reason = "standard error is where a command complains")]
fn complain(what: &str) {
    eprintln!("why403: {what}");
}

fn write_requests(path: &Path, analysis: &Analysis<'_>) -> io::Result<()> {
    whole(path, |out| {
        for (mut request, country) in analysis.requests() {
            request.country = country.as_deref();
            serde_json::to_writer(&mut *out, &request)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    })
}

fn write_answers(command: &Replay, analysis: &Analysis<'_>, ids: &[String]) -> io::Result<()> {
    let answers = ids.iter().map(|id| request::answer(analysis, id));
    let text = match command.format {
        Format::Json => serde_json::to_string_pretty(&answers.collect::<Vec<_>>())? + "\n",
        Format::Text => {
            let texts: Result<Vec<_>, _> = answers.map(|answer| request::text(&answer)).collect();
            texts.map_err(io::Error::other)?.join("\n")
        }
    };
    write_out(command, &text)
}

fn write_report(command: &Replay, report: &Report) -> io::Result<()> {
    let text = match command.format {
        Format::Json => serde_json::to_string_pretty(report)? + "\n",
        Format::Text => text::write(report).map_err(io::Error::other)?,
    };
    write_out(command, &text)
}

fn write_out(command: &Replay, text: &str) -> io::Result<()> {
    match &command.out {
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
struct Accounts(Vec<BundleAccount>);

impl Account for Accounts {
    fn ask(&self, question: &Question) -> (Answer, Option<jiff::Timestamp>) {
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
