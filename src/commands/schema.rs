//! `why403 schema OUTPUT`: the JSON Schema of what programs read.

use std::io::{self, Write};

use clap::{Args, ValueEnum};
use why403::schema::{self, Output};

use super::Ended;

/// What `schema` is told.
#[derive(Debug, Args)]
pub struct Schema {
    /// The output
    #[arg(value_enum)]
    output: Named,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Named {
    /// `replay --format json`, and `explain`'s
    Report,
    /// One line of `--requests FILE`
    Requests,
    /// `--request-id ID --format json`
    Answers,
    /// What SNS carries to SQS, Lambda and HTTPS
    Alert,
    /// `audit --format json`
    Audit,
}

/// Runs the command.
pub fn run(command: &Schema) -> Ended {
    let schema = schema::of(match command.output {
        Named::Report => Output::Report,
        Named::Requests => Output::Requests,
        Named::Answers => Output::Answers,
        Named::Alert => Output::Alert,
        Named::Audit => Output::Audit,
    });
    let mut out = io::stdout().lock();
    let written = serde_json::to_string_pretty(&schema).map_err(io::Error::other);
    match written.and_then(|text| writeln!(out, "{text}")) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Ended::Internal,
        _ => Ended::Done,
    }
}
