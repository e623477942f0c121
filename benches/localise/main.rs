//! How well planted faults are told, beside a plain list of the most frequent values and beside the
//! reference model; how well those of a public yardstick are; and what a million random paths
//! cost.
//!
//! `cargo bench --bench localise -- [TRIALS [FIRST_SEED]]`
#![allow(
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    missing_docs,
    unreachable_pub
)]

#[path = "../../tests/planted/mod.rs"]
#[allow(dead_code)]
mod planted;
mod reference;
mod riskloc;

use std::process::Command;
use std::time::Instant;

use planted::{Region, Rng, Score, Trial, found, top_values, trial};
use why403::clusters::{Row, Sample, key_hash, locate, template};
use why403::limits::{SAMPLED_REFUSALS, SAMPLED_SERVED};

/// Rows: what is planted, faults at most, refusals at least, and the share that is usual noise.
const ROWS: [(&str, usize, usize, f64); 6] = [
    ("1 fault, 300+ refusals, 25 % noise", 1, 300, 0.25),
    ("1-4 faults, 300+ refusals, 25 % noise", 4, 300, 0.25),
    ("1-4 faults, 300+ refusals, no noise", 4, 300, 0.0),
    ("1-4 faults, 300+ refusals, 50 % noise", 4, 300, 0.5),
    ("1 fault, 40+ refusals, 25 % noise", 1, 40, 0.25),
    ("1-4 faults, 3000+ refusals, 25 % noise", 4, 3000, 0.25),
];

type Teller = fn(&Trial) -> Vec<Region>;

const TELLERS: [(&str, Teller); 3] =
    [("why403", found), ("model", reference::locate), ("plain list", top_values)];

/// The most memory that this program has held, in MiB.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    let kilobytes = line.split_whitespace().nth(1).and_then(|n| n.parse::<f64>().ok());
    kilobytes.unwrap_or(f64::NAN) / 1024.0
}

/// So many refusals of as many paths that nobody ever served, beside a site's usual requests.
fn random_paths(number: u64) {
    let before = peak();
    let started = Instant::now();
    let mut refused = Sample::new(SAMPLED_REFUSALS);
    let mut served = Sample::new(SAMPLED_SERVED);
    for i in 0..number {
        let hash = key_hash(&[&i.to_le_bytes()]);
        let row = |path: String| Row {
            path: template(path.as_bytes()).into(),
            edge: format!("E{:02}", hash % 40).into(),
            country: Some(format!("C{}", hash % 23).into()),
            host: Some("www.example".into()),
            method: "GET".into(),
            example: path.into(),
            hash,
        };
        refused.offer(hash, || row(format!("/x{i}y/z{i}q")));
        let shop = || row(format!("/shop/p{}", i % 300));
        served.offer(key_hash(&[b"s", &i.to_le_bytes()]), shop);
    }
    let sampled = started.elapsed();
    let rows = |sample: Sample<Row>| -> Vec<Row> {
        sample.into_rows().into_iter().map(|(_, row)| row).collect()
    };
    let (refused, served) = (rows(refused), rows(served));
    let started = Instant::now();
    let clusters = locate(&refused, &served, number, None);
    println!(
        "{number:>9} random paths: {sampled:>7.0?} to sample, {:>4.0?} to search, {:4.1} MiB, {} cluster(s), {} of {} requests told",
        started.elapsed(),
        peak() - before,
        clusters.len(),
        clusters.iter().map(|cluster| cluster.requests).sum::<u64>(),
        number,
    );
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|a| a.parse::<u64>().ok());
    if std::env::args().nth(1).is_some_and(|verb| verb == "paths") {
        return random_paths(arguments.next().unwrap_or(1_000_000));
    }
    let trials = arguments.next().unwrap_or(100);
    let first = arguments.next().unwrap_or(0);
    // Each in a process of its own, whose peak says nothing of the one before.
    for number in ["100000", "300000", "1000000"] {
        let this = std::env::current_exe().unwrap();
        assert!(Command::new(this).args(["paths", number]).status().unwrap().success());
    }
    println!();
    println!("F1 of exact sets (the same values in every named dimension), {trials} trials a row");
    for (label, most, least, noise) in ROWS {
        let trials: Vec<Trial> = (0..trials)
            .map(|seed| trial(&mut Rng((first + seed) * 7919 + most as u64), most, least, noise))
            .collect();
        print!("{label:<39}");
        for (name, tell) in TELLERS {
            let (mut score, mut top) = (Score::default(), 0);
            let started = Instant::now();
            for trial in &trials {
                let regions = tell(trial);
                top +=
                    usize::from(regions.first().is_some_and(|first| trial.truth.contains(first)));
                score.add(&trial.truth, &regions);
            }
            let each = started.elapsed().as_secs_f64() * 1e3 / trials.len().max(1) as f64;
            let exact = 100 * top / trials.len().max(1);
            print!(" | {name} {:.3}, first {exact:>3} %, {each:>3.0} ms", score.f1());
        }
        println!();
    }
    println!();
    yardstick(trials, first);
}

/// F1 on the sets of RiskLoc's kind: of all combinations, and of those that hold a twentieth of
/// the refusals, below which nothing is told.
fn yardstick(trials: u64, first: u64) {
    println!("RiskLoc's sets, {trials} cases each, F1 of exact combinations");
    for kind in riskloc::KINDS {
        let (mut all, mut large) = (Score::default(), Score::default());
        let (mut elements, mut large_ones) = (0, 0);
        for seed in 0..trials {
            let case = riskloc::case(&mut Rng((first + seed) * 7919 + 31), &kind);
            let told = riskloc::told(&case);
            let is_told = |element: &riskloc::Element| told.contains(element);
            let is_true =
                |element: &&riskloc::Element| case.truth.iter().any(|(other, _)| other == *element);
            let wrong = told.len() - told.iter().filter(is_true).count();
            for (score, least) in [(&mut all, 0.0), (&mut large, 5.0)] {
                let truth = case.truth.iter().filter(|(_, share)| *share >= least);
                let (hit, missed): (Vec<_>, Vec<_>) = truth.partition(|(one, _)| is_told(one));
                score.hit += hit.len();
                score.missed += missed.len();
                score.wrong += wrong;
            }
            elements += case.truth.len();
            large_ones += case.truth.iter().filter(|(_, share)| *share >= 5.0).count();
        }
        println!(
            "{}: {:.3} of {elements} combinations; {:.3} of the {large_ones} that hold 5 % of the refusals or more ({} hit, {} wrong, {} missed)",
            kind.name,
            all.f1(),
            large.f1(),
            large.hit,
            large.wrong,
            large.missed,
        );
    }
}
