//! Sites and faults of the kind on which RiskLoc and its peers were compared: every combination of
//! a few attributes has a forecast and a real number, and some combinations fall short of theirs.
//!
//! The distributions and their parameters are those that RiskLoc's authors give for their sets S
//! and L (<https://github.com/shaido987/riskloc>, MIT); the random numbers are our own. What falls
//! short becomes refused requests, what is real becomes served ones. The methods compared there
//! see the forecast of every combination; this search sees two samples of requests.

use std::collections::{BTreeMap, BTreeSet};

use why403::clusters::{Cluster, locate};
use why403::limits::{SAMPLED_REFUSALS, SAMPLED_SERVED};

use crate::planted::{Rng, Tuple, rows};

/// Of which kind a set is; ranges are uniform.
pub struct Kind {
    pub name: &'static str,
    /// How many values each attribute has.
    sizes: &'static [usize],
    /// The relative error of a forecast.
    noise: (f64, f64),
    /// The share of a combination that is lost.
    severity: (f64, f64),
    /// How much that share varies within a fault.
    deviation: (f64, f64),
    faults: usize,
    /// Combinations of one fault.
    elements: usize,
    /// Whether all faults name every attribute.
    only_leaves: bool,
}

pub const KINDS: [Kind; 2] = [
    Kind {
        name: "S",
        sizes: &[10, 12, 10, 8, 5],
        noise: (0.0, 0.25),
        severity: (0.2, 1.0),
        deviation: (0.0, 0.1),
        faults: 3,
        elements: 3,
        only_leaves: false,
    },
    Kind {
        name: "L",
        sizes: &[10, 24, 10, 15],
        noise: (0.0, 0.1),
        severity: (0.5, 1.0),
        deviation: (0.0, 0.0),
        faults: 5,
        elements: 1,
        only_leaves: true,
    },
];

/// Attribute to value: one combination that is to be told.
pub type Element = BTreeMap<usize, usize>;

/// One of the combinations of all attributes.
struct Leaf {
    values: Vec<usize>,
    forecast: f64,
    real: f64,
}

/// A case: what is to be told, and the requests.
pub struct Case {
    /// The faults, each with the number of refusals that it has of a hundred.
    pub truth: Vec<(Element, f64)>,
    pub refused: Vec<Tuple>,
    pub served: Vec<Tuple>,
}

fn between(rng: &mut Rng, (low, high): (f64, f64)) -> f64 {
    low + (high - low) * rng.unit()
}

fn normal(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.unit()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.unit()).cos()
}

fn leaves(rng: &mut Rng, kind: &Kind, noise: f64) -> Vec<Leaf> {
    let shape = between(rng, (0.5, 1.0));
    let zeros = between(rng, (0.0, 0.25));
    let count: usize = kind.sizes.iter().product();
    (0..count)
        .map(|mut number| {
            let values = kind.sizes.iter().map(|size| {
                let value = number % size;
                number /= size;
                value
            });
            let values = values.collect();
            let weibull = 100.0 * (-(1.0 - rng.unit()).ln()).powf(1.0 / shape);
            let real = if rng.unit() < zeros { 0.0 } else { weibull };
            let other = (real * (1.0 + noise * normal(rng))).max(0.0);
            let (forecast, real) = if rng.below(2) == 0 { (other, real) } else { (real, other) };
            Leaf { values, forecast, real }
        })
        .collect()
}

fn holds(element: &Element, leaf: &Leaf) -> bool {
    element.iter().all(|(dim, value)| leaf.values[*dim] == *value)
}

/// The combinations of one more fault: of attributes that no other fault names together, and with
/// none of their values.
fn elements(rng: &mut Rng, kind: &Kind, before: &[Vec<Element>], leaves: &[Leaf]) -> Vec<Element> {
    let dims = kind.sizes.len();
    let level = if kind.only_leaves { dims } else { 1 + rng.below(dims) };
    let count = 1 + rng.below(kind.elements);
    loop {
        let mut named = BTreeSet::new();
        while named.len() < level {
            named.insert(rng.below(dims));
        }
        let same = |other: &Vec<Element>| other[0].keys().eq(named.iter());
        if level < dims && before.iter().any(same) {
            continue;
        }
        let free = |dim: usize| -> Vec<usize> {
            let used = |value: &usize| {
                before.iter().flatten().any(|element| element.get(&dim) == Some(value))
            };
            (0..kind.sizes[dim]).filter(|value| !used(value)).collect()
        };
        let free: BTreeMap<usize, Vec<usize>> =
            named.iter().map(|dim| (*dim, free(*dim))).collect();
        if free.values().any(Vec::is_empty) {
            continue;
        }
        let mut element = || -> Element {
            free.iter().map(|(dim, values)| (*dim, values[rng.below(values.len())])).collect()
        };
        let found: BTreeSet<Element> = (0..count).map(|_| element()).collect();
        let seen = |one: &Element| leaves.iter().any(|leaf| holds(one, leaf) && leaf.real > 0.0);
        if found.len() == count && (level < dims || found.iter().all(seen)) {
            return found.into_iter().collect();
        }
    }
}

fn tuple(leaf: &Leaf) -> Tuple {
    let word = |dim: usize| match leaf.values.get(dim) {
        Some(value) if dim == 0 => format!("/{value}"),
        Some(value) => value.to_string(),
        None => "-".to_owned(),
    };
    std::array::from_fn(word)
}

/// So many requests, each combination in proportion to its weight.
fn drawn(
    rng: &mut Rng,
    leaves: &[Leaf],
    weight: impl Fn(&Leaf) -> f64,
    count: usize,
) -> Vec<Tuple> {
    let mut sum = 0.0;
    let sums: Vec<f64> = leaves
        .iter()
        .map(|leaf| {
            sum += weight(leaf);
            sum
        })
        .collect();
    let mut one = || {
        let at = rng.unit() * sum;
        let place = sums.partition_point(|sum| *sum <= at);
        tuple(&leaves[place.min(leaves.len() - 1)])
    };
    (0..count).map(|_| one()).collect()
}

pub fn case(rng: &mut Rng, kind: &Kind) -> Case {
    let noise = between(rng, kind.noise);
    let mut leaves = leaves(rng, kind, noise);
    let mut faults: Vec<Vec<Element>> = Vec::new();
    for _ in 0..1 + rng.below(kind.faults) {
        let more = elements(rng, kind, &faults, &leaves);
        faults.push(more);
    }
    // What is lost goes the way in which the forecasts err as a whole, or it would drown in them.
    let total = |of: fn(&Leaf) -> f64| leaves.iter().map(of).sum::<f64>();
    if total(|leaf| leaf.real) > total(|leaf| leaf.forecast) {
        for leaf in &mut leaves {
            std::mem::swap(&mut leaf.real, &mut leaf.forecast);
        }
    }
    for fault in &faults {
        let severity = between(rng, kind.severity) + noise;
        let deviation = between(rng, kind.deviation);
        for leaf in leaves.iter_mut().filter(|leaf| fault.iter().any(|one| holds(one, leaf))) {
            let lost = severity + deviation * normal(rng);
            leaf.real = (leaf.forecast * (1.0 - lost)).max(0.0);
        }
    }
    let lost = |leaf: &Leaf| (leaf.forecast - leaf.real).max(0.0);
    let all: f64 = leaves.iter().map(lost).sum();
    let share = |element: &Element| {
        let mine: f64 = leaves.iter().filter(|leaf| holds(element, leaf)).map(lost).sum();
        100.0 * mine / all
    };
    let truth = faults.iter().flatten().map(|one| (one.clone(), share(one))).collect();
    let refused = drawn(rng, &leaves, lost, SAMPLED_REFUSALS);
    let served = drawn(rng, &leaves, |leaf| leaf.real, SAMPLED_SERVED);
    Case { truth, refused, served }
}

/// What the search tells, each value of a set for itself, as the sets count.
pub fn told(case: &Case) -> Vec<Element> {
    let (refused, served) = (rows(&case.refused), rows(&case.served));
    let clusters = locate(&refused, &served, refused.len() as u64, None);
    let mut all: Vec<Element> = clusters.iter().flat_map(combinations).collect();
    all.sort();
    all.dedup();
    all
}

fn combinations(cluster: &Cluster) -> Vec<Element> {
    let named = cluster.named;
    let dims = [
        (named.path, &cluster.paths),
        (named.edge, &cluster.edges),
        (named.country, &cluster.countries),
        (named.host, &cluster.hosts),
        (named.method, &cluster.methods),
    ];
    let mut found = vec![Element::new()];
    for (dim, (_, values)) in dims.into_iter().enumerate().filter(|(_, (named, _))| *named) {
        let number = |value: &String| value.trim_start_matches('/').parse().ok();
        let values: Vec<usize> = values.iter().filter_map(number).collect();
        let with = |one: &Element| -> Vec<Element> {
            let and = |value: &usize| {
                let mut one = one.clone();
                one.insert(dim, *value);
                one
            };
            values.iter().map(and).collect()
        };
        found = found.iter().flat_map(with).collect();
    }
    // What names nothing is the rest.
    found.retain(|one| !one.is_empty());
    found
}
