//! A signed URL or cookie that is missing or wrong.
//!
//! # What it means
//! The behaviour asks for a signature of CloudFront's, and the request has none, or one that is
//! expired, for another URL or address, by another key, or damaged.
//!
//! # What proves it
//! The signature's own parameters in the log, held against the behaviour, the keys and the time;
//! and the signature itself, checked with its public key.
//!
//! # What excludes it
//! A behaviour that asks for no signature; an origin or a WAF that saw the request; a signature that
//! verifies, with all it says in order.
//!
//! # What it is confused with
//! A bucket's AccessDenied, whose XML is application/xml; a function that checks a token of its
//! own.
//!
//! # Remedy
//! Sign with a key of the behaviour's key group; put a new key in before the old one is taken out;
//! watch the clocks.
//!
//! # Reference
//! <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-signed-urls.html>

mod check;
mod remedy;
mod words;

use super::kind::{Kind, Page};
use super::opinion::{Evidence, LOG, Opinion, Says};
use super::remedy::utc;
use super::{Cause, Rule, Sheet, Step};
use crate::account::Question;
use crate::account::distribution::Behavior;
use crate::account::facts::{DistributionFacts, Held};
use crate::signature::{Certainty, Fault, Found, Malformation, Present, Signature, Verified};
use words::{names, signature, unsure, words};

pub(super) const RULE: Rule = Rule {
    cause: Cause::SignedAccess,
    step: Step::Rules,
    sheet: Sheet {
        means: "The behaviour asks for a signature of CloudFront's, and the request has none, or \
                one that is expired, for another URL or address, by another key, or damaged.",
        proves: "The signature's own parameters in the log, held against the behaviour, the keys \
                 and the time; and the signature itself, checked with its public key.",
        excludes: "A behaviour that asks for no signature; an origin or a WAF that saw the \
                   request; a signature that verifies, with all it says in order.",
        confused_with: "A bucket's AccessDenied, whose XML is application/xml; a function that \
                        checks a token of its own.",
        remedy: "Sign with a key of the behaviour's key group; put a new key in before the old \
                 one is taken out; watch the clocks.",
        reference: "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-signed-urls.html",
        changes: &[
            "UpdateDistribution",
            "UpdateDistributionWithStagingConfig",
            "UpdateKeyGroup",
            "DeleteKeyGroup",
            "DeletePublicKey",
            "UpdatePublicKey",
            "CreateKeyGroup",
        ],
    },
    opinion,
    remedy: remedy::remedy,
};

const CONFIG: &str = "cloudfront/get-distribution";
const KEYS: &str = "cloudfront/get-key-group";

fn opinion(kind: &Kind, facts: Option<&DistributionFacts>) -> Opinion {
    if kind.reached_waf() {
        return Opinion::excludes(
            LOG,
            "the request came further than the step that checks signatures",
        );
    }
    if let Some(result) = kind.detailed()
        && result != "Error"
    {
        return Opinion::excludes(
            LOG,
            format!("a refused signature is logged as Error, not as {result}"),
        );
    }
    let behavior = kind.behavior(facts);
    if let Some(behavior) = behavior.filter(|behavior| !behavior.is_signed()) {
        return Opinion::excludes(
            CONFIG,
            format!("behaviour {} asks for no signature", behavior.name()),
        );
    }
    if !kind.page.is_signature() && !kind.page_may_differ(facts) {
        return Opinion::doubts(kind);
    }
    let page = kind
        .page
        .is_signature()
        .then(|| Evidence::new(LOG, format!("the answer is {}", kind.page.words())));
    let Some(behavior) = behavior else {
        let ask = kind.ask_config();
        let says = if kind.page.is_signature() { Says::Supports } else { Says::Silent };
        let (fault, sentence) = shown(kind);
        // What CloudFront's answer names is its own word; an answer that names nothing is as likely
        // about the fault that the log shows.
        let of_fault = fault.filter(|_| kind.page.is_signature());
        let detail = of_page(kind.page).or_else(|| Some(detail_of(of_fault?, kind.page)));
        let opinion = Opinion::of(says, detail).and(page).and(sentence).missing(ask);
        return if detail.is_some() { opinion.detail_unsure() } else { opinion };
    };
    let asks = format!("behaviour {} asks for a signature", behavior.name());
    let opinion = match &kind.signature {
        Some(Signature::Absent) => Opinion::of(Says::Explains, "missing").because(LOG, UNSIGNED),
        Some(Signature::Present(present)) => of_present(kind, present, behavior, facts),
        Some(Signature::NotSeen) | None => not_seen(kind),
    };
    opinion
        .because(CONFIG, asks)
        .and(page)
        .unless_let_in(kind.let_in.unsigned, "without a signature")
}

const UNSIGNED: &str = "the request has no signature, neither in its query nor in a cookie";
const UNSEEN: &str = "the query has no signature, and whether a cookie has one is not logged";

/// What the request itself shows of its signature, whatever asks for one.
fn shown(kind: &Kind) -> (Option<Fault>, Option<Evidence>) {
    let present = match &kind.signature {
        Some(Signature::Present(present)) => present,
        Some(Signature::Absent) => return (None, Some(Evidence::new(LOG, UNSIGNED))),
        Some(Signature::NotSeen) => return (None, Some(Evidence::new(LOG, UNSEEN))),
        None => return (None, None),
    };
    let found = present.checks.faults().find(|found| {
        found.certainty == Certainty::Certain && !matches!(found.fault, Fault::UnknownKey)
    });
    match found {
        Some(found) => {
            let says = format!("{} {}", signature(present), words(found.fault, present));
            (Some(found.fault), Some(Evidence::new(LOG, says)))
        }
        None => (None, names(present).map(|says| Evidence::seen(LOG, says))),
    }
}

/// Nothing in what was logged; cookies may not have been.
fn not_seen(kind: &Kind) -> Opinion {
    match kind.page {
        Page::SignMissing => Opinion::of(Says::Supports, "missing").because(LOG, UNSEEN),
        page if page.is_signature() => {
            Opinion::of(Says::Supports, of_page(page)).because(LOG, UNSEEN)
        }
        _ => Opinion::of(Says::Hints, "missing").because(LOG, UNSEEN),
    }
}

fn of_present(
    kind: &Kind,
    present: &Present,
    behavior: &Behavior,
    facts: Option<&DistributionFacts>,
) -> Opinion {
    // A key with which others were let in was trusted, whatever the keys that were read say.
    let trusted = kind.let_in.key;
    let found: Vec<Found> = present
        .checks
        .faults()
        .filter(|found| !(trusted && matches!(found.fault, Fault::UnknownKey)))
        .collect();
    // A key that is not among the usable ones is found before anything else.
    let certain = found.iter().find(|found| {
        found.certainty == Certainty::Certain
            && (!matches!(found.fault, Fault::UnknownKey) || kind.keys == Held::Holds)
    });
    if let Some(found) = certain {
        return of_certain(kind, present, found.fault);
    }
    let ran_out = present.ran_out && kind.verified == Verified::Good;
    let opinion = match (check::opinion(kind, present).filter(|_| !ran_out), found.first()) {
        (Some(checked), _) => checked,
        (None, Some(found)) => of_uncertain(kind, present, found.fault, behavior, facts)
            .and(check::evidence(kind, present)),
        (None, None) => of_sound(kind, present, behavior, facts),
    };
    if !trusted {
        return opinion;
    }
    let unknown =
        present.checks.faults().any(|found| matches!(found.fault, Fault::UnknownKey)).then(|| {
            Evidence::seen(
                KEYS,
                "that key is in none of the behaviour's key groups as they were read",
            )
        });
    opinion.and(unknown).but(
        LOG,
        "other requests with the same key were let in after such a refusal: it was trusted, and \
         the keys that were read are not those of that moment",
    )
}

fn of_certain(kind: &Kind, present: &Present, fault: Fault) -> Opinion {
    let mut opinion = Opinion::of(Says::Explains, detail_of(fault, kind.page))
        .because(LOG, format!("{} {}", signature(present), words(fault, present)))
        .and(check::evidence(kind, present));
    if present.cookies_beside {
        opinion = opinion.seen(
            LOG,
            "the cookies have a signature, which CloudFront passes over where the URL has a part \
             of one",
        );
    }
    for other in present.checks.faults().filter(|other| {
        other.certainty == Certainty::Certain
            && other.fault.detail() != fault.detail()
            && !matches!(other.fault, Fault::UnknownKey)
    }) {
        opinion = opinion.seen(LOG, format!("besides, it {}", words(other.fault, present)));
    }
    if matches!(fault, Fault::UnknownKey) && kind.page == Page::SignDenied {
        opinion = opinion
            .at_most(Says::Supports)
            .detail_unsure()
            .but(LOG, "an unknown key is answered with InvalidKey, which is 106 bytes long");
    }
    opinion
}

fn of_uncertain(
    kind: &Kind,
    present: &Present,
    fault: Fault,
    behavior: &Behavior,
    facts: Option<&DistributionFacts>,
) -> Opinion {
    let opinion = Opinion::of(Says::Supports, detail_of(fault, kind.page)).detail_unsure();
    if matches!(fault, Fault::UnknownKey) && kind.keys != Held::Holds {
        let read = read_at(behavior, facts).map_or_else(String::new, |at| format!(" at {at}"));
        return opinion
            .because(LOG, names(present).unwrap_or_else(|| signature(present)))
            .because(
                KEYS,
                format!("that key was not among the trusted ones when they were read{read}"),
            )
            .but(KEYS, "which keys were trusted at the time of the requests is not known")
            .missing_all(unknown_keys(kind, behavior, facts));
    }
    opinion
        .because(LOG, format!("{} {}", signature(present), words(fault, present)))
        .but(LOG, unsure(fault, present))
}

/// Nothing that the log shows of the signature is wrong.
fn of_sound(
    kind: &Kind,
    present: &Present,
    behavior: &Behavior,
    facts: Option<&DistributionFacts>,
) -> Opinion {
    let it = signature(present);
    let (unchecked, ask) = check::unchecked(kind, present);
    match of_page(kind.page) {
        None if kind.page == Page::SignDenied && present.ran_out => {
            let because = format!(
                "{it} was valid when the request began, and had expired when it had been answered"
            );
            if kind.verified == Verified::Good {
                return Opinion::of(Says::Supports, "expired")
                    .because(LOG, because)
                    .and(check::evidence(kind, present));
            }
            Opinion::of(Says::Supports, None).because(LOG, because).but(
                LOG,
                "whether CloudFront asked so late, or the signature does not verify, is not in a log",
            )
        }
        // All that the log shows of it is right: then it does not verify, or was not the matter.
        None if kind.page == Page::SignDenied && present.checks.is_sound() => {
            Opinion::of(Says::Supports, "bad-signature")
                .detail_unsure()
                .because(
                    LOG,
                    format!(
                        "key, dates, address and URL of {it} are in order, which leaves the \
                         signature itself"
                    ),
                )
                .but(LOG, unchecked)
                .missing(ask)
        }
        // CloudFront's own word, where the keys are not known to prove it.
        Some("unknown-key") => Opinion::of(Says::Supports, "unknown-key")
            .detail_unsure()
            .and(names(present).map(|says| Evidence::new(LOG, says)))
            .but(KEYS, "which keys are trusted is not known")
            .missing_all(unknown_keys(kind, behavior, facts)),
        Some(detail) => Opinion::of(Says::Supports, detail)
            .and(names(present).map(|says| Evidence::seen(LOG, says))),
        None if kind.page.is_signature() => Opinion::of(Says::Supports, None)
            .and(names(present).map(|says| Evidence::seen(LOG, says))),
        None => Opinion::silent(),
    }
}

/// When the first of a behaviour's key groups was read, in words.
fn read_at(behavior: &Behavior, facts: Option<&DistributionFacts>) -> Option<String> {
    let groups = behavior.trusted_key_groups.items.iter();
    let read = groups.filter_map(|group| facts?.key_groups.get(group)?.read_at).min()?;
    Some(utc(read))
}

/// The questions for the key groups of a behaviour whose keys are not known, or of another moment.
fn unknown_keys(
    kind: &Kind,
    behavior: &Behavior,
    facts: Option<&DistributionFacts>,
) -> Vec<Question> {
    let groups = behavior.trusted_key_groups.items.iter();
    let facts = groups.filter_map(|group| facts?.key_groups.get(group));
    facts
        .filter(|fact| !fact.is_told() || kind.keys != Held::Holds)
        .map(|fact| fact.question.clone())
        .collect()
}

/// The detail of a fault; the edge's own word decides where two names are possible.
fn detail_of(fault: Fault, page: Page) -> &'static str {
    match (fault, page) {
        (Fault::Malformed(_), Page::SignMissing) => "missing",
        (Fault::Malformed(Malformation::NoKeyPairId), Page::Unknown) => "missing",
        (Fault::Malformed(_), Page::SignMalformedSignature) => "bad-signature",
        (fault, _) => fault.detail(),
    }
}

/// The detail that CloudFront's answer names by itself.
fn of_page(page: Page) -> Option<&'static str> {
    match page {
        Page::SignMissing => Some("missing"),
        Page::SignUnknownKey => Some("unknown-key"),
        Page::SignMalformedPolicy => Some("malformed"),
        Page::SignMalformedSignature => Some("bad-signature"),
        _ => None,
    }
}
