//! `why403 capture --distribution ID --out DIR`: logs and facts of the live account as a bundle.
//!
//! The account is asked by the analysis itself, which asks what it needs; what it is told is
//! recorded. So the bundle has everything that an answer rests on.

#![expect(
    clippy::disallowed_methods,
    reason = "the command line writes files and has a clock: this is one of the ends"
)]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use tokio::runtime::Runtime;
use why403::account::bundle::file_name;
use why403::account::facts::{Depth, Facts};
use why403::account::live::{Accounts, Reach};
use why403::account::recorder::Recorder;
use why403::account::{Account, Answer, Question};
use why403::analysis::{self, Directory};
use why403::causes::kind::verified;
use why403::limits::{CAPTURE_BYTES, CAPTURE_OBJECTS, CAPTURE_SIGNATURES, Limits};
use why403::logs::refusals::Refusals;
use why403::logs::tally::AccessTally;
use why403::logs::{read_access, redact};
use why403::report::Inputs;
use why403::viewer::plain;

use super::Ended;
use super::moment::moment;
use super::places::{self, Place, Window};
use super::read::{self, Progress};
use super::see::{self, complain};

/// What is asked of the live account.
#[derive(Debug, Args)]
pub struct Asked {
    /// The distribution's ID
    #[arg(long, value_name = "ID")]
    distribution: String,

    /// How far back: 30m, 1h, 2d, or a moment such as 2026-03-10T14:00:00Z. Log objects are whole
    /// hours
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = moment)]
    since: Timestamp,

    /// Until when, as --since; until now if left out
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,

    /// Access logs in another place than the configuration tells; may be given more than once
    #[arg(long, value_name = "s3://BUCKET/PREFIX")]
    access_logs: Vec<String>,

    /// WAF logs in another place than the configuration tells; may be given more than once
    #[arg(long, value_name = "s3://BUCKET/PREFIX")]
    waf_logs: Vec<String>,

    /// A role to assume in the account that owns the distribution; may be given more than once, and
    /// the first that knows the distribution is asked about it
    #[arg(long, value_name = "ARN", value_parser = role)]
    role_arn: Vec<String>,

    /// Ask about refused objects singly as well (HeadObject), which needs the right to read them
    #[arg(long)]
    head_objects: bool,
}

/// What `capture` is told.
#[derive(Debug, Args)]
pub struct Capture {
    #[command(flatten)]
    asked: Asked,

    /// The folder of the bundle, which must not exist yet
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// The ARN of a role.
pub fn role(text: &str) -> Result<String, String> {
    let is_role = text.starts_with("arn:") && text.contains(":role/");
    let wrong = "give the ARN of a role, such as arn:aws:iam::111122223333:role/NAME";
    is_role.then(|| text.to_owned()).ok_or_else(|| wrong.to_owned())
}

/// Runs the command. The bundle is made under another name, so that there is a whole one or none.
pub fn run(command: &Capture) -> Ended {
    let out = &command.out;
    if fs::symlink_metadata(out).is_ok() {
        complain(&format!("{}: is there already", see::shown(out)));
        return Ended::Usage;
    }
    let parent = match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let made = tempfile::Builder::new().prefix(".why403-").tempdir_in(parent);
    let part = match made {
        Ok(part) => part,
        Err(error) => {
            complain(&format!("{}: {error}", see::shown(parent)));
            return Ended::Usage;
        }
    };
    let runtime = match runtime(part.path()) {
        Ok(runtime) => runtime,
        Err(ended) => return ended,
    };
    let ended = into(part.path(), &command.asked, &runtime);
    if !matches!(ended, Ended::Done | Ended::Partly) {
        return ended;
    }
    match fs::rename(part.keep(), out) {
        Ok(()) => ended,
        Err(error) => {
            complain(&format!("{}: {error}", see::shown(out)));
            Ended::Internal
        }
    }
}

/// A runtime on which AWS is asked.
pub fn new_runtime() -> Result<Runtime, Ended> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| {
        complain(&error.to_string());
        Ended::Internal
    })
}

/// The same. While it is there, an interruption takes the folder with it.
pub fn runtime(folder: &Path) -> Result<Runtime, Ended> {
    let runtime = new_runtime()?;
    runtime.spawn(clean_on_interrupt(folder.to_owned()));
    Ok(runtime)
}

/// The account of the credentials that are found, and those that these roles reach.
pub fn live(runtime: &Runtime, roles: &[String], reach: Reach) -> Accounts {
    let config =
        runtime.block_on(aws_config::defaults(aws_config::BehaviorVersion::latest()).load());
    runtime.block_on(Accounts::new(&config, roles, runtime.handle(), reach, None))
}

/// Names the roles that could not be assumed, once they were tried.
pub fn complain_of_roles(accounts: &Accounts) {
    for (role, answer) in accounts.refused_roles() {
        complain(&format!("{}: the role cannot be assumed: {}", plain(&role), reason(&answer)));
    }
}

/// Captures into a folder that is there.
pub fn into(folder: &Path, asked: &Asked, runtime: &Runtime) -> Ended {
    let id = asked.distribution.as_str();
    if !is_id(id) {
        complain(ID);
        return Ended::Usage;
    }
    let window = Window { since: asked.since, until: asked.until.unwrap_or_else(Timestamp::now) };
    let mut named = Vec::new();
    for (kind, texts) in [("access", &asked.access_logs), ("waf", &asked.waf_logs)] {
        for text in texts {
            match places::named(kind, text) {
                Some(place) => named.push(place),
                None => {
                    complain(&format!("--{kind}-logs: {}: give s3://BUCKET/PREFIX", plain(text)));
                    return Ended::Usage;
                }
            }
        }
    }
    let reach = Reach { heads: asked.head_objects, since: Some(window.since) };
    let live = live(runtime, &asked.role_arn, reach);
    let recorder = Recorder::new(&live);
    let is_there = is_there(&recorder, id);
    complain_of_roles(&live);
    if let Err(ended) = is_there {
        return ended;
    }
    match write(folder, &live, &recorder, id, window, named) {
        Ok(true) => Ended::Done,
        Ok(false) => Ended::Partly,
        Err(error) => {
            complain(&format!("{}: {error}", see::shown(folder)));
            Ended::Internal
        }
    }
}

/// What whoever gives no ID is told.
pub const ID: &str = "--distribution: an ID such as E1A2B3C4D5E6F7";

/// Whether this may be the ID of a distribution.
pub fn is_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Asks about a distribution, without which there is nothing to ask.
pub fn is_there(account: &dyn Account, id: &str) -> Result<(), Ended> {
    let ask = "It takes cloudfront:GetDistribution.";
    match account.ask(&Question::new("cloudfront/get-distribution", id)).0 {
        Answer::Said(_) => Ok(()),
        Answer::Error { code } if code.starts_with("NoSuch") => {
            complain(&format!("there is no distribution {id} in this account"));
            Err(Ended::NoInput)
        }
        Answer::Error { code } => {
            complain(&format!("get-distribution {id}: AWS answered {}. {ask}", plain(&code)));
            Err(Ended::Refused)
        }
        Answer::Unreadable(reason) => {
            let reason = plain(&reason);
            complain(&format!("get-distribution {id}: {reason}; are there credentials? {ask}"));
            Err(Ended::Refused)
        }
        Answer::Unasked => Err(Ended::Internal),
    }
}

/// Leaves nothing behind when somebody ends the command early.
async fn clean_on_interrupt(folder: PathBuf) {
    if tokio::signal::ctrl_c().await.is_ok() {
        let _ = fs::remove_dir_all(&folder);
        std::process::exit(130);
    }
}

/// Writes the logs and then the facts that their analysis asks for; `false` where something could
/// not be read.
fn write(
    folder: &Path,
    live: &Accounts,
    recorder: &Recorder<'_>,
    id: &str,
    window: Window,
    named: Vec<Place>,
) -> io::Result<bool> {
    let (mut places, complaints) = places::of(recorder, id, window);
    let told = |kind: &str| named.iter().any(|place| place.kind == kind);
    places.retain(|place| !told(place.kind));
    places.extend(named);
    complaints.iter().for_each(|complaint| complain(complaint));
    for kind in ["access", "waf"] {
        fs::create_dir_all(folder.join("logs").join(kind))?;
    }
    let mut whole = complaints.is_empty();
    if !places.iter().any(|place| place.kind == "access") {
        complain("the configuration names no bucket of access logs: give --access-logs");
        whole = false;
    }
    let mut signed = Refusals::default();
    let directory = Directory::ask(recorder);
    whole &= logs(folder, live, (id, window), &places, &directory, &mut signed)?;

    let root = folder.join("logs");
    let (mut objects, mut inputs) = (BTreeSet::new(), Inputs::default());
    see::walk(&root, &root, &[], &mut objects, &mut inputs);
    let objects: Vec<_> = objects.into_iter().collect();
    let progress = Progress::new(0, true, false);
    let seen = see::all(&objects, &directory, read::threads(None), &progress, inputs);
    analysis::analyse(&seen.tally, seen.logs, recorder, Depth::Incident);
    // Where nothing was refused, whoever looks at the bundle still wants to see what it is about.
    let mut facts = Facts::gather(recorder, &[id.to_owned()], &[], Depth::Incident);
    directory.assign(&mut signed);
    signed.settle();
    verified::check(&mut facts, signed.iter());
    let signatures = verified::outcomes(&facts, signed.iter());
    recorder.ask(&Question::all("elbv2/describe-load-balancers"));
    let unread = recorder.write(folder, Timestamp::now(), signatures)?;
    for (question, reason) in &unread {
        complain(&format!("{question}: {}", plain(reason)));
    }
    Ok(whole && unread.is_empty())
}

/// Copies the log objects of the window without secrets. Refusals that carry a signature are kept
/// in `signed`, since the copy has it no more.
fn logs(
    folder: &Path,
    live: &Accounts,
    (id, window): (&str, Window),
    places: &[Place],
    directory: &Directory,
    signed: &mut Refusals,
) -> io::Result<bool> {
    let mut whole = true;
    let (mut objects, mut bytes) = (0, 0u64);
    for place in places {
        let name = format!("s3://{}/{}", plain(&place.bucket), plain(&place.prefix));
        let stored = match live.stored(&place.bucket, &place.prefix, CAPTURE_OBJECTS) {
            Ok(stored) => stored,
            Err(answer) => {
                complain(&format!("{name}: {}", reason(&answer)));
                whole = false;
                continue;
            }
        };
        for one in stored {
            let other = why403::logs::key::distribution(&one.key).is_some_and(|other| other != id);
            if other || one.key.ends_with('/') || !window.has(&one.key, one.written) {
                continue;
            }
            (objects, bytes) = (objects + 1, bytes.saturating_add(one.bytes));
            if objects > CAPTURE_OBJECTS || bytes > CAPTURE_BYTES {
                complain("there is more than a bundle takes; take a shorter window");
                return Ok(false);
            }
            let shown = format!("s3://{}/{}", plain(&place.bucket), plain(&one.key));
            let body = match live.bytes(&place.bucket, &one.key) {
                Ok(body) => body,
                Err(answer) => {
                    complain(&format!("{shown}: {}", reason(&answer)));
                    whole = false;
                    continue;
                }
            };
            let faults = copy(folder, place.kind, &one.key, &body)?;
            let mut tally = AccessTally::default();
            read_access(&one.key, body.as_slice(), &directory.logs, &mut tally);
            let left = CAPTURE_SIGNATURES.saturating_sub(signed.len());
            let refusals = tally.refusals.iter().filter(verified::is_carried);
            signed.extend(refusals.take(left));
            if let Some(fault) = faults.of_the_object() {
                complain(&format!("{shown}: {fault}"));
                whole = false;
            }
        }
    }
    Ok(whole)
}

fn copy(
    folder: &Path,
    kind: &str,
    key: &str,
    body: &[u8],
) -> io::Result<why403::logs::fault::Faults> {
    let mut name = file_name(key);
    if let Some(stem) = name.strip_suffix(".parquet") {
        name = format!("{stem}.gz");
    }
    let path = folder.join("logs").join(kind).join(name);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut out = GzEncoder::new(File::create(&path)?, Compression::default());
    let faults = redact::copy(body, &Limits::default(), &mut out)?;
    out.finish()?.flush()?;
    Ok(faults)
}

fn reason(answer: &Answer) -> String {
    match answer {
        Answer::Error { code } => format!("AWS answered {}", plain(code)),
        Answer::Unreadable(reason) => plain(reason),
        Answer::Said(_) | Answer::Unasked => "nobody asked".to_owned(),
    }
}
