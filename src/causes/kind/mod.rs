//! Requests that look alike.
//!
//! A [`Kind`] holds all that any cause may read of a request. Requests of one kind get one
//! verdict, so that a million blocked requests cost what a hundred kinds cost, and judging singly
//! or by kind cannot differ: a cause never sees anything else.

pub mod asked;
mod let_in;
mod of;
mod origin_said;
mod page;
pub mod sampled;
mod signed;
mod tenancy;
pub mod verified;

pub use let_in::{LetIn, note};
pub use of::Sources;
use of::{matched, protocol};
pub use origin_said::OriginSaid;
pub use page::Page;
pub use signed::told;
use tenancy::{Tenancy, country, host};

use super::s3_origin::met::{ErrorPage, Met};
use crate::account::distribution::{Behavior, Distribution, ErrorResponse};
use crate::account::facts::{DistributionFacts, Held};
use crate::account::{Question, bucket, web_acl};
use crate::logs::function::Ran;
use crate::logs::record::Column;
use crate::signature::{Carrier, Present, Signature, Verified};

/// All that a cause may read of a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind {
    /// The distribution.
    pub distribution: Option<Box<str>>,
    /// The status that the viewer got.
    pub status: u16,
    /// Whether the distribution's configuration is that of the moment.
    pub config: Held,
    /// The behaviour that matched.
    pub behavior: MatchedBehavior,
    /// Whose the Host is.
    pub host: Host,
    /// Whether that is told by the list of distributions, since the configuration is not known.
    pub host_by_list: bool,
    /// Whether the request came over plain HTTP, and the distribution served the same Host over
    /// TLS and nothing over plain HTTP.
    pub served_by_tls: bool,
    /// The method.
    pub method: Box<str>,
    /// The protocol.
    pub protocol: Protocol,
    /// Whether the protocol's version is below HTTP/1.1.
    pub old_http: bool,
    /// `x-edge-result-type`.
    pub result: Column<Box<str>>,
    /// `x-edge-detailed-result-type`.
    pub detailed: Column<Box<str>>,
    /// The body that was sent.
    pub page: Page,
    /// Whether the origin was asked.
    pub origin: OriginAsked,
    /// What the WAF in front of the distribution did.
    pub waf: WafSeen,
    /// What samples of that WAF say of requests like it.
    pub sampled: sampled::Samples,
    /// What a WAF in front of the origin did.
    pub origin_waf: WafSeen,
    /// The function at the edge that ran, as far as it was logged.
    pub function_ran: Option<Ran>,
    /// What was answered when the same was asked directly.
    pub asked: asked::Answers,
    /// What the origin's own log says.
    pub origin_said: OriginSaid,
    /// Whose web ACL stands in front.
    pub acl: Acl,
    /// Which web ACL, by its ARN.
    pub acl_arn: Option<Box<str>>,
    /// Whether the web ACL's configuration is that of the moment.
    pub acl_held: Held,
    /// The restriction by country; `None` where it is not known.
    pub geo: Option<GeoRule>,
    /// Whether that restriction is the tenant's own.
    pub geo_of_tenant: bool,
    /// How the viewer's country stands to the restriction.
    pub country: Country,
    /// The same by a database of the reader's own, where the log does not say the country.
    pub country_by_address: Country,
    /// The question for the tenant, where it has one that is not known.
    pub tenants: Option<Question>,
    /// Whether the origin of the same behaviour served after it had refused, with no change in
    /// between, so that nothing refuses the whole behaviour.
    pub origin_serves: bool,
    /// The same, where the distribution is disabled in the configuration that was read.
    pub serves_while_off: bool,
    /// Whether the origin of the same behaviour served anything, so that CloudFront asks it as it
    /// wants to be asked.
    pub has_served: bool,
    /// The page of an error that a bucket holds, where S3 answered and no bucket was asked.
    pub error_page: Option<ErrorPage>,
    /// Whether the other distributions of the account are known as they were at that moment.
    pub others_known: bool,
    /// Whether it is known as it was then which web ACLs stand in front of origins.
    pub origin_acls: Held,
    /// The questions for policies that may send the viewer's Host and are not known.
    pub policies: Vec<Question>,
    /// Whether a custom error response puts the same status in the place of another error, so
    /// that the log does not tell which of them it was.
    pub mask_shared: bool,
    /// Whether the distribution, or the tenant, answers at all.
    pub enabled: Option<bool>,
    /// Whether the viewer's Host is sent to the origin; `None` where it is not known.
    pub host_forwarded: Option<bool>,
    /// The state of the signature; `None` where the behaviour does not ask for one, unless the
    /// answer is about one and the behaviour is not known.
    pub signature: Option<Signature>,
    /// What the public key says of it.
    pub verified: Verified,
    /// What of it was let in with others, although the configuration refuses it.
    pub let_in: LetIn,
    /// Whether the keys are those of the moment.
    pub keys: Held,
    /// What the request met at its bucket; `None` where the origin is no bucket.
    pub bucket: Option<Met>,
}

/// A behaviour, by its place in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MatchedBehavior {
    /// The n-th, counted from zero; the default one comes last.
    At(usize),
    /// The configuration is not known, or has no such behaviour.
    Unknown,
}

impl MatchedBehavior {
    /// Its place in the configuration.
    pub fn place(self) -> Option<usize> {
        match self {
            Self::At(place) => Some(place),
            Self::Unknown => None,
        }
    }
}

/// Whose a Host is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// The distribution's.
    Own,
    /// Not the distribution's. The record in DNS that points it here, where there is one, stands
    /// for the name: any other is a viewer's invention.
    Foreign(Option<Box<str>>),
    /// Not the distribution's, but another one's: that one's ID, and its alias, be it a wildcard.
    Elsewhere(Box<str>, Box<str>),
    /// Not known.
    Unknown,
}

/// A protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// `http` or `ws`.
    Plain,
    /// `https`, `wss`, `grpcs`.
    Tls,
    /// Not logged.
    Unknown,
}

/// Whether the origin was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OriginAsked {
    /// It was.
    Yes,
    /// The first byte took as long as an origin's, and the page is one that CloudFront makes:
    /// another distribution behind this one, or a slow edge.
    Slowly,
    /// The log says that it was not, or the answer came faster than any origin's. An error from
    /// the cache looks the same.
    No,
    /// The log does not tell.
    Unknown,
}

/// What a WAF did with a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WafSeen {
    /// It blocked it.
    Blocked {
        /// The rule.
        rule: Box<str>,
        /// `REGULAR`, `RATE_BASED`, ….
        rule_type: Box<str>,
        /// The web ACL's rule that brings in the group which has the rule.
        group: Option<Box<str>>,
        /// The status of a custom response.
        code: Option<u16>,
        /// The load balancer or stage, for a WAF in front of the origin.
        at: Box<str>,
    },
    /// It let it pass.
    Passed,
    /// It asked for something else (CAPTCHA, challenge).
    Interrupted,
    /// It has no record of it, although its logs are complete for that time.
    Silent,
    /// It has no record of it, and its logs do not reach that far.
    NotYet,
    /// There are no logs of it.
    NoLogs,
    /// Records of a WAF in front of an origin are there, and none says whose it is.
    Redacted,
}

/// Whose web ACL stands in front of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Acl {
    /// There is none.
    None,
    /// The distribution's.
    Distribution,
    /// The tenant's own.
    Tenant,
    /// Not known.
    Unknown,
}

/// A restriction by country.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GeoRule {
    /// There is none.
    Unrestricted,
    /// A list of countries is denied.
    Denies,
    /// Only a list of countries is served.
    Serves,
}

/// How a country stands to the geographic restriction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Country {
    /// On the list.
    Listed,
    /// Not on the list.
    NotListed,
    /// CloudFront does not know it; such viewers are served.
    Nowhere,
    /// The log does not say.
    Unknown,
}

const TENANTS: &str = "cloudfront/list-distribution-tenants";

impl Kind {
    /// Whether another distribution may ask the same bucket in the same way, so that a line of its
    /// log may be that one's. An origin access identity is one distribution's as a rule, and the
    /// line names it; an origin access control signs for the service alone.
    pub fn origin_is_shared(&self, facts: Option<&DistributionFacts>, bucket: &str) -> bool {
        let Some(facts) = facts.filter(|_| self.others_known) else { return true };
        facts.siblings.iter().any(|other| {
            bucket::endpoint(&other.domain_name).is_some_and(|endpoint| endpoint.bucket == bucket)
        })
    }

    /// The question for the distribution's configuration; where not even its ID is known, for all.
    pub fn ask_config(&self) -> Question {
        match self.distribution.as_deref() {
            // The configuration is there, and what the tenant puts in its place is not.
            _ if self.config == Held::Holds && self.tenants.is_some() => {
                self.tenants.clone().unwrap_or_else(|| Question::all(TENANTS))
            }
            Some(id) => Question::new("cloudfront/get-distribution", id),
            None => Question::all("cloudfront/list-distributions"),
        }
    }

    /// Whether the status is not 403, but stands in for one.
    pub fn is_masked(&self) -> bool {
        self.status != 403
    }

    /// The distribution's configuration, if it is that of the moment.
    pub fn config<'a>(&self, facts: Option<&'a DistributionFacts>) -> Option<&'a Distribution> {
        facts?.distribution.known().filter(|_| self.config == Held::Holds)
    }

    /// The behaviour that matched, if the configuration is that of the moment.
    pub fn behavior<'a>(&self, facts: Option<&'a DistributionFacts>) -> Option<&'a Behavior> {
        match self.behavior {
            MatchedBehavior::At(index) => self.config(facts)?.behaviors().nth(index),
            MatchedBehavior::Unknown => None,
        }
    }

    /// The rule that puts a page in the place of a 403, if there is one.
    pub fn error_page<'a>(
        &self,
        facts: Option<&'a DistributionFacts>,
    ) -> Option<&'a ErrorResponse> {
        let rules = &facts?.distribution.known()?.config.custom_error_responses.items;
        rules.iter().find(|rule| rule.error_code == 403 && !rule.response_page_path.is_empty())
    }

    /// Whether the body may be another than the one that a cause leaves, because an error page
    /// stands in its place or because the log does not show it.
    pub fn page_may_differ(&self, facts: Option<&DistributionFacts>) -> bool {
        self.page == Page::Unknown || self.error_page(facts).is_some() || self.is_masked()
    }

    /// The detailed result type, where the log has the column.
    pub fn detailed(&self) -> Option<&str> {
        self.detailed.value().map(AsRef::as_ref)
    }

    /// Whether its signature stands in cookies.
    pub fn is_signed_by_cookies(&self) -> bool {
        matches!(self.signature, Some(Signature::Present(Present { carrier: Carrier::Cookie, .. })))
    }

    /// Whether the request came past everything that CloudFront and its WAF refuse by themselves.
    pub fn passed_waf(&self) -> bool {
        self.waf == WafSeen::Passed || self.origin == OriginAsked::Yes
    }

    /// Whether a WAF record shows that the request had come as far as the WAF.
    pub fn reached_waf(&self) -> bool {
        matches!(self.waf, WafSeen::Passed | WafSeen::Blocked { .. } | WafSeen::Interrupted)
            || self.origin == OriginAsked::Yes
    }
}

/// Whether a web ACL's log keeps records of an action.
pub fn waf_keeps(facts: Option<&DistributionFacts>, action: &str) -> Option<web_acl::Kept> {
    Some(facts?.waf_logging.known()?.keeps(action))
}

/// Whether an origin is a bucket, whichever endpoint it is asked by.
pub fn is_bucket(origin: &crate::account::distribution::Origin) -> bool {
    origin.s3_origin_config.is_some() || bucket::endpoint(&origin.domain_name).is_some()
}
