//! An alert for a chat: a custom notification of Amazon Q Developer in chat applications, which
//! drops whatever has another form, and hands its texts on as the chat's own markup.
//!
//! Slack and Microsoft Teams differ in their markup, and both take names after an `@` for people.
//! So nothing here is set off but by backticks, which both know, and in which they make nothing of
//! what stands there.

use serde::Serialize;

use super::{Alert, text};
use crate::report::ClusterOut;
use crate::report::text::{is_command, moment, thousands};

/// Characters of a title. AWS names no limits; these are what a channel shows without folding.
const TITLE: usize = 100;

/// Characters of a description, and of a step.
const DESCRIPTION: usize = 2000;
const STEP: usize = 350;

/// Steps; what is left out is said.
const STEPS: usize = 5;

/// Places and pieces of evidence.
const PLACES: usize = 3;
const EVIDENCE: usize = 3;

/// The form that AWS documents: `version` and `source` are fixed.
#[derive(Serialize)]
struct Notification<'a> {
    version: &'static str,
    source: &'static str,
    id: String,
    content: Content<'a>,
    metadata: Metadata<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Content<'a> {
    text_type: &'static str,
    title: &'a str,
    description: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    next_steps: Vec<String>,
    keywords: [&'a str; 3],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    /// All messages of an alert are one thread.
    thread_id: &'a str,
    summary: &'a str,
    event_type: String,
    related_resources: Vec<&'a str>,
    additional_context: Context<'a>,
}

/// What custom actions of a channel may take as variables: words without spaces.
#[derive(Serialize)]
struct Context<'a> {
    distribution_id: &'a str,
    cause: &'a str,
    detail: &'a str,
    severity: &'a str,
    confidence: &'a str,
    state: &'a str,
    since: String,
    forbidden: String,
}

/// The message, the whole of what the topic carries.
pub fn notification(alert: &Alert) -> String {
    let title = title(alert);
    let distribution = alert.distribution_id.as_deref().filter(|id| is_name(id));
    let notification = Notification {
        version: "1.0",
        source: "custom",
        id: format!("{}-{}", alert.alert_id, alert.sequence),
        content: Content {
            text_type: "client-markdown",
            title: &title,
            description: description(alert),
            next_steps: steps(alert),
            keywords: [alert.severity, alert.cause, alert.state],
        },
        metadata: Metadata {
            thread_id: &alert.alert_id,
            summary: &title,
            event_type: format!("why403.{}", alert.state),
            related_resources: distribution.into_iter().collect(),
            additional_context: Context {
                distribution_id: distribution.unwrap_or("unknown"),
                cause: alert.cause,
                detail: alert.detail.unwrap_or("none"),
                severity: alert.severity,
                confidence: &alert.confidence,
                state: alert.state,
                since: alert.since.to_string(),
                forbidden: alert.forbidden.to_string(),
            },
        },
    };
    serde_json::to_string(&notification).unwrap_or_default()
}

/// The subject of the mail, without anything that a chat makes something of.
fn title(alert: &Alert) -> String {
    let subject = text::subject(alert);
    // One asterisk, of a name such as *.shop.example, is none that sets off.
    let pairs = subject.matches('*').count() > 1;
    let is_markup =
        |c: char| matches!(c, '`' | '<' | '>' | '&' | '|' | '@' | '~') || (pairs && c == '*');
    subject.chars().filter(|c| !is_markup(*c)).take(TITLE).collect()
}

fn description(alert: &Alert) -> String {
    let mut lines = Vec::new();
    lines.extend(alert.why.map(|why| format!("Update: {why}.")));
    let id =
        alert.distribution_id.as_deref().map_or_else(|| "an unknown distribution".to_owned(), name);
    let whom = match &alert.domain {
        Some(domain) => format!("{} ({id})", name(domain)),
        None => id,
    };
    lines.push(text::told(alert, &whom));
    if !text::is_withdrawn(alert) {
        lines.push(cause(alert));
        if let Some(change) = &alert.change {
            let by = change.by.as_deref().map(|by| format!(" by {}", name(by))).unwrap_or_default();
            let at = moment(change.at);
            lines.push(format!("Change before it: {}{by} at {at} UTC", name(&change.event)));
        }
        let clusters = alert.findings.iter().flat_map(|finding| &finding.clusters);
        lines.extend(clusters.take(PLACES).map(place));
        let main = alert.findings.first();
        let evidence = main.into_iter().flat_map(|finding| &finding.evidence);
        for one in evidence.filter(|one| one.speaks != "neither").take(EVIDENCE) {
            let but = if one.speaks == "against" { "But" } else { "Because" };
            lines.push(format!("{but}: {}", quiet(&one.says)));
        }
        if let Some(others) =
            main.map(|finding| &finding.alternatives).filter(|all| !all.is_empty())
        {
            lines.push(format!("It may also be: {}", quiet(&others.join(", "))));
        }
    }
    let (last, id) = (&alert.console, &alert.alert_id);
    let end = format!("\nConsole: {last}\nAlert {id}, message {}, {}", alert.sequence, alert.state);
    let room = DESCRIPTION.saturating_sub(end.chars().count());
    format!("{}{end}", cut(lines.join("\n"), room))
}

fn cause(alert: &Alert) -> String {
    let detail = alert.detail.map(|detail| format!("/{detail}")).unwrap_or_default();
    let rule = alert.rule.as_deref().map(|rule| format!(", rule {}", name(rule)));
    let rule = rule.unwrap_or_default();
    format!("Cause: {}{rule}, {}", name(&format!("{}{detail}", alert.cause)), alert.confidence)
}

/// Where it strikes. A path stands between backticks, whatever is in its template.
fn place(cluster: &ClusterOut) -> String {
    let about = if cluster.approximate { "about " } else { "" };
    let words = quiet(&crate::report::place::words(cluster));
    format!("Where: {words}, {about}{} requests", thousands(cluster.requests))
}

/// What to do, the first things first.
fn steps(alert: &Alert) -> Vec<String> {
    let all = &alert.next_steps;
    let shown = if all.len() > STEPS { STEPS - 1 } else { all.len() };
    let mut steps: Vec<String> = all.iter().take(shown).map(|one| step(one)).collect();
    if all.len() > shown {
        steps
            .push(format!("{} more steps stand in the mail and in the report.", all.len() - shown));
    }
    steps
}

/// A step. A command is whole or is not there: half of one would be another.
fn step(step: &str) -> String {
    if !is_command(step) {
        return cut(quiet(step), STEP);
    }
    let is_plain = step.chars().all(|c| matches!(c, ' '..='~') && !matches!(c, '`' | '<' | '@'));
    match is_plain && step.len() <= STEP {
        true => format!("`{step}`"),
        false => "The command for this stands in the mail and in the report.".to_owned(),
    }
}

/// A sentence of ours: what a chat would make something of stands between backticks or is gone.
fn quiet(text: &str) -> String {
    // JSON to be pasted stays in one piece.
    if let (Some(start), Some(last)) = (text.find("{ \""), text.rfind('}'))
        && let (Some(before), Some(json)) = (text.get(..start), text.get(start..=last))
        && let Some(after) = text.get(last + 1..)
        && !json.contains(['`', '<', '@'])
    {
        return format!("{}`{json}`{}", quiet(before), quiet(after));
    }
    let words: Vec<String> = text.split([' ', '\n']).map(word).collect();
    words.join(" ")
}

fn word(word: &str) -> String {
    let known: String = word.chars().filter(|c| !matches!(c, '`' | '<' | '>' | '|')).collect();
    let known = known.replace('&', "and").replace('@', "(at)");
    let bare = known.trim_end_matches([',', '.', ';', ':', ')']);
    // A host would become a link.
    let dotted = bare.trim_matches('.').contains('.') && bare.contains(|c: char| c.is_alphabetic());
    if !dotted && !bare.contains(['*', '_', '~', '[', ']', '{', '/']) {
        return known;
    }
    let after = known.get(bare.len()..).unwrap_or_default();
    let start = bare.trim_start_matches('(');
    let before = bare.get(..bare.len() - start.len()).unwrap_or_default();
    format!("{before}`{start}`{after}")
}

/// A name between backticks: an id, a host, a rule, a user of the account.
fn name(text: &str) -> String {
    let text = text.replace('@', "(at)");
    if is_name(&text) { format!("`{text}`") } else { "`{text}`".to_owned() }
}

fn is_name(text: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || ".-_~/{}*:()+=, ".contains(c);
    !text.is_empty() && text.chars().all(known)
}

/// Cuts a text at a word, and says so. An open backtick is closed.
fn cut(text: String, most: usize) -> String {
    if text.chars().count() <= most {
        return text;
    }
    let short: String = text.chars().take(most.saturating_sub(5)).collect();
    let short = short.rsplit_once([' ', '\n']).map_or(short.as_str(), |(whole, _)| whole);
    let closing = if short.matches('`').count() % 2 == 1 { "`" } else { "" };
    format!("{short}{closing} ...")
}
