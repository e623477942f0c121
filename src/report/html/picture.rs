//! When what was refused, as a picture and as the same numbers in a table.

use jiff::Timestamp;
use maud::{Markup, html};

use super::super::Report;
use super::super::headline::name_of;
use super::super::timeline::Timeline;
use super::super::words::{moment, several, thousands};
use super::visible;

/// Causes with a colour of their own; the last colour is for the rest.
const COLOURS: usize = 5;

/// The picture's own units. It is stretched to the page, so lengths mean nothing but shares.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 100.0;

/// A moment that the picture marks.
struct Mark {
    at: Timestamp,
    /// The kind of line: `start`, `detected`, `end`, `change`.
    line: &'static str,
    text: String,
}

/// The figure, or nothing where nothing was refused.
pub fn write(report: &Report) -> Markup {
    let line = &report.timeline;
    if line.slices() == 0 {
        return html! {};
    }
    let most = (0..line.slices()).map(|slice| line.total(slice)).max().unwrap_or_default();
    let marks = marks(report);
    let end = line.begin(line.slices());
    html! {
        section {
            h2 { "When" }
            figure {
                figcaption {
                    "Answers of 403 by cause, in slices of " (length(line.slice)) "; the highest is "
                    (thousands(most)) "."
                }
                svg role="img" viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) preserveAspectRatio="none" {
                    title { (summary(line, most)) }
                    @for bar in bars(line, most) { (bar) }
                    @for mark in &marks {
                        @let x = coordinate(line.place(mark.at) * WIDTH);
                        line class={ "mark " (mark.line) } x1=(x) x2=(x) y1="0" y2=(HEIGHT) {}
                    }
                }
                div class="axis" {
                    span { (line.begin(0).map(moment).unwrap_or_default()) }
                    span { (end.map(moment).unwrap_or_default()) " UTC" }
                }
                ul class="legend" {
                    @for (number, (cause, row)) in line.causes.iter().enumerate() {
                        li {
                            svg class="key" viewBox="0 0 2 1" aria-hidden="true" {
                                rect class=(colour(number)) width="2" height="1" {}
                            }
                            " " (cause) " (" (thousands(row.iter().sum())) ")"
                        }
                    }
                }
                @if !marks.is_empty() {
                    ul class="marks" {
                        @for mark in &marks {
                            li {
                                svg class="key" viewBox="0 0 2 1" aria-hidden="true" {
                                    line class={ "mark " (mark.line) } x1="0" x2="2" y1="0.5" y2="0.5" {}
                                }
                                " " (moment(mark.at)) " " (mark.text)
                            }
                        }
                    }
                }
            }
            (table(line))
        }
    }
}

fn summary(line: &Timeline, most: u64) -> String {
    let causes: Vec<&str> = line.causes.iter().map(|(cause, _)| *cause).collect();
    format!(
        "Refusals over time, stacked by cause ({}); at most {} in {}. The table below has the numbers.",
        causes.join(", "),
        thousands(most),
        length(line.slice)
    )
}

fn bars(line: &Timeline, most: u64) -> Vec<Markup> {
    let wide = WIDTH / line.slices() as f64;
    let high = HEIGHT / most.max(1) as f64;
    let mut bars = Vec::new();
    for slice in 0..line.slices() {
        let mut below = 0;
        for (number, (_, row)) in line.causes.iter().enumerate() {
            let count = row.get(slice).copied().unwrap_or_default();
            if count == 0 {
                continue;
            }
            below += count;
            bars.push(html! {
                rect class={ "bar " (colour(number)) } x=(coordinate(slice as f64 * wide))
                    y=(coordinate(HEIGHT - below as f64 * high)) width=(coordinate(wide))
                    height=(coordinate(count as f64 * high)) {}
            });
        }
    }
    bars
}

fn marks(report: &Report) -> Vec<Mark> {
    let mut marks = Vec::new();
    for incident in &report.incidents {
        let what = visible(&name_of(incident.cause, incident.detail, incident.rule.as_deref()));
        let mut mark = |at, line, text| marks.push(Mark { at, line, text });
        mark(incident.start, "start", format!("incident begins: {what}"));
        mark(incident.detected, "detected", format!("detectable: {what}"));
        if let Some(end) = incident.end {
            mark(end, "end", format!("incident over: {what}"));
        }
    }
    for trigger in report.findings.iter().filter_map(|finding| finding.trigger.as_ref()) {
        let by = trigger.by.as_deref().unwrap_or("somebody who is not known");
        let text = visible(&format!("{} by {by}", trigger.event));
        marks.push(Mark { at: trigger.at, line: "change", text });
    }
    marks.sort_by(|a, b| (a.at, a.line, &a.text).cmp(&(b.at, b.line, &b.text)));
    marks.dedup_by(|a, b| (a.at, a.line, &a.text) == (b.at, b.line, &b.text));
    marks
}

fn table(line: &Timeline) -> Markup {
    let all: u64 = (0..line.slices()).map(|slice| line.total(slice)).sum();
    html! {
        details {
            summary { "The same as a table" }
            div class="wide" tabindex="0" role="region" aria-label="Refusals over time" {
                table {
                    thead {
                        tr {
                            th scope="col" { "From (UTC)" }
                            @for (cause, _) in &line.causes { th scope="col" class="n" { (cause) } }
                            th scope="col" class="n" { "All" }
                        }
                    }
                    tbody {
                        @for slice in (0..line.slices()).filter(|slice| line.total(*slice) > 0) {
                            tr {
                                th scope="row" { (line.begin(slice).map(moment).unwrap_or_default()) }
                                @for (_, row) in &line.causes {
                                    td class="n" { (thousands(row.get(slice).copied().unwrap_or_default())) }
                                }
                                td class="n" { (thousands(line.total(slice))) }
                            }
                        }
                    }
                    tfoot {
                        tr {
                            th scope="row" { "All" }
                            @for (_, row) in &line.causes { td class="n" { (thousands(row.iter().sum())) } }
                            td class="n" { (thousands(all)) }
                        }
                    }
                }
            }
        }
    }
}

fn colour(number: usize) -> String {
    format!("k{}", number.min(COLOURS))
}

/// Two digits are finer than any screen.
fn coordinate(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn length(seconds: i64) -> String {
    match seconds {
        ..60 => several(seconds.unsigned_abs(), "second"),
        60..3600 => several(seconds.unsigned_abs() / 60, "minute"),
        3600..86_400 => several(seconds.unsigned_abs() / 3600, "hour"),
        _ => several(seconds.unsigned_abs() / 86_400, "day"),
    }
}
