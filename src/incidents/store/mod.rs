//! What was seen before: the trait, and what is written in one piece.
//!
//! Counting and remembering what was counted is one [`Change`], which a store takes as a whole or
//! not at all. Implementations block; the function runs them on a thread of its own.

#[cfg(feature = "aws")]
pub mod dynamo;
pub mod memory;

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::series::{Series, Story};
use crate::alerts::Outgoing;
use crate::causes::Cause;
use crate::logs::waf_slots::Chunk;
use crate::report::build::Subject;
use crate::trigger::Object;

/// The form in which state is written. A program refuses what a newer one has written.
pub const VERSION: u64 = 1;

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

/// What is known of the series that are about to change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The series; one that was never written is absent.
    pub series: BTreeMap<Subject, Series>,
    /// The stories; one that was never written is absent.
    pub stories: BTreeMap<Cause, Story>,
}

/// All that one commit writes, for one distribution.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// The distribution; empty where nobody knows it.
    pub distribution: String,
    /// Objects that are counted with it; none may have been counted before.
    pub objects: Vec<(Object, Counted)>,
    /// Series in their new form, each with the revision that it had.
    pub series: BTreeMap<Subject, Series>,
    /// Stories in their new form, each with the revision that it had.
    pub stories: BTreeMap<Cause, Story>,
    /// Alerts that are to go out.
    pub outbox: Vec<Outgoing>,
}

impl Change {
    /// Items of a transaction that it needs.
    pub fn items(&self) -> usize {
        self.objects.len() + self.series.len() + self.stories.len() + self.outbox.len()
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

    /// What is known of these series, and of the stories of their causes.
    fn load(&self, distribution: &str, subjects: &[Subject]) -> Result<State, StoreError>;

    /// Writes a change, or nothing of it.
    fn commit(&self, change: &Change) -> Result<Committed, StoreError>;

    /// Alerts that were stored before a moment and have not gone out.
    fn unsent(&self, before: Timestamp) -> Result<Vec<Outgoing>, StoreError>;

    /// Notes that an alert went out.
    fn mark_sent(&self, alert: &Outgoing) -> Result<(), StoreError>;

    /// Keeps what a WAF object says. The same object again is the same chunks again.
    fn put_waf(&self, chunks: &[Chunk]) -> Result<(), StoreError>;

    /// The chunks of a web ACL's slots, and the next later slot of which there is one.
    fn waf(
        &self,
        acl: &str,
        first: i64,
        last: i64,
    ) -> Result<(Vec<Chunk>, Option<i64>), StoreError>;

    /// Web ACLs in front of origins of which there are logs.
    fn origin_acls(&self) -> Result<Vec<String>, StoreError>;
}
