//! What AWS is said to have answered: an object of operations and their answers, asked for
//! everything that an analysis of a small log asks for. Each refusal has its verdict, and nothing
//! that the answers say reaches a terminal as it is.
#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use why403::account::facts::Depth;
use why403::account::{Account, Answer, Question};
use why403::analysis::{self, Directory};
use why403::countries::Countries;
use why403::logs::read_access;
use why403::logs::tally::AccessTally;
use why403::logs::waf::WafIndex;
use why403::report::{self, Inputs};

struct Told(Value);

impl Account for Told {
    fn ask(&self, question: &Question) -> (Answer, Option<Timestamp>) {
        match self.0.get(question.operation) {
            Some(answer) => (Answer::Said(answer.clone()), None),
            None => (Answer::Unasked, None),
        }
    }

    fn subjects(&self, operation: &'static str) -> Vec<String> {
        if self.0.get(operation).is_some() { vec!["E3SHOPEXAMPLE1".to_owned()] } else { Vec::new() }
    }
}

const LOG: &str = include_str!("../seeds/bundle.log");

fuzz_target!(|text: &[u8]| {
    let Ok(answers) = serde_json::from_slice(text) else { return };
    let account = Told(answers);
    let directory = Directory::ask(&account);
    let mut tally = AccessTally::default();
    read_access("x", LOG.as_bytes(), &directory.logs, &mut tally);
    tally.settle();
    directory.assign(&mut tally.refusals);
    let analysis = analysis::analyse(&tally, WafIndex::default(), &account, Depth::Incident);
    assert_eq!(analysis.requests().count(), tally.refusals.len());
    let report = analysis.report(&tally, Inputs::default(), &Countries::default());
    let text = report::text::write(&report).expect("a text");
    // The styles are the report's own escape sequences.
    let bad = |c: char| (c.is_control() && !matches!(c, '\n' | '\x1b')) || c == '\u{202e}';
    assert!(!text.contains(bad), "{text:?}");
    let styles = text.matches('\x1b').count();
    assert_eq!(styles, text.matches("\x1b[").count(), "{text:?}");
});
