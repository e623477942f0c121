//! What an audit says, and its forms.

use std::fmt::{self, Write};

use anstyle::{AnsiColor, Style};
use schemars::JsonSchema;
use serde::Serialize;

use crate::account::Question;
use crate::account::absence::Absence;
use crate::causes::Cause;
use crate::causes::opinion::Evidence;
use crate::report::text::{command, is_command, item, label_of, several, wrap};
use crate::report::{EvidenceOut, RemedyOut};
use crate::schema;
use crate::viewer::plain;

/// `why403/audit/1`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, title = "why403/audit/1")]
pub struct Audit {
    /// `why403/audit/1`.
    #[schemars(extend("const" = "why403/audit/1"))]
    pub schema: &'static str,
    /// How many distributions were looked at.
    pub distributions: u64,
    /// How many requests the rules were asked about.
    pub requests: u64,
    /// What will be refused, the most urgent first.
    pub findings: Vec<Finding>,
    /// What hides refusals.
    pub notes: Vec<Note>,
    /// Facts that could not be read and without which something was not looked at.
    pub unread: Vec<Unread>,
}

/// Requests of one distribution that one cause will refuse.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Finding {
    /// The distribution.
    pub distribution_id: String,
    /// The cause, for this program.
    #[serde(skip)]
    pub of: Cause,
    /// The cause.
    #[schemars(schema_with = "schema::cause")]
    pub cause: &'static str,
    /// The detail.
    #[schemars(schema_with = "schema::detail_or_null")]
    pub detail: Option<&'static str>,
    /// `fault`, `enforcement`, `unknown`.
    #[schemars(schema_with = "schema::severity")]
    pub severity: &'static str,
    /// `confirmed`, `likely`.
    #[schemars(schema_with = "schema::confidence")]
    pub confidence: &'static str,
    /// One of the requests.
    pub request: String,
    /// Of how many requests it was said.
    pub requests: u64,
    /// What it rests on.
    pub evidence: Vec<EvidenceOut>,
    /// What to do.
    pub remedy: RemedyOut,
}

/// What is no refusal and hides one.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Note {
    /// The distribution.
    pub distribution_id: String,
    /// What it is.
    pub says: String,
}

/// A fact that could not be read.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Unread {
    /// Which, as in a bundle's `aws/`.
    pub fact: String,
    /// Why: `unasked`, `denied`, `unreadable`.
    #[schemars(schema_with = "schema::why")]
    pub why: &'static str,
    /// What must be allowed to whoever asks.
    pub permission: &'static str,
}

impl Unread {
    pub(super) fn of(question: &Question, why: Absence) -> Self {
        let permission = question.permission();
        Self { fact: question.to_string(), why: why.id(), permission }
    }

    /// In words.
    pub fn says(&self) -> String {
        match self.why {
            "denied" => {
                format!("{}: AWS did not allow it; it takes {}", self.fact, self.permission)
            }
            "unreadable" => format!("{}: the answer could not be read", self.fact),
            _ => format!("{}: it is not there", self.fact),
        }
    }
}

impl From<Evidence> for EvidenceOut {
    fn from(evidence: Evidence) -> Self {
        Self {
            source: evidence.source,
            says: evidence.says,
            requests: 1,
            speaks: evidence.speaks.id(),
        }
    }
}

impl Finding {
    /// `cause/detail`.
    fn name(&self) -> String {
        self.detail
            .map_or_else(|| self.cause.to_owned(), |detail| format!("{}/{detail}", self.cause))
    }
}

/// For people.
pub fn text(audit: &Audit) -> Result<String, fmt::Error> {
    const BOLD: Style = Style::new().bold();
    let mut out = String::new();
    let said = match audit.findings.len() {
        0 => "Nothing in this configuration refuses what it should serve".to_owned(),
        1 => "One thing in this configuration will answer 403".to_owned(),
        more => format!("{more} things in this configuration will answer 403"),
    };
    let looked = format!(
        "{said}, as far as it is known: {} and {} tried.",
        several(audit.distributions, "distribution"),
        several(audit.requests, "request")
    );
    writeln!(out, "{BOLD}{}{BOLD:#}", wrap(&looked, 0))?;
    for (number, finding) in audit.findings.iter().enumerate() {
        let color = match finding.severity {
            "fault" => AnsiColor::Red,
            "enforcement" => AnsiColor::Green,
            _ => AnsiColor::Yellow,
        };
        let style = Style::new().bold().fg_color(Some(color.into()));
        let head = format!("{}. {}", number + 1, finding.name());
        writeln!(out, "\n{style}{head}{style:#}  {}, {}", finding.severity, finding.confidence)?;
        item(
            &mut out,
            "where",
            &format!("{}: {}", finding.distribution_id, plain(&finding.request)),
        )?;
        for evidence in &finding.evidence {
            let label = label_of(evidence.speaks);
            item(&mut out, label, &format!("{}: {}", evidence.source, plain(&evidence.says)))?;
        }
        item(&mut out, "do", &finding.remedy.summary)?;
        for step in &finding.remedy.steps {
            if is_command(step) { command(&mut out, step)? } else { item(&mut out, "", step)? }
        }
        item(&mut out, "see", finding.remedy.reference)?;
    }
    if !audit.notes.is_empty() || !audit.unread.is_empty() {
        writeln!(out)?;
    }
    for note in &audit.notes {
        writeln!(out, "{}", wrap(&format!("{}: {}.", note.distribution_id, note.says), 2))?;
    }
    for fact in &audit.unread {
        writeln!(out, "{}", wrap(&format!("Not looked at: {}.", fact.says()), 2))?;
    }
    Ok(out)
}

/// For pipelines that read JUnit: a case for each distribution that is healthy, and one for each
/// finding, which fails; what could not be looked at is skipped.
pub fn junit(audit: &Audit) -> Result<String, fmt::Error> {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let failures = audit.findings.len();
    let skipped = audit.unread.len();
    let tests = failures.max(1) + skipped;
    writeln!(
        out,
        "<testsuite name=\"why403 audit\" tests=\"{tests}\" failures=\"{failures}\" \
         skipped=\"{skipped}\">"
    )?;
    if audit.findings.is_empty() {
        writeln!(out, "  <testcase classname=\"why403\" name=\"nothing refuses\"/>")?;
    }
    for finding in &audit.findings {
        let (class, name) = (escaped(&finding.distribution_id), escaped(&finding.name()));
        writeln!(out, "  <testcase classname=\"{class}\" name=\"{name}\">")?;
        let because: Vec<&str> = finding.evidence.iter().map(|one| one.says.as_str()).collect();
        writeln!(
            out,
            "    <failure type=\"{}\" message=\"{}\">{}</failure>\n  </testcase>",
            escaped(finding.severity),
            escaped(&finding.request),
            escaped(&format!(
                "{}, {}. {}",
                finding.confidence,
                because.join("; "),
                finding.remedy.summary
            ))
        )?;
    }
    for fact in &audit.unread {
        let (name, says) = (escaped(&fact.fact), escaped(&fact.says()));
        writeln!(out, "  <testcase classname=\"why403\" name=\"{name}\">")?;
        writeln!(out, "    <skipped message=\"{says}\"/>\n  </testcase>")?;
    }
    out.push_str("</testsuite>\n");
    Ok(out)
}

/// XML holds no control characters at all, not even escaped ones.
fn escaped(text: &str) -> String {
    let text = plain(text);
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
