//! What comes out: the report as plain values, and its forms.

pub mod build;
pub mod clusters;
mod commands;
pub mod examples;
mod finding;
mod footer;
pub mod handshakes;
mod headline;
pub mod html;
pub mod left_out;
pub mod masked;
pub mod missing;
pub mod not_logged;
pub mod place;
pub mod request;
mod signed;
pub mod stacked;
pub mod text;
pub mod timeline;
mod words;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::schema;
pub use missing::MissingOut;

/// `why403/report/1`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, title = "why403/report/1")]
pub struct Report {
    /// `why403/report/1`.
    #[schemars(extend("const" = "why403/report/1"))]
    pub schema: &'static str,
    /// The time that the logs cover.
    pub window: Window,
    /// What was read.
    pub inputs: Inputs,
    /// What was counted.
    pub totals: Totals,
    /// What was found, the most urgent first.
    pub findings: Vec<Finding>,
    /// What stands out against its own past.
    pub incidents: Vec<Incident>,
    /// Handshakes that failed, which are no 403.
    pub handshakes: Vec<handshakes::HandshakesOut>,
    /// When what was refused, for pictures.
    #[serde(skip)]
    pub timeline: timeline::Timeline,
}

/// A span of time.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Window {
    /// The first line's time.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub start: Option<Timestamp>,
    /// The last line's time.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub end: Option<Timestamp>,
}

/// What was read.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Inputs {
    /// Access-log objects.
    pub access_log_files: u64,
    /// Lines of data in them.
    pub access_log_lines: u64,
    /// Lines of them that were left out, for they are of other times than were asked about.
    pub access_log_lines_left_out: u64,
    /// Lines that could not be read.
    pub malformed_lines: u64,
    /// Objects that could not be read, or not wholly.
    pub unreadable_files: Vec<Unreadable>,
    /// WAF log objects.
    pub waf_log_files: u64,
    /// Records in them.
    pub waf_records: u64,
    /// Objects with the log of an origin.
    pub origin_log_files: u64,
    /// Lines in them.
    pub origin_log_lines: u64,
    /// Lines that may be refusals' and were left out, for there were too many of them.
    pub origin_lines_left_out: u64,
    /// Objects with the log of a function at the edge.
    pub function_log_files: u64,
    /// Lines in them.
    pub function_log_lines: u64,
    /// Lines whose columns were told by what stands in them, and by no header and no field list.
    pub lines_told_by_their_forms: u64,
    /// Whether there were more distributions than it is remembered of what they served.
    pub distributions_left_out: bool,
    /// Whether there were more web ACLs than it is remembered of how far their logs reach.
    pub web_acls_left_out: bool,
    /// One of how many refusals was looked at: 1, unless there were too many of them.
    pub refusals_looked_at_one_in: u64,
    /// Refusals with status 403 that were counted and not looked at.
    pub refusals_left_out: u64,
    /// Requests that were not looked at and whose status may hide a 403.
    pub maybe_refusals_left_out: u64,
    /// Objects with a log of handshakes.
    pub connection_log_files: u64,
    /// Lines in them.
    pub connection_log_lines: u64,
    /// Questions that were put to origins and distributions directly, and their answers.
    pub asked: Vec<String>,
    /// Facts that nobody has and that would decide something.
    pub missing: Vec<String>,
    /// Columns that are not in the lines of refusals that they could decide.
    pub not_logged: Vec<NotLogged>,
}

/// A column that lines do not have.
#[derive(Clone, Debug, Serialize, JsonSchema, PartialEq, Eq)]
#[schemars(deny_unknown_fields)]
pub struct NotLogged {
    /// Its name in standard logs.
    pub column: &'static str,
    /// Unconfirmed refusals whose lines do not have it.
    pub requests: u64,
    /// What it tells, as the end of a sentence.
    pub tells: &'static str,
}

/// An object that could not be read.
#[derive(Clone, Debug, Serialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord)]
#[schemars(deny_unknown_fields)]
pub struct Unreadable {
    /// Its name.
    pub file: String,
    /// Where and why.
    pub reason: String,
}

/// What was counted.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Totals {
    /// Requests of any status.
    pub requests: u64,
    /// Requests with status 403.
    pub forbidden: u64,
    /// Refusals that a custom error response turned into another status.
    pub masked_forbidden: u64,
    /// What viewers saw in their place.
    pub masked_as: Vec<MaskedAs>,
}

/// What viewers saw in the place of a 403.
#[derive(Clone, Debug, Serialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord)]
#[schemars(deny_unknown_fields)]
pub struct MaskedAs {
    /// The status.
    pub status: u16,
    /// The page of the custom error response, where the configuration tells it.
    pub page: Option<String>,
    /// How many requests.
    pub requests: u64,
    /// How many of them may have been another error, which is shown in the same way.
    pub doubtful: u64,
}

/// Refusals of one distribution, cause, detail and rule.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Finding {
    /// Stable for the same distribution, cause, detail and rule.
    pub id: String,
    /// The distribution.
    pub distribution_id: Option<String>,
    /// The cause.
    #[schemars(schema_with = "schema::cause")]
    pub cause: &'static str,
    /// The detail.
    #[schemars(schema_with = "schema::detail_or_null")]
    pub detail: Option<&'static str>,
    /// The WAF rule.
    pub rule: Option<String>,
    /// `confirmed`, `likely`, `possible`: that of most of its requests.
    #[schemars(schema_with = "schema::confidence")]
    pub confidence: &'static str,
    /// How many requests.
    pub requests: u64,
    /// Its share of all refusals.
    pub share: f64,
    /// How many of them a custom error response turned into another status.
    pub masked: u64,
    /// The first.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub first_seen: Timestamp,
    /// The last.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub last_seen: Timestamp,
    /// `fault`, `enforcement`, `unknown`.
    #[schemars(schema_with = "schema::severity")]
    pub severity: &'static str,
    /// Where it strikes.
    pub clusters: Vec<ClusterOut>,
    /// Some of its requests.
    pub examples: Vec<ExampleOut>,
    /// What it rests on, and what speaks against it.
    pub evidence: Vec<EvidenceOut>,
    /// What it was not.
    pub ruled_out: Vec<RuledOutOut>,
    /// What else it may have been, unless it is confirmed.
    #[schemars(schema_with = "schema::causes")]
    pub alternatives: Vec<&'static str>,
    /// Whether a WAF that it may have been can only be one in front of the origin, because the one
    /// at the edge had let all of its requests pass.
    #[serde(skip)]
    pub past_edge_waf: bool,
    /// Whether others were let in with what is said to be refused, so that nothing is decided.
    #[serde(skip)]
    pub contradicted: bool,
    /// What else may have refused at the same step of a request's way, under the configuration of
    /// that moment, where that is one thing alone.
    #[serde(skip)]
    pub or_else: Option<&'static str>,
    /// The findings that these requests are the echo of: another distribution, which this one asks,
    /// logged the same refusals.
    #[serde(skip)]
    pub follows: Vec<String>,
    /// How many of these requests another distribution asked for viewers of its own.
    #[serde(skip)]
    pub echoed: u64,
    /// Which one that is.
    #[serde(skip)]
    pub asked_by: Option<String>,
    /// What signatures show more exactly than the detail says, as the beginning of a sentence.
    #[serde(skip)]
    pub shown: Option<&'static str>,
    /// Whether signatures came in cookies.
    #[serde(skip)]
    pub cookies: bool,
    /// What is neither ruled out nor an alternative: what is proved leaves nothing to it.
    #[schemars(schema_with = "schema::causes")]
    pub moot: Vec<&'static str>,
    /// Facts that are missing and would decide more.
    pub missing: Vec<MissingOut>,
    /// The change before the onset.
    pub trigger: Option<Trigger>,
    /// What to do.
    pub remedy: RemedyOut,
}

impl Finding {
    /// What else it may have been, in words.
    pub fn or(&self) -> String {
        let named = self.alternatives.iter().map(|cause| match *cause {
            "waf" if self.past_edge_waf => "waf (in front of the origin)",
            cause => cause,
        });
        named.collect::<Vec<_>>().join(", ")
    }
}

/// Where a part of a finding strikes.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Cluster")]
pub struct ClusterOut {
    /// A path template; `*` stands for anything, slashes included.
    pub path: String,
    /// Points of presence, the most frequent ones first.
    pub edges: Vec<String>,
    /// Countries, as far as they are known.
    pub countries: Vec<String>,
    /// Hosts, as far as they are logged.
    pub hosts: Vec<String>,
    /// Methods.
    pub methods: Vec<String>,
    /// What tells these refusals from the distribution's other traffic: `path`, `edges`,
    /// `countries`, `hosts`, `methods`. What is not named here is listed and means nothing by
    /// itself. Empty where nothing tells them apart, and for what no other cluster holds.
    #[schemars(schema_with = "schema::abouts")]
    pub about: Vec<&'static str>,
    /// How many requests.
    pub requests: u64,
    /// Of how many of them the country is known.
    pub country_known: u64,
    /// Whether the numbers are scaled up from a sample.
    pub approximate: bool,
    /// How many times more often than among served requests one meets it among refused ones.
    pub lift: Option<f64>,
    /// Some paths.
    pub examples: Vec<String>,
    /// Whether nothing at all was served in that time.
    #[serde(skip)]
    pub everything: bool,
}

/// One request, as far as it may be shown: no query, no cookie, no whole address.
#[derive(Clone, Debug, Serialize, JsonSchema, PartialEq, Eq)]
#[schemars(deny_unknown_fields, rename = "Example")]
pub struct ExampleOut {
    /// `x-edge-request-id`, as `--request-id` takes it.
    pub request_id: Option<String>,
    /// When the answer was finished.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub time: Timestamp,
    /// The method.
    pub method: String,
    /// `http`, `https` and their like, where the log says it.
    pub protocol: Option<&'static str>,
    /// The Host.
    pub host: Option<String>,
    /// The path.
    pub path: String,
    /// The network of the viewer's address, where the address matters.
    pub network: Option<String>,
    /// What its signature is for, where that is the matter.
    pub signed: Option<String>,
}

/// A sentence, who said it, and for how many requests.
#[derive(Clone, Debug, Serialize, JsonSchema, PartialEq, Eq)]
#[schemars(deny_unknown_fields, rename = "Evidence")]
pub struct EvidenceOut {
    /// Who.
    pub source: String,
    /// What.
    pub says: String,
    /// For how many.
    pub requests: u64,
    /// `for` what is said, `against` it, or `neither`: seen, and deciding nothing.
    #[schemars(schema_with = "schema::speaks")]
    pub speaks: &'static str,
}

/// What it was not.
#[derive(Clone, Debug, Serialize, JsonSchema, PartialEq, Eq)]
#[schemars(deny_unknown_fields, rename = "RuledOut")]
pub struct RuledOutOut {
    /// Which cause.
    #[schemars(schema_with = "schema::cause")]
    pub cause: &'static str,
    /// Why.
    pub because: String,
}

/// A change before the onset.
#[derive(Clone, Debug, Serialize, JsonSchema, PartialEq, Eq)]
#[schemars(deny_unknown_fields)]
pub struct Trigger {
    /// The event's name.
    pub event: String,
    /// Who.
    pub by: Option<String>,
    /// When.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// Seconds from the change to the first refusal after it.
    pub seconds_before_onset: i64,
}

/// What to do.
#[derive(Clone, Debug, Serialize, JsonSchema, PartialEq, Eq)]
#[schemars(deny_unknown_fields, rename = "Remedy")]
pub struct RemedyOut {
    /// In one sentence.
    pub summary: String,
    /// Step by step; a step that begins with a command's name is one to copy.
    pub steps: Vec<String>,
    /// The steps without anything that a viewer sent, where they have that.
    #[serde(skip)]
    pub without_viewer: Option<Vec<String>>,
    /// Where AWS describes it.
    pub reference: &'static str,
}

/// A cause that stands out against its own past.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Incident {
    /// Its id.
    pub id: String,
    /// The distribution.
    pub distribution_id: Option<String>,
    /// The cause.
    #[schemars(schema_with = "schema::cause")]
    pub cause: &'static str,
    /// The detail.
    #[schemars(schema_with = "schema::detail_or_null")]
    pub detail: Option<&'static str>,
    /// The WAF rule.
    pub rule: Option<String>,
    /// `fault`, `enforcement`, `unknown`.
    #[schemars(schema_with = "schema::severity")]
    pub severity: &'static str,
    /// `open` or `resolved`.
    #[schemars(extend("enum" = ["open", "resolved"]))]
    pub state: &'static str,
    /// The first five minutes that stand out.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub start: Timestamp,
    /// When an alert would have gone out.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub detected: Timestamp,
    /// When it ended.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub end: Option<Timestamp>,
    /// Refusals in it.
    pub forbidden: u64,
    /// Refusals that its past would have led to expect.
    pub expected: f64,
    /// How improbable that is.
    pub p_value: f64,
    /// Its findings.
    pub finding_ids: Vec<String>,
}

/// One line of `--requests`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, title = "A line of --requests")]
pub struct RequestOut<'a> {
    /// `x-edge-request-id`.
    pub request_id: Option<Box<str>>,
    /// When the answer was finished.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub time: Timestamp,
    /// The distribution.
    pub distribution_id: Option<Box<str>>,
    /// The status that the viewer got.
    pub status: u16,
    /// The method.
    pub method: Box<str>,
    /// The path.
    pub path: String,
    /// The edge location.
    pub edge: Box<str>,
    /// The viewer's country.
    pub country: Option<String>,
    /// The cause.
    #[schemars(schema_with = "schema::cause")]
    pub cause: &'static str,
    /// The detail.
    #[schemars(schema_with = "schema::detail_or_null")]
    pub detail: Option<&'static str>,
    /// How sure it is.
    #[schemars(schema_with = "schema::confidence")]
    pub confidence: &'static str,
    /// The WAF rule.
    pub rule: Option<&'a str>,
}
