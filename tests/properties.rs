//! The order, the splitting and the repetition of objects change nothing.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test reads files and may fail"
)]

mod bundles;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use proptest::prelude::*;
use why403::account::bundle::BundleAccount;
use why403::account::facts::{Depth, Facts};
use why403::analysis::{self, Directory};
use why403::causes::kind::{Sources, verified};
use why403::limits::Limits;
use why403::logs::redact;
use why403::logs::tally::AccessTally;
use why403::logs::waf::WafIndex;
use why403::report::Inputs;

fn bundle() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("events/incident")
}

fn objects(below: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, out: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            if entry.path().is_dir() { walk(&entry.path(), out) } else { out.push(entry.path()) }
        }
    }
    let mut files = Vec::new();
    walk(&bundle().join(below), &mut files);
    files.sort();
    files
        .iter()
        .map(|file| {
            let mut text = String::new();
            let packed = std::fs::File::open(file).unwrap();
            flate2::read::MultiGzDecoder::new(packed).read_to_string(&mut text).unwrap();
            (file.to_string_lossy().into_owned(), text)
        })
        .collect()
}

/// The header, the lines of data, and the WAF objects of the sample incident.
type Sample = (String, Vec<String>, Vec<(String, String)>);

fn sample() -> &'static Sample {
    static SAMPLE: OnceLock<Sample> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let access = objects("logs/access");
        let comments = access[0].1.lines().filter(|line| line.starts_with('#'));
        let header = comments.fold(String::new(), |all, line| all + line + "\n");
        let lines = access.iter().flat_map(|(_, text)| text.lines());
        let lines = lines.filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
        (header, lines, objects("logs/waf"))
    })
}

/// The report of access-log objects and WAF objects, each given as an order of indices.
fn report(parts: &[Vec<usize>], waf_order: &[usize]) -> String {
    let (header, lines, waf_objects) = sample();
    let account = BundleAccount::open(&bundle());
    let directory = Directory::ask(&account);
    let mut tally = AccessTally::default();
    for part in parts {
        let text: String = part.iter().map(|line| format!("{}\n", lines[*line])).collect();
        let text = format!("{header}{text}");
        let mut one = AccessTally::default();
        why403::logs::read_access("cf/x", text.as_bytes(), &directory.logs, &mut one);
        tally.merge(one);
    }
    tally.settle();
    directory.assign(&mut tally.refusals);
    let wanted = analysis::wanted(&tally);
    let mut waf = WafIndex::default();
    for object in waf_order {
        let (name, text) = &waf_objects[*object];
        why403::logs::read_waf(name, text.as_bytes(), &directory.logs.limits, &wanted, &mut waf);
    }
    let analysis = analysis::analyse(&tally, waf, &account, Depth::Incident);
    let report = analysis.report(&tally, Inputs::default(), &Default::default());
    // Requests are not counted apart where an object comes twice; all else must be equal.
    let mut value = serde_json::to_value(report).unwrap();
    value["totals"]["requests"] = serde_json::Value::Null;
    value.to_string()
}

fn whole() -> &'static String {
    static WHOLE: OnceLock<String> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let (_, lines, waf) = sample();
        let order: Vec<usize> = (0..waf.len()).collect();
        report(&[(0..lines.len()).collect()], &order)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn order_splitting_and_repetition_change_nothing(
        order in Just((0..sample().1.len()).collect::<Vec<_>>()).prop_shuffle(),
        waf in Just((0..sample().2.len()).collect::<Vec<_>>()).prop_shuffle(),
        cuts in proptest::collection::vec(0usize..400, 0..6),
        again in proptest::option::of(0usize..6),
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(order.len())).collect();
        cuts.sort();
        let mut parts = Vec::new();
        let mut from = 0;
        for cut in cuts.into_iter().chain([order.len()]) {
            parts.push(order[from..cut].to_vec());
            from = cut;
        }
        if let Some(part) = again.and_then(|again| parts.get(again).cloned()) {
            parts.push(part);
        }
        prop_assert_eq!(&report(&parts, &waf), whole());
    }
}

/// Judging a refusal by itself and by its kind says the same, because a cause sees the kind alone.
#[test]
fn judging_singly_and_by_kind_is_the_same() {
    let (header, lines, waf_objects) = sample();
    let account = BundleAccount::open(&bundle());
    let directory = Directory::ask(&account);
    let mut tally = AccessTally::default();
    let text = format!("{header}{}\n", lines.join("\n"));
    why403::logs::read_access("cf/x", text.as_bytes(), &directory.logs, &mut tally);
    tally.settle();
    directory.assign(&mut tally.refusals);
    let wanted = analysis::wanted(&tally);
    let mut waf = WafIndex::default();
    for (name, text) in waf_objects {
        why403::logs::read_waf(name, text.as_bytes(), &directory.logs.limits, &wanted, &mut waf);
    }
    let analysis = analysis::analyse(&tally, waf, &account, Depth::Incident);
    let facts: &Facts = &analysis.facts;
    let mut judged = 0;
    for (_, kind, verdict) in analysis.verdicts() {
        let mine = kind.distribution.as_deref().and_then(|id| facts.distributions.get(id));
        assert_eq!(&why403::causes::judge::judge(kind, mine), verdict);
        judged += 1;
    }
    assert!(judged > 50, "{judged}");
}

/// The lines of an object in two objects of the same format; the whole where it has no lines.
fn halves((name, bytes): &(String, Vec<u8>)) -> Vec<(String, Vec<u8>)> {
    let mut text = Vec::new();
    let packed = flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut text);
    let text = if packed.is_ok() { text } else { bytes.clone() };
    let Ok(text) = String::from_utf8(text) else { return vec![(name.clone(), bytes.clone())] };
    // One JSON document over several lines is one record.
    if text.lines().next().is_some_and(|line| matches!(line.trim(), "{" | "[")) {
        return vec![(name.clone(), bytes.clone())];
    }
    let (head, lines): (Vec<&str>, Vec<&str>) =
        text.split_inclusive('\n').partition(|line| line.starts_with('#'));
    let half = |keep: usize| {
        let lines = lines.iter().enumerate().filter(|(at, _)| at % 2 == keep);
        let lines: Vec<&str> = lines.map(|(_, line)| *line).collect();
        (name.clone(), format!("{}{}", head.concat(), lines.concat()).into_bytes())
    };
    vec![half(1), half(0)]
}

fn told(bundle: &bundles::Bundle, objects: &[(String, Vec<u8>)]) -> String {
    let objects = objects.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    let (tally, logs) = bundles::read(&bundle.account, objects);
    let analysis = bundles::analyse(&tally, logs, &bundle.account);
    let report = analysis.report(&tally, Inputs::default(), &Default::default());
    let requests = analysis.requests().map(|one| serde_json::to_string(&one).unwrap());
    let mut requests: Vec<String> = requests.collect();
    requests.sort();
    format!("{}\n{}", serde_json::to_string_pretty(&report).unwrap(), requests.join("\n"))
}

/// Of every bundle: the order of its files, and into how many files its lines are split, change
/// neither the report nor any verdict.
#[test]
fn order_and_splitting_change_nothing_of_any_bundle() {
    let told = bundles::of_each(|bundle| {
        let whole = told(bundle, &bundle.logs);
        let reversed: Vec<_> = bundle.logs.iter().rev().cloned().collect();
        let split: Vec<_> = bundle.logs.iter().flat_map(halves).collect();
        let differs = |how: &str, other: String| {
            let mut lines = whole.lines().zip(other.lines());
            let first = lines.find(|(was, is)| was != is);
            (whole != other).then(|| format!("{} {how}: {first:?}", bundle.name()))
        };
        let all =
            [differs("reversed", told(bundle, &reversed)), differs("split", told(bundle, &split))];
        all.into_iter().flatten().collect()
    });
    assert!(told.is_empty(), "{}", told.join("\n"));
}

/// Of every bundle: a refusal whose kind is judged again, by itself, gets the verdict that its
/// kind got, and two refusals of one kind have one verdict.
#[test]
fn judging_singly_and_by_kind_is_the_same_in_every_bundle() {
    let told = bundles::of_each(|bundle| {
        let objects = bundle.logs.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
        let (tally, logs) = bundles::read(&bundle.account, objects);
        let analysis = bundles::analyse(&tally, logs.clone(), &bundle.account);
        let facts = &analysis.facts;
        let bodies = analysis::blocked_bodies(analysis.all, &logs.waf, facts);
        let sources = Sources {
            facts,
            waf: &logs.waf,
            origin: &logs.origin,
            function: &logs.function,
            blocked_bodies: &bodies,
        };
        let mut all = Vec::new();
        for (refusal, _, verdict) in analysis.verdicts() {
            let kind = why403::causes::kind::Kind::of(&refusal, &sources);
            let mine = kind.distribution.as_deref().and_then(|id| facts.distributions.get(id));
            let single = why403::causes::judge::judge(&kind, mine);
            if &single != verdict {
                all.push(format!(
                    "{} {:?}: {single:?}, not {verdict:?}",
                    bundle.name(),
                    refusal.request_id
                ));
            }
        }
        all
    });
    assert!(told.is_empty(), "{}", told.join("\n"));
}

/// What `capture` does: signatures go out of the logs, and what became of them stays.
#[test]
fn a_bundle_without_signatures_says_what_it_said_with_them() {
    let incidents = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/incidents");
    let bundles = [
        "signed-signature-does-not-verify",
        "signed-signature-by-the-other-hash",
        "signed-signature-verifies",
        "signed-signature-for-another-name",
        "signed-expired",
    ];
    for name in bundles {
        let bundle = bundles::Bundle::open(&incidents.join(name));
        let copy = tempfile::tempdir().unwrap();
        let objects = bundle.logs.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
        let (tally, logs) = bundles::read(&bundle.account, objects);
        let analysis = bundles::analyse(&tally, logs, &bundle.account);
        let kept = verified::outcomes(&analysis.facts, tally.refusals.iter());
        for (name, bytes) in &bundle.logs {
            let mut masked = Vec::new();
            let faults = redact::copy(bytes.as_slice(), &Limits::default(), &mut masked).unwrap();
            assert!(faults.is_empty() && masked != *bytes);
            write(&copy.path().join(name), &masked);
        }
        for file in bundles::files(&bundle.root.join("aws")) {
            let place = file.strip_prefix(&bundle.root).unwrap();
            write(&copy.path().join(place), &std::fs::read(&file).unwrap());
        }
        let capture = serde_json::json!({ "schema": "why403/bundle/1", "signatures": kept });
        write(&copy.path().join("capture.json"), capture.to_string().as_bytes());
        assert_eq!(requests(copy.path()), requests(&bundle.root), "{name}");
    }
}

fn write(file: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, bytes).unwrap();
}

/// One line for each refused request.
fn requests(bundle: &Path) -> String {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("requests");
    let replay = std::process::Command::new(env!("CARGO_BIN_EXE_why403"))
        .args(["replay".as_ref(), bundle.as_os_str(), "--requests".as_ref(), file.as_os_str()])
        .output()
        .unwrap();
    assert!(replay.status.success());
    std::fs::read_to_string(file).unwrap()
}
