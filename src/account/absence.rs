//! Why a fact is not there.

use jiff::Timestamp;

use super::facts::{Facts, Held, What};
use super::{Fact, Question, State};
use crate::viewer::plain;

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

/// When something was read that is not of the moment of a request, and when it was changed in
/// between.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moments {
    /// When it was read; `None` is after the log, at an unknown time.
    pub read_at: Option<Timestamp>,
    /// The last change between the reading and the request, where one is known.
    pub changed_at: Option<Timestamp>,
    /// What that was, and who did it.
    pub change: Option<String>,
}

impl Facts {
    /// The moments of a fact that is of another moment than a request at `at`.
    pub fn moments(&self, question: &Question, at: Timestamp) -> Moments {
        let mut read_at = None;
        self.each(&mut |asked, _, read| {
            if asked.operation == question.operation && asked.about == question.about {
                read_at = read;
            }
        });
        let (from, to) = match read_at {
            Some(read_at) => (at.min(read_at), at.max(read_at)),
            None => (at, Timestamp::MAX),
        };
        let names = [question.about.as_str(), question.arn.as_deref().unwrap_or(&question.about)];
        let mut between = self.changes().iter().filter(|change| {
            change.at > from
                && change.at <= to
                && names.iter().any(|name| change.concerns(name))
                && what(question).is_none_or(|what| what.is_changed_by(&change.event))
        });
        let last = between.next_back();
        let change = last.map(|change| match &change.by {
            Some(by) => format!("{} by {}", plain(&change.event), plain(by)),
            None => plain(&change.event),
        });
        Moments { read_at, changed_at: last.map(|change| change.at), change }
    }

    /// Why what a question asks for is not there for a request at `at`; `None` where it is.
    pub fn absence(&self, question: &Question, at: Option<Timestamp>) -> Option<Absence> {
        let mut found = Some(Absence::Unasked);
        self.each(&mut |asked, absence, read_at| {
            if asked.operation != question.operation || asked.about != question.about {
                return;
            }
            let other = || at.is_some_and(|at| !self.is_of(question, read_at, at));
            found = absence.or_else(|| other().then_some(Absence::OtherMoment));
        });
        found
    }

    /// Whether what was read at `read_at` is what it was at `at`.
    fn is_of(&self, question: &Question, read_at: Option<Timestamp>, at: Timestamp) -> bool {
        let about = question.about.as_str();
        match question.operation {
            "cloudfront/list-distributions" => return self.others_hold("", at),
            "cloudfront/list-distribution-tenants" => {
                return self.tenant_has("", "", at).is_some();
            }
            _ => {}
        }
        let Some(what) = what(question) else { return true };
        let names = [about, question.arn.as_deref().unwrap_or(about)];
        self.holds(what, &names, read_at, at) == Held::Holds
    }

    /// Looks at every fact.
    pub fn each(&self, see: &mut See<'_>) {
        of(&self.summaries, see);
        of(&self.trail, see);
        of(&self.listed_tenants, see);
        self.zones.iter().for_each(|fact| of(fact, see));
        self.tenants.values().for_each(|fact| of(fact, see));
        for mine in self.distributions.values() {
            of(&mine.distribution, see);
            of(&mine.web_acl, see);
            of(&mine.waf_logging, see);
            of(&mine.sampled, see);
            mine.access_controls.values().for_each(|fact| of(fact, see));
            mine.key_groups.values().for_each(|fact| of(fact, see));
            mine.public_keys.values().for_each(|fact| of(fact, see));
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

/// What kind of thing a question is about, where changes of it are told apart.
fn what(question: &Question) -> Option<What> {
    Some(match question.operation {
        "cloudfront/get-distribution" | "cloudfront/get-distribution-tenant" => What::Distribution,
        "cloudfront/get-key-group" => What::Keys,
        "wafv2/get-web-acl" => What::WebAcl,
        "wafv2/get-web-acl-for-resource" => What::OriginAcl,
        operation if operation.starts_with("s3api/") => What::Bucket,
        _ => return None,
    })
}

/// What looks at every fact: its question, why it is not there, and when it was read.
pub type See<'a> = dyn FnMut(&Question, Option<Absence>, Option<Timestamp>) + 'a;

fn of<T>(fact: &Fact<T>, see: &mut See<'_>) {
    let absence = match fact.state {
        State::Known(_) | State::Nothing => None,
        State::Denied => Some(Absence::Denied),
        State::Unasked => Some(Absence::Unasked),
        State::Unreadable(_) => Some(Absence::Unreadable),
    };
    see(&fact.question, absence, fact.read_at);
}
