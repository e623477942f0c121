//! The last lines of the report for people: what was read, and what was not.

use std::fmt::{self, Write};

use super::headline::known_severity;
use super::text::{DIM, wrap};
use super::words::{several, thousands};
use super::{Inputs, NotLogged, Report};
use crate::limits::{SERVED_DISTRIBUTIONS, WEB_ACLS};

pub(super) fn footer(out: &mut String, report: &Report) -> fmt::Result {
    let inputs = &report.inputs;
    writeln!(out)?;
    let origins = match inputs.origin_log_files {
        0 => String::new(),
        files => {
            let lines = several(inputs.origin_log_lines, "line");
            format!(", {} of origins' logs ({lines})", several(files, "file"))
        }
    };
    let functions = match inputs.function_log_files {
        0 => String::new(),
        files => {
            let lines = several(inputs.function_log_lines, "line");
            format!(", {} of functions' logs ({lines})", several(files, "file"))
        }
    };
    let connections = match inputs.connection_log_files {
        0 => String::new(),
        files => {
            let lines = several(inputs.connection_log_lines, "line");
            format!(", {} of connections ({lines})", several(files, "log file"))
        }
    };
    let line = format!(
        "Read {} ({}), {} ({}){origins}{functions}{connections}.",
        several(inputs.access_log_files, "access-log file"),
        several(inputs.access_log_lines, "line"),
        several(inputs.waf_log_files, "WAF log file"),
        several(inputs.waf_records, "record")
    );
    writeln!(out, "{DIM}{}{DIM:#}", wrap(&line, 0))?;
    if inputs.access_log_lines_left_out > 0 {
        let lines = several(inputs.access_log_lines_left_out, "line");
        let line = format!("{lines} of other times than were asked about were left out.");
        writeln!(out, "{}", wrap(&line, 0))?;
    }
    if inputs.malformed_lines > 0 {
        writeln!(out, "{} could not be read.", several(inputs.malformed_lines, "line"))?;
    }
    if inputs.origin_lines_left_out > 0 {
        let lines = thousands(inputs.origin_lines_left_out);
        let line = format!(
            "{lines} lines of origins' logs that may be refusals' were left out: there are too \
             many. Fewer paths were held against them, each with all of its lines."
        );
        writeln!(out, "{}", wrap(&line, 0))?;
    }
    for said in limits(inputs) {
        writeln!(out, "{}", wrap(&said, 0))?;
    }
    if !inputs.asked.is_empty() {
        let line = "Asked directly, with the agent Amazon CloudFront and no other header of a \
                    viewer's or of the origin's:";
        writeln!(out, "{}", wrap(line, 0))?;
        for asked in &inputs.asked {
            writeln!(out, "{}", wrap(&format!("  {asked}"), 4))?;
        }
    }
    not_logged(out, &inputs.not_logged)?;
    for file in &inputs.unreadable_files {
        writeln!(out, "{}", wrap(&format!("Not read: {}: {}", file.file, file.reason), 2))?;
    }
    Ok(())
}

/// What is less sure, or about less, than it would be with other inputs.
pub(super) fn limits(inputs: &Inputs) -> Vec<String> {
    let mut said = Vec::new();
    if inputs.lines_told_by_their_forms > 0 {
        said.push(format!(
            "{} without a header or a field list: the columns were told by what stands in them. \
             Columns of one form (two result types, two counts of bytes) may stand in each \
             other's place; aws logs describe-deliveries tells.",
            several(inputs.lines_told_by_their_forms, "line")
        ));
    }
    if inputs.distributions_left_out {
        said.push(format!(
            "More than {} distributions: of those with the last names nothing is known that was \
             served.",
            thousands(SERVED_DISTRIBUTIONS as u64)
        ));
    }
    if inputs.web_acls_left_out {
        said.push(format!(
            "Logs of more than {} web ACLs: the silence of those with the last names proves \
             nothing.",
            thousands(WEB_ACLS as u64)
        ));
    }
    said
}

/// Columns that the lines do not have, those of the same number of requests together.
fn not_logged(out: &mut String, lacks: &[NotLogged]) -> fmt::Result {
    let mut counts: Vec<u64> = lacks.iter().map(|lack| lack.requests).collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    counts.dedup();
    for count in &counts {
        let line = format!(
            "Not in the log lines of {} whose cause is not confirmed:",
            several(*count, "refusal")
        );
        writeln!(out, "{}", wrap(&line, 0))?;
        for lack in lacks.iter().filter(|lack| lack.requests == *count) {
            writeln!(out, "  {}", wrap(&format!("{} {}", lack.column, lack.tells), 4))?;
        }
    }
    if !counts.is_empty() {
        let line = "Standard logging v2 logs the fields that are chosen, for the next time.";
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// What the report's own words mean, as far as it has used them.
pub(super) fn legend(out: &mut String, report: &Report) -> fmt::Result {
    if report.findings.is_empty() {
        return Ok(());
    }
    let has = |severity: &str| report.findings.iter().any(|one| known_severity(one) == severity);
    let mut text = String::new();
    if has("fault") {
        text.push_str(
            "Fault: something is set up or asked wrongly, so that viewers who should get in may not. ",
        );
    }
    if has("enforcement") {
        text.push_str("Enforcement: a rule does what it was set up to do. ");
    }
    text.push_str(
        "(N) after a sentence: it is said of N requests. %: of all refusals. id: --request-id ID tells all of that request. \
         What a cause is: why403 causes CAUSE.",
    );
    writeln!(out, "{DIM}{}{DIM:#}", wrap(&text, 0))
}
