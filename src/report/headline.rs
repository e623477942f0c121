//! The first lines of the report for people: what is the matter.

use std::fmt::{self, Write};

use super::text::{BOLD, DIM, of_severity, wrap};
use super::words::{over_for, several, since, span, thousands};
use super::{EvidenceOut, Finding, Report, Window, left_out, place};
use crate::viewer::plain;

pub(super) fn headline(out: &mut String, report: &Report) -> fmt::Result {
    let Some((place, first)) = foremost(report) else {
        return writeln!(out, "{BOLD}{}{BOLD:#}", wrap(&nothing(report), 0));
    };
    writeln!(out, "{BOLD}{}{BOLD:#}", wrap(&title(first, &report.window), 0))?;
    writeln!(out, "{}", wrap(&totals(report), 0))?;
    if let Some(said) = left_out::of(&report.inputs) {
        writeln!(out, "{}", wrap(&said, 0))?;
    }
    if report.findings.len() > 1 {
        writeln!(out)?;
        writeln!(out, "{DIM}  #  requests  severity     confidence  cause{DIM:#}")?;
        for (number, finding) in report.findings.iter().enumerate() {
            let style = of_severity(known_severity(finding));
            writeln!(
                out,
                "{:>3}  {:>8}  {style}{:<11}{style:#}  {:<10}  {}",
                number + 1,
                thousands(finding.requests),
                severity(finding, true),
                finding.confidence,
                name(finding)
            )?;
        }
        for (number, finding) in report.findings.iter().enumerate() {
            let of = numbers(report, &finding.follows);
            if !of.is_empty() {
                let of = of.join(" and ");
                writeln!(out, "{} follows from {of}: these are the same requests.", number + 1)?;
            }
        }
        let over = over_for(first, &report.window).is_some();
        let number = place + 1;
        let urgent = match (first.severity, first.confidence) {
            ("fault", "confirmed") if over => {
                &format!("Look at {number} first: somebody who should have got in did not.")
            }
            ("fault", "confirmed") => {
                &format!("Fix {number} first: somebody who should get in does not.")
            }
            ("fault", _) => &format!("Look at {number} first: somebody who should get in may not."),
            _ if own(report).all(|one| one.severity == "enforcement") => {
                let sure = own(report).all(|one| one.confidence == "confirmed");
                match sure {
                    true => "Nothing here is a fault: rules did what they were set up to do.",
                    false => "Nothing here is known to be a fault, and not all of it is proved.",
                }
            }
            _ => "Whether any of this is a fault is not known.",
        };
        writeln!(out, "{urgent}")?;
    }
    Ok(())
}

/// The findings that are not the echo of others.
fn own(report: &Report) -> impl Iterator<Item = &Finding> {
    report.findings.iter().filter(|one| one.follows.is_empty())
}

/// What stands first: the most urgent finding, with its place, that is not the echo of another one.
pub(super) fn foremost(report: &Report) -> Option<(usize, &Finding)> {
    let mut all = report.findings.iter().enumerate();
    all.find(|(_, one)| one.follows.is_empty())
        .or_else(|| report.findings.first().map(|one| (0, one)))
}

/// The numbers of some findings in the report.
pub(super) fn numbers(report: &Report, ids: &[String]) -> Vec<String> {
    let all = report.findings.iter().enumerate();
    all.filter(|(_, one)| ids.contains(&one.id)).map(|(at, _)| (at + 1).to_string()).collect()
}

/// What is said where nothing was refused.
pub(super) fn nothing(report: &Report) -> String {
    let said = match report.totals.requests {
        0 => "No request in these logs".to_owned(),
        requests => format!("None of {} was refused", several(requests, "request")),
    };
    match report.handshakes.iter().map(|one| one.handshakes).sum() {
        0 => format!("{said}."),
        failed => format!("{said}, but {} failed.", several(failed, "TLS handshake")),
    }
}

/// How many were refused, and what their viewers saw.
pub(super) fn totals(report: &Report) -> String {
    let totals = &report.totals;
    let all = thousands(totals.requests);
    let refused = totals.forbidden + totals.masked_forbidden;
    let span = match (report.window.start, report.window.end) {
        (Some(start), Some(end)) => format!(", {} UTC", span(start, end)),
        _ => String::new(),
    };
    let reasons = match own(report).count() {
        0 | 1 => String::new(),
        several => format!(", for {several} reasons"),
    };
    let twice: u64 = report.findings.iter().map(|one| one.echoed).sum();
    let viewers = match twice {
        0 => String::new(),
        _ => format!(
            "{} requests of viewers were refused, {} of them by two distributions one after the \
             other: ",
            thousands(refused.saturating_sub(twice)),
            thousands(twice)
        ),
    };
    if totals.masked_forbidden == 0 {
        return format!(
            "{viewers}{} of {all} requests answered 403{reasons}{span}.",
            thousands(refused)
        );
    }
    let doubtful: u64 = totals.masked_as.iter().map(|one| one.doubtful).sum();
    let were = match doubtful {
        0 => "were refused",
        _ if doubtful == refused => "may have been refused",
        _ => "were or may have been refused",
    };
    let saw = totals.masked_as.iter().map(|one| {
        let page = one.page.as_deref().map_or(String::new(), |page| format!(" ({})", plain(page)));
        let whose = match totals.masked_as.len() {
            1 if totals.forbidden == 0 => String::new(),
            _ => format!(" of {}", thousands(one.requests)),
        };
        format!("viewers{whose} saw {}{page}", one.status)
    });
    let mut parts: Vec<String> = saw.collect();
    if totals.forbidden > 0 {
        parts.insert(0, format!("{} answered 403", thousands(totals.forbidden)));
    }
    format!(
        "{viewers}{} of {all} requests {were}{reasons}; {} by a custom error response{span}.",
        thousands(refused),
        parts.join(", ")
    )
}

/// A severity as far as it is known of these requests: that of a detail is fixed, and a rule that
/// nobody has seen may not be one.
pub(super) fn known_severity(finding: &Finding) -> &'static str {
    let unseen = match finding.cause {
        "edge-block" => true,
        "waf" => finding.rule.is_none() && finding.confidence != "confirmed",
        _ => finding.contradicted || !finding.follows.is_empty(),
    };
    if unseen { "unknown" } else { finding.severity }
}

/// A severity in words: what is not known is no third kind.
pub(super) fn severity(finding: &Finding, short: bool) -> &'static str {
    match (known_severity(finding), short) {
        ("unknown", true) => "not known",
        ("unknown", false) => "fault or rule: not known",
        (known, _) => known,
    }
}

/// A finding in one sentence: who refuses what since when.
pub fn title(finding: &Finding, window: &Window) -> String {
    // Where an error rule shows other errors in the same way, nobody may have been refused.
    let doubtful = finding.masked == finding.requests && finding.confidence == "possible";
    let sure = match finding.confidence {
        // That nothing is decided is certain.
        _ if finding.cause == "unattributed" => "",
        "confirmed" => "",
        "likely" => "Probably: ",
        _ if finding.contradicted => {
            "The evidence does not decide why: others like these were let in. Perhaps: "
        }
        _ if doubtful => "Perhaps a refusal, perhaps another error shown in the same way: ",
        _ => "Perhaps: ",
    };
    let what = match finding.clusters.first() {
        Some(cluster) if finding.clusters.len() == 1 => place::words(cluster),
        Some(cluster) => format!("{} and more", place::words(cluster)),
        None => "requests".to_owned(),
    };
    let whom = finding.distribution_id.as_deref().unwrap_or("an unknown distribution");
    let or = finding
        .or_else
        .map_or(String::new(), |other| format!(", or: {} ({other}),", sentence_of(other, None)));
    format!(
        "{sure}{} ({}){or} on {whom}: {what}, {}.",
        sentence(finding),
        name(finding),
        since(finding, window)
    )
}

/// What the cause does, as the beginning of a sentence.
pub(super) fn sentence(finding: &Finding) -> &'static str {
    let of_tenant = |one: &EvidenceOut| one.source.contains("tenant") && one.speaks == "for";
    if let Some(shown) = finding.shown {
        return shown;
    }
    match finding.cause {
        "distribution-disabled" if finding.evidence.iter().any(of_tenant) => {
            "A tenant of the distribution is disabled"
        }
        "signed-access" if finding.cookies => match finding.detail {
            Some("expired") => "Signed cookies have expired",
            Some("unknown-key") => "Cookies are signed with an unknown key",
            Some("not-yet-valid") => "Signed cookies are not valid yet",
            Some("ip-mismatch") => "Signed cookies are used from other addresses",
            Some("policy-mismatch") => "Cookies are signed for other URLs",
            detail => sentence_of(finding.cause, detail),
        },
        _ => sentence_of(finding.cause, finding.detail),
    }
}

/// What a cause does, as the beginning of a sentence.
pub fn sentence_of(cause: &str, detail: Option<&str>) -> &'static str {
    match (cause, detail) {
        ("s3-origin", Some("access-not-granted")) => "The bucket does not let CloudFront in",
        ("s3-origin", Some("object-missing")) => "Objects are missing from the bucket",
        ("s3-origin", Some("wrong-path")) => "Paths do not match the bucket's keys",
        ("s3-origin", Some("explicit-deny")) => "The bucket's policy denies CloudFront",
        ("s3-origin", Some("archived")) => "Objects are archived",
        ("s3-origin", Some("kms-denied")) => "CloudFront may not decrypt the objects",
        ("s3-origin", Some("host-header-forwarded")) => "The viewer's Host reaches S3",
        ("s3-origin", Some("custom-error-page")) => "A custom error response answers 403",
        ("s3-origin", Some("requester-pays")) => "Whoever asks the bucket must pay",
        ("s3-origin", Some("website-not-public")) => "The bucket's website is not public",
        ("s3-origin", _) => "The bucket refuses, and why is not known",
        ("waf", Some("origin")) => "The WAF in front of the origin blocks",
        ("waf", _) => "The WAF blocks",
        ("geo-restriction", _) => "The viewer's country is not served",
        ("signed-access", Some("expired")) => "Signed URLs have expired",
        ("signed-access", Some("missing")) => "Requests come without a signature",
        ("signed-access", Some("unknown-key")) => "URLs are signed with an unknown key",
        ("signed-access", Some("not-yet-valid")) => "Signed URLs are not valid yet",
        ("signed-access", Some("ip-mismatch")) => "Signed URLs are used from other addresses",
        ("signed-access", Some("policy-mismatch")) => "URLs are signed for other URLs",
        ("signed-access", Some("malformed")) => "Signatures are malformed",
        ("signed-access", Some("bad-signature")) => "Signatures do not verify",
        ("signed-access", _) => "Signatures are refused",
        ("alternate-domain-name", Some("not-on-distribution")) => {
            "No distribution of this account has this name"
        }
        ("alternate-domain-name", Some("points-elsewhere")) => "The name is another distribution's",
        ("alternate-domain-name", _) => "The name is not one of this distribution's",
        ("viewer-protocol", _) => "Plain HTTP is refused",
        ("method-not-allowed", _) => "The method is not allowed",
        ("edge-function", _) => "A function at the edge refuses",
        ("custom-origin", Some("host-header-forwarded")) => {
            "The origin does not know the viewer's Host, which CloudFront forwards"
        }
        ("custom-origin", Some("no-route")) => "The API has no such route",
        ("custom-origin", Some("lambda-url")) => "The function URL does not let CloudFront in",
        ("custom-origin", Some("secret-header")) => {
            "The origin wants a header that it does not get"
        }
        ("custom-origin", Some("firewall")) => "A firewall in front of the origin refuses",
        ("custom-origin", _) => "The origin itself refuses",
        ("stacked-distributions", Some("loop")) => "The distribution asks itself",
        ("stacked-distributions", _) => "A distribution stands behind this one",
        ("distribution-disabled", _) => "The distribution is disabled",
        ("viewer-certificate", _) => "Requests do not fit the certificate of their connection",
        ("invalid-request", _) => "Requests are malformed",
        ("edge-block", _) => "CloudFront blocks for a reason of its own",
        _ => "The evidence does not decide why",
    }
}

/// `cause/detail` and the rule.
pub fn name(finding: &Finding) -> String {
    name_of(finding.cause, finding.detail, finding.rule.as_deref())
}

/// `cause/detail` and the rule.
pub fn name_of(cause: &str, detail: Option<&str>, rule: Option<&str>) -> String {
    let mut name = cause.to_owned();
    // A cause with one detail of its own name says it once.
    if let Some(detail) = detail.filter(|detail| *detail != cause) {
        let _ = write!(name, "/{detail}");
    }
    if let Some(rule) = rule {
        let _ = write!(name, " {}", plain(rule));
    }
    name
}
