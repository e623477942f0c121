//! What AWS is said to have answered: an object of operations and their answers, asked for
//! everything that an analysis of a small log asks for.
#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use why403::account::facts::Depth;
use why403::account::{Account, Answer, Question};
use why403::analysis::{self, Directory};
use why403::logs::read_access;
use why403::logs::tally::AccessTally;
use why403::logs::waf::WafIndex;

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
    let _ = analysis::analyse(&tally, WafIndex::default(), &account, Depth::Incident);
});
