//! A state as bytes: at most five kilobytes for any series whatever, a few hundred as a rule.
//!
//! Bits rather than bytes, since a day of one size packs into the width of its largest number.
//! Numbers carry their own length; hours and buckets come in blocks of 24 with widths of their
//! own. Floats (the levels that past hours were judged by) are kept to the bit: they follow from
//! the counts alone, and are never added to.

use super::bits::{Reader, Writer};
use super::hours::{HOURS_KEPT, Hour, Hours, Mask};
use super::lifecycle::{Closed, Open, Reason};
use super::run::CONTEXT_HOURS;
use super::series::{Clients, HOUR, HourNumber, LARGEST_COUNT, Series};
use super::state::{Past, State};
use super::story::{WRITTEN_KEPT, Written};

/// The version of this layout. A state of another version is refused, never misread.
const VERSION: u64 = 1;

/// Rows of a block.
const BLOCK: usize = 24;

/// More buckets than any state holds.
const MOST_BUCKETS: u64 = 1 << 16;

/// Why bytes are no state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeError {
    /// They end too soon.
    Truncated,
    /// They were written by another version.
    Version(u64),
    /// They hold something that no state holds.
    Impossible(&'static str),
    /// They go on behind the end.
    Trailing,
}

impl std::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DecodeError::Truncated => f.write_str("the state ends too soon"),
            DecodeError::Version(version) => {
                write!(f, "the state has version {version}, this program reads version {VERSION}")
            }
            DecodeError::Impossible(what) => write!(f, "the state holds an impossible {what}"),
            DecodeError::Trailing => f.write_str("the state goes on behind its end"),
        }
    }
}

impl std::error::Error for DecodeError {}

impl State {
    /// The state as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.bits(VERSION, 8);
        out.flag(self.past.is_some());
        if let Some(past) = &self.past {
            write_past(&mut out, past);
        }
        write_series(&mut out, &self.recent);
        let surplus = self.written.len().saturating_sub(WRITTEN_KEPT);
        out.number((self.written.len() - surplus) as u64);
        for written in self.written.iter().skip(surplus) {
            write_written(&mut out, written);
        }
        out.into_bytes()
    }

    /// The state that these bytes hold.
    pub fn decode(bytes: &[u8]) -> Result<State, DecodeError> {
        let mut from = Reader::new(bytes);
        let version = from.bits(8)?;
        if version != VERSION {
            return Err(DecodeError::Version(version));
        }
        let past = if from.flag()? { Some(read_past(&mut from)?) } else { None };
        let recent = read_series(&mut from)?;
        let count = from.number()?;
        if count > WRITTEN_KEPT as u64 {
            return Err(DecodeError::Impossible("number of incidents"));
        }
        let written = (0..count).map(|_| read_written(&mut from)).collect::<Result<Vec<_>, _>>()?;
        from.end()?;
        Ok(State { past, recent, written })
    }
}

fn write_past(out: &mut Writer, past: &Past) {
    out.signed(past.base);
    out.flag(past.dispersion.is_some());
    if let Some((block, phi)) = past.dispersion {
        out.signed(block);
        out.float(phi);
    }
    out.number(past.levels.len() as u64);
    for &level in &past.levels {
        out.float(level);
    }
    out.flag(past.open.is_some());
    if let Some(open) = &past.open {
        for bucket in [open.start, open.detected, open.last_excess] {
            out.signed(past.base - bucket);
        }
        out.number(open.count);
        for float in [open.expected, open.p_value, open.rate] {
            out.float(float);
        }
    }
    out.flag(past.closed.is_some());
    if let Some(closed) = &past.closed {
        for bucket in [closed.start, closed.detected, closed.end] {
            out.signed(past.base - bucket);
        }
        out.number(closed.count);
        for float in [closed.expected, closed.p_value] {
            out.float(float);
        }
        write_reason(out, Some(closed.reason));
    }
    out.signed(past.hours.first());
    out.number(past.hours.rows().len() as u64);
    for block in past.hours.rows().chunks(BLOCK) {
        let sum = width(block.iter().map(|hour| hour.sum));
        let largest = width(block.iter().map(|hour| hour.largest));
        out.bits(u64::from(sum), 5);
        out.bits(u64::from(largest), 5);
        for hour in block {
            out.bits(u64::from(hour.sum), sum);
            if hour.sum > 0 {
                out.bits(u64::from(hour.largest), largest);
                out.bits(u64::from(hour.active), 4);
            }
            out.bits(mask_code(hour.mask), 2);
        }
    }
}

fn read_past(from: &mut Reader<'_>) -> Result<Past, DecodeError> {
    let base = from.bucket()?;
    if base.rem_euclid(HOUR) != 0 {
        return Err(DecodeError::Impossible("base"));
    }
    let dispersion = if from.flag()? { Some((from.bucket()?, from.positive()?)) } else { None };
    let levels = from.number()?;
    if levels > CONTEXT_HOURS.unsigned_abs() {
        return Err(DecodeError::Impossible("number of levels"));
    }
    let levels = (0..levels).map(|_| from.positive()).collect::<Result<Vec<_>, _>>()?;
    let open = if from.flag()? {
        Some(Open {
            start: base - from.bucket()?,
            detected: base - from.bucket()?,
            last_excess: base - from.bucket()?,
            count: from.number()?,
            expected: from.positive()?,
            p_value: from.positive()?,
            rate: from.positive()?,
        })
    } else {
        None
    };
    let closed = if from.flag()? {
        Some(Closed {
            start: base - from.bucket()?,
            detected: base - from.bucket()?,
            end: base - from.bucket()?,
            count: from.number()?,
            expected: from.positive()?,
            p_value: from.positive()?,
            reason: read_reason(from)?.ok_or(DecodeError::Impossible("reason"))?,
        })
    } else {
        None
    };
    let first: HourNumber = from.bucket()?;
    let count = from.number()?;
    if count > HOURS_KEPT.unsigned_abs() {
        return Err(DecodeError::Impossible("number of hours"));
    }
    let mut rows = Vec::new();
    let mut left = usize::try_from(count).unwrap_or(0);
    while left > 0 {
        let (sum, largest) = (from.width()?, from.width()?);
        for _ in 0..left.min(BLOCK) {
            let mut hour = Hour { sum: from.count(sum)?, ..Hour::default() };
            if hour.sum > 0 {
                hour.largest = from.count(largest)?;
                hour.active = u8::try_from(from.bits(4)?).unwrap_or(0);
            }
            hour.mask = match from.bits(2)? {
                0 => Mask::Clear,
                1 => Mask::Burst,
                2 => Mask::Fault,
                _ => return Err(DecodeError::Impossible("mask")),
            };
            rows.push(hour);
        }
        left = left.saturating_sub(BLOCK);
    }
    let hours = Hours::from_rows(first, rows);
    if hours.end() * HOUR != base {
        return Err(DecodeError::Impossible("hour"));
    }
    Ok(Past { base, hours, dispersion, levels, open, closed })
}

fn mask_code(mask: Mask) -> u64 {
    match mask {
        Mask::Clear => 0,
        Mask::Burst => 1,
        Mask::Fault => 2,
    }
}

fn write_series(out: &mut Writer, series: &Series) {
    write_counts(out, series);
    write_clients(out, series);
}

fn write_counts(out: &mut Writer, series: &Series) {
    out.flag(series.span().is_some());
    let Some((first, last)) = series.span() else { return };
    out.signed(first);
    let counts: Vec<u32> = (first..=last).map(|bucket| series.count(bucket)).collect();
    out.number(counts.len() as u64);
    for block in counts.chunks(BLOCK) {
        let width = width(block.iter().copied());
        out.bits(u64::from(width), 5);
        if width == 0 {
            continue;
        }
        // Few numbers among zeros, or numbers throughout, whichever is shorter.
        let filled = block.iter().filter(|&&count| count > 0).count();
        let sparse = block.len() + filled * (width as usize) < block.len() * (width as usize);
        out.flag(sparse);
        for &count in block {
            if sparse {
                out.flag(count > 0);
            }
            if !sparse || count > 0 {
                out.bits(u64::from(count), width);
            }
        }
    }
}

fn write_clients(out: &mut Writer, series: &Series) {
    let mut known = series.all_clients().map(|(bucket, _)| bucket);
    let first = known.next();
    out.flag(first.is_some());
    let Some(first) = first else { return };
    let last = known.next_back().unwrap_or(first);
    out.signed(first);
    out.number((last + 1 - first).unsigned_abs());
    for bucket in first..=last {
        let clients = series.clients(bucket);
        let (none, many) = (clients.at_least() == 0, clients.at_least() == Clients::MANY);
        out.flag(!none);
        if !none {
            out.flag(many);
        }
        if !none && !many {
            out.bits(u64::from(clients.places()), Clients::PLACES);
        }
    }
}

fn read_series(from: &mut Reader<'_>) -> Result<Series, DecodeError> {
    let mut series = Series::new();
    if from.flag()? {
        read_counts(from, &mut series)?;
    }
    if from.flag()? {
        read_clients(from, &mut series)?;
    }
    Ok(series)
}

fn read_counts(from: &mut Reader<'_>, series: &mut Series) -> Result<(), DecodeError> {
    let first = from.bucket()?;
    let buckets = from.number()?;
    if buckets > MOST_BUCKETS {
        return Err(DecodeError::Impossible("number of buckets"));
    }
    let end = first + i64::try_from(buckets).unwrap_or(0);
    let mut bucket = first;
    while bucket < end {
        let width = from.width()?;
        let block_end = end.min(bucket + 24);
        if width == 0 {
            bucket = block_end;
            continue;
        }
        let sparse = from.flag()?;
        while bucket < block_end {
            let count = if !sparse || from.flag()? { from.count(width)? } else { 0 };
            if count > LARGEST_COUNT {
                return Err(DecodeError::Impossible("count"));
            }
            series.add(bucket, u64::from(count));
            bucket += 1;
        }
    }
    Ok(())
}

fn read_clients(from: &mut Reader<'_>, series: &mut Series) -> Result<(), DecodeError> {
    let first = from.bucket()?;
    let known = from.number()?;
    if known > MOST_BUCKETS {
        return Err(DecodeError::Impossible("number of buckets"));
    }
    for bucket in (first..).take(usize::try_from(known).unwrap_or(0)) {
        if !from.flag()? {
            continue;
        }
        let all = (1 << Clients::PLACES) - 1;
        let places = if from.flag()? { all } else { from.count(Clients::PLACES)? };
        series.unite_clients(bucket, Clients::from_places(places));
    }
    Ok(())
}

fn write_written(out: &mut Writer, written: &Written) {
    out.signed(written.first_start);
    out.signed(written.start - written.first_start);
    out.flag(written.end.is_some());
    if let Some(end) = written.end {
        out.signed(end - written.first_start);
    }
    write_reason(out, written.closed);
    out.signed(written.told - written.first_start);
    out.number(written.told_count);
    out.flag(written.silent);
}

fn read_written(from: &mut Reader<'_>) -> Result<Written, DecodeError> {
    let first_start = from.bucket()?;
    Ok(Written {
        first_start,
        start: first_start + from.bucket()?,
        end: if from.flag()? { Some(first_start + from.bucket()?) } else { None },
        closed: read_reason(from)?,
        told: first_start + from.bucket()?,
        told_count: from.number()?,
        silent: from.flag()?,
    })
}

fn write_reason(out: &mut Writer, reason: Option<Reason>) {
    let code = match reason {
        None => 0,
        Some(Reason::Quiet) => 1,
        Some(Reason::NewNormal) => 2,
        Some(Reason::LateData) => 3,
    };
    out.bits(code, 2);
}

fn read_reason(from: &mut Reader<'_>) -> Result<Option<Reason>, DecodeError> {
    Ok(match from.bits(2)? {
        0 => None,
        1 => Some(Reason::Quiet),
        2 => Some(Reason::NewNormal),
        _ => Some(Reason::LateData),
    })
}

/// Bits that the largest of these needs.
fn width(counts: impl Iterator<Item = u32>) -> u32 {
    u32::BITS - counts.max().unwrap_or(0).leading_zeros()
}
