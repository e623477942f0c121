//! Whether what was read of something is what it was when a request came.

use jiff::Timestamp;

use super::facts::Facts;
use super::tenant;
use super::trail::Change;

impl Facts {
    /// Every change that is known, in its order in time.
    pub fn changes(&self) -> &[Change] {
        self.trail.known().map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether every change is known.
    pub fn trail_is_whole(&self) -> bool {
        self.trail.is_told() && !self.trail_is_cut
    }

    /// Whether something of a kind was changed between two moments, in seconds.
    pub fn changed(&self, what: What, names: &[&str], from: i64, to: i64) -> bool {
        self.changes_of(what, names).any(|change| {
            let at = change.at.as_second();
            at > from && at <= to
        })
    }

    /// The changes of something, in their order in time.
    pub fn changes_of<'a>(
        &'a self,
        what: What,
        names: &'a [&'a str],
    ) -> impl Iterator<Item = &'a Change> {
        self.changes().iter().filter(move |change| {
            what.is_changed_by(&change.event) && names.iter().any(|name| change.concerns(name))
        })
    }

    /// Whether the list of distributions tells at `at` what other distributions than `mine` were
    /// then.
    pub fn others_hold(&self, mine: &str, at: Timestamp) -> bool {
        let changed = |change: &Change| {
            let event = change.event.as_str();
            (What::Distribution.is_changed_by(event) || event == "DeleteDistribution")
                && !change.concerns(mine)
        };
        // Of several accounts one may not have told its list.
        let is_in_it = self
            .summaries
            .known()
            .is_none_or(|all| mine.is_empty() || all.iter().any(|one| one.id == mine));
        self.summaries.is_told() && is_in_it && self.stands(self.summaries.read_at, at, changed)
    }

    /// Whether a Host was one of a distribution's tenants' at `at`, where that is known.
    pub fn tenant_has(&self, distribution: &str, host: &str, at: Timestamp) -> Option<bool> {
        let listed = self.listed_tenants.known()?;
        let changed = |change: &Change| {
            change.event.contains("DistributionTenant") || change.event == "UpdateDomainAssociation"
        };
        let mut mine = listed.iter().filter(|tenant| tenant.distribution_id == distribution);
        self.stands(self.listed_tenants.read_at, at, changed)
            .then(|| mine.any(|tenant| tenant::covers(&tenant.domains, host)))
    }

    /// Whether nothing was changed between the reading of something and a request.
    fn stands(
        &self,
        read_at: Option<Timestamp>,
        at: Timestamp,
        changed: impl Fn(&Change) -> bool,
    ) -> bool {
        let (from, to) = match read_at {
            Some(read_at) => (read_at.min(at), read_at.max(at)),
            None => (at, Timestamp::MAX),
        };
        let between = |change: &&Change| change.at > from && change.at <= to;
        let read_before = read_at.is_some_and(|read_at| read_at < at);
        !self.changes().iter().filter(between).any(changed)
            && (!read_before || self.trail_is_whole())
    }

    /// Whether what was read of something at `read_at` still holds for a request at `at`.
    pub fn holds(
        &self,
        what: What,
        names: &[&str],
        read_at: Option<Timestamp>,
        at: Timestamp,
    ) -> Held {
        let mut changes = self.changes_of(what, names);
        match read_at {
            // Read before the request: a change in between makes it the past. Without a trail
            // nobody can say that there was none.
            Some(read_at) if read_at < at => {
                if changes.any(|change| change.at > read_at && change.at <= at) {
                    Held::Changed
                } else if self.trail_is_whole() {
                    Held::Holds
                } else {
                    Held::Unsure
                }
            }
            _ => {
                let until = read_at.unwrap_or(Timestamp::MAX);
                if changes.any(|change| change.at > at && change.at <= until) {
                    Held::Changed
                } else {
                    Held::Holds
                }
            }
        }
    }
}

/// What kind of thing a fact is about: which events change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A distribution's or a tenant's configuration.
    Distribution,
    /// A web ACL.
    WebAcl,
    /// A bucket's policy and what stands above it, or how CloudFront asks the bucket.
    Bucket,
    /// The keys that may sign.
    Keys,
    /// Which web ACL stands in front of a load balancer or stage.
    OriginAcl,
    /// The policy of a key of KMS.
    KeyPolicy,
    /// A cache policy or an origin request policy.
    HostPolicy,
}

impl What {
    pub(super) fn is_changed_by(self, event: &str) -> bool {
        match self {
            // An invalidation or a tag changes nothing that can refuse.
            Self::Distribution => {
                event.starts_with("UpdateDistribution")
                    || event.starts_with("CreateDistribution")
                    || event.starts_with("AssociateDistribution")
                    || event.starts_with("DisassociateDistribution")
                    || matches!(
                        event,
                        "AssociateAlias" | "UpdateDomainAssociation" | "CopyDistribution"
                    )
            }
            Self::WebAcl => matches!(event, "UpdateWebACL" | "CreateWebACL" | "DeleteWebACL"),
            Self::Bucket => {
                event.contains("BucketPolicy")
                    || event.contains("PublicAccessBlock")
                    || event.contains("OriginAccess")
                    || matches!(
                        event,
                        "PutBucketAcl" | "PutBucketOwnershipControls" | "PutBucketRequestPayment"
                    )
            }
            Self::KeyPolicy => matches!(event, "PutKeyPolicy" | "CreateGrant" | "RevokeGrant"),
            Self::HostPolicy => {
                matches!(event, "UpdateOriginRequestPolicy" | "UpdateCachePolicy")
            }
            Self::OriginAcl => matches!(event, "AssociateWebACL" | "DisassociateWebACL"),
            Self::Keys => event.contains("KeyGroup") || event.contains("PublicKey"),
        }
    }
}

/// Whether a fact holds for a moment other than the one at which it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Held {
    /// It does.
    Holds,
    /// It was read before, and nobody knows what happened in between.
    Unsure,
    /// It was changed in between.
    Changed,
}
