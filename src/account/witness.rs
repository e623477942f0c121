//! What an origin did, held against what is said of it.
//!
//! A fault of a whole bucket or behaviour leaves nothing served. So where the origin served after
//! it had refused, and nothing was changed in between, whatever is said to refuse everything was
//! not in force.

use std::collections::BTreeSet;

/// Moments that are kept of each kind; the middle goes first, since the ends decide.
const MOMENTS: usize = 128;

/// When an origin served what it is said to refuse, and when it refused what is there, in seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Witness {
    served: BTreeSet<i64>,
    refused: BTreeSet<i64>,
}

impl Witness {
    /// The origin served something that it is said to refuse.
    pub fn served(&mut self, at: i64) {
        note(&mut self.served, at);
    }

    /// The origin refused something that is there.
    pub fn refused(&mut self, at: i64) {
        note(&mut self.refused, at);
    }

    /// Whether the origin served after a refusal, with no change between the two and the moment
    /// that is asked about. `changed` says whether something was changed between two moments.
    pub fn contradicts(&self, at: i64, changed: impl Fn(i64, i64) -> bool) -> bool {
        let together = |a: i64, b: i64| !changed(a.min(b), a.max(b));
        self.served.iter().filter(|served| together(**served, at)).any(|served| {
            *served > at || self.refused.range(..served).any(|refused| together(*refused, at))
        })
    }
}

impl Witness {
    /// Whether the origin served anything.
    pub fn has_served(&self) -> bool {
        !self.served.is_empty()
    }

    /// Whether the origin still served at some time before, and nothing shows that it had stopped
    /// by `at`: what is said to refuse may have come into force later only, and a refusal of what
    /// is not there may have had no need of it. `changed` as above.
    pub fn may_begin_later(&self, at: i64, changed: impl Fn(i64, i64) -> bool) -> bool {
        let before = self.served.range(..=at).next_back();
        let Some(served) = before.filter(|served| !changed(**served, at)) else { return false };
        self.refused.range(served..=&at).next().is_none()
    }
}

fn note(moments: &mut BTreeSet<i64>, at: i64) {
    moments.insert(at);
    if moments.len() > MOMENTS
        && let Some(middle) = moments.iter().nth(MOMENTS / 2).copied()
    {
        moments.remove(&middle);
    }
}

/// What the edge would refuse under the configuration that was read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusable {
    /// A Host that is none of the names, perhaps at a tenant's.
    Host(Option<Box<str>>, Box<[u8]>),
    /// A viewer's country, perhaps at a tenant's.
    Country(Option<Box<str>>, Box<str>),
    /// A method at the behaviour with this place.
    Method(usize, Box<str>),
    /// Plain HTTP.
    Plain(usize),
    /// A key that no trusted group holds.
    Key(usize, Box<str>),
    /// A request without a signature.
    Unsigned(usize),
}

/// Seconds for which a change of a distribution reaches some edges and others not yet.
const ON_ITS_WAY: i64 = 900;

/// Seconds within which two answers are of the same moment, where nobody knows what was changed.
const NEAR: i64 = 900;

/// What is known of the changes of a thing.
pub struct Changes<'a> {
    /// Whether something was changed between two moments.
    pub between: &'a dyn Fn(i64, i64) -> bool,
    /// Whether every change is known.
    pub all_known: bool,
    /// When the thing was read; `None` is after the log.
    pub read_at: Option<i64>,
}

impl Witness {
    /// Whether the edge let in what it refused at `at`, so that what was read is not what was in
    /// force then: let in afterwards, or after an earlier refusal.
    pub fn contradicts_edge(&self, at: i64, changes: &Changes<'_>) -> bool {
        let together = |from: i64, to: i64| !(changes.between)(from, to);
        let afterwards = |served: i64| {
            // What was read before says nothing of what came after it.
            let is_read_later = changes.read_at.is_none_or(|read| read < at || served <= read);
            is_read_later && together(at.saturating_sub(ON_ITS_WAY), served)
        };
        let amid = |served: i64| {
            let near = changes.all_known || at - served <= NEAR;
            near && self
                .refused
                .range(..served)
                .any(|refused| together(refused.saturating_sub(ON_ITS_WAY), at))
        };
        self.served.iter().any(
            |served| {
                if *served > at { afterwards(*served) } else { amid(*served) }
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serving_after_a_refusal_contradicts_unless_something_changed() {
        let mut witness = Witness::default();
        witness.served(100);
        witness.refused(200);
        assert!(!witness.contradicts(200, |_, _| false), "served before it was lost");
        witness.served(300);
        assert!(witness.contradicts(200, |_, _| false));
        assert!(witness.contradicts(400, |_, _| false), "served after an earlier refusal");
        let given_back = |from: i64, to: i64| from < 250 && to > 250;
        assert!(!witness.contradicts(200, given_back), "given back in between");
    }

    #[test]
    fn what_refuses_is_dated_by_the_first_refusal_of_what_is_there() {
        let none = |_: i64, _: i64| false;
        let mut witness = Witness::default();
        assert!(!witness.may_begin_later(150, none), "nothing was served before");
        witness.served(100);
        assert!(witness.may_begin_later(150, none));
        witness.refused(200);
        assert!(witness.may_begin_later(150, none), "refused later only");
        assert!(!witness.may_begin_later(200, none));
        assert!(!witness.may_begin_later(300, none));
        assert!(!witness.may_begin_later(50, none), "served later only");
        let lost = |from: i64, to: i64| from < 120 && to > 120;
        assert!(!witness.may_begin_later(150, lost), "the change is known");
    }

    #[test]
    fn what_is_let_in_after_a_refusal_contradicts_the_configuration() {
        let none = |_: i64, _: i64| false;
        let changes = Changes { between: &none, all_known: false, read_at: None };
        let mut witness = Witness::default();
        witness.served(10_000);
        witness.refused(20_000);
        assert!(!witness.contradicts_edge(20_000, &changes), "let in until it was changed");
        witness.served(20_100);
        assert!(witness.contradicts_edge(20_000, &changes));
        assert!(witness.contradicts_edge(20_200, &changes), "amid the refusals");
        assert!(!witness.contradicts_edge(90_000, &changes), "it may have been changed since");
        let known = Changes { all_known: true, ..changes };
        assert!(witness.contradicts_edge(90_000, &known));
        let read = Changes { read_at: Some(20_050), ..known };
        assert!(!witness.contradicts_edge(20_000, &read), "read before it was let in again");
        let on_its_way = |from: i64, to: i64| from < 19_900 && to > 19_900;
        let changed = Changes { between: &on_its_way, all_known: true, read_at: None };
        assert!(!witness.contradicts_edge(20_000, &changed), "not everywhere yet");
    }
}
