//! How an incident goes on and ends, and what of it is told to people.

use std::collections::VecDeque;

use super::detect::Hit;
use super::probability;
use super::run::Beat;
use super::series::{Bucket, DAY};

/// A new excess that begins this soon after the end is the same story.
pub const REOPENS: Bucket = 12;

/// Silence is judged over half an hour at least, six hours at most.
const QUIET: std::ops::RangeInclusive<usize> = 6..=72;

/// Odds of 100 to 1 for "it is as it was" against "a third of it goes on" (natural logarithm).
const ENDED: f64 = -4.6;

/// Where a third of the incident is hardly more than what is usual, it has ended when the count is
/// nothing special any more.
const USUAL_AGAIN: f64 = 0.01;

/// The rate of an incident is that of its first hour, once it has this many refusals.
const RATE_FROM: u64 = 20;

/// No incident is slower than one refusal in a hundred minutes.
const LEAST_RATE: f64 = 0.05;

/// An incident that goes on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Open {
    /// The first bucket that stands out.
    pub start: Bucket,
    /// The end of the bucket that opened it: from here on an alert could go out.
    pub detected: Bucket,
    /// Refusals since `start`.
    pub count: u64,
    /// What was expected since `start`.
    pub expected: f64,
    /// The chance that so many come without a reason.
    pub p_value: f64,
    /// The newest bucket that was more than usual.
    pub last_excess: Bucket,
    /// Refusals a bucket in its first hour; 0 until the next bucket.
    pub rate: f64,
}

/// Why an incident is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It has become quiet.
    Quiet,
    /// It has lasted for more than a day and is what is usual now.
    NewNormal,
    /// Evidence that came late explains it: its refusals belong to another series.
    LateData,
}

/// An incident that has ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Closed {
    /// The first bucket that stands out.
    pub start: Bucket,
    /// The end of the bucket that opened it.
    pub detected: Bucket,
    /// The first bucket after it.
    pub end: Bucket,
    /// Refusals from `start` to `end`.
    pub count: u64,
    /// What was expected from `start` to `end`.
    pub expected: f64,
    /// The chance that so many come without a reason.
    pub p_value: f64,
    /// Why it is over.
    pub reason: Reason,
}

impl Open {
    /// An incident that opens at a bucket, or one that opens again.
    pub(super) fn at(
        start: Bucket,
        bucket: Bucket,
        hit: Hit,
        continued: Option<Closed>,
        trail: &VecDeque<Beat>,
    ) -> Open {
        let since = continued.map_or(start, |last| last.end);
        let (count, expected) = sums(newest(trail, bucket + 1 - since));
        let fresh = Open {
            start,
            detected: bucket + 1,
            count,
            expected,
            p_value: hit.p_value,
            last_excess: bucket,
            rate: 0.0,
        };
        continued.map_or(fresh, |last| Open {
            start: last.start,
            detected: last.detected,
            count: last.count + count,
            expected: last.expected + expected,
            p_value: last.p_value.min(hit.p_value),
            ..fresh
        })
    }

    /// Counts one more bucket.
    pub(super) fn go_on(&mut self, bucket: Bucket, beat: &Beat) {
        self.count = self.count.saturating_add(u64::from(beat.count));
        self.expected += beat.mean;
        if beat.excessive() {
            self.last_excess = bucket;
        }
    }
}

/// Whether an incident has ended at this bucket, which `trail` has last: Wald's sequential test of
/// what is usual against a third of the incident's own rate. So half an hour of silence ends what
/// came ten a bucket, and three hours what came two an hour. It opens high and closes low, which
/// keeps it from flapping.
pub(super) fn ended(
    open: &mut Open,
    bucket: Bucket,
    trail: &VecDeque<Beat>,
    dispersion: f64,
) -> Option<Closed> {
    let usual = trail.back()?.mean;
    let lasted = bucket + 1 - open.start;
    let measured = open.count as f64 / lasted as f64;
    let settling = lasted <= 12 || open.rate == 0.0 || open.count < RATE_FROM;
    let rate = if settling { measured } else { open.rate };
    open.rate = rate.max(2.0 * usual).max(LEAST_RATE);

    let (mut count, mut mean) = (0_u64, 0.0);
    for (quiet, beat) in (1_usize..).zip(trail.iter().rev().take(*QUIET.end())) {
        count += u64::from(beat.count);
        mean += beat.mean;
        let from = bucket + 1 - Bucket::try_from(quiet).unwrap_or(0);
        if from < open.detected {
            return None;
        }
        if !QUIET.contains(&quiet) {
            continue;
        }
        let goes_on = open.rate / 3.0 * quiet as f64;
        let told_apart = goes_on > 1.2 * mean;
        let usual_again = || probability::at_least(count, mean, dispersion) > USUAL_AGAIN;
        // Where six hours of total silence could not tell the end from a third of very little, six
        // hours in which nothing is special are enough: a seep of fifteen refusals would otherwise
        // stay open for good.
        let undecidable = quiet == *QUIET.end() && goes_on - mean < -ENDED;
        let over = if told_apart && !undecidable {
            count as f64 * libm::log(goes_on / mean) - (goes_on - mean) <= ENDED
        } else {
            usual_again()
        };
        if over {
            let tail = newest(trail, bucket + 1 - from);
            let still = tail.take_while(|beat| beat.excessive()).count();
            let end = (from + Bucket::try_from(still).unwrap_or(0)).min(bucket);
            let (after, expected_after) = sums(newest(trail, bucket + 1 - end));
            let reason =
                if !told_apart && lasted > DAY { Reason::NewNormal } else { Reason::Quiet };
            return Some(Closed {
                start: open.start,
                detected: open.detected,
                end,
                count: open.count.saturating_sub(after),
                expected: (open.expected - expected_after).max(0.0),
                p_value: open.p_value,
                reason,
            });
        }
    }
    None
}

/// The newest buckets of a trail, oldest first.
fn newest(trail: &VecDeque<Beat>, buckets: Bucket) -> impl Iterator<Item = &Beat> {
    let buckets = usize::try_from(buckets).unwrap_or(0);
    trail.iter().skip(trail.len().saturating_sub(buckets))
}

fn sums<'a>(beats: impl Iterator<Item = &'a Beat>) -> (u64, f64) {
    beats.fold((0, 0.0), |(count, mean), beat| (count + u64::from(beat.count), mean + beat.mean))
}
