//! Which lines of an origin's log can be a refusal's.

use std::collections::HashSet;

use jiff::Timestamp;

use crate::logs::record::Refusal;

/// The times of the refusals, and the ids under which their origins know them.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Spans in their order, none of which touches another.
    spans: Vec<(Timestamp, Timestamp)>,
    ids: HashSet<Box<str>>,
}

impl Wanted {
    /// Wants the lines of these refusals; `ids` are those in the records of a WAF at an origin.
    pub fn new<'a>(
        refusals: impl IntoIterator<Item = Refusal>,
        ids: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut all: Vec<_> = refusals.into_iter().map(|refusal| refusal.span()).collect();
        all.sort();
        let mut spans: Vec<(Timestamp, Timestamp)> = Vec::new();
        for (from, to) in all {
            match spans.last_mut() {
                Some((_, last)) if from <= *last => *last = (*last).max(to),
                _ => spans.push((from, to)),
            }
        }
        Self { spans, ids: ids.into_iter().map(Into::into).collect() }
    }

    /// Whether an id is one of them.
    pub fn has_id(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    /// Whether a refusal may have happened at such a time.
    pub fn covers(&self, from: Timestamp, to: Timestamp) -> bool {
        let at = self.spans.partition_point(|(_, end)| *end < to);
        self.spans.get(at).is_some_and(|(start, _)| *start <= from)
    }
}
