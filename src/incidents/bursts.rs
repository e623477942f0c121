//! Bursts that are usual here: the scanner that comes every night, at another size each time.
//!
//! An hour with a bucket of eight or more is remembered. What is remembered near this time of day
//! allows for as much again: if bursts are exchangeable, the next one exceeds the largest of `n`
//! with a chance of 1/(n+1), so there must be slack: tenfold after one night, twofold after nine.

use super::hours::{Hour, Hours, LOOK_BACK, Mask};
use super::series::HourNumber;

/// A bucket from which an hour is remembered as a burst.
const BURST: u32 = 8;

/// Hours by which the time of day may differ.
const NEAR: HourNumber = 2;

/// Hours of the present that are not yet memory: the burst that is going on.
const PRESENT: HourNumber = 3;

/// Hours before a burst near this time of day is a memory: half a day, so that a long evening does
/// not excuse its own end.
const MEMORY_FROM: HourNumber = 12;

/// Bursts within six hours are one episode.
const EPISODE: HourNumber = 6;

/// The largest count that is no news, because bursts like it are usual.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Allowance {
    /// For each bucket of a window up to a quarter of an hour.
    pub bucket: f64,
    /// For any longer window.
    pub two_hours: f64,
    /// The most buckets of an hour that such bursts have filled.
    pub active: u8,
    /// Days, or episodes, that speak for it. With none there is no allowance.
    pub days: u32,
}

impl Allowance {
    /// What is usual at an hour. `enough` is the number of days a burst near this time must have
    /// come on: once for a rule that does its work, twice for a fault (news twice, then noise).
    pub fn at(hours: &Hours, hour: HourNumber, enough: u32) -> Allowance {
        let big: Vec<HourNumber> = hours
            .range(hour - LOOK_BACK, hour - PRESENT)
            .filter(|(_, row)| row.largest >= BURST && row.mask != Mask::Fault)
            .map(|(number, _)| number)
            .collect();
        let near: Vec<HourNumber> = big
            .iter()
            .copied()
            .filter(|&h| h < hour - MEMORY_FROM)
            .filter(|&h| (hour - h).rem_euclid(24).min((h - hour).rem_euclid(24)) <= NEAR)
            .collect();
        let mut best = Allowance::default();
        let days = different(near.iter().map(|h| (h + 12 - hour).div_euclid(24)));
        if days >= enough {
            best = Allowance::from(hours, &near, days);
        }
        // Bursts roam where enough of them lie outside the busiest six hours of the day. Then one
        // may come at any hour.
        if outside_busiest(&big) > enough {
            let episodes = different(big.iter().map(|h| h.div_euclid(EPISODE)));
            let roaming = Allowance::from(hours, &big, episodes);
            if roaming > best {
                best = roaming;
            }
        }
        best
    }

    fn from(hours: &Hours, bursts: &[HourNumber], days: u32) -> Allowance {
        let slack = 1.0 + 9.0 / f64::from(days.max(1));
        let rows = || bursts.iter().filter_map(|&hour| hours.get(hour));
        let sum = |hour| u64::from(hours.get(hour).copied().unwrap_or(Hour::default()).sum);
        let two_hours = bursts.iter().map(|&hour| sum(hour) + sum(hour + 1)).max().unwrap_or(0);
        Allowance {
            bucket: slack * f64::from(rows().map(|row| row.largest).max().unwrap_or(0)),
            two_hours: slack * two_hours as f64,
            active: rows().map(|row| row.active).max().unwrap_or(0),
            days,
        }
    }

    /// Whether there is anything usual to allow for.
    pub fn any(&self) -> bool {
        self.days > 0
    }

    /// The largest count of a window that is no news.
    pub fn of_window(&self, buckets: usize) -> f64 {
        if buckets <= 3 { self.bucket * buckets as f64 } else { self.two_hours }
    }
}

/// How many different values there are in an ascending row.
fn different(values: impl Iterator<Item = HourNumber>) -> u32 {
    let (count, _) = values.fold((0, None), |(count, last), value| {
        if last == Some(value) { (count, last) } else { (count + 1, Some(value)) }
    });
    count
}

/// Episodes outside the six hours of the day in which most of these hours lie.
fn outside_busiest(bursts: &[HourNumber]) -> u32 {
    let inside = |arc: HourNumber| move |h: &&HourNumber| (**h - arc).rem_euclid(24) < EPISODE;
    let mut busiest = (0, 0);
    for arc in 0..24 {
        let held = bursts.iter().filter(inside(arc)).count();
        if held > busiest.1 {
            busiest = (arc, held);
        }
    }
    let outside = bursts.iter().filter(|h| !inside(busiest.0)(h));
    different(outside.map(|h| h.div_euclid(EPISODE)))
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn hours(bursts: &[(HourNumber, u32)]) -> Hours {
        let mut rows = vec![Hour::default(); 300];
        for &(hour, largest) in bursts {
            rows[hour as usize] = Hour { sum: 2 * largest, largest, active: 3, mask: Mask::Clear };
        }
        Hours::from_rows(0, rows)
    }

    #[test]
    fn one_night_allows_for_ten_times_as_much_the_next() {
        let hours = hours(&[(240 + 3, 37)]);
        let allowed = Allowance::at(&hours, 240 + 27, 1);
        assert_eq!(allowed.bucket, 370.0);
        assert_eq!(allowed.of_window(2), 740.0);
        assert!(!Allowance::at(&hours, 240 + 27, 2).any(), "a fault must come twice");
        assert!(!Allowance::at(&hours, 240 + 36, 1).any(), "at another time of day it is news");
    }

    #[test]
    fn slack_shrinks_with_the_nights() {
        let nights: Vec<_> = (0..9).map(|night| (24 * night + 3, 100)).collect();
        assert_eq!(Allowance::at(&hours(&nights), 219, 1).bucket, 200.0);
    }

    #[test]
    fn bursts_at_all_hours_allow_for_bursts_at_all_hours() {
        let roaming = hours(&[(30, 20), (62, 30), (95, 25), (140, 20)]);
        let allowed = Allowance::at(&roaming, 202, 1);
        assert_eq!((allowed.days, allowed.bucket), (4, (1.0 + 9.0 / 4.0) * 30.0));
    }

    #[test]
    fn a_fault_is_no_habit() {
        let mut hours = hours(&[(243, 500)]);
        hours.mark(243 * 12, 244 * 12);
        assert!(!Allowance::at(&hours, 267, 1).any());
    }
}
