//! As whom CloudFront asks a bucket, and which part of the bucket's policy refuses it: what a
//! remedy depends on.

use super::grant::{Ask, EDGE_ADDRESS, Grant};
use crate::account::bucket::Endpoint;
use crate::account::distribution::Origin;
use crate::account::facts::DistributionFacts;
use crate::account::{Fact, State};
use crate::policy::{self, Caller, Decision, Missed, Policy, Request};
use crate::viewer::plain;

/// As whom CloudFront asks a bucket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Asks {
    /// As the service, by an origin access control.
    Signed,
    /// As an origin access identity, by its ID.
    Identity(Box<str>),
    /// As anybody.
    Unsigned(Unsigned),
}

/// Why CloudFront does not sign.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unsigned {
    /// A website endpoint takes no signature.
    Website,
    /// The bucket is set up as a custom origin.
    CustomOrigin,
    /// The origin has neither an origin access control nor an identity.
    NoControl,
    /// This origin access control does not exist any more.
    Gone(Box<str>),
    /// This origin access control never signs.
    Never(Box<str>),
    /// This origin access control is one for another kind of origin.
    OtherType(Box<str>, Box<str>),
}

impl Asks {
    /// As whom CloudFront asks an origin.
    pub(super) fn of(origin: &Origin, endpoint: &Endpoint, mine: &DistributionFacts) -> Self {
        if endpoint.website {
            return Self::Unsigned(Unsigned::Website);
        }
        let id = origin.origin_access_control_id.as_str();
        let control = mine.access_controls.get(id);
        let unsigned = control.and_then(Fact::known).and_then(|control| {
            match control.origin_access_control_origin_type.as_str() {
                "" | "s3" if control.signing_behavior == "never" => {
                    Some(Unsigned::Never(id.into()))
                }
                "" | "s3" => None,
                other => Some(Unsigned::OtherType(id.into(), other.into())),
            }
        });
        let gone = control.is_some_and(Fact::is_nothing).then(|| Unsigned::Gone(id.into()));
        match (control.is_some(), unsigned.or(gone), origin.identity()) {
            (true, None, _) => Self::Signed,
            (_, _, Some(identity)) => Self::Identity(identity.into()),
            (_, Some(unsigned), None) => Self::Unsigned(unsigned),
            (false, None, None) if origin.s3_origin_config.is_none() => {
                Self::Unsigned(Unsigned::CustomOrigin)
            }
            (false, None, None) => Self::Unsigned(Unsigned::NoControl),
        }
    }
}

/// Which part of a bucket's policy refuses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refused {
    /// There is no policy.
    NoPolicy,
    /// The origin access identity does not exist any more.
    IdentityGone,
    /// The policy lets everybody in, and the public access block cuts that off.
    CutOff,
    /// This statement would, but for a condition on these keys.
    Condition(Box<str>, Box<[Box<str>]>),
    /// This statement would, but for the resources that it names.
    Resource(Box<str>),
    /// This statement would, but for the actions that it names.
    Action(Box<str>),
    /// This statement lets somebody else in, or none comes near.
    Nobody,
    /// This statement denies it: the keys that its conditions test, and the resources.
    Denied(Box<str>, Box<[Box<str>]>, Box<[Box<str>]>),
}

/// Which part of the policy `grant` rests on, where that refuses.
pub(super) fn refused(
    ask: &Ask<'_>,
    policy: &State<Policy>,
    grant: &Grant,
    action: &str,
    key: &str,
) -> Option<Refused> {
    let context = match grant {
        Grant::NotGranted { .. } | Grant::Denied(_) => ask.context.clone(),
        Grant::PerhapsDenied(_) => ask.context.clone().known("aws:SourceIp", [EDGE_ADDRESS]),
        Grant::Granted { .. } | Grant::RequesterPays | Grant::Unknown { .. } => return None,
    };
    if ask.identity_gone && matches!(ask.caller, Caller::Oai { .. }) {
        return Some(Refused::IdentityGone);
    }
    let policy = match policy {
        State::Known(policy) => policy,
        State::Nothing => return Some(Refused::NoPolicy),
        _ => return None,
    };
    let resource = format!("{}/{key}", ask.arn());
    let asked = Request { caller: ask.caller, action, resource: &resource, context: &context };
    let shown = |names: &mut dyn Iterator<Item = String>| -> Box<[Box<str>]> {
        names.map(|name| plain(&name).into()).collect()
    };
    match policy::evaluate(policy, &asked) {
        Decision::Denied { statement } => {
            let (tests, resources) = policy::tested(policy, statement);
            let keys = shown(&mut tests.into_iter().map(|one| {
                let wanted: Vec<&str> = one.wanted.iter().map(String::as_str).take(3).collect();
                format!("{} {} {}", one.operator, one.key, wanted.join(", "))
            }));
            let name = policy.name_of(statement).into();
            Some(Refused::Denied(name, keys, shown(&mut resources.into_iter())))
        }
        Decision::Allowed { .. } => (ask.caller == Caller::Anonymous).then_some(Refused::CutOff),
        Decision::Unknown { .. } => None,
        Decision::NotGranted => {
            let Some(miss) = policy::nearest(policy, &asked) else { return Some(Refused::Nobody) };
            let name = policy.name_of(miss.statement).into();
            Some(match miss.missed {
                Missed::Conditions(unmet) => {
                    Refused::Condition(name, shown(&mut unmet.into_iter().map(|one| one.key)))
                }
                Missed::Resource { .. } => Refused::Resource(name),
                Missed::Action { .. } => Refused::Action(name),
                Missed::Principal { .. } => Refused::Nobody,
            })
        }
    }
}
