//! The last lines of the report for people: what was read, and what was not.

use std::fmt::{self, Write};

use super::Report;
use super::text::{DIM, wrap};
use super::words::{several, thousands};

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
    let line = format!(
        "Read {} ({}), {} ({}){origins}{functions}.",
        several(inputs.access_log_files, "access-log file"),
        several(inputs.access_log_lines, "line"),
        several(inputs.waf_log_files, "WAF log file"),
        several(inputs.waf_records, "record")
    );
    writeln!(out, "{DIM}{}{DIM:#}", wrap(&line, 0))?;
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
    for lack in &inputs.not_logged {
        let line = format!(
            "Not in the lines of {} unconfirmed refusals: {}, which {}.",
            thousands(lack.requests),
            lack.column,
            lack.tells
        );
        writeln!(out, "{}", wrap(&line, 2))?;
    }
    for file in &inputs.unreadable_files {
        writeln!(out, "{}", wrap(&format!("Not read: {}: {}", file.file, file.reason), 2))?;
    }
    Ok(())
}
