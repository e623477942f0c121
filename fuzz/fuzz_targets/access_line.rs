//! Lines under a header: whatever they hold, each is counted, or a fault, or a comment; and the
//! same lines in two objects are the same tally.
#![no_main]

use libfuzzer_sys::fuzz_target;
use why403::logs::tally::AccessTally;
use why403::logs::{Context, read_access};

const FIELDS: &[u8] = b"#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) \
    cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type \
    x-edge-request-id x-host-header cs-protocol cs-bytes time-taken\n";

/// The end of a time that an export writes before a line, behind which there may be no line.
fn is_end(bytes: &[u8]) -> bool {
    bytes == b"Z "
}

fn tally(text: &[u8]) -> AccessTally {
    let mut tally = AccessTally::default();
    let outcome = read_access("x", text, &Context::default(), &mut tally);
    assert!(outcome.faults.count() >= tally.malformed);
    tally
}

fuzz_target!(|lines: &[u8]| {
    let text = [FIELDS, lines].concat();
    let whole = tally(&text);
    let _ = tally(lines);
    // Without another header, an object or an envelope, no line is passed over in silence.
    if !lines.iter().any(|byte| matches!(byte, b'#' | b'{')) && !lines.windows(2).any(is_end) {
        let lines = lines.split(|byte| *byte == b'\n');
        let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let lines = lines.filter(|line| !line.is_empty()).count() as u64;
        assert_eq!(whole.lines + whole.malformed, lines);
    }
    // Split at a line in the middle, with the header over both halves.
    let middle = lines.len() / 2;
    let Some(end) = lines[middle..].iter().position(|byte| *byte == b'\n') else { return };
    // A header, an object or an envelope in the middle holds for what follows it.
    if lines.iter().any(|byte| matches!(byte, b'#' | b'{' | 0xef)) {
        return;
    }
    let (first, second) = lines.split_at(middle + end + 1);
    let mut parts = tally(&[FIELDS, second].concat());
    parts.merge(tally(&[FIELDS, first].concat()));
    parts.settle();
    let mut whole = whole;
    whole.settle();
    assert_eq!(parts, whole);
});
