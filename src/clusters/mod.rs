//! Where a cause strikes: path templates, and how often each occurs.

pub mod template;

use std::collections::{BTreeMap, BTreeSet};

use crate::limits::{CLUSTER_VALUES, CLUSTERS, EXAMPLES, TEMPLATES};
use crate::logs::record::Refusal;
use crate::logs::tally::hash;

/// Requests that have a path template in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// The template; `*` stands for the paths that no cluster names.
    pub path: String,
    /// Points of presence, the most frequent ones first.
    pub edges: Vec<String>,
    /// Countries, as far as they are known, the most frequent ones first.
    pub countries: Vec<String>,
    /// How many.
    pub requests: u64,
    /// How much more often such requests are refused than the distribution's others, where that
    /// is known.
    pub lift: Option<f64>,
    /// Some of the paths.
    pub examples: Vec<String>,
}

#[derive(Default)]
struct Tally {
    requests: u64,
    edges: BTreeMap<String, u64>,
    countries: BTreeMap<String, u64>,
    examples: BTreeSet<(u64, String)>,
}

/// What is counted for one finding; merges in any order.
#[derive(Default)]
pub struct Clusters {
    by_path: BTreeMap<String, Tally>,
}

impl Clusters {
    /// Counts one refusal; the country may come from elsewhere than its log line.
    pub fn count(&mut self, refusal: &Refusal, country: Option<&str>) {
        let mut path = template::of(&refusal.path.sent());
        if self.by_path.len() >= TEMPLATES && !self.by_path.contains_key(&path) {
            path = "*".to_owned();
        }
        let tally = self.by_path.entry(path).or_default();
        tally.requests += 1;
        let edge = refusal.edge.get(..3).unwrap_or(&refusal.edge);
        *tally.edges.entry(edge.to_owned()).or_default() += 1;
        if let Some(country) = country {
            *tally.countries.entry(country.to_owned()).or_default() += 1;
        }
        let shown = refusal.path.shown();
        tally.examples.insert((hash(shown.as_bytes()), shown));
        while tally.examples.len() > EXAMPLES {
            tally.examples.pop_last();
        }
    }

    /// The largest clusters, the largest first.
    pub fn largest(self) -> Vec<Cluster> {
        let mut clusters: Vec<Cluster> = self
            .by_path
            .into_iter()
            .map(|(path, tally)| Cluster {
                path,
                edges: frequent(tally.edges),
                countries: frequent(tally.countries),
                requests: tally.requests,
                lift: None,
                examples: tally.examples.into_iter().map(|(_, path)| path).collect(),
            })
            .collect();
        clusters.sort_by(|a, b| (b.requests, &a.path).cmp(&(a.requests, &b.path)));
        clusters.truncate(CLUSTERS);
        clusters
    }
}

fn frequent(counts: BTreeMap<String, u64>) -> Vec<String> {
    let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
    counts.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
    counts.into_iter().take(CLUSTER_VALUES).map(|(value, _)| value).collect()
}
