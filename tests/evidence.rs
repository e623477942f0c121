//! Less evidence never makes another certainty: whatever is left out of a bundle, what was
//! `confirmed` with all of it is never `confirmed` as something else.
//!
//! Left out are the WAF logs, the origins' and the functions' logs and each file of `aws/`: one by one, all of a
//! kind, all of them, and some at random, from the same seeds in every run.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test reads files and may fail"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use jiff::Timestamp;
use why403::account::bundle::{BundleAccount, file_name};
use why403::account::facts::Depth;
use why403::account::{Account, Answer, Question};
use why403::analysis::{self, Directory, Logs};
use why403::causes::judge::Confidence;
use why403::logs::function::FunctionIndex;
use why403::logs::origin::OriginIndex;
use why403::logs::tally::{AccessTally, hash};
use why403::logs::waf::WafIndex;
use why403::logs::{self, Kind};

/// Subsets at random for each bundle, beside those that are made on purpose.
const AT_RANDOM: u64 = 16;

/// A bundle, read into memory.
struct Bundle {
    name: String,
    account: BundleAccount,
    /// The files below `logs/`.
    logs: Vec<(String, Vec<u8>)>,
    /// What can be left out: `logs/waf`, `logs/origin`, and each file below `aws/`.
    sources: Vec<String>,
}

/// An account that does not know some of what it knows.
struct Without<'a> {
    account: &'a BundleAccount,
    hidden: &'a BTreeSet<&'a str>,
}

impl Account for Without<'_> {
    fn ask(&self, question: &Question) -> (Answer, Option<Timestamp>) {
        if self.hides(question.operation, &question.about) {
            return (Answer::Unasked, None);
        }
        self.account.ask(question)
    }

    fn subjects(&self, operation: &'static str) -> Vec<String> {
        let mut all = self.account.subjects(operation);
        all.retain(|about| !self.hides(operation, about));
        all
    }
}

impl Without<'_> {
    fn hides(&self, operation: &str, about: &str) -> bool {
        let name = match about {
            "" => format!("aws/{operation}.json"),
            about => format!("aws/{operation}/{}.json", file_name(about)),
        };
        self.hidden.contains(name.as_str())
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all.sort();
    all
}

fn open(root: &Path) -> Bundle {
    let named = |below: &str| -> Vec<(String, PathBuf)> {
        let folder = root.join(below);
        let name = |path: &Path| path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        files(&folder).into_iter().map(|path| (name(&path), path)).collect()
    };
    let logs: Vec<_> = named("logs")
        .into_iter()
        .map(|(name, path)| (name, std::fs::read(path).unwrap()))
        .collect();
    let of_logs = ["logs/waf", "logs/origin", "logs/function"].map(str::to_owned).into_iter();
    let present = |source: &String| logs.iter().any(|(name, _)| name.starts_with(source.as_str()));
    let mut sources: Vec<String> = of_logs.filter(present).collect();
    sources.extend(named("aws").into_iter().map(|(name, _)| name));
    Bundle {
        name: root.file_name().unwrap().to_string_lossy().into_owned(),
        account: BundleAccount::open(root),
        logs,
        sources,
    }
}

/// What was confirmed of each request: cause and detail, by request id.
type Confirmed = BTreeMap<String, (&'static str, Option<&'static str>)>;

fn confirmed(bundle: &Bundle, hidden: &BTreeSet<&str>) -> Confirmed {
    let account = Without { account: &bundle.account, hidden };
    let directory = Directory::ask(&account);
    let shown = bundle.logs.iter().filter(|(name, _)| {
        let mut parts = name.splitn(3, '/');
        let folder = format!("{}/{}", parts.next().unwrap(), parts.next().unwrap());
        !hidden.contains(folder.as_str())
    });
    let mut tally = AccessTally::default();
    let (mut of_wafs, mut of_origins, mut of_functions) = (vec![], vec![], vec![]);
    for (name, bytes) in shown {
        let outcome = logs::read_access(name, bytes.as_slice(), &directory.logs, &mut tally);
        match outcome.kind {
            Kind::Waf | Kind::Mixed => of_wafs.push((name, bytes)),
            Kind::Origin => of_origins.push(bytes),
            Kind::Function => of_functions.push(bytes),
            Kind::Access | Kind::Empty | Kind::Foreign => {}
        }
    }
    tally.settle();
    directory.assign(&mut tally.refusals);
    let wanted = analysis::wanted(&tally);
    let mut waf = WafIndex::default();
    for (name, bytes) in of_wafs {
        logs::read_waf(name, bytes.as_slice(), &directory.logs.limits, &wanted, &mut waf);
    }
    let mut function = FunctionIndex::default();
    for bytes in of_functions {
        logs::read_function(bytes.as_slice(), &directory.logs.limits, &wanted, &mut function);
    }
    let wanted = analysis::wanted_of_origins(&tally, &waf);
    let mut origin = OriginIndex::default();
    for bytes in of_origins {
        logs::read_origin(bytes.as_slice(), &directory.logs.limits, &wanted, &mut origin);
    }
    let logs = Logs { waf: waf.into(), origin, function };
    let analysis = analysis::analyse(&tally, logs, &account, Depth::Incident);
    analysis
        .verdicts()
        .filter(|(_, _, verdict)| verdict.confidence == Confidence::Confirmed)
        .map(|(refusal, _, verdict)| {
            let id = refusal.request_id.as_deref().map_or_else(
                || format!("{} {}", refusal.time, refusal.path.shown()),
                str::to_owned,
            );
            (id, (verdict.cause.id(), verdict.detail))
        })
        .collect()
}

/// What is left out: each source, all of a kind, all, and some at random.
fn subsets(bundle: &Bundle) -> BTreeSet<BTreeSet<&str>> {
    let sources: Vec<&str> = bundle.sources.iter().map(String::as_str).collect();
    let mut all: BTreeSet<BTreeSet<&str>> =
        sources.iter().map(|source| BTreeSet::from([*source])).collect();
    for start in ["", "logs/", "aws/", "aws/s3api/", "aws/wafv2/", "aws/cloudfront/"] {
        all.insert(sources.iter().copied().filter(|source| source.starts_with(start)).collect());
    }
    for round in 0..AT_RANDOM {
        let seed = |source: &&str| hash(format!("{} {source} {round}", bundle.name).as_bytes());
        all.insert(sources.iter().copied().filter(|source| seed(source) % 2 == 0).collect());
    }
    all.remove(&BTreeSet::new());
    all
}

fn changes(bundle: &Bundle) -> Vec<String> {
    let whole = confirmed(bundle, &BTreeSet::new());
    let mut all = Vec::new();
    for hidden in subsets(bundle) {
        let part = confirmed(bundle, &hidden);
        let other = part.iter().find_map(|(id, (cause, detail))| {
            let (was, in_detail) = whole.get(id)?;
            // Less evidence may well leave the detail open.
            let same = was == cause && (detail.is_none() || detail == in_detail);
            (!same).then(|| format!("{was}/{in_detail:?} became {cause}/{detail:?} of {id}"))
        });
        if let Some(other) = other {
            all.push(format!("{} without {hidden:?}: {other}", bundle.name));
        }
    }
    all
}

#[test]
fn less_evidence_never_makes_another_certainty() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/incidents");
    let folders = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let folders: BTreeSet<PathBuf> =
        folders.filter(|path| path.join("expect.json").is_file()).collect();
    let folders: Vec<PathBuf> = folders.into_iter().collect();
    let told = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for part in folders.chunks(folders.len().div_ceil(2)) {
            let told = &told;
            scope.spawn(move || {
                for folder in part {
                    told.lock().unwrap().extend(changes(&open(folder)));
                }
            });
        }
    });
    let mut told = told.into_inner().unwrap();
    told.sort();
    assert!(told.is_empty(), "{} times\n{}", told.len(), told.join("\n"));
}
