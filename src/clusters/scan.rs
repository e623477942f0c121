//! The best region of a table: penalised subset scan.
//!
//! For one dimension, the others fixed, the best of all sets of values is a prefix of the values
//! sorted by refused over served (Neill, Fast subset scan, 2012), so each step looks at as many
//! sets as there are values and not at all of them. Naming costs: a dimension in which refusals
//! merely follow normal traffic gains nothing and is not named.

use super::region::{Count, Region, Set, cost};
use super::table::{DIMS, PATH, Table, UNKNOWN};
use std::cmp::Reverse;

/// Naming a dimension must raise the lift at least by this factor. In a large finding the smallest
/// difference between who is refused and who is served is beyond chance, and not worth a word.
const LEAST_RISE: f64 = 1.1;

/// Refusals beyond this count weigh no more than these: normal traffic is never matched exactly,
/// and with enough rows every mismatch would be named.
const MOST_WEIGHT: f64 = 2000.0;

/// A template with this share (one in twenty) of a finding is named alone or with its whole
/// folder; only lighter ones are grouped, because a text can hardly be true of several at once.
const HEAVY: u64 = 20;

/// Rows of doubt: inside a region that normal traffic hardly visits, what share of it goes to a
/// value is taken from this many rows of the site at large and from the few that there are.
const DOUBT: f64 = 10.0;

/// A search that has not settled after so many rounds goes in circles between equals.
const MOST_ROUNDS: usize = 8;

/// How many of each dimension's values a search starts from, by frequency and by excess.
const STARTS: usize = 3;

/// To the ninth decimal, so that sums in another order cannot break a tie.
pub(super) fn rounded(score: f64) -> f64 {
    (score * 1e9).round() / 1e9
}

/// How far a count lies above what was expected, in nats: the likelihood ratio of two Poisson
/// counts, of which the second, `evidence`, is what the expectation was taken from. With much of it
/// this is Kulldorff's statistic; an expectation known from five rows may well be wrong.
fn excess(count: f64, expected: f64, evidence: f64) -> f64 {
    if count <= expected {
        return 0.0;
    }
    let both = count + evidence;
    count * (count / expected).ln() - both * (both / (expected + evidence)).ln()
}

/// What one dimension looks like inside a region, the others being as they are.
struct View {
    /// The region's rows by value.
    inside: Vec<Count>,
    /// The rows of the region widened to all paths, by value: what is usual there.
    outside: Vec<Count>,
    region: Count,
    all: Count,
    /// The parts of `region`, `outside` and `all` that know this dimension as well.
    region_known: Count,
    outside_known: Count,
    all_known: Count,
    /// What the other dimensions cost.
    other: f64,
    weight: f64,
}

impl View {
    fn new(table: &Table, region: &Region, dim: usize) -> Self {
        let mut view = Self {
            inside: vec![Count::default(); table.width(dim) + 1],
            outside: vec![Count::default(); table.width(dim) + 1],
            region: Count::default(),
            all: Count::default(),
            region_known: Count::default(),
            outside_known: Count::default(),
            all_known: Count::default(),
            other: region.cost_but_for(dim),
            weight: (MOST_WEIGHT / (table.refused.max(1)) as f64).min(1.0),
        };
        let wide = if dim == PATH { Region::default() } else { region.clone().with(PATH, None) };
        for cell in table.open().filter(|c| region.known_but_for(c, dim)) {
            let value = cell.values.get(dim).copied().unwrap_or(UNKNOWN);
            let holds = region.holds_but_for(cell, dim);
            view.all.add(cell);
            if holds {
                view.region.add(cell);
            }
            if value != UNKNOWN {
                view.all_known.add(cell);
                if wide.holds_but_for(cell, dim) {
                    view.outside_known.add(cell);
                    view.outside.get_mut(value as usize).into_iter().for_each(|c| c.add(cell));
                }
                if holds {
                    view.region_known.add(cell);
                    view.inside.get_mut(value as usize).into_iter().for_each(|c| c.add(cell));
                }
            }
        }
        view
    }

    /// Whether both sides know the dimension; else its values are no contrast.
    fn is_contrast(&self) -> bool {
        self.all_known.refused > 0 && self.all_known.served > 0
    }

    /// Score and lift with the dimension left open.
    fn open(&self) -> (f64, f64) {
        let evidence = self.region.served as f64 + 0.5;
        self.judge(self.region.refused, evidence, self.all, 0.0)
    }

    /// Score and lift of a set of values. A set of many values is expected a little more, since
    /// values that were never served must not each be a miracle.
    fn named(&self, inside: Count, outside: Count, slack: f64, cost: f64) -> (f64, f64) {
        let all = self.all_known;
        let usual = (outside.served as f64 + 0.5) / (self.outside_known.served as f64 + 1.0);
        let seen = inside.served as f64 + 0.5 + slack;
        let served = self.region_known.served as f64;
        let share = (seen + DOUBT * usual) / (served + 1.0 + DOUBT);
        self.judge(inside.refused, (served + 1.0) * share, all, cost)
    }

    fn judge(&self, refused: u64, evidence: f64, all: Count, cost: f64) -> (f64, f64) {
        let expected = evidence * all.refused as f64 / (all.served as f64 + 1.0);
        let refused = refused as f64;
        let score = self.weight * excess(refused, expected, evidence) - self.other - cost;
        (score, refused / expected)
    }

    fn sums(&self, ids: &[u32]) -> (Count, Count) {
        let sum = |counts: &[Count]| {
            ids.iter().map(|id| at(counts, *id)).fold(Count::default(), Count::plus)
        };
        (sum(&self.inside), sum(&self.outside))
    }
}

fn at(counts: &[Count], id: u32) -> Count {
    counts.get(id as usize).copied().unwrap_or_default()
}

/// The values that are refused at all, those first that are refused most for what they serve.
fn by_ratio(counts: &[Count]) -> Vec<u32> {
    let refused = (0u32..).zip(counts).filter(|(_, c)| c.refused > 0);
    let mut order: Vec<u32> = refused.map(|(id, _)| id).collect();
    order.sort_by_key(|id| {
        let c = at(counts, *id);
        let ratio = c.refused as f64 / (c.served as f64 + 0.5);
        (Reverse((ratio.to_bits(), c.refused)), *id)
    });
    order
}

/// The best choice for one dimension so far: a set of values, a folder, or all.
struct Choice<'a> {
    table: &'a Table,
    view: &'a View,
    dim: usize,
    least_lift: f64,
    score: f64,
    /// How many words name it.
    words: usize,
    ids: Vec<u32>,
    folder: Option<u32>,
}

impl Choice<'_> {
    /// Takes the set if it scores higher, or as high with fewer words, or else comes first.
    fn consider(&mut self, (inside, outside): (Count, Count), ids: &[u32], folder: Option<u32>) {
        let words = if folder.is_some() { 1 } else { ids.len() };
        let slack = 0.5 * (words - 1) as f64 / (self.view.inside.len().max(1)) as f64;
        let cost = cost(self.table, self.dim, words);
        let (score, lift) = self.view.named(inside, outside, slack, cost);
        let score = rounded(score);
        let better = score > self.score
            || score == self.score
                && (words, ids, folder) < (self.words, self.ids.as_slice(), self.folder);
        if lift >= self.least_lift && better {
            (self.score, self.words, self.folder) = (score, words, folder);
            self.ids = ids.to_vec();
        }
    }

    fn into_set(self) -> Option<Set> {
        (self.words > 0).then(|| Set::new(self.table, self.dim, self.ids, self.folder))
    }
}

/// The best set of one dimension, the others being as they are.
fn best_set(table: &Table, region: &Region, dim: usize) -> Option<Set> {
    let view = View::new(table, region, dim);
    if !view.is_contrast() || table.width(dim) < 2 {
        return None;
    }
    let (score, lift) = view.open();
    let least_lift = lift * LEAST_RISE;
    let (score, ids) = (rounded(score), Vec::new());
    let view = &view;
    let mut best = Choice { table, view, dim, least_lift, score, words: 0, ids, folder: None };
    if dim == PATH {
        consider_paths(&mut best);
    } else {
        consider_prefixes(&mut best, &by_ratio(&view.inside));
    }
    best.into_set()
}

fn consider_prefixes(best: &mut Choice, order: &[u32]) {
    let mut sums = <(Count, Count)>::default();
    for (n, id) in order.iter().enumerate() {
        let (inside, outside) = best.view.sums(&[*id]);
        sums = (sums.0.plus(inside), sums.1.plus(outside));
        best.consider(sums, order.get(..=n).unwrap_or(order), None);
    }
}

/// Paths are named one by one, as all of a folder, or, where each is but a little, as a group.
fn consider_paths(best: &mut Choice) {
    let (table, view) = (best.table, best.view);
    let order = by_ratio(&view.inside);
    for id in &order {
        best.consider(view.sums(&[*id]), &[*id], None);
    }
    for (i, folder) in (0u32..).zip(&table.folders) {
        best.consider(view.sums(&folder.members), &folder.members, Some(i));
    }
    let light = |id: &u32| at(&view.inside, *id).refused * HEAVY < table.refused;
    let light: Vec<u32> = order.into_iter().filter(light).collect();
    consider_prefixes(best, &light);
    let mut groups = vec![Vec::new(); table.folders.len()];
    for id in light {
        for folder in table.folders_of.get(id as usize).into_iter().flatten() {
            groups.get_mut(*folder as usize).into_iter().for_each(|g| g.push(id));
        }
    }
    for group in &groups {
        consider_prefixes(best, group);
    }
}

/// Climbs from a region to one that no change of a single dimension improves. `fixed` is left as
/// it is.
pub(super) fn ascend(table: &Table, start: Region, fixed: Option<usize>) -> Region {
    let mut region = start;
    for _ in 0..MOST_ROUNDS {
        let before = region.clone();
        for dim in (0..DIMS).filter(|d| Some(*d) != fixed) {
            let set = best_set(table, &region, dim);
            region = region.with(dim, set);
        }
        if region == before {
            break;
        }
    }
    region
}

/// The score of a region as it stands: that in the view of its least convincing dimension.
pub(super) fn score(table: &Table, region: &Region) -> f64 {
    let scores = (0..DIMS).filter_map(|dim| {
        let set = region.set(dim)?;
        let view = View::new(table, region, dim);
        let (inside, outside) = view.sums(&set.ids);
        Some(view.named(inside, outside, 0.0, set.cost).0)
    });
    rounded(scores.fold(f64::INFINITY, f64::min))
}

/// The single values, and folders, from which a search should start: the most frequent of each
/// dimension, and those that stand out most by themselves. A value that does not stand out is no
/// start, so a dimension that follows normal traffic cannot even change the way of the search.
pub(super) fn starts(table: &Table) -> Vec<Region> {
    let mut starts = Vec::new();
    for dim in (0..DIMS).filter(|d| table.width(*d) > 1) {
        let view = View::new(table, &Region::default(), dim);
        if !view.is_contrast() {
            continue;
        }
        let judged = |ids: &[u32]| {
            let (inside, outside) = view.sums(ids);
            view.named(inside, outside, 0.0, 0.0)
        };
        let alone = |ids: &[u32]| Reverse(judged(ids).0.max(0.0).to_bits());
        let mut order = by_ratio(&view.inside);
        order.retain(|id| judged(&[*id]).1 >= LEAST_RISE);
        order.sort_by_key(|id| (Reverse(at(&view.inside, *id).refused), *id));
        let mut chosen: Vec<u32> = order.iter().take(STARTS).copied().collect();
        order.sort_by_cached_key(|id| (alone(&[*id]), *id));
        chosen.extend(order.iter().take(STARTS));
        chosen.sort_unstable();
        chosen.dedup();
        let single = |id: u32| Region::of(dim, Set::new(table, dim, vec![id], None));
        starts.extend(chosen.into_iter().map(single));
        if dim == PATH {
            let mut folders: Vec<_> = (0u32..).zip(&table.folders).collect();
            folders.sort_by_cached_key(|(i, folder)| (alone(&folder.members), *i));
            starts.extend(folders.iter().take(STARTS).map(|(i, folder)| {
                Region::of(PATH, Set::new(table, PATH, folder.members.clone(), Some(*i)))
            }));
        }
    }
    starts
}
