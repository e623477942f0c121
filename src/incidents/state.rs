//! What the function keeps of a series between two deliveries: the buckets that may still change,
//! and what follows from those that no longer do.

use super::baseline::Dispersion;
use super::hours::{HOURS_KEPT, Hours};
use super::lifecycle::{Closed, Open};
use super::run::{self, CONTEXT, Exposure, Extent};
use super::series::{Bucket, HOUR, HourNumber, Series, hour_of};
use super::story::Written;
use super::{Incident, IncidentState, Settings, incident_id};

/// Buckets that may still change: 26 hours. AWS says that a log may come 24 hours late, and a log
/// covers up to an hour.
/// See: <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.md>
pub const HORIZON: Bucket = 26 * HOUR;

/// The least chance that is reported. A model that says "impossible" is wrong.
const LEAST_P_VALUE: f64 = 1e-300;

/// What follows from the buckets before `base`, the first of an hour.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    /// The first bucket that is not folded away.
    pub(super) base: Bucket,
    pub(super) hours: Hours,
    pub(super) dispersion: Option<Dispersion>,
    /// The mean by which each of the last eight hours was judged.
    pub(super) levels: Vec<f64>,
    pub(super) open: Option<Open>,
    pub(super) closed: Option<Closed>,
}

/// The state of one series, and in the same form that of the requests which a distribution served.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    pub(super) past: Option<Past>,
    pub(super) recent: Series,
    /// Incidents that were written, oldest first; see [`super::story`].
    pub written: Vec<Written>,
}

impl State {
    /// A series of which nothing is known.
    pub fn new() -> State {
        State::default()
    }

    /// A state that holds no more than these counts.
    pub fn of(recent: Series) -> State {
        State { recent, ..State::default() }
    }

    /// The buckets that may still change, and a few before them.
    pub fn recent(&self) -> &Series {
        &self.recent
    }

    /// The first bucket that may still change; `None` while all may.
    pub fn base(&self) -> Option<Bucket> {
        self.past.as_ref().map(|past| past.base)
    }

    /// Adds what an object contributed. What comes too late for its bucket is added to its hour,
    /// where it still teaches. Gives the number of such refusals (`LateBeyondHorizon`).
    pub fn merge(&mut self, contribution: &Series) -> u64 {
        let base = self.base().unwrap_or(Bucket::MIN);
        let mut late = 0;
        for (bucket, count) in contribution.counts() {
            let count = u64::from(count);
            if bucket >= base {
                self.recent.add(bucket, count);
            } else if let Some(past) = &mut self.past {
                past.hours.add_late(bucket, count);
                late += count;
            }
        }
        // The address of somebody who was not refused says nothing.
        let refused = |bucket| bucket >= base && contribution.count(bucket) > 0;
        for (bucket, clients) in contribution.all_clients().filter(|(b, _)| refused(*b)) {
            self.recent.unite_clients(bucket, clients);
        }
        late
    }

    /// Whether people think of one of its incidents that it goes on.
    pub fn has_open(&self) -> bool {
        self.written.iter().any(|written| written.closed.is_none())
    }

    /// Takes in another series: both are one from now on. Buckets that may still change are added
    /// up, and of what was folded away the hours, which is all that they still have in common.
    pub fn absorb(&mut self, mut other: State) {
        if self.past.is_none() {
            std::mem::swap(&mut self.past, &mut other.past);
            std::mem::swap(&mut self.recent, &mut other.recent);
        }
        let base = other.base().unwrap_or(Bucket::MIN);
        if let (Some(mine), Some(theirs)) = (&mut self.past, &other.past) {
            for (hour, row) in (theirs.hours.first()..).zip(theirs.hours.rows()) {
                mine.hours.add_late(hour * HOUR, u64::from(row.sum));
            }
        }
        // A few buckets before the base are kept as well, and are among the hours.
        other.recent.forget_before(base, base);
        self.merge(&other.recent);
    }

    /// Takes out what belongs to another series after all (late WAF evidence).
    pub fn take(&mut self, bucket: Bucket, count: u64) {
        if self.base().is_none_or(|base| bucket >= base) {
            self.recent.take(bucket, count);
        }
    }

    /// The incidents that are known up to the watermark, oldest first: what is open, the last that
    /// ended before the kept buckets, and all within them.
    pub fn detect(
        &self,
        served: Option<&State>,
        settings: &Settings<'_>,
        until: Bucket,
    ) -> Vec<Incident> {
        let served = served.map(|served| (served.past.as_ref(), &served.recent));
        incidents(self.past.as_ref(), &self.recent, served, settings, until)
    }

    /// Folds away the buckets that can no longer change, `newest` being the newest bucket of the
    /// distribution. Gives the incidents that this has settled for good; the rest is still found
    /// by [`State::detect`]. To be called before the served requests are folded, which are needed
    /// for it.
    pub fn fold(
        &mut self,
        served: Option<&State>,
        settings: &Settings<'_>,
        newest: Bucket,
    ) -> Vec<Incident> {
        let Some(base) = self.next_base(newest) else { return Vec::new() };
        let served = served.map(|served| (served.past.as_ref(), &served.recent));
        let exposure = exposure(served, settings);
        let past = run::fold(self.past.as_ref(), &self.recent, exposure, settings, base);
        let Some((past, settled)) = past.filter(|(past, _)| past.base <= base) else {
            return Vec::new();
        };
        self.past = Some(past);
        self.recent.forget_before(base - CONTEXT, base - 2);
        settled.iter().map(|closed| ended(closed, settings)).collect()
    }

    /// The same for served requests, which are not judged.
    pub fn fold_served(&mut self, first_bucket_of_distribution: Bucket, newest: Bucket) {
        let Some(base) = self.next_base(newest) else { return };
        let origin = hour_of(first_bucket_of_distribution).max(hour_of(base) - HOURS_KEPT);
        let mut hours = match self.past.take() {
            Some(past) if past.hours.end() >= origin => past.hours,
            _ => Hours::from_rows(origin.min(hour_of(base)), Vec::new()),
        };
        run::push_hours(&mut hours, &self.recent, hour_of(base));
        self.past = Some(Past {
            base,
            hours,
            dispersion: None,
            levels: Vec::new(),
            open: None,
            closed: None,
        });
        self.recent.forget_before(base - CONTEXT, base - 2);
    }

    /// Where the buckets that may still change begin, if that is later than now.
    fn next_base(&self, newest: Bucket) -> Option<Bucket> {
        let base = hour_of(newest - HORIZON) * HOUR;
        let begun = self.base().or(self.recent.span().map(|(first, _)| first))?;
        (base > begun).then_some(base)
    }
}

/// Served requests: what was folded away of them, and the buckets that are there.
type Served<'a> = (Option<&'a Past>, &'a Series);

fn exposure<'a>(served: Option<Served<'a>>, settings: &Settings<'_>) -> Option<Exposure<'a>> {
    let origin: HourNumber = hour_of(settings.first_bucket_of_distribution);
    served.map(|(past, recent)| Exposure::new(past, recent, origin))
}

pub(super) fn incidents(
    past: Option<&Past>,
    recent: &Series,
    served: Option<Served<'_>>,
    settings: &Settings<'_>,
    until: Bucket,
) -> Vec<Incident> {
    // Arrivals only add. So an excess may be found in buckets that are still filling, and only the
    // end of an incident has to wait for the watermark.
    let newest = recent.span().map_or(until, |(_, last)| last + 1);
    let extent = Extent { watermark: until, stop: until.max(newest), may_end_early: true };
    let exposure = exposure(served, settings);
    let Some(judge) = run::pass(past, recent, exposure, settings, extent) else {
        return Vec::new();
    };
    let over = judge.settled.iter().chain(&judge.closed).map(|closed| ended(closed, settings));
    over.chain(judge.open.iter().map(|open| Incident {
        id: incident_id(settings.distribution, settings.series, open.start),
        start: open.start,
        detected: open.detected,
        end: None,
        last_excess: open.last_excess,
        forbidden: open.count,
        expected: open.expected,
        p_value: open.p_value.max(LEAST_P_VALUE),
        state: IncidentState::Open,
    }))
    .collect()
}

fn ended(closed: &Closed, settings: &Settings<'_>) -> Incident {
    Incident {
        id: incident_id(settings.distribution, settings.series, closed.start),
        start: closed.start,
        detected: closed.detected,
        end: Some(closed.end),
        last_excess: closed.end - 1,
        forbidden: closed.count,
        expected: closed.expected,
        p_value: closed.p_value.max(LEAST_P_VALUE),
        state: IncidentState::Resolved(closed.reason),
    }
}
