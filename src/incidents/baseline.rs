//! What is expected at an hour, from the fourteen days before it.
//!
//! The expectation leans on the same hour of past days and its neighbours, and is drawn to the
//! level of the last two days as far as there is little of that. Hours of incidents do not teach,
//! and no hour may teach more than three times what a busy hour holds, so that neither an outage
//! nor a scanner raises what counts as usual. The pattern is that of Noufaily et al. (2013), *An
//! improved algorithm for outbreak detection in multiple surveillance systems*: same season,
//! dispersion from the residuals, past outbreaks weighted down.

use super::hours::{Hours, LOOK_BACK, Mask};
use super::series::HourNumber;

/// Days after which a day has half its say: last week keeps a third of it.
const HALF_LIFE_DAYS: f64 = 4.0;

/// Weight of the level beside the hour's own past, in buckets. After one day an hour's own count
/// (two hours' worth, with its neighbours) and the level weigh about the same.
const LEVEL_BUCKETS: f64 = 24.0;

/// What a level is worth that was never seen: the rule of succession. Nothing has happened so far
/// does not mean that nothing ever will.
const UNSEEN: f64 = 0.5;

/// An hour may always teach this many refusals, so that a small cause is not capped at its zeros.
const LEAST_CAP: u64 = 12;

/// Nothing on the web scatters as little as chance alone would make it.
const LEAST_DISPERSION: f64 = 1.2;

/// Beyond this an hour is not noisy but another regime.
const LARGEST_DISPERSION: f64 = 20.0;

/// The dispersion that is assumed before there is a past, and the weight of that assumption once
/// there is one, in hours.
const PRIOR_DISPERSION: f64 = 1.5;
const PRIOR_HOURS: f64 = 24.0;

/// The dispersion with hardly any past at all: cautious.
const DISPERSION_UNKNOWN: f64 = 3.0;

/// Hours that must have neighbours before a dispersion is worked out.
const DISPERSION_FROM_HOURS: f64 = 12.0;

/// The dispersion is worked out anew every six hours: it changes slowly and costs the most.
const DISPERSION_HOURS: HourNumber = 6;

/// A dispersion and the six hours that it holds for.
pub type Dispersion = (HourNumber, f64);

/// What is expected of the buckets of one hour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Baseline {
    /// Refusals a bucket.
    pub mean: f64,
    /// Variance over mean.
    pub dispersion: f64,
    /// Refusals on which `mean` rests: a mean known from five is hardly known.
    pub evidence: f64,
    /// Refusals of the last seven days outside incidents: a cause with few of them is rare.
    pub week: u64,
}

impl Baseline {
    /// The expectation where nothing is known.
    pub const UNKNOWN: Baseline =
        Baseline { mean: UNSEEN / 12.0, dispersion: DISPERSION_UNKNOWN, evidence: UNSEEN, week: 0 };

    /// The expectation for an hour, from the hours before it. `dispersion` is remembered from one
    /// hour to the next.
    pub fn of(hours: &Hours, hour: HourNumber, dispersion: &mut Option<Dispersion>) -> Baseline {
        let Some(taught) = Taught::before(hours, hour) else { return Baseline::UNKNOWN };
        let (mean, evidence) = taught.mean();
        let block = hour.div_euclid(DISPERSION_HOURS);
        let phi = match *dispersion {
            Some((known, phi)) if known == block => phi,
            _ => taught.dispersion(),
        };
        *dispersion = Some((block, phi));
        Baseline { mean, dispersion: phi, evidence, week: taught.week(hours) }
    }

    /// Only the mean, for requests that were served.
    pub fn mean_of(hours: &Hours, hour: HourNumber) -> f64 {
        Taught::before(hours, hour).map_or(Baseline::UNKNOWN.mean, |taught| taught.mean().0)
    }
}

/// The hours that teach, each capped, by their age.
struct Taught {
    hour: HourNumber,
    /// By age in hours, the youngest (age 1) first; `None` where an hour does not teach.
    capped: Vec<Option<u32>>,
}

impl Taught {
    fn before(hours: &Hours, hour: HourNumber) -> Option<Taught> {
        let from = hour - LOOK_BACK;
        let mut sums: Vec<u32> = hours
            .range(from, hour)
            .filter(|(_, row)| row.mask == Mask::Clear)
            .map(|(_, row)| row.sum)
            .collect();
        if sums.is_empty() {
            return None;
        }
        let (_, &mut third_quartile, _) = {
            let index = (sums.len() - 1) * 3 / 4;
            sums.select_nth_unstable(index)
        };
        let cap = LEAST_CAP.max(3 * u64::from(third_quartile));
        let cap = u32::try_from(cap).unwrap_or(u32::MAX);
        let capped = (1..=LOOK_BACK)
            .map(|age| {
                let row = hours.get(hour - age).filter(|row| row.mask == Mask::Clear)?;
                Some(row.sum.min(cap))
            })
            .collect();
        Some(Taught { hour, capped })
    }

    /// What the hour of this age taught. No hour is younger than one.
    fn at_age(&self, age: HourNumber) -> Option<u32> {
        let index = usize::try_from(age - 1).ok()?;
        self.capped.get(index).copied().flatten()
    }

    /// The mean of a bucket, and the refusals on which it rests.
    fn mean(&self) -> (f64, f64) {
        let recent = self.capped.iter().take(48).flatten();
        let (count, sum) = recent.fold((0_u32, 0_u64), |(n, sum), &c| (n + 1, sum + u64::from(c)));
        let level = (sum as f64 + UNSEEN) / (12.0 * f64::from(count.max(1)));
        let (mut seen, mut buckets) = (0.0, 0.0);
        for day in 1..=LOOK_BACK / 24 {
            let fading = libm::pow(0.5, day as f64 / HALF_LIFE_DAYS);
            for (later, share) in [(-1, 0.5), (0, 1.0), (1, 0.5)] {
                if let Some(capped) = self.at_age(24 * day - later) {
                    let weight = share * fading;
                    seen += weight * f64::from(capped);
                    buckets += weight * 12.0;
                }
            }
        }
        let borrowed = LEVEL_BUCKETS * level;
        ((seen + borrowed) / (buckets + LEVEL_BUCKETS), seen + borrowed + UNSEEN)
    }

    /// The dispersion of the last seven days' hours about their neighbours: three hours by three
    /// days before and after.
    fn dispersion(&self) -> f64 {
        let (mut squares, mut counted) = (0.0, 0.0);
        for age in (1..=168).rev() {
            let Some(own) = self.at_age(age) else { continue };
            let (mut sum, mut neighbours) = (0_u64, 0_u32);
            for days in [24, 48, 72] {
                for beside in [-1, 0, 1] {
                    for other in [age + days + beside, age - days + beside] {
                        if let Some(count) = self.at_age(other) {
                            sum += u64::from(count);
                            neighbours += 1;
                        }
                    }
                }
            }
            if neighbours < 3 {
                continue;
            }
            let mean = (sum as f64 / f64::from(neighbours)).max(0.5);
            let residual = f64::from(own) - mean;
            squares += residual * residual / mean / (1.0 + 1.0 / f64::from(neighbours));
            counted += 1.0;
        }
        if counted < DISPERSION_FROM_HOURS {
            return DISPERSION_UNKNOWN;
        }
        ((squares + PRIOR_HOURS * PRIOR_DISPERSION) / (counted + PRIOR_HOURS))
            .clamp(LEAST_DISPERSION, LARGEST_DISPERSION)
    }

    fn week(&self, hours: &Hours) -> u64 {
        hours
            .range(self.hour - 168, self.hour)
            .filter(|(_, row)| row.mask == Mask::Clear)
            .map(|(_, row)| u64::from(row.sum))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::super::hours::Hour;
    use super::*;

    fn hours(sums: impl Iterator<Item = u32>) -> Hours {
        let rows = sums.map(|sum| Hour { sum, largest: sum, active: 12, mask: Mask::Clear });
        Hours::from_rows(0, rows.collect())
    }

    #[test]
    fn without_a_past_half_a_refusal_an_hour_is_expected() {
        assert_eq!(Baseline::of(&Hours::default(), 0, &mut None), Baseline::UNKNOWN);
    }

    #[test]
    fn a_steady_cause_is_expected_as_it_was() {
        let steady = hours((0..200).map(|_| 36));
        let baseline = Baseline::of(&steady, 200, &mut None);
        assert!((baseline.mean - 3.0).abs() < 0.01, "{baseline:?}");
        assert_eq!(baseline.dispersion, LEAST_DISPERSION);
        assert_eq!(baseline.week, 168 * 36);
    }

    #[test]
    fn one_hour_of_a_scanner_does_not_raise_what_is_usual() {
        let quiet = hours((0..200).map(|_| 2));
        let scanned = hours((0..200).map(|hour| if hour == 150 { 5_000 } else { 2 }));
        let (before, after) = (Baseline::mean_of(&quiet, 198), Baseline::mean_of(&scanned, 198));
        assert!(after < 2.0 * before, "{before} {after}");
    }

    #[test]
    fn the_hour_of_the_day_counts() {
        let nightly = hours((0..240).map(|hour| if hour % 24 == 3 { 48 } else { 1 }));
        let at = |hour| Baseline::mean_of(&nightly, hour);
        assert!(at(240 + 3) > 3.0 * at(240 + 12));
    }

    #[test]
    fn hours_of_an_incident_teach_nothing() {
        let mut hours = hours((0..200).map(|hour| if hour >= 190 { 900 } else { 6 }));
        hours.mark(190 * 12, 200 * 12);
        let baseline = Baseline::of(&hours, 200, &mut None);
        assert!(baseline.mean < 0.6, "{baseline:?}");
    }
}
