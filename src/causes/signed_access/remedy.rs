//! What to do about signatures that are refused.

use super::super::kind::{Kind, Page};
use super::super::remedy::{Case, Remedy, capital};
use super::check::hashes;
use super::words::{listed, of};
use crate::account::command::quoted;
use crate::signature::{
    Carrier, Certainty, Check, Elsewhere, Fault, Key, Malformation, Part, Present, Signature,
    Verified,
};

pub(super) fn remedy(case: &Case<'_>) -> Remedy {
    let place = case.behavior_name();
    let kind = case.kind();
    let let_in = kind.map(|kind| kind.let_in).unwrap_or_default();
    if let_in.unsigned {
        return Remedy::new(format!(
            "Read again whether {place} asks for a signature: others without one were let in after \
             such a refusal, so that it did not at times, or the reason is another."
        ))
        .step(case.show_behavior("TrustedKeyGroups"));
    }
    let present = kind.and_then(|kind| match &kind.signature {
        Some(Signature::Present(present)) => Some(present),
        _ => None,
    });
    let cookies = present.is_some_and(|present| present.carrier == Carrier::Cookie);
    let what = if cookies { "cookies" } else { "URLs" };
    let remedy = match case.detail {
        Some("expired") => expired(what, cookies),
        Some("not-yet-valid") => Remedy::new(
            "Set the signer's clock, or let signatures begin earlier.",
        )
        .step("Compare the signer's time with an NTP server; it signs with DateGreaterThan.")
        .step(
            "If all begin at one planned moment: nothing. If they lead by the same time again and \
             again, the signer's clock is ahead by that.",
        ),
        Some("unknown-key") => unknown_key(case, present),
        Some("missing") => match present {
            Some(present) => own_parameter(present, &place),
            None => Remedy::new(format!(
                "Find who asks {place} without a signature; if these paths are meant to be public, \
                 give them a behaviour without signers."
            ))
            .step(case.show_behavior("[PathPattern,TrustedKeyGroups,TrustedSigners]"))
            .step("Whoever takes the signers off opens all that the behaviour serves."),
        },
        Some("ip-mismatch") => ip_mismatch(case, present),
        Some("malformed") => malformed(present),
        Some("bad-signature") if kind.is_some_and(|kind| is_of_key(kind.verified)) => {
            by_the_right_key(case, kind.map(|kind| kind.verified), present)
        }
        Some("bad-signature") => {
            let torn = kind.is_some_and(|kind| kind.page == Page::SignMalformedSignature);
            bad_signature(case, present, torn)
        }
        Some("policy-mismatch") => policy_mismatch(case, present),
        _ if present.is_some_and(|present| present.ran_out) => Remedy::new(
            "Sign for longer than the request takes: it began in time, and had expired at its end.",
        )
        .step(
            "An upload, or a viewer with a slow line, needs the time until its last byte. If it is \
             refused with a longer time as well, look at the signature itself: the private key, the \
             hash, the base64.",
        ),
        _ if let_in.key => key_was_trusted(case, present),
        _ => unsettled(what, kind, present),
    };
    let lifted = case.behavior().is_some_and(|behavior| !behavior.is_signed());
    match case.read_before().filter(|_| lifted) {
        Some(at) => remedy.first(format!(
            "{} asked for no signature when it was read ({at}), at another moment than that of \
             these requests: if it asks for none now, there is nothing to do.",
            capital(&place)
        )),
        None => remedy,
    }
}

/// Whether the public key shows that its private half signed, be it something else.
fn is_of_key(verified: Verified) -> bool {
    matches!(verified, Verified::Elsewhere(_) | Verified::OtherHash)
}

/// The key is right, and what was signed, or how, is not.
fn by_the_right_key(
    case: &Case<'_>,
    verified: Option<Verified>,
    present: Option<&Present>,
) -> Remedy {
    const RIGHT: &str = "The key is the right one: its public half verifies the signature.";
    let remedy = match verified {
        Some(Verified::OtherHash) => {
            let (made, taken, _) = present.map_or(("another hash", "SHA-1", ""), hashes);
            Remedy::new(match taken {
                "SHA-1" => format!(
                    "Sign with {taken}, or send Hash-Algorithm=SHA256 with the signature: it was made \
                     with {made}."
                ),
                _ => format!(
                    "Sign with {taken}, or send no Hash-Algorithm=SHA256: the signature was made with \
                     {made}."
                ),
            })
        }
        Some(Verified::Elsewhere(Elsewhere::Scheme)) => Remedy::new(
            "Sign for the scheme by which viewers ask, http:// or https://: the other one was signed.",
        ),
        Some(Verified::Elsewhere(Elsewhere::Order)) => Remedy::new(
            "Sign the URL with its parameters in the order in which viewers send them, or find what \
             puts them in another.",
        ),
        Some(Verified::Elsewhere(Elsewhere::Base64)) => {
            Remedy::new("Write the base64 of Signature and Policy whole, with + = / as - _ ~.")
        }
        _ => {
            let asked = case.viewer.and_then(|sent| sent.host.as_deref());
            let others: Vec<&str> = case
                .distribution()
                .into_iter()
                .flat_map(|one| std::iter::once(&one.domain_name).chain(&one.config.aliases.items))
                .map(String::as_str)
                .filter(|name| asked.is_none_or(|asked| !name.eq_ignore_ascii_case(asked)))
                .collect();
            let signed = match others.as_slice() {
                [one] if asked.is_some() => format!("it was signed for {one}"),
                [] => "another one was signed".to_owned(),
                several => {
                    let several: Vec<&str> = several.iter().take(4).copied().collect();
                    format!("another one was signed, of {}", several.join(", "))
                }
            };
            let name = asked.map_or_else(String::new, |name| format!(", {name}"));
            Remedy::new(format!("Sign for the name by which viewers ask{name}: {signed}."))
                .step("With a custom policy a Resource may have * in the place of the host.")
        }
    };
    remedy.step(RIGHT)
}

/// Others were let in with a key that is in no group that was read.
fn key_was_trusted(case: &Case<'_>, present: Option<&Present>) -> Remedy {
    let key = key(case, present).unwrap_or_else(|| "the key".to_owned());
    Remedy::new(format!(
        "Find out whether {} trusted {key} when these requests came: others were let in with it, and \
         the key groups that were read do not have it.",
        case.behavior_name()
    ))
    .steps_of(trusted(case))
    .step(
        "CloudTrail tells when they were changed (UpdateKeyGroup, UpdateDistribution); an edge may \
         take some minutes to follow.",
    )
}

/// Only what was not found to be in order is left to be looked at.
fn unsettled(what: &str, kind: Option<&Kind>, present: Option<&Present>) -> Remedy {
    let checks = present.map(|present| present.checks);
    let open = |check: fn(&crate::signature::Checks) -> Check| {
        checks.as_ref().is_none_or(|all| !matches!(check(all), Check::Holds | Check::NotAsked))
    };
    let verifies = kind.is_some_and(|kind| kind.verified == Verified::Good);
    let questions: Vec<&str> = [
        (open(|all| all.end), "Does Expires or DateLessThan lie in the past?"),
        (open(|all| all.start), "DateGreaterThan in the future?"),
        (open(|all| all.address), "Is IpAddress the viewer's?"),
        (open(|all| all.resource), "Is Resource the URL, with host and query?"),
        (open(|all| all.key), "Does the behaviour trust the key?"),
    ]
    .into_iter()
    .filter_map(|(open, question)| open.then_some(question))
    .collect();
    if questions.is_empty() && verifies {
        return Remedy::new(
            "Do not change the signer: all that these signatures say is in order, as far as it was \
             read. Look for these requests at the origin, which may send this answer.",
        )
        .step("Search its log by method, path and time; X-Amz-Cf-Id is the request's id.")
        .step("If they never came there: AWS Support can tell by the request id.");
    }
    let remedy =
        Remedy::new(format!("Compare what the signed {what} say with what viewers ask for."));
    let remedy = match questions.as_slice() {
        [] => remedy,
        questions => remedy.step(questions.join(" ")),
    };
    match verifies {
        true => {
            remedy.step("The signature itself verifies: leave key, hash and base64 as they are.")
        }
        false => remedy.step("Then the signature itself: the private key, the hash, the base64."),
    }
}

fn expired(what: &str, cookies: bool) -> Remedy {
    Remedy::new(format!(
        "Give viewers new signed {what} before the old ones expire, if they are meant to get in."
    ))
    .step("If they expire too early: sign for longer than the longest download or playback.")
    .step(match cookies {
        true => "If these viewers are not meant to get in any more: nothing.",
        false => "If old links are shared: nothing; this is what the signature is for.",
    })
}

fn unknown_key(case: &Case<'_>, present: Option<&Present>) -> Remedy {
    let place = case.behavior_name();
    let expired = present.is_some_and(|present| {
        present.checks.faults().any(|found| {
            found.certainty == Certainty::Certain && matches!(found.fault, Fault::Expired)
        })
    });
    let named = key(case, present);
    // The key pair of an account is none of CloudFront's public keys.
    let of_account = named.as_deref().is_some_and(|key| key.starts_with("APKA"));
    let known = match (named, of_account) {
        (Some(_), true) => Some(
            "This is the id of an account's own key pair, which no command of CloudFront's shows: \
             the root user of the account sees it under Security credentials, CloudFront key pairs."
                .to_owned(),
        ),
        (named, _) => named.map(|key| format!("aws cloudfront get-public-key --id {key}")),
    };
    let yours = match (known.is_some(), of_account) {
        (true, true) => ", that is if one of your accounts has it",
        (true, false) => ", that is if get-public-key knows it",
        _ => "",
    };
    Remedy::new(format!(
        "Sign with a key that {place} trusts. Trust the key that signs these only if it is \
         yours{yours}; if it is not, there is nothing to do."
    ))
    .and(known)
    .steps_of(trusted(case))
    .step(match expired {
        true => "These have expired as well: trusting the key alone would not let them in.",
        false => {
            "At a rotation: trust the new key before the signer uses it, and take the old one out \
             last."
        }
    })
}

/// A part of a signature where others are missing: it may be the application's own.
fn own_parameter(present: &Present, place: &str) -> Remedy {
    let named = listed(present.named);
    let lacks = ["Signature", "Key-Pair-Id"]
        .into_iter()
        .filter(|name| present.named.names().all(|there| there != *name))
        .collect::<Vec<_>>()
        .join(" and ");
    let lacks = if lacks.is_empty() { "a part".to_owned() } else { lacks };
    match present.carrier {
        Carrier::Query if present.cookies_beside => Remedy::new(format!(
            "Rename the parameter {named} of your application: {place} takes it for part of a signed \
             URL, and passes over the signed cookies that these requests have."
        ))
        .step(format!("If the URL itself was signed, find what takes {lacks} out of it.")),
        Carrier::Cookie => Remedy::new(format!(
            "Find out why these viewers send the signed cookies without {lacks}."
        ))
        .step(
            "All three must have the same Domain, Path and life, or a browser sends some of them \
             only.",
        ),
        Carrier::Query => Remedy::new(format!(
            "If {named} is a parameter of your application's own, rename it: {place} takes it for \
             part of a signed URL. If the URL was signed, find what takes {lacks} out of it."
        ))
        .step(
            "With Expires, Policy, Signature or Key-Pair-Id in the query CloudFront takes the request \
             for a signed URL, and reads no signed cookies.",
        ),
    }
}

fn ip_mismatch(case: &Case<'_>, present: Option<&Present>) -> Remedy {
    if present.is_some_and(|present| present.by_ipv6) {
        return Remedy::new(
            "Sign without IpAddress, or switch IPv6 off on the distribution: the policy names IPv4, \
             these viewers come by IPv6, and a policy can name no IPv6 address.",
        )
        .step(case.show("IsIPV6Enabled"))
        .step(
            "Where DNS of your own has an AAAA record that leads to the distribution, take that \
             out as well.",
        );
    }
    Remedy::new("Sign for the address that viewers come from, or without one.")
        .step(
            "The signer may see another address than CloudFront does, a proxy's for example, or \
             the viewer's may have changed since, as a telephone's does.",
        )
        .step("If links are shared: nothing; this is what the address is for.")
}

fn malformed(present: Option<&Present>) -> Remedy {
    const BASE64: &str = "Policy and Signature are base64 with + = / written as - _ ~, and whole: \
                          nothing may cut, decode or encode them on their way.";
    const SECONDS: &str =
        "Expires and the policy's dates are whole seconds since 1970, not milliseconds.";
    match present.and_then(|present| present.checks.malformation) {
        Some(Malformation::PolicyCut) => Remedy::new(
            "Find what cuts Policy off: the signer, a mail or chat that breaks links, a field that \
             is too short.",
        )
        .step("A policy for many long URLs is shorter with a wildcard in its Resource."),
        Some(Malformation::Milliseconds | Malformation::NotANumber | Malformation::NumberForm) => {
            Remedy::new("Correct how the signer writes times.").step(SECONDS)
        }
        Some(Malformation::PolicyEncoding | Malformation::Alphabet | Malformation::Signature) => {
            Remedy::new("Correct how the signer encodes Policy and Signature.").step(BASE64)
        }
        _ => {
            Remedy::new("Correct how the signer writes its parameters.").step(SECONDS).step(BASE64)
        }
    }
}

fn bad_signature(case: &Case<'_>, present: Option<&Present>, torn: bool) -> Remedy {
    const KEY: &str = "the private key that belongs to the key pair ID which the request names";
    let remedy = match torn {
        true => Remedy::new(
            "Check that Signature is whole, and its base64 has + = / written as - _ ~; then the \
             private key.",
        )
        .step(format!("Sign with {KEY}.")),
        false => Remedy::new(format!("Sign with {KEY}.")),
    };
    let remedy = match key(case, present) {
        Some(key) => remedy.step("Compare its public half with:").step(format!(
            "aws cloudfront get-public-key --id {key} --query \
             PublicKey.PublicKeyConfig.EncodedKey --output text"
        )),
        None => remedy.step("Compare its public half with the public key of that ID."),
    };
    remedy.step(
        "Check that nothing changes the URL after it was signed (a parameter added, an encoding), \
         and the hash: SHA-1 unless Hash-Algorithm=SHA256 is sent.",
    )
}

fn policy_mismatch(case: &Case<'_>, present: Option<&Present>) -> Remedy {
    let remedy = match present.and_then(|present| present.differs) {
        Some(part) => Remedy::new(format!(
            "Sign for the URL that viewers ask for, or let them ask for the one that was signed: {} \
             differs.",
            of(part)
        ))
        .step(match part {
            Part::Scheme => "http:// is not https://; a Resource that begins with * is for both.",
            Part::Host => {
                "Sign for the name that viewers ask by, not for another alias or the \
                 d….cloudfront.net name; a Resource may have * in the place of the host."
            }
            Part::Path => {
                "In a Resource * stands for any characters and ? for exactly one; capitals and \
                 encoded characters count."
            }
            Part::Query => {
                "A parameter that is added after signing breaks it; a Resource that ends in * lets \
                 any query in."
            }
        }),
        None => Remedy::new("Sign for the URL that viewers ask for.").step(
            "Compare scheme, host, path and query with the policy's Resource; a parameter that is \
             added after signing breaks it, and http:// is not https://.",
        ),
    };
    let shown = case.viewer.is_some();
    remedy.and(shown.then(|| {
        "The policy's Resource and the URL that was asked for stand with the examples above."
            .to_owned()
    }))
}

/// The key that a signature names, where that may be shown.
fn key(case: &Case<'_>, present: Option<&Present>) -> Option<String> {
    match present.filter(|_| case.viewer.is_some())?.key {
        Key::Id(id) => Some(id.as_str().to_owned()),
        _ => None,
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
