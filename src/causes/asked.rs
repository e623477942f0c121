//! What answers to direct questions say of a refusal. They are of another moment than the request,
//! so that they support and never prove.

use super::kind::asked::Direct;
use super::kind::{Kind, OriginAsked};
use super::opinion::{Evidence, Opinion, Says};
use crate::asked::{ASKED, moment};

/// What the cause at the origin makes of it. `locked` says that CloudFront sends the origin headers
/// which were not sent.
pub(super) fn of_custom_origin(kind: &Kind, opinion: Opinion, locked: bool) -> Opinion {
    let open = (Says::Silent..=Says::Supports).contains(&opinion.says);
    let Some(said) = kind.asked.origin.filter(|_| open) else { return opinion };
    let says = words(kind, said, locked);
    match said {
        Direct::Alike if !locked => {
            let mut opinion = opinion;
            if opinion.says < Says::Hints && opinion.detail.is_none() {
                opinion.detail = Some("denied");
            }
            opinion.says = Says::Supports;
            opinion.because(ASKED, says)
        }
        Direct::Served => {
            let most = match kind.origin {
                OriginAsked::Yes => Says::Supports,
                _ => Says::Hints,
            };
            let most = if opinion.says == Says::Silent { Says::Silent } else { most };
            opinion.at_most(most).but(ASKED, says)
        }
        _ => opinion,
    }
}

/// What was answered, for a verdict that does not rest on it.
pub(super) fn seen(kind: &Kind, locked: bool) -> Vec<Evidence> {
    let origin = kind.asked.origin.map(|said| words(kind, said, locked));
    let edge = kind.asked.distribution.map(|said| {
        let what = match said {
            Direct::Alike => "refuses here, too, with the same page",
            Direct::Refused => "refuses here, too, with another page",
            Direct::Served => {
                "serves the same path here: the refusal is over, or is not for everybody"
            }
            Direct::Other => "answers neither with content nor with a refusal",
            Direct::TimedOut => "does not answer in time",
        };
        format!("asked at {}, the distribution {what}", at(kind))
    });
    origin.into_iter().chain(edge).map(|says| Evidence::seen(ASKED, says)).collect()
}

fn words(kind: &Kind, said: Direct, locked: bool) -> String {
    let what = match said {
        Direct::Alike | Direct::Refused if locked => {
            "refuses whoever lacks the headers that CloudFront adds, which tells nothing"
        }
        Direct::Alike => "refuses without CloudFront, too, with the same page",
        Direct::Refused => {
            "refuses with another page: a lock or another layer, from which nothing follows"
        }
        Direct::Served => {
            "serves the same path without CloudFront: what refused stands before it, or is in what \
             CloudFront adds or drops, or is over"
        }
        Direct::Other => {
            "answers neither with content nor with a refusal, from which nothing follows"
        }
        Direct::TimedOut => {
            "does not answer in time, which is what a firewall that lets in only CloudFront looks \
             like"
        }
    };
    format!("asked directly at {}, the origin {what}", at(kind))
}

fn at(kind: &Kind) -> String {
    kind.asked.at.map_or_else(|| "an unknown time".to_owned(), moment)
}
