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

fn note(moments: &mut BTreeSet<i64>, at: i64) {
    moments.insert(at);
    if moments.len() > MOMENTS
        && let Some(middle) = moments.iter().nth(MOMENTS / 2).copied()
    {
        moments.remove(&middle);
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
}
