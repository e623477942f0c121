//! What was seen before: the trait, and what is written in one piece.
//!
//! Counting and remembering what was counted is one [`Change`], which a store takes as a whole or
//! not at all. Implementations block; the function runs them on a thread of its own.

#[cfg(feature = "aws")]
pub mod dynamo;
pub mod memory;
pub mod samples;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use self::samples::Hourly;
use super::series::HourNumber;
use super::sources::Sources;
use super::{Bucket, Series, State};
use crate::alerts::Outgoing;
use crate::causes::Cause;
use crate::logs::waf_slots::Chunk;
use crate::report::build::Subject;
use crate::trigger::Object;
use crate::trigger::stream::Sequence;

/// The form in which state is written. A program refuses what a newer one has written.
pub const VERSION: u64 = 4;

/// Objects and items of one change. A transaction takes a hundred items.
pub const CHANGE_ITEMS: usize = 100;

/// Why a store did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It may work later.
    #[error("the table cannot be used now: {0}")]
    Away(String),
    /// A newer program wrote it.
    #[error(
        "the state was written by a newer version ({found}, this one knows {VERSION}): update the function"
    )]
    Newer {
        /// The version that was found.
        found: u64,
    },
    /// It cannot be read.
    #[error("the state cannot be read: {0}")]
    Damaged(String),
    /// Somebody else counted records of the same shard at the same time. Which of these are left is
    /// seen when they come again.
    #[error("somebody else counts this shard")]
    Outrun,
}

/// That an object was counted for a distribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The distribution; empty where nobody knows it.
    pub distribution: String,
    /// How many distributions the object holds.
    pub of: usize,
    /// What could not be read of it, where it was counted in part.
    pub partial: Option<Partial>,
}

/// Why an object was counted in part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partial {
    /// The reason.
    pub reason: String,
    /// Where it ends to be readable.
    pub offset: u64,
}

/// How far a shard is counted for a distribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The shard, with its stream.
    pub shard: String,
    /// The last record that was counted before, if any was.
    pub before: Option<Sequence>,
    /// The last record that is counted now.
    pub last: Sequence,
}

/// A series as it is stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stored {
    /// Its counts and what was told of it.
    pub state: State,
    /// How often it was written; zero is never. A write holds only if nobody wrote in between.
    pub revision: u64,
}

/// A distribution as a whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Site {
    /// The requests that it answered otherwise than with 403.
    pub served: State,
    /// All that its web ACL refuses, and what waits for the web ACL's log. Only what waits is judged
    /// by it: by the past of the whole, because it has none of its own.
    pub waf: State,
    /// What waits now.
    pub waiting: Series,
    /// What is counted by real-time records, and what objects say of it.
    pub sources: Sources,
    /// The first bucket in which anything was seen of it.
    pub first: Option<Bucket>,
    /// The newest one.
    pub newest: Option<Bucket>,
    /// How often it was written.
    pub revision: u64,
}

/// Refusals of one object and distribution whose WAF records are not there yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    /// The object, which is read again once they are.
    pub object: Object,
    /// The distribution.
    pub distribution: String,
    /// The web ACL, by its ARN.
    pub acl: String,
    /// The last slot that must be complete.
    pub last_slot: i64,
    /// When it was counted, by our clock.
    pub since: Timestamp,
    /// The hashes of their ids.
    pub ids: BTreeSet<u64>,
    /// What was counted of them meanwhile.
    pub counts: Series,
    /// Their lines, where they came as records of a stream, which cannot be read again.
    pub lines: Vec<u8>,
}

impl Wait {
    /// Whether they came as real-time records.
    pub fn is_realtime(&self) -> bool {
        !self.lines.is_empty()
    }

    /// Whether both are of one object and distribution.
    pub fn is_of(&self, other: &Self) -> bool {
        (&self.object, &self.distribution) == (&other.object, &other.distribution)
    }
}

/// What the stored logs of a web ACL say of some slots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WafSlots {
    /// What is stored of them.
    pub chunks: Vec<Chunk>,
    /// The newest slot before them of which there is something.
    pub earlier: Option<i64>,
    /// The next later slot of which there is something.
    pub later: Option<i64>,
}

/// An incident of a story that has ended before the story has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// Its id.
    pub id: String,
    /// Its detail.
    pub detail: Option<String>,
    /// Its rule.
    pub rule: Option<String>,
    /// When it began.
    pub start: Timestamp,
    /// When it stood out.
    pub detected: Timestamp,
    /// When it ended.
    pub end: Option<Timestamp>,
    /// Its refusals.
    pub forbidden: u64,
    /// How many would have been usual.
    pub expected: f64,
}

/// The story of one distribution and cause, under which alerts go out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Story {
    /// The id of the incident that began it.
    pub alert_id: String,
    /// How many messages it has sent.
    pub sequence: u64,
    /// The newest bucket of its incidents.
    pub last: Bucket,
    /// Its incidents that go on.
    pub open: BTreeSet<String>,
    /// The largest of those that have ended.
    pub ended: Vec<Ended>,
    /// The moment of its last message, by the delivery's clock.
    pub told: Bucket,
    /// How sure the last message was.
    pub confidence: Option<String>,
    /// What its messages named, by [`super::messages`].
    pub said: BTreeSet<u32>,
    /// How often it was written.
    pub revision: u64,
}

/// All that is known of a distribution.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// The distribution; absent if it was never written.
    pub site: Option<Site>,
    /// Its series.
    pub series: BTreeMap<Subject, Stored>,
    /// The stories of its causes.
    pub stories: BTreeMap<Cause, Story>,
}

impl Known {
    /// Whether it has an open incident.
    pub fn has_open(&self) -> bool {
        let waf = self.site.iter().map(|site| &site.waf);
        self.series.values().map(|stored| &stored.state).chain(waf).any(State::has_open)
    }
}

/// All that one commit writes, for one distribution.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// The distribution; empty where nobody knows it.
    pub distribution: String,
    /// Objects that are counted with it; none may have been counted before.
    pub objects: Vec<(Object, Counted)>,
    /// Shards that are counted further with it; none may have been counted meanwhile.
    pub marks: Vec<Mark>,
    /// The distribution in its new form, with the revision that it had.
    pub site: Option<Site>,
    /// Whether it has something open now, if that has changed.
    pub opens: Option<bool>,
    /// Series in their new form, each with the revision that it had.
    pub series: BTreeMap<Subject, Stored>,
    /// Series that are no more, each with the revision that it had: rules that went into the rest.
    pub gone: BTreeMap<Subject, u64>,
    /// Stories in their new form, each with the revision that it had.
    pub stories: BTreeMap<Cause, Story>,
    /// What waits from now on.
    pub waits: Vec<Wait>,
    /// What waited and does so no more.
    pub settled: Option<Wait>,
    /// Alerts that are to go out.
    pub outbox: Vec<Outgoing>,
}

impl Change {
    /// Items of a transaction that it needs.
    pub fn items(&self) -> usize {
        let site = usize::from(self.site.is_some()) + usize::from(self.opens.is_some());
        let waits = self.waits.len() + usize::from(self.settled.is_some());
        waits
            + self.objects.len()
            + self.marks.len()
            + site
            + self.series.len()
            + self.gone.len()
            + self.stories.len()
            + self.outbox.len()
    }
}

/// How a commit ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committed {
    /// All of it is written.
    Done,
    /// Nothing is written, because these objects were counted before.
    Duplicates(Vec<Object>),
    /// Nothing is written, because somebody else wrote at the same time.
    Conflict,
}

/// What was seen before.
pub trait Store {
    /// For which distributions an object was counted.
    fn counted(&self, object: &Object) -> Result<Vec<Counted>, StoreError>;

    /// How far a shard is counted, by distribution.
    fn marks(&self, shard: &str) -> Result<BTreeMap<String, Sequence>, StoreError>;

    /// All that is known of a distribution.
    fn load(&self, distribution: &str) -> Result<Known, StoreError>;

    /// Writes a change, or nothing of it.
    fn commit(&self, change: &Change) -> Result<Committed, StoreError>;

    /// Distributions that have an open incident.
    fn open_sites(&self) -> Result<Vec<String>, StoreError>;

    /// Alerts that were stored before a moment and have not gone out.
    fn unsent(&self, before: Timestamp) -> Result<Vec<Outgoing>, StoreError>;

    /// Notes that an alert went out.
    fn mark_sent(&self, alert: &Outgoing) -> Result<(), StoreError>;

    /// Keeps what a WAF object says. The same object again is the same chunks again.
    fn put_waf(&self, chunks: &[Chunk]) -> Result<(), StoreError>;

    /// What is stored of a web ACL's slots.
    fn waf(&self, acl: &str, first: i64, last: i64) -> Result<WafSlots, StoreError>;

    /// All that waits for WAF logs.
    fn waits(&self) -> Result<Vec<Wait>, StoreError>;

    /// Web ACLs in front of origins of which there are logs.
    fn origin_acls(&self) -> Result<Vec<String>, StoreError>;

    /// What is kept of the requests of some hours, from the first to the last. `name` is a
    /// finding's id, or that of what was served.
    fn samples(
        &self,
        distribution: &str,
        name: &str,
        hours: (HourNumber, HourNumber),
    ) -> Result<Vec<Hourly>, StoreError>;

    /// Keeps what is known of an hour, if nobody wrote since its revision was read; else `false`.
    fn put_sample(
        &self,
        distribution: &str,
        name: &str,
        hourly: &Hourly,
    ) -> Result<bool, StoreError>;
}
