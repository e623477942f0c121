//! The report for people: the answer on the first screen, eighty columns.

use std::fmt::{self, Write};

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::commands::{command, is_command, missing};
use super::{ClusterOut, Finding, Incident, Report, place};
use crate::viewer::plain;

pub(super) const WIDTH: usize = 80;
const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

fn of_severity(severity: &str) -> Style {
    let color = match severity {
        "fault" => AnsiColor::Red,
        "enforcement" => AnsiColor::Green,
        _ => AnsiColor::Yellow,
    };
    Style::new().bold().fg_color(Some(color.into()))
}

/// The whole report. Styles are written always; the caller's stream strips them where nobody
/// wants them.
pub fn write(report: &Report) -> Result<String, fmt::Error> {
    let mut out = String::new();
    headline(&mut out, report)?;
    for (number, finding) in report.findings.iter().enumerate() {
        self::finding(&mut out, number + 1, finding, &report.incidents)?;
    }
    footer(&mut out, report)?;
    Ok(out)
}

fn headline(out: &mut String, report: &Report) -> fmt::Result {
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

fn finding(
    out: &mut String,
    number: usize,
    finding: &Finding,
    incidents: &[Incident],
) -> fmt::Result {
    let style = of_severity(finding.severity);
    writeln!(out)?;
    let head = format!("{number}. {}", name(finding));
    let rest = format!(
        "{}, {}, {} ({:.1} %)",
        finding.severity,
        finding.confidence,
        several(finding.requests, "request"),
        finding.share * 100.0
    );
    let fits = head.chars().count() + 2 + rest.chars().count() <= WIDTH;
    let gap = if fits { "  " } else { "\n   " };
    writeln!(out, "{style}{head}{style:#}{gap}{rest}")?;
    let whom = finding.distribution_id.as_deref().unwrap_or("unknown distribution");
    item(out, "who", &format!("{whom}, {} UTC", span(finding.first_seen, finding.last_seen)))?;
    for incident in incidents.iter().filter(|i| i.finding_ids.contains(&finding.id)) {
        item(
            out,
            "news",
            &format!(
                "stands out since {} UTC ({} where {:.1} were expected)",
                moment(incident.start),
                thousands(incident.forbidden),
                incident.expected
            ),
        )?;
    }
    if let Some(trigger) = &finding.trigger {
        let by = trigger.by.as_deref().map_or(String::new(), |by| format!(" by {}", plain(by)));
        item(
            out,
            "change",
            &format!(
                "{}{by} at {} UTC, {} before the first refusal",
                plain(&trigger.event),
                moment(trigger.at),
                duration(trigger.seconds_before_onset)
            ),
        )?;
    }
    clusters(out, finding)?;
    for evidence in &finding.evidence {
        let line = format!(
            "{}: {} ({})",
            evidence.source,
            plain(&evidence.says),
            thousands(evidence.requests)
        );
        item(out, "because", &line)?;
    }
    if !finding.ruled_out.is_empty() {
        let causes: Vec<&str> = finding.ruled_out.iter().map(|out| out.cause).collect();
        item(out, "not", &causes.join(", "))?;
    }
    if !finding.alternatives.is_empty() {
        item(out, "or", &finding.alternatives.join(", "))?;
    }
    missing(out, &finding.missing)?;
    item(out, "do", &finding.remedy.summary)?;
    for step in &finding.remedy.steps {
        if is_command(step) { command(out, step)? } else { item(out, "", step)? }
    }
    item(out, "see", finding.remedy.reference)
}

/// The clusters as a table: how many, how much more often than elsewhere, and where.
fn clusters(out: &mut String, finding: &Finding) -> fmt::Result {
    let width = |cluster: &ClusterOut| thousands(cluster.requests).len();
    let widest = finding.clusters.iter().map(width).max().unwrap_or_default();
    for (number, cluster) in finding.clusters.iter().enumerate() {
        let sign = if cluster.approximate { "~" } else { "" };
        let count = format!("{sign}{:>widest$}", thousands(cluster.requests));
        let often = match cluster.lift {
            Some(lift) => format!("  {:>5}", times(lift)),
            None if finding.clusters.len() > 1 => "       ".to_owned(),
            None => String::new(),
        };
        let head = format!("{count}{often}  ");
        let indent = 11 + head.chars().count();
        let mut text = place::words(cluster);
        if cluster.about.is_empty() {
            if number > 0 {
                text = format!("the rest: {text}");
            } else {
                let known = [(" at ", &cluster.edges), (" from ", &cluster.countries)];
                for (word, values) in known.into_iter().filter(|(_, values)| !values.is_empty()) {
                    text.push_str(word);
                    text.push_str(&listed(values));
                }
            }
        }
        let label = if number == 0 { "where" } else { "" };
        writeln!(out, "  {DIM}{label:<8}{DIM:#} {head}{}", wrap(&text, indent))?;
    }
    Ok(())
}

/// `1.7x`, `61x`; what was hardly ever served has no exact lift.
pub(super) fn times(lift: f64) -> String {
    match lift {
        ..10.0 => format!("{lift:.1}x"),
        ..1000.0 => format!("{lift:.0}x"),
        _ => ">999x".to_owned(),
    }
}

fn footer(out: &mut String, report: &Report) -> fmt::Result {
    let inputs = &report.inputs;
    writeln!(out)?;
    let origins = match inputs.origin_log_files {
        0 => String::new(),
        files => {
            let lines = several(inputs.origin_log_lines, "line");
            format!(", {} of origins' logs ({lines})", several(files, "file"))
        }
    };
    let functions = match inputs.function_log_files {
        0 => String::new(),
        files => {
            let lines = several(inputs.function_log_lines, "line");
            format!(", {} of functions' logs ({lines})", several(files, "file"))
        }
    };
    let line = format!(
        "Read {} ({}), {} ({}){origins}{functions}.",
        several(inputs.access_log_files, "access-log file"),
        several(inputs.access_log_lines, "line"),
        several(inputs.waf_log_files, "WAF log file"),
        several(inputs.waf_records, "record")
    );
    writeln!(out, "{DIM}{}{DIM:#}", wrap(&line, 0))?;
    if inputs.malformed_lines > 0 {
        writeln!(out, "{} could not be read.", several(inputs.malformed_lines, "line"))?;
    }
    if inputs.origin_lines_left_out > 0 {
        let lines = thousands(inputs.origin_lines_left_out);
        let line = format!(
            "{lines} lines of origins' logs that may be refusals' were left out: there are too \
             many. Fewer paths were held against them, each with all of its lines."
        );
        writeln!(out, "{}", wrap(&line, 0))?;
    }
    for lack in &inputs.not_logged {
        let line = format!(
            "Not in the lines of {} unconfirmed refusals: {}, which {}.",
            thousands(lack.requests),
            lack.column,
            lack.tells
        );
        writeln!(out, "{}", wrap(&line, 2))?;
    }
    for file in &inputs.unreadable_files {
        writeln!(out, "{}", wrap(&format!("Not read: {}: {}", file.file, file.reason), 2))?;
    }
    Ok(())
}

/// A labelled line, wrapped under its label.
pub(super) fn item(out: &mut String, label: &str, text: &str) -> fmt::Result {
    writeln!(out, "  {DIM}{label:<8}{DIM:#} {}", wrap(text, 11))
}

/// Wraps at [`WIDTH`]; lines after the first are indented. Words that are longer than a line, such
/// as commands to copy, are not broken.
fn wrap(text: &str, indent: usize) -> String {
    let mut out = String::new();
    let mut column = indent;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > indent && column + 1 + length > WIDTH {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            column = indent;
        } else if column > indent {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out
}

fn listed(values: &[String]) -> String {
    const SHOWN: usize = 4;
    let mut text: Vec<&str> = values.iter().take(SHOWN).map(String::as_str).collect();
    if values.len() > SHOWN {
        text.push("…");
    }
    text.join(" ")
}

/// `2026-03-10 14:31`.
pub fn moment(time: Timestamp) -> String {
    TimeZone::UTC.to_datetime(time).strftime("%Y-%m-%d %H:%M").to_string()
}

/// The clock alone, where the day is that of the first time.
fn clock(first: Timestamp, time: Timestamp) -> String {
    let day = |time: Timestamp| TimeZone::UTC.to_datetime(time).date();
    let format = if day(first) == day(time) { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    TimeZone::UTC.to_datetime(time).strftime(format).to_string()
}

/// `2026-03-10 14:31 to 15:00`, or the one minute.
pub(super) fn span(first: Timestamp, last: Timestamp) -> String {
    let (from, to) = (moment(first), clock(first, last));
    if from.ends_with(&to) { from } else { format!("{from} to {to}") }
}

/// `40 s`, `30 min`, `5 h`.
pub(super) fn duration(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}

/// `1 line`, `20,210 lines`.
pub(super) fn several(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", thousands(number), if number == 1 { "" } else { "s" })
}

/// `20,210`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
