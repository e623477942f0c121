//! The reference model of the localiser, to the letter: a penalised subset scan over five
//! dimensions, without folders and without what the crate has learnt since.

use std::collections::BTreeMap;

use crate::planted::{Region, Trial, Tuple};

const DIMS: usize = 5;
const MOST: usize = 5;
const EXPLAINED: f64 = 0.9;
const LEAST_SHARE: f64 = 0.05;

/// A row as numbers of its values, which are in the order of their names.
type Numbers = [usize; DIMS];

/// The values that a region names in each dimension, or all.
type Sets = [Option<Vec<usize>>; DIMS];

/// Score, refusals inside, fewer values, and the names themselves: the best one is the largest.
type Rank = (f64, usize, isize, String);

pub fn locate(trial: &Trial) -> Vec<Region> {
    let mut names: [Vec<String>; DIMS] = Default::default();
    for tuple in trial.refused.iter().chain(&trial.served) {
        for (names, value) in names.iter_mut().zip(tuple) {
            names.push(value.clone());
        }
    }
    for names in &mut names {
        names.sort();
        names.dedup();
    }
    let number = |tuple: &Tuple| -> Numbers {
        std::array::from_fn(|dim| names[dim].binary_search(&tuple[dim]).unwrap())
    };
    let refused: Vec<Numbers> = trial.refused.iter().map(number).collect();
    let served: Vec<Numbers> = trial.served.iter().map(number).collect();
    let search = Search { names: &names, served: &served };
    let (all, mut left, mut out) = (refused.len() as f64, refused, Vec::new());
    while !left.is_empty() && out.len() < MOST && all - (left.len() as f64) < EXPLAINED * all {
        let Some(sets) = search.best(&left, all) else { break };
        left.retain(|row| !holds(&sets, row, DIMS));
        let named = sets.iter().enumerate().filter_map(|(dim, set)| {
            let values = set.as_ref()?.iter().map(|value| names[dim][*value].clone());
            Some((dim, values.collect()))
        });
        out.push(named.collect());
    }
    out
}

/// Whether a region holds a row, whatever it has in the dimension `but`.
fn holds(sets: &Sets, row: &Numbers, but: usize) -> bool {
    let mut dims = sets.iter().zip(row).enumerate();
    dims.all(|(dim, (set, value))| {
        dim == but || set.as_ref().is_none_or(|set| set.binary_search(value).is_ok())
    })
}

fn excess(count: f64, expected: f64) -> f64 {
    if count > expected { count * (count / expected).ln() - (count - expected) } else { 0.0 }
}

fn rounded(score: f64, digits: i32) -> f64 {
    let scale = 10f64.powi(digits);
    (score * scale).round() / scale
}

struct Search<'a> {
    names: &'a [Vec<String>; DIMS],
    served: &'a [Numbers],
}

impl Search<'_> {
    fn price(&self, dim: usize) -> f64 {
        (self.names[dim].len().max(2) as f64).ln()
    }

    fn best(&self, left: &[Numbers], all: f64) -> Option<Sets> {
        let mut best: Option<(Rank, Sets)> = None;
        for seed in 0..DIMS {
            let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
            left.iter().for_each(|row| *counts.entry(row[seed]).or_default() += 1);
            let mut order: Vec<_> = counts.into_iter().collect();
            order.sort_by_key(|(value, count)| (std::cmp::Reverse(*count), *value));
            for (value, _) in order.into_iter().take(3) {
                let mut sets = Sets::default();
                sets[seed] = Some(vec![value]);
                let score = self.ascend(left, &mut sets);
                if sets.iter().all(Option::is_none) {
                    continue;
                }
                let inside = left.iter().filter(|row| holds(&sets, row, DIMS)).count();
                let values = sets.iter().flatten().map(Vec::len).sum::<usize>() as isize;
                let rank = (rounded(score, 6), inside, -values, self.words(&sets));
                let enough = inside as f64 >= LEAST_SHARE * all;
                if enough && best.as_ref().is_none_or(|(other, _)| rank > *other) {
                    best = Some((rank, sets));
                }
            }
        }
        best.filter(|(rank, _)| rank.0 > 0.0).map(|(_, sets)| sets)
    }

    /// The best set of values of one dimension after the other, until nothing is gained.
    fn ascend(&self, left: &[Numbers], sets: &mut Sets) -> f64 {
        let mut score = -1e9;
        loop {
            let mut new = score;
            for dim in 0..DIMS {
                let (value, set) = self.set_of(left, sets, dim);
                new = value;
                sets[dim] = set;
            }
            if new <= score + 1e-9 {
                return score;
            }
            score = new;
        }
    }

    fn set_of(&self, left: &[Numbers], sets: &Sets, dim: usize) -> (f64, Option<Vec<usize>>) {
        let count = |rows: &[Numbers]| {
            let mut counts = vec![0.0; self.names[dim].len()];
            rows.iter().filter(|row| holds(sets, row, dim)).for_each(|row| counts[row[dim]] += 1.0);
            counts
        };
        let (refused, served) = (count(left), count(self.served));
        let total: f64 = refused.iter().sum();
        let others: f64 = (0..DIMS)
            .filter(|other| *other != dim)
            .filter_map(|other| Some(self.price(other) * sets[other].as_ref()?.len() as f64 + 2.0))
            .sum();
        let scale = left.len() as f64 / (self.served.len() as f64 + 1.0);
        let all = (served.iter().sum::<f64>() + 0.5) * scale;
        let mut best = (excess(total, all) - others, None);
        let mut order: Vec<usize> = (0..refused.len()).filter(|v| refused[*v] > 0.0).collect();
        let kinds = order.len() as f64;
        order.sort_by(|a, b| {
            let ratio = |v: &usize| -refused[*v] / (served[*v] + 0.5);
            ratio(a).total_cmp(&ratio(b)).then(refused[*b].total_cmp(&refused[*a])).then(a.cmp(b))
        });
        let (mut inside, mut expected, mut prefix) = (0.0, 0.0, Vec::new());
        for value in order {
            if refused[value] < 0.01 * total {
                continue;
            }
            inside += refused[value];
            expected += (served[value] + 0.5 / kinds) * scale;
            prefix.push(value);
            let price = others + 2.0 + self.price(dim) * prefix.len() as f64;
            let score = excess(inside, expected + 0.5 * scale) - price;
            // At the same score the fewer values, and the prefixes only grow.
            if rounded(score, 9) > rounded(best.0, 9) {
                best = (score, Some(prefix.clone()));
            }
        }
        if let Some(set) = &mut best.1 {
            set.sort_unstable();
        }
        best
    }

    fn words(&self, sets: &Sets) -> String {
        let set = |(dim, set): (usize, &Option<Vec<usize>>)| match set {
            None => "None".to_owned(),
            Some(set) => {
                let names: Vec<_> =
                    set.iter().map(|value| format!("'{}'", self.names[dim][*value])).collect();
                format!("[{}]", names.join(", "))
            }
        };
        format!("[{}]", sets.iter().enumerate().map(set).collect::<Vec<_>>().join(", "))
    }
}
