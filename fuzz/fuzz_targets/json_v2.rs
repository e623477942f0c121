//! Standard logs of version 2 as JSON, alone and one after another.
#![no_main]

use libfuzzer_sys::fuzz_target;
use why403::logs::tally::AccessTally;
use why403::logs::{Context, json, read_access};

fuzz_target!(|text: &[u8]| {
    let mut tally = AccessTally::default();
    read_access("x", text, &Context::default(), &mut tally);
    // An object that is spread over lines in a way that nobody writes is read as its lines.
    if !text.contains(&b'\n')
        && json::is_record(text)
        && serde_json::from_slice::<serde_json::Value>(text).is_ok()
    {
        // What is one record is two when it comes twice, with or without a newline.
        let mut twice = AccessTally::default();
        let text = text.trim_ascii();
        read_access("x", [text, text].concat().as_slice(), &Context::default(), &mut twice);
        assert_eq!(twice.lines + twice.malformed, 2 * (tally.lines + tally.malformed));
    }
});
