//! One finding of the report for people.

use std::fmt::{self, Write};

use super::commands::{command, filled_in, is_command, missing};
use super::headline::{known_severity, name, numbers, severity};
use super::text::{DIM, WIDTH, item, of_severity, wrap};
use super::words::{
    begins_with_log, listed, moment, second, several, since, thousands, times, to_the_second,
};
use super::{ClusterOut, ExampleOut, Finding, Report, RuledOutOut, place};
use crate::viewer::plain;

pub(super) fn finding(
    out: &mut String,
    number: usize,
    finding: &Finding,
    report: &Report,
) -> fmt::Result {
    let style = of_severity(known_severity(finding));
    writeln!(out)?;
    let head = format!("{number}. {}", name(finding));
    let rest = format!(
        "{}, {}, {} ({:.1} %)",
        severity(finding, false),
        finding.confidence,
        several(finding.requests, "request"),
        finding.share * 100.0
    );
    let fits = head.chars().count() + 2 + rest.chars().count() <= WIDTH;
    let gap = if fits { "  " } else { "\n   " };
    writeln!(out, "{style}{head}{style:#}{gap}{rest}")?;
    let whom = finding.distribution_id.as_deref().unwrap_or("unknown distribution");
    let begins =
        if begins_with_log(finding, &report.window) { "; the log begins with them" } else { "" };
    item(out, "on", &format!("{whom}, {}{begins}", since(finding, &report.window)))?;
    for incident in report.incidents.iter().filter(|i| i.finding_ids.contains(&finding.id)) {
        item(
            out,
            "news",
            &format!(
                "stands out from {} UTC on ({} where {:.1} were expected)",
                moment(incident.start),
                thousands(incident.forbidden),
                incident.expected
            ),
        )?;
    }
    if let Some(trigger) = &finding.trigger {
        const SOON: i64 = 300;
        let by = trigger.by.as_deref().map_or(String::new(), |by| format!(" by {}", plain(by)));
        let unsure = match trigger.seconds_before_onset {
            ..SOON => "",
            _ => " (the nearest change; that it is the reason is not shown)",
        };
        item(
            out,
            "change",
            &format!(
                "{}{by} at {} UTC, {} before the first refusal{unsure}",
                plain(&trigger.event),
                moment(trigger.at),
                to_the_second(trigger.seconds_before_onset)
            ),
        )?;
    }
    let of = numbers(report, &finding.follows);
    if !of.is_empty() {
        let of = of.join(" and ");
        item(
            out,
            "same",
            &format!(
                "requests as in {of}, where another distribution, which this one asks, refused them: look there"
            ),
        )?;
    }
    if let Some(outer) = finding.asked_by.as_deref() {
        let many = match finding.echoed == finding.requests {
            true => "all of these".to_owned(),
            false => format!("{} of these", thousands(finding.echoed)),
        };
        item(
            out,
            "same",
            &format!(
                "{many} were asked for by {outer}, for viewers of its own: the addresses here are CloudFront's, and the viewers are in the log of {outer}"
            ),
        )?;
    }
    clusters(out, finding)?;
    examples(out, &finding.examples)?;
    for speaks in ["for", "neither", "against"] {
        for evidence in finding.evidence.iter().filter(|one| one.speaks == speaks) {
            let line = format!(
                "{}: {} ({})",
                evidence.source,
                plain(&evidence.says),
                thousands(evidence.requests)
            );
            item(out, label_of(evidence.speaks), &line)?;
        }
    }
    certainty(out, finding)?;
    missing(out, &finding.missing)?;
    item(out, "do", &finding.remedy.summary)?;
    let (mut commands, mut said) = (Vec::new(), Vec::new());
    for step in &finding.remedy.steps {
        if is_command(step) {
            command(out, step)?;
            commands.push(step.clone());
        } else {
            item(out, "", step)?;
            said.push(step.as_str());
        }
    }
    filled_in(out, &commands, &said)?;
    item(out, "see", finding.remedy.reference)
}

/// The label of a sentence, by which way it speaks.
pub fn label_of(speaks: &str) -> &'static str {
    match speaks {
        "for" => "because",
        "against" => "but",
        _ => "seen",
    }
}

/// A few requests, each with its id.
fn examples(out: &mut String, all: &[ExampleOut]) -> fmt::Result {
    for (number, one) in all.iter().enumerate() {
        item(out, if number == 0 { "e.g." } else { "" }, &request(one))?;
        if let Some(signed) = &one.signed {
            item(out, "", &format!("  {signed}"))?;
        }
        if let Some(id) = &one.request_id {
            item(out, "", &format!("  id {id}"))?;
        }
    }
    Ok(())
}

/// One request in words.
pub(super) fn request(one: &ExampleOut) -> String {
    let scheme = one.protocol.map_or(String::new(), |name| format!("{name}://"));
    let host = one.host.as_deref().unwrap_or_default();
    let network = one.network.as_deref().map_or(String::new(), |net| format!(" from {net}"));
    format!("{} {scheme}{host}{}{network}, {}", one.method, one.path, second(one.time))
}

/// Causes that are suspected first, and how many of them are told with a reason.
const SUSPECTS: [&str; 6] =
    ["waf", "s3-origin", "custom-origin", "signed-access", "edge-function", "geo-restriction"];
const REASONS: usize = 3;

/// What it was not, what else it may have been, and what was not decided.
fn certainty(out: &mut String, finding: &Finding) -> fmt::Result {
    let suspicion = |cause: &str| SUSPECTS.iter().position(|name| *name == cause);
    let mut ruled_out: Vec<_> = finding.ruled_out.iter().collect();
    ruled_out.sort_by_key(|out| suspicion(out.cause).unwrap_or(SUSPECTS.len()));
    // A reason that does not fit into a line is in the JSON.
    let line = |out: &RuledOutOut| format!("{}: {}", out.cause, plain(&out.because));
    let short = |out: &&RuledOutOut| {
        suspicion(out.cause).is_some() && 11 + line(out).chars().count() <= WIDTH
    };
    let told: Vec<&RuledOutOut> = ruled_out.iter().copied().filter(short).take(REASONS).collect();
    for (number, one) in told.iter().enumerate() {
        item(out, if number == 0 { "not" } else { "" }, &line(one))?;
    }
    let others: Vec<&str> = ruled_out
        .iter()
        .filter(|one| told.iter().all(|other| other.cause != one.cause))
        .map(|one| one.cause)
        .collect();
    if !others.is_empty() {
        item(out, if told.is_empty() { "not" } else { "nor" }, &others.join(", "))?;
    }
    if !finding.alternatives.is_empty() {
        let hence = match finding.cause {
            "unattributed" => "",
            _ => ": not excluded, hence not confirmed",
        };
        item(out, "or", &format!("{}{hence}", finding.or()))?;
    }
    if !finding.moot.is_empty() {
        let line = format!(
            "{}: not excluded, but {}",
            finding.moot.join(", "),
            match finding.confidence {
                "confirmed" => "the proof above settles these requests",
                _ => "less likely, given the above",
            }
        );
        item(out, "moot", &line)?;
    }
    if finding.confidence == "confirmed" || !finding.alternatives.is_empty() {
        return Ok(());
    }
    let doubted = finding.evidence.iter().any(|one| one.speaks == "against");
    let usable = finding.missing.iter().any(|one| !one.is_past());
    let open = match finding.cause {
        "unattributed" if !finding.missing.is_empty() => return Ok(()),
        "unattributed" => {
            "every cause that is known is excluded: nothing that is known here explains it"
        }
        _ if doubted => "not confirmed, because of the but above",
        _ if usable => {
            "the evidence favours this and does not prove it: what is missing would decide"
        }
        _ => {
            "the evidence favours this and does not prove it, and nothing more that why403 reads \
             would"
        }
    };
    item(out, "open", open)
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
                if finding.cause == "geo-restriction" && cluster.country_known == 0 {
                    text.push_str("; the log has no country");
                }
            }
        }
        let about_methods = cluster.about.contains(&"methods");
        let reads = |name: &String| matches!(name.as_str(), "GET" | "HEAD");
        if !about_methods && !cluster.methods.iter().all(reads) {
            text.push_str(&format!("; {}", listed(&cluster.methods)));
        }
        let label = if number == 0 { "where" } else { "" };
        writeln!(out, "  {DIM}{label:<8}{DIM:#} {head}{}", wrap(&text, indent))?;
    }
    Ok(())
}
