//! Lines without a header, held against the field lists of an account. None is passed over in
//! silence.
#![no_main]

use libfuzzer_sys::fuzz_target;
use why403::logs::layouts::{FieldList, Layouts};
use why403::logs::names;
use why403::logs::tally::AccessTally;
use why403::logs::{Context, Kind, read_access};

fn list(fields: &[&str], realtime: bool, delimiter: Option<&str>) -> FieldList {
    let fields = fields.iter().map(|field| (*field).to_owned()).collect();
    FieldList { fields, realtime, delimiter: delimiter.map(str::to_owned), changed: None }
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
    let outcome = read_access("x", text, &context, &mut tally);
    // What is around a line, packed or a comment is another's matter.
    let other = |byte: &u8| matches!(byte, b'{' | b'#' | 0xef | 0x1f);
    let exported = text.windows(2).any(|bytes| bytes == b"Z ");
    if outcome.kind == Kind::Access && !exported && !text.iter().any(other) {
        let lines = text.split(|byte| *byte == b'\n');
        let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let lines = lines.filter(|line| !line.is_empty()).count() as u64;
        assert_eq!(tally.lines + tally.malformed, lines);
    }
});
