//! The rows of both samples, counted: what the search looks at instead of strings.

use super::collapse::Collapse;
use super::search::Row;
use std::collections::{BTreeMap, BTreeSet};

/// The dimensions in which a region may be named, in the order in which they are searched.
pub(super) const DIMS: usize = 5;
pub(super) const PATH: usize = 0;
pub(super) const EDGE: usize = 1;
pub(super) const COUNTRY: usize = 2;
pub(super) const HOST: usize = 3;
pub(super) const METHOD: usize = 4;

/// The number of a value that a row does not know.
pub(super) const UNKNOWN: u32 = 0;

/// All rows that agree in every dimension.
#[derive(Debug)]
pub(super) struct Cell {
    pub values: [u32; DIMS],
    /// Whether a cluster has explained it. Then it is out of the contrast on *both* sides: else,
    /// after a cluster of all `POST`, what is left would seem to be about `GET`.
    pub taken: bool,
    pub refused: u64,
    pub served: u64,
}

/// A folder that holds more than one template, and more than any one folder inside it.
#[derive(Debug)]
pub(super) struct Folder {
    /// With a slash at the end.
    pub name: String,
    pub members: Vec<u32>,
}

/// Rows as counts of tuples of numbers. Values are numbered in the order of their names, from one
/// on, so that comparing numbers is comparing names; cells are sorted, so nothing depends on the
/// order of the rows.
#[derive(Debug)]
pub(super) struct Table {
    pub names: [Vec<String>; DIMS],
    pub cells: Vec<Cell>,
    /// The cell of each refused row.
    pub cell_of: Vec<usize>,
    pub folders: Vec<Folder>,
    /// For each template the folders that hold it.
    pub folders_of: Vec<Vec<u32>>,
    pub refused: u64,
}

impl Table {
    pub fn new(refused: &[Row], served: &[Row]) -> Self {
        let rows = || refused.iter().chain(served);
        let paths = folded_paths(refused, served);
        let tuples: Vec<[Option<&str>; DIMS]> = rows()
            .zip(&paths)
            .map(|(row, path)| {
                let (country, host) = (row.country.as_deref(), row.host.as_deref());
                [Some(path.as_str()), Some(&row.edge), country, host, Some(&row.method)]
            })
            .collect();
        let mut distinct: [BTreeSet<&str>; DIMS] = Default::default();
        for tuple in &tuples {
            for (set, value) in distinct.iter_mut().zip(tuple) {
                set.extend(*value);
            }
        }
        let distinct = distinct.map(|set| set.into_iter().collect::<Vec<_>>());
        let numbered: Vec<[u32; DIMS]> = tuples
            .iter()
            .map(|tuple| {
                let mut dims = distinct.iter().zip(tuple);
                std::array::from_fn(|_| dims.next().map_or(UNKNOWN, |(d, v)| number(d, *v)))
            })
            .collect();
        let mut counts: BTreeMap<[u32; DIMS], (u64, u64)> = BTreeMap::new();
        for (i, values) in numbered.iter().enumerate() {
            let count = counts.entry(*values).or_default();
            if i < refused.len() { count.0 += 1 } else { count.1 += 1 }
        }
        let place: BTreeMap<_, _> = counts.keys().enumerate().map(|(i, v)| (*v, i)).collect();
        let cell_of =
            numbered.iter().take(refused.len()).filter_map(|v| place.get(v)).copied().collect();
        let cells = counts
            .into_iter()
            .map(|(values, (refused, served))| Cell { values, taken: false, refused, served })
            .collect();
        let names: [Vec<String>; DIMS] = distinct.map(|d| {
            let unknown = String::new();
            std::iter::once(unknown).chain(d.into_iter().map(str::to_owned)).collect()
        });
        let [templates, ..] = &names;
        let folders = folders(templates);
        let mut folders_of = vec![Vec::new(); templates.len()];
        for (i, folder) in (0u32..).zip(&folders) {
            for member in &folder.members {
                if let Some(list) = folders_of.get_mut(*member as usize) {
                    list.push(i);
                }
            }
        }
        let refused = refused.len() as u64;
        Self { names, cells, cell_of, folders, folders_of, refused }
    }

    pub fn name(&self, dim: usize, value: u32) -> &str {
        self.names.get(dim).and_then(|n| n.get(value as usize)).map_or("", String::as_str)
    }

    /// How many values a dimension has; what naming one of them costs grows with its logarithm.
    pub fn width(&self, dim: usize) -> usize {
        self.names.get(dim).map_or(0, |n| n.len() - 1)
    }

    /// The cells that no cluster has explained yet.
    pub fn open(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter().filter(|c| !c.taken)
    }

    pub fn left(&self) -> u64 {
        self.open().map(|c| c.refused).sum()
    }
}

/// The paths of all rows, folded. The tree behind them is the largest thing in this room; it is gone
/// before the table is built.
fn folded_paths(refused: &[Row], served: &[Row]) -> Vec<String> {
    let collapse = Collapse::new(refused.iter().map(|r| &*r.path), served.iter().map(|r| &*r.path));
    refused.iter().chain(served).map(|r| collapse.apply(&r.path)).collect()
}

fn number(sorted: &[&str], value: Option<&str>) -> u32 {
    value
        .and_then(|v| sorted.binary_search(&v).ok())
        .map_or(UNKNOWN, |i| u32::try_from(i + 1).unwrap_or(UNKNOWN))
}

/// The folders worth naming among sorted templates; the root is none, because it is everything.
fn folders(templates: &[String]) -> Vec<Folder> {
    let mut members: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for (number, template) in (0u32..).zip(templates) {
        for (slash, _) in template.match_indices('/').filter(|(i, _)| *i > 0) {
            if let Some(folder) = template.get(..=slash) {
                members.entry(folder).or_default().push(number);
            }
        }
    }
    let mut found: Vec<Folder> = Vec::new();
    for (name, members) in members.into_iter().rev() {
        let inner = found.last().filter(|f| f.name.starts_with(name));
        let same = inner.is_some_and(|f| f.members.len() == members.len());
        if members.len() > 1 && !same {
            found.push(Folder { name: name.to_owned(), members });
        }
    }
    found.reverse();
    found
}
