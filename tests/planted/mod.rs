//! Random sites with planted faults: the truth that the search is held against.

use std::collections::BTreeMap;
use why403::clusters::{Cluster, Row, locate};

/// SplitMix64: a seed gives the same sites everywhere and for ever.
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut at = self.unit() * weights.iter().sum::<f64>();
        for (i, w) in weights.iter().enumerate() {
            at -= w;
            if at < 0.0 {
                return i;
            }
        }
        weights.len() - 1
    }
}

/// A request as path, edge, country, host, method.
pub type Tuple = [String; 5];

pub struct Site {
    paths: Vec<String>,
    path_weights: Vec<f64>,
    countries: Vec<String>,
    country_weights: Vec<f64>,
    edges: Vec<(String, usize)>,
    hosts: Vec<String>,
}

fn name(mut n: usize, len: usize) -> String {
    (0..len)
        .map(|_| {
            let c = char::from(b'a' + (n % 26) as u8);
            n /= 26;
            c
        })
        .collect()
}

impl Site {
    pub fn random(rng: &mut Rng) -> Self {
        let folders = 2 + rng.below(8);
        let paths: Vec<String> = (0..20 + rng.below(130))
            .map(|i| match rng.below(folders + 2) {
                f if f < folders => format!("/{}/{}", name(f * 7 + 3, 4), name(i * 31 + 5, 5)),
                _ => format!("/{}", name(i * 31 + 5, 5)),
            })
            .collect();
        let path_weights = (0..paths.len()).map(|i| 1.0 / (1.0 + i as f64).powf(0.9)).collect();
        let countries: Vec<String> =
            (0..4 + rng.below(10)).map(|i| name(i * 29 + 2, 2).to_uppercase()).collect();
        let country_weights = (0..countries.len()).map(|i| 1.0 / (1.0 + i as f64)).collect();
        let edges = (0..countries.len() * 2)
            .map(|i| (name(i * 37 + 11, 3).to_uppercase(), i % countries.len()))
            .collect();
        let hosts = (0..1 + rng.below(3)).map(|i| format!("{}.example", name(i + 3, 3))).collect();
        Self { paths, path_weights, countries, country_weights, edges, hosts }
    }

    pub fn request(&self, rng: &mut Rng) -> Tuple {
        let country = rng.weighted(&self.country_weights);
        let near: Vec<&str> =
            self.edges.iter().filter(|e| e.1 == country).map(|e| e.0.as_str()).collect();
        let edge = if rng.unit() < 0.93 {
            near[rng.below(near.len())].to_owned()
        } else {
            self.edges[rng.below(self.edges.len())].0.clone()
        };
        let host = if rng.unit() < 0.7 { 0 } else { rng.below(self.hosts.len()) };
        let method = ["GET", "POST", "HEAD"][rng.weighted(&[0.9, 0.08, 0.02])];
        [
            self.paths[rng.weighted(&self.path_weights)].clone(),
            edge,
            self.countries[country].clone(),
            self.hosts[host].clone(),
            method.to_owned(),
        ]
    }

    /// Something that a fault may single out in one dimension.
    fn values(&self, rng: &mut Rng, dim: usize) -> Vec<String> {
        let pick = |rng: &mut Rng, from: &[String], most: usize| -> Vec<String> {
            let mut values: Vec<String> =
                (0..1 + rng.below(most)).map(|_| from[rng.below(from.len())].clone()).collect();
            values.sort();
            values.dedup();
            values
        };
        let edges: Vec<String> = self.edges.iter().map(|e| e.0.clone()).collect();
        match dim {
            0 if rng.below(5) == 0 => {
                let path = &self.paths[rng.below(self.paths.len())];
                match path[1..].split_once('/') {
                    Some((folder, _)) => vec![format!("/{folder}/*")],
                    None => vec![path.clone()],
                }
            }
            0 => vec![self.paths[rng.below(self.paths.len())].clone()],
            1 => pick(rng, &edges, 3),
            2 => pick(rng, &self.countries, 2),
            3 => pick(rng, &self.hosts, 1),
            _ => vec!["POST".to_owned()],
        }
    }
}

/// Dimension to sorted values; a path is a template or `/folder/*`.
pub type Region = BTreeMap<usize, Vec<String>>;

pub fn holds(region: &Region, row: &Tuple) -> bool {
    region.iter().all(|(dim, values)| {
        values.iter().any(|v| match v.strip_suffix('*') {
            Some(folder) => row[*dim].starts_with(folder),
            None => *v == row[*dim],
        })
    })
}

pub struct Trial {
    pub truth: Vec<Region>,
    pub refused: Vec<Tuple>,
    pub served: Vec<Tuple>,
}

/// A site with one to `most` faults of one to three dimensions, at least `least` refusals, a
/// `noise` share of them spread like other traffic.
pub fn trial(rng: &mut Rng, most: usize, least: usize, noise: f64) -> Trial {
    let site = Site::random(rng);
    let served: Vec<Tuple> = (0..4000).map(|_| site.request(rng)).collect();
    let share = |region: &Region| {
        served.iter().filter(|r| holds(region, r)).count() as f64 / served.len() as f64
    };
    let wanted = 1 + rng.below(most);
    let mut truth: Vec<Region> = Vec::new();
    while truth.len() < wanted {
        let mut region = Region::new();
        for _ in 0..1 + rng.below(3) {
            let dim = rng.weighted(&[0.45, 0.2, 0.2, 0.05, 0.1]);
            region.insert(dim, site.values(rng, dim));
        }
        let all = share(&region);
        let told = region.keys().all(|dim| {
            let mut wider = region.clone();
            wider.remove(dim);
            all <= 0.7 * share(&wider)
        });
        let apart = truth.iter().all(|other| !alike(other, &region));
        if all > 0.0 && all < 0.4 && told && apart {
            truth.push(region);
        }
    }
    let n = least + rng.below(3 * least);
    let weights: Vec<f64> = truth.iter().map(|_| 0.5 + rng.unit()).collect();
    let sum: f64 = weights.iter().sum();
    let pool: Vec<Tuple> = (0..30_000).map(|_| site.request(rng)).collect();
    let mut refused = Vec::new();
    for (region, weight) in truth.iter().zip(&weights) {
        let inside: Vec<&Tuple> =
            pool.iter().chain(&served).filter(|row| holds(region, row)).collect();
        for _ in 0..(n as f64 * (1.0 - noise) * weight / sum) as usize {
            refused.push(inside[rng.below(inside.len())].clone());
        }
    }
    refused.extend((0..(n as f64 * noise) as usize).map(|_| site.request(rng)));
    Trial { truth, refused, served }
}

/// Whether two regions lie inside each other in all but one dimension, so that telling them as one
/// or as two is a matter of taste.
fn alike(a: &Region, b: &Region) -> bool {
    let differing = (0..5).filter(|d| a.get(d) != b.get(d)).count();
    let in_path = a.get(&0) != b.get(&0) && a.contains_key(&0) && b.contains_key(&0);
    let folder = [a, b].iter().any(|r| r.get(&0).is_some_and(|p| p[0].ends_with('*')));
    differing == 0 || differing == 1 && (!in_path || folder)
}

pub fn rows(tuples: &[Tuple]) -> Vec<Row> {
    let row = |(i, t): (usize, &Tuple)| Row {
        path: t[0].as_str().into(),
        edge: t[1].as_str().into(),
        country: Some(t[2].as_str().into()),
        host: Some(t[3].as_str().into()),
        method: t[4].as_str().into(),
        example: t[0].as_str().into(),
        hash: i as u64,
    };
    tuples.iter().enumerate().map(row).collect()
}

pub fn named(cluster: &Cluster) -> Region {
    let sorted = |list: &[String]| {
        let mut list = list.to_vec();
        list.sort();
        list
    };
    let n = cluster.named;
    let path = vec![cluster.path.clone()];
    [
        (n.path, path),
        (n.edge, sorted(&cluster.edges)),
        (n.country, sorted(&cluster.countries)),
        (n.host, sorted(&cluster.hosts)),
        (n.method, sorted(&cluster.methods)),
    ]
    .into_iter()
    .enumerate()
    .filter(|(_, (named, _))| *named)
    .map(|(dim, (_, values))| (dim, values))
    .collect()
}

pub fn found(trial: &Trial) -> Vec<Region> {
    let (refused, served) = (rows(&trial.refused), rows(&trial.served));
    let clusters = locate(&refused, &served, refused.len() as u64, None);
    // What names nothing is the rest.
    clusters.iter().filter(|cluster| !cluster.named.nothing()).map(named).collect()
}

/// What a plain list says: the five most frequent values, each for itself.
pub fn top_values(trial: &Trial) -> Vec<Region> {
    let mut counts: BTreeMap<(usize, &str), usize> = BTreeMap::new();
    for row in &trial.refused {
        for (dim, value) in row.iter().enumerate().take(3) {
            *counts.entry((dim, value)).or_default() += 1;
        }
    }
    let mut order: Vec<_> = counts.into_iter().collect();
    order.sort_by_key(|(value, n)| (std::cmp::Reverse(*n), *value));
    let single = |((dim, value), _): &((usize, &str), usize)| {
        Region::from([(*dim, vec![(*value).to_owned()])])
    };
    order.iter().take(5).map(single).collect()
}

/// Hits, false ones, missed ones: regions count as hit only where every set is the same.
#[derive(Default, Clone, Copy)]
pub struct Score {
    pub hit: usize,
    pub wrong: usize,
    pub missed: usize,
}

impl Score {
    pub fn add(&mut self, truth: &[Region], found: &[Region]) {
        let hit = truth.iter().filter(|t| found.contains(t)).count();
        self.hit += hit;
        self.missed += truth.len() - hit;
        self.wrong += found.len() - hit;
    }

    pub fn f1(&self) -> f64 {
        2.0 * self.hit as f64 / (2 * self.hit + self.wrong + self.missed).max(1) as f64
    }
}
