//! When what was refused: counts for the picture of a report.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::causes::Cause;

/// Refusals with status 403 by cause and by slices of equal length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// The begin of the first slice, in seconds since 1970.
    pub start: i64,
    /// The length of a slice in seconds.
    pub slice: i64,
    /// For each cause how many were refused in each slice, the most frequent cause first.
    pub causes: Vec<(&'static str, Vec<u64>)>,
}

/// Lengths of slices, in seconds; readers know what begins at a full hour.
const SLICES: [i64; 11] = [1, 10, 60, 300, 900, 1800, 3600, 10_800, 21_600, 86_400, 604_800];

/// Slices in a picture at most: one is then still some pixels wide on a phone.
const MOST: i64 = 60;

impl Timeline {
    /// Counts what happened within a window.
    pub fn of(
        window: Option<(Timestamp, Timestamp)>,
        refusals: impl Iterator<Item = (Timestamp, Cause)>,
    ) -> Self {
        let Some((first, last)) = window else { return Self::default() };
        let (first, last) = (first.as_second(), last.as_second());
        let span = |slice: i64| last.div_euclid(slice) - first.div_euclid(slice) + 1;
        let slice = SLICES.into_iter().find(|slice| span(*slice) <= MOST);
        // Longer than a year of weeks: equal parts.
        let slice = slice.unwrap_or_else(|| (last - first) / (MOST - 1) + 1);
        let begin = first.div_euclid(slice);
        let slices = span(slice);
        let mut counts: BTreeMap<Cause, Vec<u64>> = BTreeMap::new();
        for (time, cause) in refusals {
            let place = (time.as_second().div_euclid(slice) - begin).clamp(0, slices - 1);
            let row = counts.entry(cause).or_insert_with(|| vec![0; slices as usize]);
            if let Some(count) = row.get_mut(place as usize) {
                *count += 1;
            }
        }
        let mut causes: Vec<(&'static str, Vec<u64>)> =
            counts.into_iter().map(|(cause, row)| (cause.id(), row)).collect();
        let total = |row: &[u64]| row.iter().sum::<u64>();
        causes.sort_by_key(|(_, row)| std::cmp::Reverse(total(row)));
        Self { start: begin * slice, slice, causes }
    }

    /// How many slices there are.
    pub fn slices(&self) -> usize {
        self.causes.first().map_or(0, |(_, row)| row.len())
    }

    /// When a slice begins.
    pub fn begin(&self, slice: usize) -> Option<Timestamp> {
        let seconds = i64::try_from(slice).ok()?.checked_mul(self.slice)?;
        Timestamp::from_second(self.start.checked_add(seconds)?).ok()
    }

    /// What was refused in a slice, whatever the cause.
    pub fn total(&self, slice: usize) -> u64 {
        self.causes.iter().filter_map(|(_, row)| row.get(slice)).sum()
    }

    /// Where a moment lies: 0 at the begin of the first slice, 1 at the end of the last.
    pub fn place(&self, time: Timestamp) -> f64 {
        let whole = self.slice.saturating_mul(self.slices() as i64).max(1);
        let since = time.as_second() - self.start;
        (since as f64 / whole as f64).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn every_refusal_is_in_one_slice_and_slices_begin_at_full_minutes() {
        let times =
            (0..1800).map(|n| (at(90 + n), if n % 3 == 0 { Cause::Waf } else { Cause::S3Origin }));
        let line = Timeline::of(Some((at(90), at(1889))), times);
        assert_eq!((line.start, line.slice), (60, 60));
        assert_eq!(line.slices(), 31);
        assert_eq!((0..line.slices()).map(|n| line.total(n)).sum::<u64>(), 1800);
        assert_eq!(line.causes.first().map(|(cause, _)| *cause), Some("s3-origin"));
        assert_eq!(line.total(0), 30);
    }

    #[test]
    fn a_line_is_never_longer_than_a_picture_is_wide() {
        for days in [0, 1, 40, 4_000, 400_000] {
            let window = (at(-5), at(days * 86_400));
            let line = Timeline::of(Some(window), [(window.1, Cause::Waf)].into_iter());
            assert!((1..=61).contains(&line.slices()), "{days}: {}", line.slices());
            assert_eq!(line.total(line.slices() - 1), 1, "{days}");
        }
        assert_eq!(Timeline::of(None, std::iter::empty()).slices(), 0);
    }
}
