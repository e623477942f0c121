//! A region: one set of values for each dimension, or all of them.

use super::table::{Cell, DIMS, PATH, Table, UNKNOWN};

/// Nats that naming a dimension costs, before any value.
const DIMENSION: f64 = 2.0;

/// A set of values of one dimension.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Set {
    /// Sorted.
    pub ids: Vec<u32>,
    member: Vec<bool>,
    pub cost: f64,
    /// The folder, where the set is all that lies in it.
    pub folder: Option<u32>,
}

impl Set {
    pub fn new(table: &Table, dim: usize, mut ids: Vec<u32>, folder: Option<u32>) -> Self {
        ids.sort_unstable();
        let mut member = vec![false; table.width(dim) + 1];
        for id in &ids {
            if let Some(slot) = member.get_mut(*id as usize) {
                *slot = true;
            }
        }
        let words = if folder.is_some() { 1 } else { ids.len() };
        let cost = cost(table, dim, words);
        Self { ids, member, cost, folder }
    }

    pub fn has(&self, value: u32) -> bool {
        self.member.get(value as usize).copied().unwrap_or(false)
    }
}

/// What naming that many values of a dimension costs: each of them the logarithm of how many there
/// are to choose from. Folders are words of the path dimension as well.
pub(super) fn cost(table: &Table, dim: usize, words: usize) -> f64 {
    let choices = table.width(dim) + if dim == PATH { table.folders.len() } else { 0 };
    DIMENSION + (choices.max(2) as f64).ln() * words as f64
}

/// One set of values for each dimension, or all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Region {
    pub sets: [Option<Set>; DIMS],
}

impl Region {
    pub fn of(dim: usize, set: Set) -> Self {
        Self::default().with(dim, Some(set))
    }

    pub fn with(mut self, dim: usize, set: Option<Set>) -> Self {
        if let Some(slot) = self.sets.get_mut(dim) {
            *slot = set;
        }
        self
    }

    pub fn set(&self, dim: usize) -> Option<&Set> {
        self.sets.get(dim).and_then(Option::as_ref)
    }

    pub fn is_everything(&self) -> bool {
        self.sets.iter().all(Option::is_none)
    }

    pub fn holds(&self, cell: &Cell) -> bool {
        self.holds_but_for(cell, DIMS)
    }

    pub fn holds_but_for(&self, cell: &Cell, dim: usize) -> bool {
        let mut pairs = self.sets.iter().zip(cell.values).enumerate();
        pairs.all(|(i, (set, v))| i == dim || set.as_ref().is_none_or(|s| s.has(v)))
    }

    /// Whether a cell knows every dimension that the region names. Rows that do not are no part of
    /// the contrast, on either side.
    pub fn known_but_for(&self, cell: &Cell, dim: usize) -> bool {
        let mut pairs = self.sets.iter().zip(cell.values).enumerate();
        pairs.all(|(i, (set, v))| i == dim || set.is_none() || v != UNKNOWN)
    }

    /// Refused rows of the region among the given cells, and their lift over what was served.
    pub fn contrast<'a>(&self, cells: impl Iterator<Item = &'a Cell>) -> (u64, f64) {
        let (mut inside, mut all) = (Count::default(), Count::default());
        for cell in cells.filter(|c| self.known_but_for(c, DIMS)) {
            all.add(cell);
            if self.holds(cell) {
                inside.add(cell);
            }
        }
        let share = inside.refused as f64 / (all.refused.max(1)) as f64;
        let expected = (inside.served as f64 + 0.5) / (all.served as f64 + 1.0);
        (inside.refused, share / expected)
    }

    pub fn cost_but_for(&self, dim: usize) -> f64 {
        let sets = self.sets.iter().enumerate().filter(|(i, _)| *i != dim);
        sets.filter_map(|(_, s)| s.as_ref()).map(|s| s.cost).sum()
    }
}

/// Rows refused and served.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    pub refused: u64,
    pub served: u64,
}

impl Count {
    pub fn add(&mut self, cell: &Cell) {
        self.refused += cell.refused;
        self.served += cell.served;
    }

    pub fn plus(self, other: Self) -> Self {
        Self { refused: self.refused + other.refused, served: self.served + other.served }
    }
}
