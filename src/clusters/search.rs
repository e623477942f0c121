//! From refused and served rows to clusters.

use super::form;
use super::region::{Region, Set};
use super::scan::{ascend, score, starts};
use super::table::{COUNTRY, DIMS, EDGE, HOST, METHOD, PATH, Table, UNKNOWN};
use crate::limits::{CLUSTER_VALUES, CLUSTERS, EXAMPLES};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Fewer refusals than this are listed as one cluster: no contrast of so few means anything.
const FEWEST_ROWS: usize = 20;

/// A cluster holds at least this share (one in twenty) of the finding.
const SMALLEST: u64 = 20;

/// Once this share of the finding is explained, the rest needs no words.
const EXPLAINED: f64 = 0.9;

/// One request as the search sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// The template of the path, before `Collapse` (the search applies it).
    pub path: Box<str>,
    /// The three letters of the point of presence.
    pub edge: Box<str>,
    /// `None` where no source says it.
    pub country: Option<Box<str>>,
    /// `None` where the log does not say it.
    pub host: Option<Box<str>>,
    /// The method.
    pub method: Box<str>,
    /// The path itself, ready to be shown.
    pub example: Box<str>,
    /// The hash under which the row was sampled; the smallest ones become the examples.
    pub hash: u64,
}

/// Which dimensions a cluster names. In the others its refusals follow the site's other traffic,
/// or nothing is known to compare with; their values are then listed and mean nothing by
/// themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Paths.
    pub path: bool,
    /// Points of presence.
    pub edge: bool,
    /// Countries.
    pub country: bool,
    /// Hosts.
    pub host: bool,
    /// Methods.
    pub method: bool,
}

impl Named {
    /// Nothing is named: the cause strikes everywhere alike.
    pub fn nothing(self) -> bool {
        self == Self::default()
    }
}

/// A combination that explains a part of a finding. Lists are sorted by refusals, then by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// One line that is true of all its refusals: a template, `/folder/*`, or their common form.
    pub path: String,
    /// The templates behind `path` that are refused.
    pub paths: Vec<String>,
    /// Named dimensions are listed in full, others up to twelve values.
    pub edges: Vec<String>,
    /// Countries, as far as they are known.
    pub countries: Vec<String>,
    /// Hosts, as far as they are logged.
    pub hosts: Vec<String>,
    /// Methods.
    pub methods: Vec<String>,
    /// Which of these the cluster is about.
    pub named: Named,
    /// Refusals, scaled to the exact total of the finding.
    pub requests: u64,
    /// Rows of the sample behind `requests`; equal to it where the sample is the whole.
    pub rows: u64,
    /// Rows that know their country, of `rows`.
    pub country_known: u64,
    /// How many times more often than among served requests one meets it among refused ones; only
    /// where the cluster is about something.
    pub lift: Option<f64>,
    /// The paths of the three rows with the smallest hashes, each once.
    pub examples: Vec<String>,
}

/// The clusters of one finding, in the order in which they were found: each explains most of what
/// those before it left. The last one names nothing and holds the rest, which follows the site's
/// other traffic or is too little to be told apart.
///
/// `refused` and `served` are samples of the finding's refusals and of the distribution's other
/// requests of the same window, `total` the exact number of refusals, `usual_noise` the share of
/// them that the incident detector expected anyway: what is usual needs no explanation. There is
/// always at least one cluster unless nothing was refused.
pub fn locate(
    refused: &[Row],
    served: &[Row],
    total: u64,
    usual_noise: Option<f64>,
) -> Vec<Cluster> {
    if refused.is_empty() {
        return Vec::new();
    }
    let mut table = Table::new(refused, served);
    let mut regions = Vec::new();
    if refused.len() >= FEWEST_ROWS && !served.is_empty() {
        let enough = usual_noise.map_or(EXPLAINED, |noise| EXPLAINED.max(1.0 - noise));
        regions = peel(&mut table, enough);
        refit(&mut table, &mut regions);
    }
    describe_all(&mut table, &regions, refused, total)
}

/// Takes the best region, and again the best of what is left, until the rest is not worth it.
fn peel(table: &mut Table, enough: f64) -> Vec<Region> {
    let mut regions = Vec::new();
    while regions.len() < CLUSTERS
        && ((table.refused - table.left()) as f64) < enough * table.refused as f64
        && let Some(region) = best_region(table)
    {
        take(table, &region);
        regions.push(region);
    }
    regions
}

fn take(table: &mut Table, region: &Region) {
    for cell in &mut table.cells {
        cell.taken |= region.holds(cell);
    }
}

fn give_back(table: &mut Table) {
    for cell in &mut table.cells {
        cell.taken = false;
    }
}

/// A region under comparison.
struct Found {
    score: f64,
    refused: u64,
    region: Region,
}

impl Found {
    fn new(table: &Table, region: Region) -> Option<Self> {
        let score = score(table, &region);
        let (refused, _) = region.contrast(table.open());
        let counts = !region.is_everything() && score > 0.0 && refused * SMALLEST >= table.refused;
        counts.then_some(Self { score, refused, region })
    }

    /// Higher score, more refusals, fewer values, and then the order of the values.
    fn cmp(&self, other: &Self) -> Ordering {
        let values = |f: &Self| f.region.sets.iter().flatten().map(|s| s.ids.len()).sum::<usize>();
        let ids = |f: &Self| {
            let sets = f.region.sets.iter();
            sets.map(|s| s.as_ref().map(|s| s.ids.clone())).collect::<Vec<_>>()
        };
        self.score
            .total_cmp(&other.score)
            .then(self.refused.cmp(&other.refused))
            .then_with(|| values(other).cmp(&values(self)))
            .then_with(|| ids(other).cmp(&ids(self)))
    }
}

fn best_region(table: &Table) -> Option<Region> {
    let found = starts(table).into_iter().filter_map(|s| Found::new(table, ascend(table, s, None)));
    let best = found.max_by(Found::cmp)?;
    Some(part_of(table, best).region)
}

/// The part of a region to report first, where the region is two causes at once.
///
/// Two faults that share nothing but a dimension score best together, as one set of two values. If
/// one value of a set, looked at alone, is explained better by naming something else beside it,
/// the values are different stories, and the strongest of these is told first.
fn part_of(table: &Table, whole: Found) -> Found {
    let mut best: Option<Found> = None;
    for dim in 0..DIMS {
        let Some(set) = whole.region.set(dim).filter(|s| s.ids.len() > 1 && s.folder.is_none())
        else {
            continue;
        };
        for id in &set.ids {
            let alone = whole.region.clone().with(dim, Some(Set::new(table, dim, vec![*id], None)));
            let before = score(table, &alone);
            if let Some(part) = Found::new(table, ascend(table, alone, Some(dim)))
                && part.score > before
                && (0..DIMS).any(|d| part.region.set(d).is_some() && whole.region.set(d).is_none())
                && best.as_ref().is_none_or(|b| part.cmp(b) == Ordering::Greater)
            {
                best = Some(part);
            }
        }
    }
    let Some(part) = best else { return whole };
    let freed = Found::new(table, ascend(table, part.region.clone(), None));
    freed.filter(|f| f.cmp(&part) == Ordering::Greater).unwrap_or(part)
}

/// Fits each region again with the refusals of all others taken away: the first was chosen when
/// everything else still lay in its way.
fn refit(table: &mut Table, regions: &mut [Region]) {
    if regions.len() < 2 {
        return;
    }
    for i in 0..regions.len() {
        let others: Vec<Region> =
            regions.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, r)| r.clone()).collect();
        give_back(table);
        others.iter().for_each(|other| take(table, other));
        let Some(region) = regions.get_mut(i) else {
            return;
        };
        let before = score(table, region);
        if let Some(found) = Found::new(table, ascend(table, region.clone(), None))
            && found.score > before
        {
            *region = found.region;
        }
    }
}

/// Describes the regions, each by the refusals that those before it left.
fn describe_all(
    table: &mut Table,
    regions: &[Region],
    refused: &[Row],
    total: u64,
) -> Vec<Cluster> {
    give_back(table);
    let mut clusters = Vec::new();
    for region in regions.iter().chain([&Region::default()]) {
        let cluster = describe(table, region, refused, total);
        if cluster.rows > 0 {
            clusters.push(cluster);
        }
        take(table, region);
    }
    clusters
}

fn describe(table: &Table, region: &Region, refused: &[Row], total: u64) -> Cluster {
    let mut counts: [BTreeMap<u32, u64>; DIMS] = Default::default();
    let mut rows = 0;
    for cell in table.open().filter(|c| c.refused > 0 && region.holds(c)) {
        rows += cell.refused;
        for (count, value) in counts.iter_mut().zip(cell.values) {
            *count.entry(value).or_default() += cell.refused;
        }
    }
    let list = |dim: usize| -> Vec<String> {
        let mut values: Vec<(u32, u64)> = counts
            .get(dim)
            .into_iter()
            .flatten()
            .filter(|(v, _)| **v != UNKNOWN)
            .map(|(v, n)| (*v, *n))
            .collect();
        values.sort_by_key(|(v, n)| (std::cmp::Reverse(*n), *v));
        let most = if region.set(dim).is_some() { usize::MAX } else { CLUSTER_VALUES };
        values.iter().take(most).map(|(v, _)| table.name(dim, *v).to_owned()).collect()
    };
    let named = |dim: usize| region.set(dim).is_some();
    let [path_counts, _, country_counts, ..] = &counts;
    let (_, lift) = region.contrast(table.cells.iter());
    Cluster {
        path: path_text(table, region, path_counts),
        paths: list(PATH),
        edges: list(EDGE),
        countries: list(COUNTRY),
        hosts: list(HOST),
        methods: list(METHOD),
        named: Named {
            path: named(PATH),
            edge: named(EDGE),
            country: named(COUNTRY),
            host: named(HOST),
            method: named(METHOD),
        },
        requests: scaled(rows, total, table.refused),
        rows,
        country_known: rows - country_counts.get(&UNKNOWN).copied().unwrap_or(0),
        lift: (!region.is_everything()).then_some(lift),
        examples: examples(table, region, refused),
    }
}

fn path_text(table: &Table, region: &Region, counts: &BTreeMap<u32, u64>) -> String {
    let folder =
        region.set(PATH).and_then(|s| s.folder).and_then(|f| table.folders.get(f as usize));
    match folder {
        Some(folder) => format!("{}*", folder.name),
        None => {
            let templates: Vec<&str> = counts.keys().map(|v| table.name(PATH, *v)).collect();
            form::common(&templates)
        }
    }
}

/// Rows of the sample as requests of the finding, rounded to the nearest.
fn scaled(rows: u64, total: u64, sampled: u64) -> u64 {
    let sampled = u128::from(sampled.max(1));
    let requests = (u128::from(rows) * u128::from(total) + sampled / 2) / sampled;
    u64::try_from(requests).unwrap_or(u64::MAX)
}

fn examples(table: &Table, region: &Region, refused: &[Row]) -> Vec<String> {
    let inside = |place: &usize| {
        table.cells.get(*place).is_some_and(|cell| !cell.taken && region.holds(cell))
    };
    let rows = refused.iter().zip(&table.cell_of).filter(|(_, place)| inside(place));
    let mut shown: Vec<(u64, &str)> = rows.map(|(row, _)| (row.hash, &*row.example)).collect();
    shown.sort_unstable();
    let mut examples: Vec<String> = Vec::new();
    for (_, example) in shown {
        if examples.len() == EXAMPLES {
            break;
        }
        if !examples.iter().any(|e| e == example) {
            examples.push(example.to_owned());
        }
    }
    examples
}
