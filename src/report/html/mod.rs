//! The report as one page of HTML: it opens from a mail attachment, asks for nothing and needs no
//! script to be read.
//!
//! Everything is built by `maud`, which escapes what it is given; what came from outside goes
//! through `visible` first, so that nothing unseen is left in it either. The page's own policy
//! forbids whatever this file did not write.

mod finding;
mod picture;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::footer::limits;
use super::headline::{foremost, known_severity, name, nothing, title, totals as counted};
use super::words::{moment, several, thousands};
use super::{Report, RequestOut, handshakes, left_out};
use crate::limits::LISTED_REQUESTS;
use crate::viewer::is_unseen;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// The page. `requests` are all refusals; the first ones of them are listed.
pub fn write<'a>(report: &Report, requests: impl Iterator<Item = RequestOut<'a>>) -> String {
    let title = headline(report);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content=(concat!("why403 ", env!("CARGO_PKG_VERSION")));
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a class="skip" href="#findings" { "To the findings" }
                header {
                    h1 { (title) }
                    (totals(report))
                    (notices(report))
                }
                main {
                    (picture::write(report))
                    (findings(report))
                    (lookup(report, requests))
                    (handshakes(report))
                    (inputs(report))
                }
                footer {
                    p class="soft" { "Written by why403 " (env!("CARGO_PKG_VERSION")) "." }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

/// What may run: the one style and the one script of this file, and nothing that is loaded.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; \
         form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

fn headline(report: &Report) -> String {
    let Some((_, first)) = foremost(report) else {
        return nothing(report);
    };
    format!(
        "{} {} refused.",
        visible(&title(first, &report.window)),
        several(first.requests, "request")
    )
}

fn totals(report: &Report) -> Markup {
    html! { p { (visible(&counted(report))) } }
}

/// What weakens the verdicts, beside them.
fn notices(report: &Report) -> Markup {
    let inputs = &report.inputs;
    let unread = inputs.unreadable_files.len() as u64;
    html! {
        @if let Some(said) = left_out::of(inputs) { p class="notice" { (said) } }
        @for said in limits(inputs) { p class="notice" { (said) } }
        @if unread > 0 || inputs.malformed_lines > 0 {
            p class="notice" {
                "Not everything could be read: " (several(unread, "file")) " and "
                (several(inputs.malformed_lines, "line")) ", "
                a href="#inputs" { "named at the end" } "."
            }
        }
        @if !inputs.missing.is_empty() {
            p class="notice" {
                (several(inputs.missing.len() as u64, "fact")) " would decide more; each finding "
                "names those that it lacks, with the command that reads them."
            }
        }
    }
}

fn findings(report: &Report) -> Markup {
    html! {
        section id="findings" {
            h2 { "Findings" }
            @if report.findings.is_empty() { p { "Nothing was refused." } }
            @else {
                table class="findings" {
                    caption { "The most urgent first" }
                    thead {
                        tr {
                            th scope="col" { "Cause" } th scope="col" { "Severity" }
                            th scope="col" { "Confidence" } th scope="col" class="n" { "Requests" }
                            th scope="col" { "Since (UTC)" }
                        }
                    }
                    tbody {
                        @for (number, finding) in report.findings.iter().enumerate() {
                            tr {
                                th scope="row" {
                                    (number + 1) ". "
                                    a href={ "#" (finding.id) } { (visible(&name(finding))) }
                                }
                                td class={ "word " (known_severity(finding)) } { (known_severity(finding)) }
                                td { (finding.confidence) }
                                td class="n" { (thousands(finding.requests)) }
                                td { (moment(finding.first_seen)) }
                            }
                        }
                    }
                }
                @for (number, finding) in report.findings.iter().enumerate() {
                    (finding::write(number, finding, report))
                }
            }
        }
    }
}

fn lookup<'a>(report: &Report, requests: impl Iterator<Item = RequestOut<'a>>) -> Markup {
    let all = report.totals.forbidden + report.totals.masked_forbidden;
    let rows: Vec<RequestOut<'a>> = requests.take(LISTED_REQUESTS).collect();
    let left_out = all.saturating_sub(rows.len() as u64);
    html! {
        @if !rows.is_empty() {
            section {
                h2 { "One request" }
                @if left_out > 0 {
                    p {
                        "The first " (several(rows.len() as u64, "refusal")) " of "
                        (thousands(all)) "; " (thousands(left_out)) " are left out. Of each, "
                        code { "why403 replay BUNDLE --request-id ID" }
                        " tells the verdict with all its evidence."
                    }
                } @else {
                    p {
                        code { "why403 replay BUNDLE --request-id ID" }
                        " tells the verdict of one with all its evidence."
                    }
                }
                details {
                    summary { "Refused requests" }
                    div class="wide" tabindex="0" role="region" aria-label="Refused requests" {
                        table id="requests" {
                            thead {
                                tr {
                                    th scope="col" { "x-amz-cf-id" } th scope="col" { "Time (UTC)" }
                                    th scope="col" { "Request" } th scope="col" { "Edge" }
                                    th scope="col" { "Country" } th scope="col" { "Why" }
                                }
                            }
                            tbody { @for request in &rows { (row(request)) } }
                        }
                    }
                }
            }
        }
    }
}

fn row(request: &RequestOut<'_>) -> Markup {
    html! {
        tr {
            td { (visible(request.request_id.as_deref().unwrap_or("not known"))) }
            td { (request.time.strftime("%m-%d %H:%M:%S")) }
            td { (visible(&request.method)) " " (visible(&request.path)) }
            td { (visible(&request.edge)) }
            td { (visible(request.country.as_deref().unwrap_or("not known"))) }
            td {
                (request.cause)
                @if let Some(detail) = request.detail { "/" (detail) }
                @if let Some(rule) = request.rule { " " (visible(rule)) }
                ", " (request.confidence)
            }
        }
    }
}

/// Connections that never became a request.
fn handshakes(report: &Report) -> Markup {
    html! {
        @if !report.handshakes.is_empty() {
            section id="handshakes" {
                h2 { "Failed TLS handshakes" }
                p { "They are not among the 403s: these connections never became a request." }
                @for one in &report.handshakes {
                    h3 { (visible(&handshakes::title(one))) }
                    p { (one.means) ". " (one.remedy) }
                    p class="soft" {
                        (moment(one.first_seen)) " to " (moment(one.last_seen)) " UTC"
                    }
                    ul { @for client in &one.clients { li { (visible(&handshakes::client(client))) } } }
                }
            }
        }
    }
}

fn inputs(report: &Report) -> Markup {
    let inputs = &report.inputs;
    let read = [
        (inputs.access_log_files, "access-log file", inputs.access_log_lines, "line"),
        (inputs.waf_log_files, "WAF log file", inputs.waf_records, "record"),
        (inputs.origin_log_files, "log file of origins", inputs.origin_log_lines, "line"),
        (inputs.function_log_files, "log file of functions", inputs.function_log_lines, "line"),
        (
            inputs.connection_log_files,
            "log file of connections",
            inputs.connection_log_lines,
            "line",
        ),
    ];
    html! {
        section id="inputs" {
            h2 { "What was read" }
            ul {
                @for (number, (files, what, lines, of_what)) in read.into_iter().enumerate() {
                    // That there was no WAF log is news; that there were no others is usual.
                    @if files > 0 || number < 2 {
                        li { (several(files, what)) " (" (several(lines, of_what)) ")" }
                    }
                }
                @if inputs.access_log_lines_left_out > 0 {
                    li {
                        (several(inputs.access_log_lines_left_out, "line")) " of other times than were "
                        "asked about were left out"
                    }
                }
                @if inputs.malformed_lines > 0 {
                    li { (several(inputs.malformed_lines, "line")) " could not be read" }
                }
                @if inputs.origin_lines_left_out > 0 {
                    li {
                        (several(inputs.origin_lines_left_out, "line")) " of origins' logs that may be "
                        "refusals' were left out: there are too many"
                    }
                }
                @for asked in &inputs.asked {
                    li { "Asked directly: " code { (visible(asked)) } }
                }
                @for lack in &inputs.not_logged {
                    li {
                        "Not in the lines of " (several(lack.requests, "unconfirmed refusal")) ": "
                        code { (lack.column) } ", which " (lack.tells)
                    }
                }
            }
            @if !inputs.unreadable_files.is_empty() {
                h3 { "Not read, or not wholly" }
                ul {
                    @for file in &inputs.unreadable_files {
                        li { code { (visible(&file.file)) } ": " (visible(&file.reason)) }
                    }
                }
            }
        }
    }
}

/// Text from outside with nothing unseen in it: controls and marks of direction are shown as
/// escapes. What could be markup is `maud`'s to escape.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unseen(character) || character == '\u{61c}' || character.is_control() {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}
