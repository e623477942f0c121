//! Why a fact is not there.

use super::facts::Facts;
use super::{Fact, Question, State};

/// Why a fact that would decide something is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Absence {
    /// Nobody asked.
    Unasked,
    /// AWS did not let us ask.
    Denied,
    /// The answer cannot be read.
    Unreadable,
    /// It was read at another moment, and may have been another one at that of the requests.
    OtherMoment,
}

impl Absence {
    /// The stable identifier.
    pub fn id(self) -> &'static str {
        match self {
            Self::Unasked => "unasked",
            Self::Denied => "denied",
            Self::Unreadable => "unreadable",
            Self::OtherMoment => "other-moment",
        }
    }
}

impl Facts {
    /// Why what a question asks for is not there.
    pub fn absence(&self, question: &Question) -> Absence {
        let mut found = Absence::Unasked;
        self.each(&mut |asked, absence| {
            if asked.operation == question.operation && asked.about == question.about {
                found = absence;
            }
        });
        found
    }

    fn each(&self, see: &mut dyn FnMut(&Question, Absence)) {
        of(&self.summaries, see);
        of(&self.trail, see);
        self.zones.iter().for_each(|fact| of(fact, see));
        self.tenants.values().for_each(|fact| of(fact, see));
        for mine in self.distributions.values() {
            of(&mine.distribution, see);
            of(&mine.web_acl, see);
            of(&mine.waf_logging, see);
            mine.access_controls.values().for_each(|fact| of(fact, see));
            mine.key_groups.values().for_each(|fact| of(fact, see));
            mine.host_policies.values().for_each(|fact| of(fact, see));
            mine.identities.values().for_each(|fact| of(fact, see));
            mine.key_policies.values().for_each(|fact| of(fact, see));
            mine.origin_acls.iter().for_each(|fact| of(fact, see));
            for bucket in mine.buckets.values() {
                of(&bucket.policy, see);
                of(&bucket.public_access, see);
                of(&bucket.requester_pays, see);
                of(&bucket.lists_off, see);
                bucket.listings.iter().for_each(|fact| of(fact, see));
                bucket.heads.values().for_each(|fact| of(fact, see));
            }
        }
    }
}

fn of<T>(fact: &Fact<T>, see: &mut dyn FnMut(&Question, Absence)) {
    let absence = match fact.state {
        State::Known(_) | State::Nothing => Absence::OtherMoment,
        State::Denied => Absence::Denied,
        State::Unasked => Absence::Unasked,
        State::Unreadable(_) => Absence::Unreadable,
    };
    see(&fact.question, absence);
}
