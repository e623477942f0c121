//! The first lines of the report for people: what is the matter.

use std::fmt::{self, Write};

use super::text::{BOLD, DIM, of_severity, wrap};
use super::words::{over_for, since, span, thousands};
use super::{EvidenceOut, Finding, Report, Window, left_out, place};
use crate::viewer::plain;

pub(super) fn headline(out: &mut String, report: &Report) -> fmt::Result {
    let Some(first) = report.findings.first() else {
        let said = match report.totals.requests {
            0 => "No request in these logs.".to_owned(),
            requests => format!("None of {} requests was refused.", thousands(requests)),
        };
        return writeln!(out, "{BOLD}{said}{BOLD:#}");
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
            let style = of_severity(finding.severity);
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
        let over = over_for(first, &report.window).is_some();
        let urgent = match (first.severity, first.confidence) {
            ("fault", "confirmed") if over => {
                "Look at 1 first: somebody who should have got in did not."
            }
            ("fault", "confirmed") => "Fix 1 first: somebody who should get in does not.",
            ("fault", _) => "Look at 1 first: somebody who should get in may not.",
            _ if report.findings.iter().all(|one| one.severity == "enforcement") => {
                let sure = report.findings.iter().all(|one| one.confidence == "confirmed");
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

/// How many were refused, and what their viewers saw.
pub(super) fn totals(report: &Report) -> String {
    let totals = &report.totals;
    let all = thousands(totals.requests);
    let refused = totals.forbidden + totals.masked_forbidden;
    let span = match (report.window.start, report.window.end) {
        (Some(start), Some(end)) => format!(", {} UTC", span(start, end)),
        _ => String::new(),
    };
    let reasons = match report.findings.len() {
        0 | 1 => String::new(),
        several => format!(", for {several} reasons"),
    };
    if totals.masked_forbidden == 0 {
        return format!("{} of {all} requests answered 403{reasons}{span}.", thousands(refused));
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
        "{} of {all} requests {were}{reasons}; {} by a custom error response{span}.",
        thousands(refused),
        parts.join(", ")
    )
}

/// A severity in words: what is not known is no third kind.
pub(super) fn severity(finding: &Finding, short: bool) -> &'static str {
    match (finding.severity, short) {
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
        _ if doubtful => "Perhaps a refusal, perhaps another error shown in the same way: ",
        _ => "Perhaps: ",
    };
    let what = match finding.clusters.first() {
        Some(cluster) if finding.clusters.len() == 1 => place::words(cluster),
        Some(cluster) => format!("{} and more", place::words(cluster)),
        None => "requests".to_owned(),
    };
    let whom = finding.distribution_id.as_deref().unwrap_or("an unknown distribution");
    format!(
        "{sure}{} ({}) on {whom}: {what}, {}.",
        sentence(finding),
        name(finding),
        since(finding, window)
    )
}

/// What the cause does, as the beginning of a sentence.
fn sentence(finding: &Finding) -> &'static str {
    let of_tenant = |one: &EvidenceOut| one.source.contains("tenant") && one.speaks == "for";
    match finding.cause {
        "distribution-disabled" if finding.evidence.iter().any(of_tenant) => {
            "A tenant of the distribution is disabled"
        }
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
