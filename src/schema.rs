//! The JSON Schema of what comes out, from the types that write it.
//!
//! The schemas are closed: what an output holds is in its schema, and every key is always there.
//! Identifiers are listed as the program has them, so that a new one is a change that is seen.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::account::absence::Absence;
use crate::alerts::Alert;
use crate::audit::Audit;
use crate::causes::judge::Confidence;
use crate::causes::opinion::Speaks;
use crate::causes::{Cause, Severity};
use crate::report::request::RequestAnswer;
use crate::report::{Report, RequestOut};

/// Outputs that programs read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// `--format json`.
    Report,
    /// A line of `--requests`.
    Requests,
    /// `--format json` with `--request-id`.
    Answers,
    /// What subscribers by SQS, Lambda and HTTPS get.
    Alert,
    /// `audit --format json`.
    Audit,
}

/// The schema of an output.
pub fn of(output: Output) -> Schema {
    match output {
        Output::Report => written::<Report>(),
        Output::Requests => written::<RequestOut<'_>>(),
        Output::Answers => {
            let mut schema = written::<Vec<RequestAnswer>>();
            schema.insert("title".to_owned(), "Answers to --request-id".into());
            schema
        }
        Output::Alert => written::<Alert>(),
        Output::Audit => written::<Audit>(),
    }
}

/// The schema of what is written, in which nothing that is always there is optional.
fn written<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>()
}

const CONFIDENCES: [Confidence; 3] =
    [Confidence::Confirmed, Confidence::Likely, Confidence::Possible];
const SEVERITIES: [Severity; 3] = [Severity::Fault, Severity::Enforcement, Severity::Unknown];

fn words<'a>(all: impl IntoIterator<Item = &'a str>) -> Schema {
    let all: Vec<&str> = all.into_iter().collect();
    json_schema!({ "type": "string", "enum": all })
}

fn words_or_null<'a>(all: impl IntoIterator<Item = &'a str>) -> Schema {
    let all: Vec<Option<&str>> = all.into_iter().map(Some).chain([None]).collect();
    json_schema!({ "type": ["string", "null"], "enum": all })
}

pub(crate) fn cause(_: &mut SchemaGenerator) -> Schema {
    words(Cause::ALL.map(Cause::id))
}

pub(crate) fn cause_or_null(_: &mut SchemaGenerator) -> Schema {
    words_or_null(Cause::ALL.map(Cause::id))
}

pub(crate) fn causes(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": cause(generator) })
}

pub(crate) fn detail_or_null(_: &mut SchemaGenerator) -> Schema {
    let mut all: Vec<&str> = Vec::new();
    for detail in Cause::ALL.into_iter().flat_map(Cause::details) {
        if !all.contains(detail) {
            all.push(detail);
        }
    }
    words_or_null(all)
}

pub(crate) fn severity(_: &mut SchemaGenerator) -> Schema {
    words(SEVERITIES.map(Severity::id))
}

pub(crate) fn confidence(_: &mut SchemaGenerator) -> Schema {
    words(CONFIDENCES.map(Confidence::id))
}

pub(crate) fn confidence_or_null(_: &mut SchemaGenerator) -> Schema {
    words_or_null(CONFIDENCES.map(Confidence::id))
}

pub(crate) fn speaks(_: &mut SchemaGenerator) -> Schema {
    words([Speaks::For, Speaks::Against, Speaks::Neither].map(Speaks::id))
}

pub(crate) fn abouts(_: &mut SchemaGenerator) -> Schema {
    let one = words(["path", "edges", "countries", "hosts", "methods"]);
    json_schema!({ "type": "array", "items": one })
}

pub(crate) fn why(_: &mut SchemaGenerator) -> Schema {
    let absences = [Absence::Unasked, Absence::Denied, Absence::Unreadable, Absence::OtherMoment];
    words(absences.map(Absence::id).into_iter().chain(["in-part", "no-line"]))
}
