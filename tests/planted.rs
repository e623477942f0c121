//! Planted faults are found, exactly, often enough (the bar of §4 of the design of detection).
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods
)]

#[path = "planted/mod.rs"]
mod planted;

use planted::{Rng, Score, found, holds, top_values, trial};

#[test]
fn one_fault_is_told_exactly() {
    const TRIALS: usize = 60;
    let (mut exact, mut contains) = (0, 0);
    for seed in 0..TRIALS as u64 {
        let trial = trial(&mut Rng(seed), 1, 300, 0.25);
        let regions = found(&trial);
        let first = regions.first().cloned().unwrap_or_default();
        exact += usize::from(trial.truth.contains(&first));
        contains += usize::from(trial.truth.iter().all(|t| {
            let inside: Vec<_> = trial.refused.iter().filter(|r| holds(t, r)).collect();
            let told = inside.iter().filter(|r| holds(&first, r)).count();
            told * 10 >= inside.len() * 9
        }));
    }
    assert!(exact * 100 >= TRIALS * 80, "{exact} of {TRIALS} exact");
    assert!(contains * 100 >= TRIALS * 95, "{contains} of {TRIALS} contain the fault");
}

#[test]
fn one_to_four_faults_are_told_far_better_than_by_a_plain_list() {
    let (mut ours, mut plain) = (Score::default(), Score::default());
    for seed in 0..60 {
        let trial = trial(&mut Rng(1_000_003 * seed + 17), 4, 300, 0.25);
        ours.add(&trial.truth, &found(&trial));
        plain.add(&trial.truth, &top_values(&trial));
    }
    assert!(ours.f1() >= 0.85 && plain.f1() < 0.5, "{} {}", ours.f1(), plain.f1());
}
