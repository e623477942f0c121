//! One pass over the buckets of a series, in the order of event time.
//!
//! The same pass serves a folder of logs, where every bucket is there from the first on, and the
//! function, which continues from what it has folded away. Continuing is exact: a state that was
//! folded every hour finds the same incidents, to the bit, as the whole series does.

use std::collections::VecDeque;

use super::baseline::{Baseline, Dispersion};
use super::bursts::Allowance;
use super::detect::{self, Settings};
use super::hours::{HOURS_KEPT, Hour, Hours, LOOK_BACK};
use super::lifecycle::{self, Closed, Open};
use super::series::{Bucket, DAY, HOUR, HourNumber, Series, hour_of};
use super::state::Past;

/// Hours whose buckets are needed to judge the next one: six for the longest window, and what lies
/// between the end of an incident and the onset of the one that may continue it.
pub const CONTEXT_HOURS: HourNumber = 8;

/// The same in buckets.
pub const CONTEXT: Bucket = CONTEXT_HOURS * HOUR;

/// Served requests in a quarter of an hour from which a surge can be told.
const SURGE_FROM: f64 = 30.0;

/// The most that a surge excuses.
const LARGEST_EXPOSURE: f64 = 10.0;

/// A bucket as it was judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Beat {
    pub count: u32,
    pub mean: f64,
}

impl Beat {
    /// The count with its peaks cut off, for the window that looks for the slow.
    pub fn flat(&self) -> f64 {
        f64::from(self.count).min(2.0 + 3.0 * self.mean)
    }

    /// Above what an hour after an incident may hold.
    pub fn excessive(&self) -> bool {
        f64::from(self.count) > (2.0 * self.mean).max(1.0)
    }
}

/// The requests that were served, as a measure of how many came at all.
#[derive(Debug, Clone)]
pub(super) struct Exposure<'a> {
    hours: Hours,
    recent: &'a Series,
    /// Buckets before this one are only known by their hour.
    from: Bucket,
    mean: f64,
}

impl<'a> Exposure<'a> {
    pub fn new(past: Option<&Past>, recent: &'a Series, origin: HourNumber) -> Exposure<'a> {
        let (hours, from) = match past {
            Some(past) => (past.hours.clone(), past.base - CONTEXT),
            None => (Hours::from_rows(origin, Vec::new()), Bucket::MIN),
        };
        Exposure { hours, recent, from, mean: Baseline::UNKNOWN.mean }
    }

    fn turn(&mut self, hour: HourNumber) {
        if self.hours.end() < hour - HOURS_KEPT {
            self.hours = Hours::from_rows(hour - HOURS_KEPT, Vec::new());
        }
        push_hours(&mut self.hours, self.recent, hour);
        self.mean = Baseline::mean_of(&self.hours, hour);
    }

    fn served(&self, bucket: Bucket) -> f64 {
        if bucket >= self.from {
            return f64::from(self.recent.count(bucket));
        }
        self.hours.get(hour_of(bucket)).map_or(0.0, |hour| f64::from(hour.sum) / 12.0)
    }

    /// How many times the usual number of requests came in the last quarter of an hour. Never less
    /// than one: in an outage served traffic falls, and that must not accuse.
    fn at(&self, bucket: Bucket, origin: Bucket) -> f64 {
        let last = (bucket - 2).max(origin);
        let served: f64 = (last..=bucket).map(|b| self.served(b)).sum();
        if bucket < origin + DAY || served <= SURGE_FROM {
            return 1.0;
        }
        (served / (3.0 * self.mean).max(1e-9)).clamp(1.0, LARGEST_EXPOSURE)
    }
}

/// The detector between two buckets.
pub(super) struct Judge<'a> {
    pub settings: &'a Settings<'a>,
    pub baseline: Baseline,
    pub allowance: Allowance,
    /// Every refusal up to now. Only asked for on a distribution's first day.
    pub seen: u64,
    pub open: Option<Open>,
    pub closed: Option<Closed>,
    /// Incidents that ended and can no longer be continued.
    pub settled: Vec<Closed>,
    hours: Hours,
    dispersion: Option<Dispersion>,
    levels: VecDeque<f64>,
    trail: VecDeque<Beat>,
    exposure: Option<Exposure<'a>>,
}

impl<'a> Judge<'a> {
    /// A detector at the beginning of an hour before which nothing ever happened.
    fn silent(
        settings: &'a Settings<'a>,
        hour: HourNumber,
        exposure: Option<Exposure<'a>>,
    ) -> Judge<'a> {
        Judge {
            settings,
            baseline: Baseline::UNKNOWN,
            allowance: Allowance::default(),
            seen: 0,
            open: None,
            closed: None,
            settled: Vec::new(),
            hours: Hours::silent(hour_of(settings.first_bucket_of_distribution), hour),
            dispersion: None,
            levels: VecDeque::new(),
            trail: VecDeque::new(),
            exposure,
        }
    }

    /// A detector that continues from what was folded away.
    fn resumed(
        settings: &'a Settings<'a>,
        past: &Past,
        recent: &Series,
        exposure: Option<Exposure<'a>>,
    ) -> Judge<'a> {
        let mut judge = Judge::silent(settings, hour_of(past.base), exposure);
        judge.hours = past.hours.clone();
        judge.dispersion = past.dispersion;
        judge.open = past.open;
        judge.closed = past.closed;
        judge.seen = judge.hours.rows().iter().map(|hour| u64::from(hour.sum)).sum();
        let levels = HourNumber::try_from(past.levels.len()).unwrap_or(0);
        for (hour, &level) in (hour_of(past.base) - levels..).zip(&past.levels) {
            judge.baseline.mean = level;
            judge.remember_level();
            if let Some(exposure) = &mut judge.exposure {
                exposure.turn(hour);
            }
            for bucket in hour * HOUR..(hour + 1) * HOUR {
                judge.remember(bucket, recent.count(bucket));
            }
        }
        judge
    }

    /// The first bucket of the hour in which the distribution was first seen.
    pub fn origin(&self) -> Bucket {
        hour_of(self.settings.first_bucket_of_distribution) * HOUR
    }

    /// The newest buckets, newest first.
    pub fn newest(&self, buckets: usize) -> impl Iterator<Item = &Beat> {
        self.trail.iter().rev().take(buckets)
    }

    fn remember_level(&mut self) {
        self.levels.push_back(self.baseline.mean);
        if HourNumber::try_from(self.levels.len()).unwrap_or(0) > CONTEXT_HOURS {
            self.levels.pop_front();
        }
    }

    fn remember(&mut self, bucket: Bucket, count: u32) {
        let exposure = self.exposure.as_ref().map_or(1.0, |e| e.at(bucket, self.origin()));
        self.trail.push_back(Beat { count, mean: self.baseline.mean * exposure });
        if Bucket::try_from(self.trail.len()).unwrap_or(0) > CONTEXT {
            self.trail.pop_front();
        }
    }

    /// Closes the hours before this one and notes which belonged to an incident.
    fn close_hours(&mut self, hour: HourNumber, recent: &Series) {
        let known = self.hours.end();
        push_hours(&mut self.hours, recent, hour);
        if let Some(last) = self.closed.filter(|last| last.end > known * HOUR) {
            self.hours.mark(last.start, last.end);
        }
        if let Some(open) = &self.open {
            self.hours.mark(open.start, hour * HOUR);
        }
    }

    /// Works out what an hour is judged by.
    fn turn(&mut self, hour: HourNumber, recent: &Series) {
        self.close_hours(hour, recent);
        self.baseline = Baseline::of(&self.hours, hour, &mut self.dispersion);
        self.allowance = Allowance::at(&self.hours, hour, self.settings.kind.days_to_habit());
        self.remember_level();
        if let Some(exposure) = &mut self.exposure {
            exposure.turn(hour);
        }
    }

    /// Judges one bucket. `complete` says that nothing more is to come for it: only then can
    /// silence end an incident.
    fn step(&mut self, bucket: Bucket, recent: &Series, complete: bool) {
        let count = recent.count(bucket);
        self.remember(bucket, count);
        self.seen = self.seen.saturating_add(u64::from(count));
        if let Some(mut open) = self.open.take() {
            if let Some(beat) = self.trail.back() {
                open.go_on(bucket, beat);
            }
            let ended = if complete {
                lifecycle::ended(&mut open, bucket, &self.trail, self.baseline.dispersion)
            } else {
                None
            };
            match ended {
                Some(closed) => {
                    self.hours.unmark_from(closed.start);
                    self.hours.mark(closed.start, closed.end);
                    self.settled.extend(self.closed.replace(closed));
                }
                None => self.open = Some(open),
            }
            return;
        }
        if count == 0 {
            return;
        }
        let near = bucket - 2..=bucket;
        let addresses = recent
            .knows_clients(near.clone())
            .then(|| near.map(|b| recent.clients(b).at_least()).max().unwrap_or(0));
        let one_visitor = detect::may_be_one_visitor(self.settings, addresses);
        if let Some(hit) = detect::opening(self, bucket, one_visitor) {
            let start = bucket - detect::onset(self.trail.iter().rev(), hit.window);
            let continued = self.closed.take_if(|last| start - last.end <= lifecycle::REOPENS);
            self.open = Some(Open::at(start, bucket, hit, continued, &self.trail));
        }
    }

    /// What must be kept to continue from this bucket, the first of an hour.
    fn into_past(mut self, base: Bucket, recent: &Series) -> (Past, Vec<Closed>) {
        self.close_hours(hour_of(base), recent);
        let past = Past {
            base,
            hours: self.hours,
            dispersion: self.dispersion,
            levels: self.levels.into(),
            open: self.open,
            closed: self.closed,
        };
        (past, self.settled)
    }
}

/// Appends the hours that are over.
pub(super) fn push_hours(hours: &mut Hours, counts: &Series, end: HourNumber) {
    for hour in hours.end()..end {
        let buckets = hour * HOUR..(hour + 1) * HOUR;
        hours.push(Hour::of(buckets.map(|bucket| counts.count(bucket))));
    }
}

/// How far a pass goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// Buckets before this one are complete.
    pub watermark: Bucket,
    /// The first bucket that is not judged.
    pub stop: Bucket,
    /// Whether the pass may end once nothing can happen any more.
    pub may_end_early: bool,
}

/// Passes over the buckets. `None` where there is nothing to judge.
pub(super) fn pass<'a>(
    past: Option<&Past>,
    recent: &Series,
    exposure: Option<Exposure<'a>>,
    settings: &'a Settings<'a>,
    extent: Extent,
) -> Option<Judge<'a>> {
    let origin = hour_of(settings.first_bucket_of_distribution);
    let (mut judge, mut hour) = match past {
        Some(past) => (Judge::resumed(settings, past, recent, exposure), hour_of(past.base)),
        None => {
            let hour = hour_before(recent.span()?.0).max(origin);
            (Judge::silent(settings, hour, exposure), hour)
        }
    };
    while hour * HOUR < extent.stop {
        if judge.open.is_none() {
            let next = recent.next_from(hour * HOUR).filter(|&next| next < extent.stop);
            if next.is_none() && extent.may_end_early {
                break;
            }
            // After fourteen silent days every hour is like the one before: leave the rest out.
            let wake = hour_before(next.unwrap_or(extent.stop));
            if hour <= wake - HOURS_KEPT {
                judge.hours = Hours::silent(origin, wake);
                judge.dispersion = None;
                judge.trail.clear();
                judge.levels.clear();
                hour = wake;
            }
        }
        judge.turn(hour, recent);
        for bucket in (hour * HOUR..(hour + 1) * HOUR).take_while(|&b| b < extent.stop) {
            judge.step(bucket, recent, bucket < extent.watermark);
        }
        hour += 1;
    }
    Some(judge)
}

/// Passes over the buckets before `base` and gives what must be kept of them.
pub(super) fn fold<'a>(
    past: Option<&Past>,
    recent: &Series,
    exposure: Option<Exposure<'a>>,
    settings: &'a Settings<'a>,
    base: Bucket,
) -> Option<(Past, Vec<Closed>)> {
    let extent = Extent { watermark: base, stop: base, may_end_early: false };
    Some(pass(past, recent, exposure, settings, extent)?.into_past(base, recent))
}

/// The hour from which a pass begins so that all is in place when the first refusal comes: half a
/// day before, at the beginning of six hours, in which the dispersion is worked out once.
fn hour_before(bucket: Bucket) -> HourNumber {
    (hour_of(bucket).div_euclid(6) - 2) * 6
}

const _: () = assert!(HOURS_KEPT >= LOOK_BACK + CONTEXT_HOURS);
