//! The first lines of the report for people: what is the matter.

use std::fmt::{self, Write};

use super::text::{BOLD, DIM, of_severity, wrap};
use super::words::{moment, span, thousands};
use super::{Finding, Report, place};
use crate::viewer::plain;

pub(super) fn headline(out: &mut String, report: &Report) -> fmt::Result {
    let totals = &report.totals;
    let Some(first) = report.findings.first() else {
        let said = match totals.requests {
            0 => "No request in these logs.".to_owned(),
            requests => format!("None of {} requests was refused.", thousands(requests)),
        };
        return writeln!(out, "{BOLD}{said}{BOLD:#}");
    };
    writeln!(out, "{BOLD}{}{BOLD:#}", wrap(&title(first), 0))?;
    let masked = match totals.masked_forbidden {
        0 => String::new(),
        masked => format!(", and {} more behind another status", thousands(masked)),
    };
    let span = match (report.window.start, report.window.end) {
        (Some(start), Some(end)) => format!(", {} UTC", span(start, end)),
        _ => String::new(),
    };
    let line = format!(
        "{} of {} requests answered 403{masked}{span}.",
        thousands(totals.forbidden),
        thousands(totals.requests)
    );
    writeln!(out, "{}", wrap(&line, 0))?;
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
                finding.severity,
                finding.confidence,
                name(finding)
            )?;
        }
        let urgent = match first.severity {
            "fault" => "Fix 1 first: somebody who should get in does not.",
            "enforcement" => "Nothing here is a fault: rules did what they were set up to do.",
            _ => "Nothing here is a fault for certain.",
        };
        writeln!(out, "{urgent}")?;
    }
    Ok(())
}

/// A finding in one sentence: who refuses what since when.
pub fn title(finding: &Finding) -> String {
    let sure = match finding.confidence {
        // That nothing is decided is certain.
        _ if finding.cause == "unattributed" => "",
        "confirmed" => "",
        "likely" => "Probably: ",
        _ => "Perhaps: ",
    };
    let what = match finding.clusters.first() {
        Some(cluster) if finding.clusters.len() == 1 => place::words(cluster),
        Some(cluster) => format!("{} and more", place::words(cluster)),
        None => "requests".to_owned(),
    };
    let whom = finding.distribution_id.as_deref().unwrap_or("an unknown distribution");
    format!(
        "{sure}{} ({}) on {whom}: {what}, since {} UTC.",
        sentence(finding),
        name(finding),
        moment(finding.first_seen)
    )
}

/// What the cause does, as the beginning of a sentence.
fn sentence(finding: &Finding) -> String {
    sentence_of(finding.cause, finding.detail).to_owned()
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
        ("s3-origin", _) => "The bucket refuses",
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
        ("alternate-domain-name", Some("not-on-distribution")) => "No distribution has this name",
        ("alternate-domain-name", Some("points-elsewhere")) => "The name is another distribution's",
        ("alternate-domain-name", _) => "The name is not one of this distribution's",
        ("viewer-protocol", _) => "Plain HTTP is refused",
        ("method-not-allowed", _) => "The method is not allowed",
        ("edge-function", _) => "A function at the edge refuses",
        ("custom-origin", _) => "The origin itself refuses",
        ("stacked-distributions", Some("loop")) => "The distribution asks itself",
        ("stacked-distributions", _) => "A distribution stands behind this one",
        ("distribution-disabled", _) => "The distribution is disabled",
        ("viewer-certificate", _) => "The viewer's certificate does not fit",
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
    if let Some(detail) = detail {
        let _ = write!(name, "/{detail}");
    }
    if let Some(rule) = rule {
        let _ = write!(name, " {}", plain(rule));
    }
    name
}
