//! Logs of functions at the edge, as CloudWatch Logs hands them over.
//!
//! CloudFront Functions write CloudFront's request id before every line, also before one that
//! names the distribution (`ID START DistributionID: E…`); Lambda@Edge has it only where the
//! function's code logs it. A line proves that the function ran, not what it answered.
//! <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/edge-functions-logs.html>

use std::collections::{BTreeMap, HashSet};
use std::io::Read;
use std::ops::ControlFlow;

use super::fault::Faults;
use super::lines;
use super::{Kind, Outcome};
use crate::limits::Limits;

/// What kind of function ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ran {
    /// A CloudFront Function.
    CloudFront,
    /// Lambda@Edge.
    Lambda,
    /// Both, one after the other.
    Both,
}

/// For which refused requests functions ran.
#[derive(Clone, Debug, Default)]
pub struct FunctionIndex {
    /// Lines read.
    pub lines: u64,
    ran: BTreeMap<Box<str>, Ran>,
}

impl FunctionIndex {
    /// What ran for a request, as far as it was logged.
    pub fn ran(&self, request_id: &str) -> Option<Ran> {
        self.ran.get(request_id).copied()
    }

    /// Adds what another part of the logs says. Order does not matter.
    pub fn merge(&mut self, other: Self) {
        self.lines += other.lines;
        other.ran.iter().for_each(|(id, ran)| self.note(id, *ran));
    }

    fn note(&mut self, id: &str, ran: Ran) {
        let known = self.ran.entry(id.into()).or_insert(ran);
        if *known != ran {
            *known = Ran::Both;
        }
    }
}

/// What kind of function's log a line is of; `None` where it is of none.
pub fn told_by(line: &[u8]) -> Option<Ran> {
    const OF_LAMBDA: [&[u8]; 4] =
        [b"START RequestId: ", b"INIT_START ", b"END RequestId: ", b"REPORT RequestId: "];
    // Lambda writes JSON where its log format says so.
    let has = |text: &[u8]| memchr::memmem::find(line, text).is_some();
    let record = line.starts_with(b"{")
        && (has(b"\"platform.") || (has(b"\"level\"") && has(b"\"requestId\"")));
    if record || OF_LAMBDA.iter().any(|start| line.starts_with(start)) {
        return Some(Ran::Lambda);
    }
    let end = memchr::memchr(b' ', line)?;
    let id = line.get(..end)?;
    let fits = (40..=64).contains(&id.len()) && id.ends_with(b"=") && id.iter().all(is_of_id);
    fits.then_some(Ran::CloudFront)
}

/// Whether a byte can stand in CloudFront's request id.
fn is_of_id(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'=')
}

/// Reads a function's log into `index`; `wanted` are the request ids of refusals. What functions
/// write is free text, so that there is no line that cannot be read.
pub fn read_function(
    source: impl Read,
    limits: &Limits,
    wanted: &HashSet<Box<str>>,
    index: &mut FunctionIndex,
) -> Outcome {
    let mut faults = Faults::default();
    let mut of = None;
    lines::read_lines(source, limits, &mut faults, |line, _| {
        of = of.or_else(|| told_by(line.bytes));
        index.lines += 1;
        let mut words = line.bytes.split(|byte| !is_of_id(byte)).filter_map(|word| {
            let word = std::str::from_utf8(word).ok()?;
            wanted.contains(word).then_some(word)
        });
        match of {
            // The id stands first; what comes behind it is the function's own text.
            Some(Ran::CloudFront) => {
                let first = words.next().filter(|id| line.bytes.starts_with(id.as_bytes()));
                first.into_iter().for_each(|id| index.note(id, Ran::CloudFront));
            }
            Some(_) => words.for_each(|id| index.note(id, Ran::Lambda)),
            None => {}
        }
        ControlFlow::Continue(())
    });
    Outcome { kind: Kind::Function, faults }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "k7eZUm50jFqkJg0CJjAaf3gA7_qxVaSCRnSfNpAlke4h82b6Y555QA==";

    fn ran(text: &str) -> Option<Ran> {
        let mut index = FunctionIndex::default();
        read_function(text.as_bytes(), &Limits::default(), &[ID.into()].into(), &mut index);
        index.ran(ID)
    }

    #[test]
    fn what_ran_is_told_by_where_the_id_stands() {
        let other = ID.replace('k', "x");
        assert_eq!(
            ran(&format!("{ID} START DistributionID: E1\n{ID} END\n")),
            Some(Ran::CloudFront)
        );
        assert_eq!(ran(&format!("2026-03-10T14:00:01.123Z {ID} START\n")), Some(Ran::CloudFront));
        assert_eq!(ran(&format!("{other} START\n{other} says {ID}\n")), None);
        let lambda = format!(
            "START RequestId: 9cef3834 Version: 3\n2026-03-10T14:00:01.123Z\t9cef3834\tINFO\t{{\"id\":\"{ID}\"}}\n"
        );
        assert_eq!(ran(&lambda), Some(Ran::Lambda));
        assert_eq!(ran("some text\n"), None);
        let record = format!(
            "{{\"timestamp\":\"t\",\"level\":\"INFO\",\"requestId\":\"9c\",\"message\":\"{ID}\"}}\n"
        );
        assert_eq!(ran(&record), Some(Ran::Lambda));
        let message = format!(
            "{{\"events\":[{{\"logStreamName\":\"s\",\"message\":\"{ID} START DistributionID: E1\"}}]}}"
        );
        assert_eq!(ran(&message), Some(Ran::CloudFront));
    }
}
