//! Standard logs of version 2 as Parquet: every column a string, its name in lower case with `_`.
//!
//! Only what such files have is read: flat columns of strings, written plainly or with a
//! dictionary, unpacked or packed with Snappy, gzip or Zstandard. All else is refused by name. A reader for
//! all of Parquet trusts the sizes that a file names; here each of them has a limit.

mod column;
mod hybrid;
mod thrift;

use std::borrow::Cow;

use column::{Budget, Chunk, Column};
use thrift::{Reader, Type};

use super::fault::{Fault, FaultKind, Faults, Place};
use super::names::{self, Dialect, Name};
use super::row::{Cells, Clock, Named, Row};
use crate::limits::{
    COLUMNS, Limits, PARQUET_FREE_ROWS, PARQUET_GROUPS, PARQUET_INDEX_BYTES, PARQUET_ROW_BYTES,
    RATIO_FREE_BYTES,
};

/// The first and the last four bytes of every such file.
pub const MAGIC: &[u8] = b"PAR1";

/// What the index at the end of a file says.
#[derive(Default)]
struct Index {
    /// The names of the columns, and whether they may be null.
    columns: Vec<(Vec<u8>, bool)>,
    groups: Vec<Group>,
}

#[derive(Default)]
struct Group {
    chunks: Vec<Chunk>,
    rows: u64,
}

/// Hands each row of an object to `each`. Rows that cannot be read are faults, and so is a row
/// group that breaks off; `Err` where the object as a whole cannot be read.
pub fn read(
    object: &[u8],
    limits: &Limits,
    faults: &mut Faults,
    mut each: impl FnMut(&Row<'_>, Place) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let index = index(object)?;
    let names: Vec<Name> =
        index.columns.iter().filter_map(|(name, _)| names::of(name, Dialect::Standard)).collect();
    let has = |name: Name| names.contains(&name);
    let timed = (has(Name::Date) && has(Name::Time)) || has(Name::TimestampMs);
    if !(timed && has(Name::Status) && has(Name::Path)) {
        let reason = "Parquet without the columns of an access log";
        return Err(Fault::new(Place::Whole, FaultKind::NotALog, reason));
    }
    let rows = index.groups.iter().fold(0u64, |sum, group| sum.saturating_add(group.rows));
    let most = PARQUET_FREE_ROWS.max(object.len() as u64 / PARQUET_ROW_BYTES);
    if rows > most {
        let reason = format!("{} bytes promise {rows} rows", object.len());
        return Err(Fault::new(Place::Whole, FaultKind::OverLimit, reason));
    }
    let ratio = usize::try_from(limits.object_ratio).unwrap_or(usize::MAX);
    let free = usize::try_from(RATIO_FREE_BYTES).unwrap_or(usize::MAX);
    let budget = Budget {
        stored: object.len(),
        unpacked: object.len().saturating_mul(ratio).max(free),
        open: limits.parquet_open_bytes,
    };
    let mut state = State { clock: Clock::default(), budget };
    let mut first = 1u64;
    for group in &index.groups {
        state.budget.open = limits.parquet_open_bytes;
        if let Err((row, kind, reason)) =
            read_group(object, group, &index, first, &mut state, faults, &mut each)
        {
            faults.push(Fault::new(Place::Row(row), kind, reason));
        }
        first = first.saturating_add(group.rows);
    }
    Ok(())
}

/// What goes on from one row group to the next.
struct State {
    clock: Clock,
    budget: Budget,
}

fn read_group(
    object: &[u8],
    group: &Group,
    index: &Index,
    first: u64,
    state: &mut State,
    faults: &mut Faults,
    each: &mut impl FnMut(&Row<'_>, Place) -> Result<(), Fault>,
) -> Result<(), (u64, FaultKind, &'static str)> {
    let corrupt = |row| {
        move |reason| {
            let large = reason == column::TOO_LARGE;
            (row, if large { FaultKind::OverLimit } else { FaultKind::Corrupt }, reason)
        }
    };
    let mut columns: Vec<(Name, Column<'_>)> = Vec::new();
    for chunk in &group.chunks {
        let Some(name) = names::of(&chunk.name, Dialect::Standard) else { continue };
        if !chunk.strings {
            return Err((first, FaultKind::Corrupt, "a column that is not one of strings"));
        }
        let optional =
            index.columns.iter().any(|(name, optional)| *name == chunk.name && *optional);
        let column = Column::open(object, chunk, optional, &mut state.budget);
        columns.push((name, column.map_err(corrupt(first))?));
    }
    for row in (first..).take(usize::try_from(group.rows).unwrap_or(usize::MAX)) {
        for (_, column) in &mut columns {
            if !column.advance(&mut state.budget).map_err(corrupt(row))? {
                return Err((row, FaultKind::Truncated, "a column ends before its row group"));
            }
        }
        let mut values: Named<'_> = [const { None }; names::COUNT];
        for (name, column) in &columns {
            if let Some(slot) = values.get_mut(*name as usize) {
                // The column is there, even where it is null.
                *slot = Some(Cow::Borrowed(column.value().unwrap_or(b"-")));
            }
        }
        let place = Place::Row(row);
        let read = Row::new(Cells::Named(&values), Dialect::Standard, &mut state.clock)
            .map_err(|(kind, reason)| Fault::new(place, kind, reason))
            .and_then(|row| each(&row, place));
        if let Err(fault) = read {
            faults.push(fault);
        }
    }
    Ok(())
}

/// Reads the index at the end of an object.
fn index(object: &[u8]) -> Result<Index, Fault> {
    let whole = |kind, reason: &str| Fault::new(Place::Byte(object.len() as u64), kind, reason);
    let cut = || whole(FaultKind::Truncated, "Parquet without its index: the object is cut off");
    let (rest, magic) = object.split_last_chunk::<4>().ok_or_else(cut)?;
    if magic == b"PARE" {
        return Err(whole(FaultKind::Corrupt, "Parquet whose index is encrypted"));
    }
    if magic != MAGIC {
        return Err(cut());
    }
    let (rest, length) = rest.split_last_chunk::<4>().ok_or_else(cut)?;
    let length = u32::from_le_bytes(*length) as usize;
    if length > PARQUET_INDEX_BYTES {
        return Err(whole(FaultKind::OverLimit, "the index of this Parquet is too large"));
    }
    let damaged = || whole(FaultKind::Corrupt, "the index of this Parquet is damaged");
    let start = rest.len().checked_sub(length).ok_or_else(damaged)?;
    let bytes = rest.get(start..).ok_or_else(damaged)?;
    parse_index(&mut Reader::new(bytes)).ok_or_else(damaged)
}

fn parse_index(reader: &mut Reader<'_>) -> Option<Index> {
    let mut index = Index::default();
    reader.fields(|id, kind, reader| {
        match (id, kind) {
            (2, Type::List) => index.columns = schema(reader)?,
            (4, Type::List) => {
                let (count, _) = reader.list()?;
                if count > PARQUET_GROUPS {
                    return None;
                }
                for _ in 0..count {
                    index.groups.push(group(reader)?);
                }
            }
            _ => return Some(false),
        }
        Some(true)
    })?;
    Some(index)
}

/// The columns that lie at the top; what lies in groups is none of a log.
fn schema(reader: &mut Reader<'_>) -> Option<Vec<(Vec<u8>, bool)>> {
    let (count, _) = reader.list()?;
    let mut columns = Vec::new();
    let mut nested = 0usize;
    for element in 0..count {
        let (mut name, mut children, mut repetition) = (Vec::new(), 0, 0);
        reader.fields(|id, kind, reader| {
            match (id, kind) {
                (3, Type::Integer) => repetition = reader.integer()?,
                (4, Type::Binary) => name = reader.binary()?.to_vec(),
                (5, Type::Integer) => children = reader.size()?,
                _ => return Some(false),
            }
            Some(true)
        })?;
        if element == 0 {
            continue;
        }
        let is_nested = nested > 0;
        nested = nested.saturating_sub(1).saturating_add(children);
        if !is_nested && children == 0 && repetition < 2 && columns.len() < COLUMNS {
            columns.push((name, repetition == 1));
        }
    }
    Some(columns)
}

fn group(reader: &mut Reader<'_>) -> Option<Group> {
    let mut group = Group::default();
    reader.fields(|id, kind, reader| {
        match (id, kind) {
            (1, Type::List) => {
                let (count, _) = reader.list()?;
                let mut seen = [false; names::COUNT];
                for _ in 0..count {
                    let chunk = chunk(reader)?;
                    // Only what is read, and of two of one name the first.
                    if let Some(name) = names::of(&chunk.name, Dialect::Standard)
                        && let Some(known @ false) = seen.get_mut(name as usize)
                    {
                        *known = true;
                        group.chunks.push(chunk);
                    }
                }
            }
            (3, Type::Integer) => group.rows = reader.size()? as u64,
            _ => return Some(false),
        }
        Some(true)
    })?;
    Some(group)
}

fn chunk(reader: &mut Reader<'_>) -> Option<Chunk> {
    let mut chunk = Chunk::default();
    reader.fields(|id, kind, reader| {
        if (id, kind) != (3, Type::Struct) {
            return Some(false);
        }
        let (mut data, mut dictionary, mut length) = (0, None, 0);
        reader.fields(|id, kind, reader| {
            match (id, kind) {
                (1, Type::Integer) => chunk.strings = reader.integer()? == 6,
                (3, Type::List) => {
                    let (count, _) = reader.list()?;
                    for part in 0..count {
                        let name = reader.binary()?;
                        // A name of several parts is nested, and its parts are no column's.
                        if part == 0 { chunk.name = name.to_vec() } else { chunk.name.clear() }
                    }
                }
                (4, Type::Integer) => chunk.codec = reader.integer()?,
                (7, Type::Integer) => length = reader.size()?,
                (9, Type::Integer) => data = reader.size()?,
                (11, Type::Integer) => dictionary = Some(reader.size()?),
                _ => return Some(false),
            }
            Some(true)
        })?;
        // Some writers name a dictionary at zero where there is none.
        let start = dictionary.filter(|at| *at > 0).map_or(data, |at| data.min(at));
        chunk.range = start..start.checked_add(length)?;
        Some(true)
    })?;
    Some(chunk)
}

#[cfg(test)]
mod tests;
