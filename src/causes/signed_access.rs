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

use super::kind::{Kind, Page};
use super::opinion::{Evidence, LOG, Opinion, Says};
use super::remedy::{Case, Remedy};
use super::{Cause, Rule, Sheet, Step, signature_check};
use crate::account::Question;
use crate::account::command::quoted;
use crate::account::distribution::Behavior;
use crate::account::facts::{DistributionFacts, Held};
use crate::signature::{Carrier, Certainty, Fault, Key, Malformation, Present, Signature};

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
    remedy,
};

const CONFIG: &str = "cloudfront/get-distribution";

fn opinion(kind: &Kind, facts: Option<&DistributionFacts>) -> Opinion {
    if kind.reached_waf() {
        return Opinion::excludes(LOG, "the request came past the check of its signature");
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
        let (fault, sentence) = shown(kind).unzip();
        // What CloudFront's answer names is its own word; an answer that names nothing is as likely
        // about the fault that the log shows.
        let of_fault = fault.filter(|_| kind.page.is_signature());
        let detail = of_page(kind.page).or_else(|| Some(detail_of(of_fault?, kind.page)));
        let opinion = Opinion::of(says, detail).and(page).and(sentence).missing(ask);
        return if detail.is_some() { opinion.detail_unsure() } else { opinion };
    };
    let asks = format!("behaviour {} asks for a signature", behavior.name());
    let opinion = match &kind.signature {
        Some(Signature::Absent) => Opinion::of(Says::Explains, "missing")
            .because(LOG, "the request has no signature, neither in its query nor in a cookie"),
        Some(Signature::Present(present)) => of_present(kind, present, behavior, facts),
        Some(Signature::NotSeen) | None => not_seen(kind),
    };
    opinion
        .because(CONFIG, asks)
        .and(page)
        .unless_let_in(kind.let_in.unsigned, "without a signature")
}

/// What the request itself shows of its signature, whatever asks for one.
fn shown(kind: &Kind) -> Option<(Fault, Evidence)> {
    let Some(Signature::Present(present)) = &kind.signature else { return None };
    let found = present.checks.faults().find(|found| {
        found.certainty == Certainty::Certain && !matches!(found.fault, Fault::UnknownKey)
    })?;
    let says = format!("the signature{} {}", by(present), words(found.fault));
    Some((found.fault, Evidence::new(LOG, says)))
}

/// The key of a signature, in words.
fn by(present: &Present) -> String {
    match present.key {
        Key::Id(id) => format!(" by key {}", id.as_str()),
        _ => String::new(),
    }
}

/// Nothing in what was logged; cookies may not have been.
fn not_seen(kind: &Kind) -> Opinion {
    let sentence = "the query has no signature, and cookies are not logged";
    match kind.page {
        Page::SignMissing => Opinion::of(Says::Supports, "missing").because(LOG, sentence),
        page if page.is_signature() => {
            Opinion::of(Says::Supports, of_page(page)).because(LOG, sentence)
        }
        _ => Opinion::of(Says::Hints, "missing").because(LOG, sentence),
    }
}

fn of_present(
    kind: &Kind,
    present: &Present,
    behavior: &Behavior,
    facts: Option<&DistributionFacts>,
) -> Opinion {
    let found: Vec<_> = present.checks.faults().collect();
    // A key that is not among the usable ones is found before anything else.
    let certain = found.iter().find(|found| {
        found.certainty == Certainty::Certain
            && (!matches!(found.fault, Fault::UnknownKey) || kind.keys == Held::Holds)
    });
    let id = by(present);
    if let Some(found) = certain {
        let detail = detail_of(found.fault, kind.page);
        let foreign = matches!(found.fault, Fault::UnknownKey);
        return Opinion::of(Says::Explains, detail)
            .because(LOG, format!("the signature{id} {}", words(found.fault)))
            .and(signature_check::evidence(kind, &id))
            .unless_let_in(kind.let_in.key && foreign, "signed with that key");
    }
    if let Some(checked) = signature_check::opinion(kind, present, &id) {
        return checked;
    }
    if let Some(found) = found.first() {
        return Opinion::of(Says::Supports, detail_of(found.fault, kind.page))
            .detail_unsure()
            .because(LOG, format!("the signature{id} perhaps {}", words(found.fault)))
            .and(signature_check::evidence(kind, &id));
    }
    let (unchecked, ask) = signature_check::unchecked(kind, present);
    match of_page(kind.page) {
        // All that the log shows of it is right: then it does not verify, or was not the matter.
        None if kind.page == Page::SignDenied && present.checks.is_sound() => Opinion::of(
            Says::Supports,
            "bad-signature",
        )
        .detail_unsure()
        .because(
            LOG,
            format!(
                "key, dates, address and URL of the signature{id} are in order, which leaves \
                     the signature itself"
            ),
        )
        .but(LOG, unchecked)
        .missing(ask),
        // CloudFront's own word, where the keys are not known to prove it.
        Some("unknown-key") => Opinion::of(Says::Supports, "unknown-key")
            .detail_unsure()
            .missing_all(unknown_keys(behavior, facts)),
        Some(detail) => Opinion::of(Says::Supports, detail),
        None if kind.page.is_signature() => Opinion::of(Says::Supports, None),
        None => Opinion::silent(),
    }
}

/// The questions for the key groups of a behaviour whose keys are not known.
fn unknown_keys(behavior: &Behavior, facts: Option<&DistributionFacts>) -> Vec<Question> {
    let groups = behavior.trusted_key_groups.items.iter();
    let facts = groups.filter_map(|group| facts?.key_groups.get(group));
    facts.filter(|fact| !fact.is_told()).map(|fact| fact.question.clone()).collect()
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

fn words(fault: Fault) -> &'static str {
    match fault {
        Fault::UnknownKey => "names a key that the behaviour does not trust",
        Fault::Malformed(how) => malformed(how),
        Fault::PolicyMismatch => "is for another URL",
        Fault::NotYetValid => "was not valid yet when the request began",
        Fault::Expired => "had expired when the request began",
        Fault::IpMismatch => "is for another address than the viewer's",
    }
}

fn malformed(how: Malformation) -> &'static str {
    match how {
        Malformation::NoKeyPairId => {
            "is not whole: a parameter of signed URLs is there, and Key-Pair-Id is not"
        }
        Malformation::NoSignature => {
            "is not whole: a parameter of signed URLs is there, and Signature is not"
        }
        Malformation::NoPolicy => "is not whole: it has neither Expires nor Policy",
        Malformation::KeyPairId => "is malformed: its Key-Pair-Id is none",
        Malformation::Signature => "is malformed: Signature is no base64",
        Malformation::Alphabet => {
            "is malformed: it is base64 without CloudFront's - for +, _ for = and ~ for /"
        }
        Malformation::NotANumber => "is malformed: a time in it is no number of seconds",
        Malformation::Milliseconds => {
            "is malformed: a time in it is in milliseconds where seconds are asked for"
        }
        Malformation::PolicyEncoding => "is malformed: Policy is no base64",
        Malformation::PolicyJson => "is malformed: Policy is no JSON",
        _ => "is malformed",
    }
}

fn remedy(case: &Case<'_>) -> Remedy {
    let place = case.behavior_name();
    let kind = case.kind();
    let let_in = kind.map(|kind| kind.let_in).unwrap_or_default();
    if let_in.unsigned {
        return Remedy::new(format!(
            "Nothing to do now, if {place} asks for no signature today: others without one were let \
             in afterwards."
        ))
        .step(case.show_behavior("TrustedKeyGroups"));
    }
    if let_in.key && case.detail == Some("unknown-key") {
        return Remedy::new(format!(
            "Nothing to do now, if {place} trusts the key today: it was let in afterwards."
        ))
        .steps_of(trusted(case));
    }
    let present = kind.and_then(|kind| match &kind.signature {
        Some(Signature::Present(present)) => Some(present),
        _ => None,
    });
    let cookies = present.is_some_and(|present| present.carrier == Carrier::Cookie);
    let what = if cookies { "cookies" } else { "URLs" };
    match case.detail {
        Some("expired") => Remedy::new(format!(
            "Give viewers new signed {what} before the old ones expire, if they are meant to get in."
        ))
        .step("If they expire too early: sign for longer than the longest download or playback.")
        .step("If old links are shared: nothing; this is what the signature is for."),
        Some("not-yet-valid") => Remedy::new(
            "Set the signer's clock, or let signatures begin a few minutes earlier.",
        )
        .step("Compare the signer's time with an NTP server."),
        Some("unknown-key") => Remedy::new(format!(
            "Sign with a key that {place} trusts, or let it trust the one that signs these, if it is \
             yours."
        ))
            .steps_of(trusted(case))
            .step(
                "At a rotation: trust the new key before the signer uses it, and take the old one \
                 out last.",
            ),
        Some("missing") if present.is_some() => Remedy::new(
            "Rename the parameter of your own in the query that CloudFront reads as part of a \
             signed URL.",
        )
        .step(
            "With Expires, Policy, Signature or Key-Pair-Id in the query CloudFront takes the request \
             for a signed URL, and reads no signed cookies.",
        ),
        Some("missing") => Remedy::new(format!(
            "Find who asks {place} without a signature; if these paths are meant to be public, give \
             them a behaviour without signers."
        ))
        .step(case.show_behavior("[PathPattern,TrustedKeyGroups,TrustedSigners]"))
        .step("Whoever takes the signers off opens all that the behaviour serves."),
        Some("ip-mismatch") => Remedy::new("Sign for the address that viewers come from, or without one.")
            .step(
                "The signer may see another address than CloudFront does: a proxy's, or an IPv4 one \
                 where the viewer comes by IPv6. A policy can name no IPv6 address.",
            )
            .step("If links are shared: nothing; this is what the address is for."),
        Some("malformed") => Remedy::new("Correct how the signer writes its parameters.")
            .step("Expires and the policy's dates are whole seconds since 1970, not milliseconds.")
            .step(
                "Policy and Signature are base64 with + = / written as - _ ~, and whole: nothing \
                 may cut, decode or encode them on their way.",
            ),
        Some("bad-signature") => {
            let key = present.filter(|_| case.viewer.is_some()).and_then(|present| match present.key {
                Key::Id(id) => Some(id.as_str().to_owned()),
                _ => None,
            });
            let compare = key.map_or_else(
                || vec!["Compare its public half with the public key of that ID.".to_owned()],
                |key| {
                    vec![
                        "Compare its public half with:".to_owned(),
                        format!(
                            "aws cloudfront get-public-key --id {key} --query \
                             PublicKey.PublicKeyConfig.EncodedKey --output text"
                        ),
                    ]
                },
            );
            Remedy::new("Sign with the private key that belongs to the key pair ID which the request names.")
                .steps_of(compare)
                .step(
                    "Check that nothing changes the URL after it was signed (a parameter added, an \
                     encoding), and the hash: SHA-1 unless Hash-Algorithm=SHA256 is sent.",
                )
        }
        Some("policy-mismatch") => Remedy::new("Sign for the URL that viewers ask for.")
            .step(
                "Compare scheme, host, path and query with the policy's Resource; a parameter that is \
                 added after signing breaks it, and http:// is not https://.",
            ),
        _ => Remedy::new(format!("Compare what the signed {what} say with what viewers ask for.")).step(
            "In this order: does Expires or DateLessThan lie in the past, DateGreaterThan in the \
             future? Is IpAddress the viewer's? Is Resource the URL, with host and query? Does the \
             behaviour trust the key?",
        )
        .step("Then the signature itself: the private key, the hash, the base64."),
    }
}

/// The commands that show which keys a behaviour trusts.
fn trusted(case: &Case<'_>) -> Vec<String> {
    let Some(behavior) = case.behavior() else {
        return vec![case.show("[DefaultCacheBehavior,CacheBehaviors]")];
    };
    let mut commands: Vec<String> = behavior
        .trusted_key_groups
        .items
        .iter()
        .filter(|_| behavior.trusted_key_groups.enabled)
        .take(2)
        .map(|group| {
            format!(
                "aws cloudfront get-key-group --id {} --query KeyGroup.KeyGroupConfig.Items",
                quoted(group)
            )
        })
        .collect();
    if behavior.trusted_signers.enabled {
        commands.push(format!(
            "aws cloudfront get-distribution --id {} --query Distribution.ActiveTrustedSigners",
            case.asked()
        ));
    }
    commands
}
