//! Lines without a header, held against the field lists of an account.
#![no_main]

use libfuzzer_sys::fuzz_target;
use why403::logs::layouts::{FieldList, Layouts};
use why403::logs::names;
use why403::logs::tally::AccessTally;
use why403::logs::{Context, read_access};

fn list(fields: &[&str], realtime: bool, delimiter: Option<&str>) -> FieldList {
    let fields = fields.iter().map(|field| (*field).to_owned()).collect();
    FieldList { fields, realtime, delimiter: delimiter.map(str::to_owned) }
}

fuzz_target!(|text: &[u8]| {
    let layouts = Layouts::new([
        list(&names::REALTIME[..38], true, None),
        list(&["timestamp", "sc-status", "cs-uri-stem", "cs-host", "cs-cookie"], true, None),
        list(&names::LEGACY, false, Some("|")),
        list(&["timestamp(ms)", "sc-status", "cs-uri-stem"], false, Some("||")),
    ]);
    let context = Context { layouts, ..Context::default() };
    let mut tally = AccessTally::default();
    read_access("x", text, &context, &mut tally);
});
