//! When a series stands out: the rules by which an incident opens, and since when.
//!
//! Several windows are judged at once, from five minutes to six hours, because a fault may come as
//! a wall or as a seep. All of a window's rules must hold: improbable alone is a p-value, enough
//! alone is a threshold, and each of them has cost other teams a hundred alarms a day.

use super::probability;
use super::run::{Beat, Judge};
use super::series::{Bucket, DAY};

/// What the cause of a series means to people (`severity` in the report).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Somebody who should get in may not: `fault`, `unknown`, and what is unattributed.
    Fault,
    /// A rule does what it was set up to do. It is news when it is new or out of proportion.
    Enforcement,
}

/// What the detector is told about a series beside its counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings<'a> {
    /// The distribution, for the id of an incident.
    pub distribution: &'a str,
    /// What tells this series from the distribution's others (cause, detail, rule), for the id.
    pub series: &'a str,
    /// How it is judged.
    pub kind: Kind,
    /// The first bucket in which anything was seen of the distribution. A series that begins later
    /// was silent until then.
    pub first_bucket_of_distribution: Bucket,
    /// Distributions in the account: more of them are more chances for a false alarm.
    pub distributions_in_account: u32,
    /// Whether one visitor alone can provoke such refusals. Then a handful of addresses is no news,
    /// unless it lasts. A fault of the configuration has no such floor: an office behind one
    /// address is a customer too.
    pub provoked_alone: bool,
}

/// The windows, in buckets: five minutes to six hours.
pub const WINDOWS: [usize; 6] = [1, 2, 3, 6, 12, 72];

/// The longest window looks for what is slow. In it a bucket counts at most two more than three
/// times what is expected, or a single burst would fill it.
const SLOW: usize = 72;

/// The chance at which a count is improbable. 8,640 buckets a month times about three windows that
/// are independent make a quarter of a false alarm a month for a busy cause at the very most;
/// sparse causes have far fewer, since the floors decide.
pub const ALPHA: f64 = 1e-5;

/// Distributions up to which an account needs no stricter chance.
const FEW_DISTRIBUTIONS: f64 = 20.0;

/// Refusals beyond the expected that people need to see before an alert is worth their time. A
/// p-value is only as good as its model.
const FLOOR_FAULT: f64 = 8.0;
const FLOOR_ENFORCEMENT: f64 = 12.0;

/// The same for a cause with fewer than [`RARE`] refusals in seven days, and one never seen.
const FLOOR_RARE_FAULT: f64 = 12.0;
const FLOOR_RARE_ENFORCEMENT: f64 = 20.0;

/// Refusals in seven days below which a cause is rare.
const RARE: u64 = 12;

/// The same in the first day of a distribution, when a daily cycle was not yet seen once.
const FLOOR_FIRST_DAY: f64 = 20.0;

/// The slow window needs half as much again, unless the cause is rare.
const SLOW_FLOOR: f64 = 1.5;

/// How often the expected count must have come: a rise by 40 % is a trend for a report, not news.
const RATIO: f64 = 3.0;
const RATIO_FIRST_DAY: f64 = 5.0;

/// Addresses that make "not one visitor", in one of the last three buckets. The scanners of other
/// teams' alarms had one to seven.
const ADDRESSES_FAULT: u32 = 4;
const ADDRESSES_ENFORCEMENT: u32 = 8;

/// The rule of duration looks at the smaller half of an hour's buckets: no burst fills that.
const DURATION: usize = 12;
const SMALLER_HALF: usize = 6;

/// It needs three hours of data.
const DURATION_FROM: Bucket = 36;

/// Bursts that have filled this many buckets of an hour are told from a fault by nothing, so the
/// rule of duration is off where they are usual.
const LONG_BURSTS: u8 = 8;

/// Why an incident opened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Buckets of the window.
    pub window: usize,
    /// The chance that so many come without a reason.
    pub p_value: f64,
}

impl Kind {
    fn floor(self, first_day: bool, rare: bool) -> f64 {
        match (self, first_day, rare) {
            (_, true, _) => FLOOR_FIRST_DAY,
            (Kind::Fault, _, false) => FLOOR_FAULT,
            (Kind::Fault, _, true) => FLOOR_RARE_FAULT,
            (Kind::Enforcement, _, false) => FLOOR_ENFORCEMENT,
            (Kind::Enforcement, _, true) => FLOOR_RARE_ENFORCEMENT,
        }
    }

    fn addresses(self) -> u32 {
        match self {
            Kind::Fault => ADDRESSES_FAULT,
            Kind::Enforcement => ADDRESSES_ENFORCEMENT,
        }
    }

    /// Days on which a burst must have come before it is usual: a fault is news twice.
    pub(super) fn days_to_habit(self) -> u32 {
        match self {
            Kind::Fault => 2,
            Kind::Enforcement => 1,
        }
    }
}

impl Settings<'_> {
    fn alpha(&self) -> f64 {
        ALPHA / (f64::from(self.distributions_in_account) / FEW_DISTRIBUTIONS).max(1.0)
    }
}

/// Whether an incident opens at the bucket that was counted last.
pub(super) fn opening(judge: &Judge<'_>, bucket: Bucket, one_visitor: bool) -> Option<Hit> {
    let kind = judge.settings.kind;
    let age = bucket - judge.origin();
    let first_day = age < DAY;
    let rare = judge.baseline.week < RARE;
    let floor = kind.floor(first_day, rare);
    let ratio = if first_day { RATIO_FIRST_DAY } else { RATIO };
    // What the last incident counted is not news.
    let fresh = bucket + 1 - judge.closed.as_ref().map_or(judge.origin(), |last| last.end);
    let fresh = usize::try_from(fresh).unwrap_or(0);
    let news = |count: f64, mean: f64, floor: f64| -> Option<f64> {
        if count - mean < floor || count < ratio * mean {
            return None;
        }
        // A mean that rests on few refusals may be wrong by itself (Gamma-Poisson).
        let dispersion = judge.baseline.dispersion * (1.0 + mean / judge.baseline.evidence);
        let p_value = probability::at_least(count as u64, mean, dispersion);
        (p_value < judge.settings.alpha()).then_some(p_value)
    };

    for window in WINDOWS {
        if one_visitor || window > fresh || (window == SLOW && age < 2 * DAY) {
            continue;
        }
        let counted: u64 = judge.newest(window).map(|beat| u64::from(beat.count)).sum();
        // A rule that has refused before on the first day may only be at its usual work.
        if first_day && kind == Kind::Enforcement && judge.seen > counted {
            continue;
        }
        let mean: f64 = judge.newest(window).map(|beat| beat.mean).sum();
        let (count, floor) = if window == SLOW {
            let flat = judge.newest(window).map(Beat::flat).sum();
            (flat, if rare { floor } else { floor * SLOW_FLOOR })
        } else {
            (counted as f64, floor)
        };
        if judge.allowance.any() && count <= judge.allowance.of_window(window) {
            continue;
        }
        if let Some(p_value) = news(count, mean, floor) {
            return Some(Hit { window, p_value });
        }
    }

    // What lasts is news even where bursts are usual, and even from one address.
    let seen_enough = age >= DURATION_FROM && (!first_day || kind == Kind::Enforcement);
    let told_from_bursts = !judge.allowance.any() || judge.allowance.active < LONG_BURSTS;
    if fresh >= DURATION && seen_enough && told_from_bursts {
        let mut counts: Vec<u32> = judge.newest(DURATION).map(|beat| beat.count).collect();
        counts.sort_unstable();
        let smaller: u64 = counts.iter().take(SMALLER_HALF).map(|&c| u64::from(c)).sum();
        let mean = judge.newest(DURATION).map(|beat| beat.mean).sum::<f64>() / 2.0;
        if let Some(p_value) = news(smaller as f64, mean, floor) {
            return Some(Hit { window: DURATION, p_value });
        }
    }
    None
}

/// Whether the refusals of the last three buckets may all be one visitor's. Where the log holds no
/// addresses nobody can say so.
pub(super) fn may_be_one_visitor(settings: &Settings<'_>, at_least: Option<u32>) -> bool {
    settings.provoked_alone && at_least.is_some_and(|seen| seen < settings.kind.addresses())
}

/// How many buckets ago it began: the change point with the largest likelihood ratio (the
/// generalised likelihood ratio chart of Höhle and Paul, 2008, used for the onset alone).
pub(super) fn onset<'a>(newest_first: impl Iterator<Item = &'a Beat>, window: usize) -> Bucket {
    let (mut count, mut mean) = (0.0, 0.0);
    let (mut best, mut at) = (-1.0, 0);
    for (ago, beat) in (0..).zip(newest_first.take(window.max(DURATION))) {
        count += f64::from(beat.count);
        mean += beat.mean;
        if count > mean {
            let ratio = count * libm::log(count / mean) - (count - mean);
            if ratio > best {
                (best, at) = (ratio, ago);
            }
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_onset_is_where_the_level_changed() {
        let beats: Vec<Beat> =
            [20, 18, 22, 1, 0, 0, 1].map(|count| Beat { count, mean: 0.5 }).to_vec();
        assert_eq!(onset(beats.iter(), 1), 2);
    }

    #[test]
    fn more_distributions_need_a_stricter_chance() {
        let settings = Settings {
            distribution: "E1",
            series: "waf",
            kind: Kind::Fault,
            first_bucket_of_distribution: 0,
            distributions_in_account: 1,
            provoked_alone: false,
        };
        assert_eq!(settings.alpha(), ALPHA);
        assert_eq!(Settings { distributions_in_account: 200, ..settings }.alpha(), ALPHA / 10.0);
    }
}
