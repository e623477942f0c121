//! One finding of the page.

use maud::{Markup, html};

use super::super::commands::{is_command, reason, supply};
use super::super::finding::request;
use super::super::headline::{known_severity, name, name_of, sentence};
use super::super::words::{duration, moment, several, since, thousands, times};
use super::super::{ClusterOut, ExampleOut, Finding, MissingOut, Report, place};
use super::visible;

/// A finding that opens and closes. Its id stands inside, because a fragment opens a `details`
/// only around its target.
pub fn write(number: usize, finding: &Finding, report: &Report) -> Markup {
    // What must be mended is open, and the first one, whatever it is.
    let open = number == 0 || finding.severity == "fault";
    html! {
        details open[open] {
            summary {
                span class={ "word " (known_severity(finding)) } { (known_severity(finding)) }
                ", " (finding.confidence) ": "
                span class="word" { (visible(&name(finding))) }
                ", " (several(finding.requests, "request"))
            }
            div id=(finding.id) tabindex="-1" {
                h3 {
                    (number + 1) ". " (sentence(finding)) " ("
                    (visible(&name(finding))) ")"
                }
                dl {
                    dt { "Who" }
                    dd {
                        "Distribution "
                        (visible(finding.distribution_id.as_deref().unwrap_or("not known")))
                        ", " (since(finding, &report.window)) ", "
                        (format!("{:.1} %", finding.share * 100.0)) " of all refusals"
                    }
                    (news(finding, report))
                    dt { "What changed before" }
                    dd { (change(finding)) }
                    dt { "Where" }
                    dd { (clusters(finding)) }
                    @if !finding.examples.is_empty() {
                        dt { "For example" }
                        dd { ul { @for one in &finding.examples { (example(one)) } } }
                    }
                    @for (speaks, label) in [
                        ("for", "Because"), ("neither", "Seen, and deciding nothing"), ("against", "But"),
                    ] {
                        @if finding.evidence.iter().any(|one| one.speaks == speaks) {
                            dt { (label) }
                            dd { (evidence(finding, speaks)) }
                        }
                    }
                    @if !finding.ruled_out.is_empty() {
                        dt { "Ruled out" }
                        dd {
                            ul {
                                @for out in &finding.ruled_out {
                                    li { code { (out.cause) } ": " (visible(&out.because)) }
                                }
                            }
                        }
                    }
                    @if !finding.alternatives.is_empty() {
                        dt { "Or, for the evidence leaves it open" }
                        dd { (finding.or()) }
                    }
                    @if !finding.moot.is_empty() {
                        dt { "Moot, for what is said above leaves them nothing" }
                        dd { (finding.moot.join(", ")) }
                    }
                    @if !finding.missing.is_empty() {
                        dt { "Missing, and how to get it" }
                        dd { @for one in &finding.missing { (missing(one)) } }
                    }
                    dt { "Do" }
                    dd {
                        p { (visible(&finding.remedy.summary)) }
                        @for step in &finding.remedy.steps {
                            @if is_command(step) { (command(step)) } @else { p { (visible(step)) } }
                        }
                        p {
                            a href=(finding.remedy.reference) rel="noreferrer" { "What AWS says about it" }
                        }
                    }
                }
            }
        }
    }
}

fn news(finding: &Finding, report: &Report) -> Markup {
    html! {
        @for incident in report.incidents.iter().filter(|one| one.finding_ids.contains(&finding.id)) {
            dt { "News" }
            dd {
                "Stands out since " (moment(incident.start)) " UTC, was detectable at "
                (moment(incident.detected)) ": " (thousands(incident.forbidden)) " refused where "
                (format!("{:.1}", incident.expected)) " were expected"
                @match incident.end {
                    Some(end) => { "; over at " (moment(end)) " UTC" },
                    None => { "; still open at the end of the logs" },
                }
            }
        }
    }
}

fn change(finding: &Finding) -> Markup {
    html! {
        @match &finding.trigger {
            Some(trigger) => {
                (visible(&trigger.event)) " by "
                (visible(trigger.by.as_deref().unwrap_or("somebody who is not known")))
                " at " (moment(trigger.at)) " UTC, " (duration(trigger.seconds_before_onset))
                " before the first refusal after it"
            },
            None => { "not known" },
        }
    }
}

fn clusters(finding: &Finding) -> Markup {
    html! {
        @if finding.clusters.is_empty() { "not known" }
        @else {
            div class="wide" tabindex="0" role="region" aria-label={ "Where " (name_of(finding.cause, finding.detail, None)) " strikes" } {
                table {
                    thead {
                        tr {
                            th scope="col" { "What tells them apart" }
                            th scope="col" class="n" { "Requests" }
                            th scope="col" class="n" { "Lift" }
                            th scope="col" { "Edges" } th scope="col" { "Countries" }
                            th scope="col" { "Examples" }
                        }
                    }
                    tbody { @for one in &finding.clusters { (cluster(one)) } }
                }
            }
        }
    }
}

fn cluster(one: &ClusterOut) -> Markup {
    let listed = |values: &[String]| match values {
        [] => "not known".to_owned(),
        values => visible(&values.join(" ")),
    };
    html! {
        tr {
            th scope="row" { (visible(&place::words(one))) }
            td class="n" { @if one.approximate { "about " } (thousands(one.requests)) }
            td class="n" { (one.lift.map_or_else(|| "-".to_owned(), times)) }
            td { (listed(&one.edges)) }
            td {
                (listed(&one.countries))
                @if one.country_known > 0 && one.country_known < one.requests {
                    " (known of " (thousands(one.country_known)) ")"
                }
            }
            td { @for path in &one.examples { code { (visible(path)) } " " } }
        }
    }
}

fn evidence(finding: &Finding, speaks: &str) -> Markup {
    html! {
        ul {
            @for one in finding.evidence.iter().filter(|one| one.speaks == speaks) {
                li {
                    (visible(&one.says)) " "
                    span class="soft" { "(" code { (visible(&one.source)) } ", " (several(one.requests, "request")) ")" }
                }
            }
        }
    }
}

fn example(one: &ExampleOut) -> Markup {
    html! {
        li {
            code { (visible(&request(one))) }
            @if let Some(signed) = &one.signed { ", " code { (visible(signed)) } }
            @if let Some(id) = &one.request_id { ", id " code { (visible(id)) } }
        }
    }
}

fn missing(one: &MissingOut) -> Markup {
    html! {
        p { (visible(&reason(one))) }
        @if let Some(supply) = supply(one) { (command(&supply)) }
        @if let Some((how, by)) = &one.switched_on {
            p { (how) }
            (command(by))
        }
    }
}

/// A command to copy: what is shown is what is pasted.
fn command(text: &str) -> Markup {
    html! { pre tabindex="0" { (visible(text)) } }
}
