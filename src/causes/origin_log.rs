//! What the causes at the origin make of the origin's own log.
//!
//! A line of this very request settles who answered. Lines that may be this request's settle
//! nothing: they can speak for a cause, and what speaks against it is a doubt, never an exclusion.

use super::kind::{Kind, OriginSaid};
use super::opinion::{Evidence, Opinion, Says};
use crate::account::Question;
use crate::account::distribution::{Distribution, Origin};
use crate::logs::origin::Said;

/// The sentence about what was said.
pub(super) fn evidence(said: &OriginSaid) -> Option<Evidence> {
    let (source, says) = match said {
        OriginSaid::Nothing => return None,
        OriginSaid::Exactly(said) => (
            said.log().name(),
            format!("{said}: the line of this very request, by the ids in the WAF's record"),
        ),
        OriginSaid::Alike(said) => (
            said.log().name(),
            format!("every line that may be this request's (method, path, second) says: {said}"),
        ),
        OriginSaid::Disagree(all) => {
            let words: Vec<String> = all.iter().take(SAID_SHOWN).map(Said::to_string).collect();
            (
                all.first()?.log().name(),
                format!(
                    "the lines that may be this request's (method, path, second) disagree, so \
                     that none is taken for its own: {}",
                    words.join("; ")
                ),
            )
        }
    };
    Some(match said {
        OriginSaid::Disagree(_) => Evidence::against(source, says),
        _ => Evidence::new(source, says),
    })
}

/// Different things said that are listed in one sentence.
const SAID_SHOWN: usize = 4;

fn of(says: Says, detail: impl Into<Option<&'static str>>, said: &OriginSaid) -> Opinion {
    Opinion::of(says, detail).and(evidence(said))
}

/// What custom-origin thinks, after `opinion`, which it has without the log. `checks_header` tells
/// whether something at the origin is known to test a header that CloudFront adds, `turns` to what
/// custom error responses turn a status.
pub(super) fn of_custom_origin(
    kind: &Kind,
    opinion: Opinion,
    checks_header: bool,
    distribution: Option<&Distribution>,
) -> Opinion {
    let said = &kind.origin_said;
    // What the configuration excludes stays excluded: the line would be of another request.
    if opinion.says == Says::Excludes {
        return opinion;
    }
    let by_rule = |says| match checks_header {
        true => of(says, "secret-header", said).detail_unsure(),
        false => of(says, "denied", said),
    };
    match said {
        OriginSaid::Nothing => opinion,
        OriginSaid::Exactly(one) => match one {
            Said::Target | Said::ApiRefused(_) | Said::Integration => {
                of(Says::Proves, "denied", said)
            }
            Said::ListenerRule(_) => by_rule(Says::Proves),
            // An API that wants a signature of IAM says the same.
            Said::ApiNoRoute => of(Says::Proves, "no-route", said).detail_unsure(),
            Said::BalancerWaf | Said::ApiWaf => {
                Opinion::of(Says::Excludes, None).and(evidence(said))
            }
            Said::Answered(_, status) => answered(opinion, *status, said, distribution),
            Said::Balancer | Said::Api | Said::Bucket { .. } => opinion.and(evidence(said)),
        },
        OriginSaid::Alike(one) => match one {
            Said::Target | Said::ApiRefused(_) | Said::Integration => {
                alike(kind, opinion, of(Says::Supports, "denied", said))
            }
            Said::ListenerRule(_) => alike(kind, opinion, by_rule(Says::Supports)),
            Said::ApiNoRoute => {
                alike(kind, opinion, of(Says::Supports, "no-route", said).detail_unsure())
            }
            Said::BalancerWaf | Said::ApiWaf => opinion.and(evidence(said)).at_most(Says::Silent),
            // That it answered is told, and neither that it nor that its WAF refused.
            Said::Balancer | Said::Api => {
                let mut opinion = opinion.and(evidence(said));
                if opinion.says == Says::Silent {
                    opinion.says = Says::Hints;
                }
                opinion
            }
            Said::Bucket { .. } | Said::Answered(..) => opinion,
        },
        // Either as likely as the other: the two are rivals, and neither is more than possible.
        OriginSaid::Disagree(all) if all.iter().any(Said::is_waf) => {
            let mut opinion = opinion.and(evidence(said));
            if opinion.says > Says::Doubts {
                opinion.says = Says::Supports;
            }
            opinion
        }
        // Whoever of them it was, it was no WAF.
        OriginSaid::Disagree(_) => {
            let supported = of(Says::Supports, "denied", said).detail_unsure();
            alike(kind, opinion, supported)
        }
    }
}

/// What may have been said of a request, beside what the configuration says.
fn alike(kind: &Kind, opinion: Opinion, said: Opinion) -> Opinion {
    // A page that CloudFront made stays one, and a header that a sibling sends and this
    // distribution does not is what an application misses as well as a listener.
    let sibling = opinion.detail == Some("secret-header") && !kind.page.is_listener_rule();
    if opinion.says == Says::Doubts {
        return opinion;
    }
    if sibling {
        return said.evidence.into_iter().fold(opinion, |opinion, one| opinion.and(Some(one)));
    }
    said
}

/// The origin answered this very request, and not 403.
fn answered(
    opinion: Opinion,
    status: u16,
    said: &OriginSaid,
    distribution: Option<&Distribution>,
) -> Opinion {
    let rules = distribution.map(|one| one.config.custom_error_responses.items.as_slice());
    let rule = rules.map(|rules| rules.iter().find(|rule| rule.error_code == status));
    match rule {
        Some(Some(rule)) if rule.response_code == "403" => of(Says::Explains, None, said).because(
            "cloudfront/get-distribution",
            format!("a custom error response answers 403 in the place of {status}"),
        ),
        // The rule's page may itself be refused, or nobody knows whether there is such a rule.
        Some(Some(_)) | None => opinion.and(evidence(said)),
        Some(None) => Opinion::of(Says::Excludes, None).and(evidence(said)),
    }
}

/// What a WAF in front of the origin thinks, after `opinion`, which it has without the log.
pub(super) fn of_origin_waf(kind: &Kind, opinion: Opinion) -> Opinion {
    let said = &kind.origin_said;
    if opinion.says == Says::Excludes {
        return opinion;
    }
    match said {
        OriginSaid::Nothing => opinion,
        OriginSaid::Exactly(one) if one.is_waf() => of(Says::Proves, "origin", said),
        OriginSaid::Exactly(Said::Balancer | Said::Api | Said::Bucket { .. }) => opinion,
        OriginSaid::Exactly(_) => Opinion::of(Says::Excludes, None).and(evidence(said)),
        OriginSaid::Alike(one) if one.is_waf() => of(Says::Supports, "origin", said),
        OriginSaid::Alike(Said::Balancer | Said::Api | Said::Bucket { .. }) => opinion,
        OriginSaid::Alike(_) => of(Says::Doubts, None, said),
        OriginSaid::Disagree(all) if all.iter().any(Said::is_waf) => {
            of(Says::Supports, "origin", said)
        }
        OriginSaid::Disagree(_) => of(Says::Doubts, None, said),
    }
}

/// What a bucket thinks, after `opinion`, which it has without the log. `shared` tells whether
/// another distribution may ask the same bucket with the same identity.
pub(super) fn of_bucket(kind: &Kind, opinion: Opinion, shared: bool) -> Opinion {
    let said = &kind.origin_said;
    let weaker = |opinion: Opinion| opinion.at_most(Says::Supports).detail_unsure();
    match said {
        OriginSaid::Alike(Said::Bucket { code, .. }) => match code.as_ref() {
            // That an object is archived is true of every request for it in that second, whose
            // ever the line is, as long as CloudFront was let through to it.
            "InvalidObjectState" => {
                let certain = opinion.says >= Says::Explains;
                if certain && opinion.detail == Some("archived") {
                    return opinion.and(evidence(said));
                }
                // A policy that refuses CloudFront, or a listing without the key, is then not the
                // one of that moment, or the line is another distribution's.
                let says = if shared || certain { Says::Supports } else { Says::Explains };
                let archived = of(says, "archived", said);
                if says < Says::Explains { archived.detail_unsure() } else { archived }
            }
            "AccessDenied" => {
                let mut opinion = opinion.and(evidence(said));
                opinion.says = opinion.says.max(Says::Supports);
                match opinion.detail {
                    // S3 says something else of an object that is archived.
                    Some("archived") => {
                        opinion.detail = None;
                        weaker(opinion)
                    }
                    // Where the Host names another bucket, that one's log has the line.
                    Some("host-header-forwarded") => weaker(opinion),
                    _ => opinion,
                }
            }
            _ => {
                let mut opinion = opinion.and(evidence(said));
                opinion.says = opinion.says.max(Says::Supports);
                opinion
            }
        },
        OriginSaid::Disagree(all) if all.iter().any(|said| matches!(said, Said::Bucket { .. })) => {
            weaker(opinion.and(evidence(said)))
        }
        _ => opinion,
    }
}

/// The log that would tell who at an origin refused, where the origin keeps one of a known form.
pub(super) fn missing(kind: &Kind, origin: &Origin) -> Option<Question> {
    let name = origin.domain_name.to_ascii_lowercase();
    let operation = if name.contains(".elb.amazonaws.com") {
        "logs/origin/elb"
    } else if name.contains(".execute-api.") {
        "logs/origin/apigateway"
    } else {
        return None;
    };
    (kind.origin_said == OriginSaid::Nothing).then(|| Question::new(operation, name))
}
