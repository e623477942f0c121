//! An alert for people: short lines, the answer first, the steps next, the proof last.

use std::fmt::Write;

use super::Alert;
use crate::report::place::words;
use crate::report::text::{moment, thousands};
use crate::report::{ClusterOut, Finding};

/// Characters of a subject. SNS allows a hundred, printable ASCII alone.
const SUBJECT: usize = 100;

/// Bytes of a text; no alert comes near it.
const TEXT: usize = 8000;

/// The alert in one line.
pub fn title(alert: &Alert) -> String {
    let sure = match alert.confidence.as_str() {
        // That nothing is decided is certain.
        _ if alert.cause == "unattributed" => "",
        "confirmed" => "",
        "likely" => "Probably: ",
        _ => "Perhaps: ",
    };
    let what = crate::report::text::sentence_of(alert.cause, alert.detail);
    let rule = alert.rule.as_deref().map(|rule| format!(" by {rule}")).unwrap_or_default();
    let place = match alert.findings.first().map(|finding| finding.clusters.as_slice()) {
        // That it strikes everywhere goes without saying.
        Some([one]) if one.path == "/*" && one.about.is_empty() => String::new(),
        Some([one]) => format!(" on {}", words(one)),
        Some([first, ..]) => format!(" on {} and more", words(first)),
        _ => String::new(),
    };
    match alert.until {
        None => format!("{sure}{what}{rule}{place}, since {} UTC", moment(alert.since)),
        Some(_) if is_withdrawn(alert) => {
            format!("Withdrawn: {what}{rule}, since {} UTC", moment(alert.since))
        }
        Some(until) => {
            let (from, to) = (moment(alert.since), moment(until));
            format!("Over: {sure}{what}{rule}{place}, {from} to {to} UTC")
        }
    }
}

/// Whether later evidence has left nothing of it.
pub(super) fn is_withdrawn(alert: &Alert) -> bool {
    alert.state == "resolved" && alert.forbidden == 0
}

/// The subject: what, where, since when, and how bad.
pub fn subject(alert: &Alert) -> String {
    let whom = alert.domain.as_deref().or(alert.distribution_id.as_deref()).unwrap_or("CloudFront");
    let what = crate::report::text::sentence_of(alert.cause, alert.detail);
    let state = match alert.state {
        "open" => "",
        other => other,
    };
    let mark = [alert.severity, state].join(" ");
    let rule = alert.rule.as_deref().map(|rule| format!(" ({rule})")).unwrap_or_default();
    let text = format!("[403 {}] {whom}: {what}{rule}", mark.trim());
    let ascii: String =
        text.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect();
    if ascii.len() <= SUBJECT {
        return ascii;
    }
    let short: String = ascii.chars().take(SUBJECT - 3).collect();
    short + "..."
}

/// The text for a mail.
pub fn email(alert: &Alert) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_email(&mut out, alert);
    if out.len() > TEXT {
        out = out.chars().take(TEXT).collect();
    }
    out
}

fn write_email(out: &mut String, alert: &Alert) -> std::fmt::Result {
    writeln!(out, "{}.", alert.title)?;
    if let Some(why) = alert.why {
        writeln!(out, "Update: {why}.")?;
    }
    writeln!(out)?;
    let id = alert.distribution_id.as_deref().unwrap_or("unknown distribution");
    let whom = match &alert.domain {
        Some(domain) => format!("{domain} ({id})"),
        None => id.to_owned(),
    };
    writeln!(out, "{}", told(alert, &whom))?;
    if is_withdrawn(alert) {
        return sign(out, alert);
    }
    writeln!(out)?;
    writeln!(out, "Cause: {}, {}", name(alert), alert.confidence)?;
    if let Some(change) = &alert.change {
        let by = change.by.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
        writeln!(out, "Change before it: {}{by} at {} UTC", change.event, moment(change.at))?;
    }
    for finding in &alert.findings {
        for cluster in &finding.clusters {
            writeln!(out, "Where: {}", place(cluster))?;
        }
    }
    if let Some((first, steps)) = alert.next_steps.split_first() {
        writeln!(out, "\nWhat to do")?;
        writeln!(out, "{first}")?;
        for (number, step) in steps.iter().enumerate() {
            writeln!(out, "{}. {step}", number + 1)?;
        }
    }
    for finding in &alert.findings {
        write_proof(out, finding)?;
    }
    sign(out, alert)
}

/// How many, since when and how unusual that is, on two lines.
pub(super) fn told(alert: &Alert, whom: &str) -> String {
    if is_withdrawn(alert) {
        return format!(
            "{whom}: evidence that came later gives these refusals another cause.\n\
             If there are many, they have an alert of their own."
        );
    }
    let share = match alert.share_of_requests {
        Some(share) => format!(", {} of its requests in these logs", percent(share)),
        None => String::new(),
    };
    let usual = match alert.expected {
        ..1.0 => "hardly any is usual".to_owned(),
        some => format!("{} would be usual", thousands(some.round() as u64)),
    };
    let time = match alert.until {
        Some(until) => format!("from {} to {}", moment(alert.since), moment(until)),
        None => format!("since {}", moment(alert.since)),
    };
    let meaning = match alert.until {
        Some(_) => "It is as usual again.",
        None => meaning(alert),
    };
    format!(
        "{} requests to {whom} were answered 403 {time} UTC{share}; {usual}.\n{meaning}",
        thousands(alert.forbidden)
    )
}

/// Where to go on, and what this is by.
fn sign(out: &mut String, alert: &Alert) -> std::fmt::Result {
    writeln!(out, "\nConsole: {}", alert.console)?;
    if let Some(finding) = alert.findings.first() {
        writeln!(out, "AWS on this: {}", finding.remedy.reference)?;
    }
    writeln!(out, "Alert {}, message {}, {}", alert.alert_id, alert.sequence, alert.state)
}

fn write_proof(out: &mut String, finding: &Finding) -> std::fmt::Result {
    let evidence = finding.evidence.iter().filter(|one| one.speaks != "neither");
    let also = match evidence.clone().count() {
        0 => "It may be",
        _ => {
            writeln!(out, "\nWhy it is {}", crate::report::text::name(finding))?;
            for evidence in evidence.take(4) {
                let but = if evidence.speaks == "against" { "But: " } else { "" };
                writeln!(out, "- {but}{} ({})", evidence.says, evidence.source)?;
            }
            "It may also be"
        }
    };
    if !finding.alternatives.is_empty() {
        let before = if also == "It may be" { "\n" } else { "" };
        writeln!(out, "{before}{also}: {}", finding.alternatives.join(", "))?;
    }
    if !finding.missing.is_empty() {
        writeln!(out, "Not known, and would decide more:")?;
        for missing in finding.missing.iter().take(4) {
            match missing.why {
                "denied" => writeln!(
                    out,
                    "- {}: AWS did not let us read it; allow {} to the function's role",
                    missing.fact, missing.permission
                )?,
                _ => writeln!(out, "- {}", missing.command)?,
            }
        }
    }
    Ok(())
}

fn name(alert: &Alert) -> String {
    let detail = alert.detail.map(|detail| format!("/{detail}")).unwrap_or_default();
    let rule = alert.rule.as_deref().map(|rule| format!(", rule {rule}")).unwrap_or_default();
    format!("{}{detail}{rule}", alert.cause)
}

/// Where it strikes, in words, and how often.
pub(super) fn place(cluster: &ClusterOut) -> String {
    let about = if cluster.approximate { "about " } else { "" };
    let often = match cluster.lift {
        Some(lift) if lift >= 1000.0 => ", hardly any of which were served before".to_owned(),
        Some(lift) => format!(", {lift:.1} times as often as among served requests"),
        None => String::new(),
    };
    format!("{}, {about}{} requests{often}", words(cluster), thousands(cluster.requests))
}

/// What it means, no surer than the cause is.
fn meaning(alert: &Alert) -> &'static str {
    match (alert.severity, alert.confidence.as_str(), alert.cause) {
        ("fault", "confirmed", _) => "Somebody who should get in does not.",
        ("fault", ..) => "If that is the cause, somebody who should get in does not.",
        ("enforcement", _, "edge-block") => {
            "No setting of yours does that. It is news because it is new here, or out of proportion."
        }
        ("enforcement", "confirmed", _) => {
            "A rule does what it was set up to do. It is news because it is new here, or out of proportion."
        }
        ("enforcement", ..) => {
            "If that is the cause, a rule does what it was set up to do. It is news because it is new here, or out of proportion."
        }
        _ => "This may be a fault, or a rule at work.",
    }
}

fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent >= 10.0 { format!("{percent:.0} %") } else { format!("{percent:.1} %") }
}
