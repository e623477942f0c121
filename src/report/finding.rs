//! One finding of the report for people.

use std::fmt::{self, Write};

use super::commands::{command, is_command, missing};
use super::headline::name;
use super::text::{DIM, WIDTH, item, of_severity, wrap};
use super::words::{duration, listed, moment, several, span, thousands, times};
use super::{ClusterOut, Finding, Incident, place};
use crate::viewer::plain;

pub(super) fn finding(
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
