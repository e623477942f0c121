//! What is new.
//!
//! Most sites answer 403 all day, so a number of refusals says nothing. Each series of a
//! distribution (a cause, its detail, for the WAF the rule) is judged against its own past.
//!
//! Kept are counts, not statistics, and [`detect()`] is a pure function of the counts up to a moment.
//! So the answer does not depend on which object came first, in how many pieces, or twice; when
//! something comes late, the question is asked again.
//!
//! - [`series`]: counts by five minutes, and who was there.
//! - [`hours`]: the older past, by the hour.
//! - [`baseline`]: what is expected at an hour.
//! - [`bursts`]: bursts that are usual here.
//! - [`probability`]: how improbable a count is.
//! - [`detect`](mod@detect): when a series stands out, and since when.
//! - [`lifecycle`]: how an incident goes on and ends.
//! - [`run`]: one pass over the buckets, which asks all of these.
//! - [`state`]: what the function keeps between two deliveries, and [`encode`] as how many bytes.
//! - [`story`]: what of all this people are told, once.
//! - [`messages`]: what is told of all incidents of a cause together.
//! - [`places`]: where the refusals of an incident are.
//! - [`counting`]: refusals to series, and a whole log to its incidents.
//! - [`record`]: what objects say, counted once and told once, by way of the [`store`].

pub mod baseline;
mod bits;
pub mod bursts;
pub mod counting;
pub mod detect;
pub mod encode;
pub mod hours;
pub mod lifecycle;
pub mod messages;
pub mod places;
pub mod plan;
pub mod probability;
pub mod record;
pub mod run;
pub mod series;
pub mod sources;
pub mod state;
pub mod store;
pub mod story;

use std::hash::Hasher;

use siphasher::sip::SipHasher24;

pub use detect::{Kind, Settings};
pub use encode::DecodeError;
pub use lifecycle::Reason;
pub use series::{BUCKET_SECONDS, Bucket, Clients, Series, bucket_of, time_of};
pub use state::State;
pub use story::{Change, News, Written, tell};

/// Something new in a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// The stable name, see [`incident_id`].
    pub id: String,
    /// The first bucket that stands out.
    pub start: Bucket,
    /// The end of the bucket that opened it: when an alert would have gone out had every log come
    /// at once.
    pub detected: Bucket,
    /// The first bucket after it, once it is over.
    pub end: Option<Bucket>,
    /// The newest bucket that held more than is usual.
    pub last_excess: Bucket,
    /// Refusals since `start`, up to `end`.
    pub forbidden: u64,
    /// How many would have been usual in that time.
    pub expected: f64,
    /// The chance that so many come without a reason.
    pub p_value: f64,
    /// Whether it goes on, and if not, why.
    pub state: IncidentState,
}

/// Whether an incident goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncidentState {
    /// It does.
    Open,
    /// It is over.
    Resolved(Reason),
}

/// The incidents of a series whose buckets are all there, oldest first. `served` counts the
/// requests of the distribution that were answered otherwise than with 403, and `until` is the
/// watermark: buckets before it are complete, and only their silence can end an incident.
pub fn detect(
    series: &Series,
    served: Option<&Series>,
    settings: &Settings<'_>,
    until: Bucket,
) -> Vec<Incident> {
    state::incidents(None, series, served.map(|served| (None, served)), settings, until)
}

/// The name of an incident: a hash of the distribution, the series and the first `start` that was
/// written of it. A later look may move the start; the name stays.
pub fn incident_id(distribution: &str, series: &str, first_start: Bucket) -> String {
    // The key is fixed, so that every machine gives the same name.
    let mut hasher = SipHasher24::new_with_keys(0x7768_7934_3033, 0x696e_6369_6465_6e74);
    for part in [distribution.as_bytes(), series.as_bytes(), &first_start.to_be_bytes()] {
        hasher.write_u64(part.len() as u64);
        hasher.write(part);
    }
    format!("i-{:016x}", hasher.finish())
}
