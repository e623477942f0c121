//! Connection logs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use why403::logs::connection::Handshakes;
use why403::logs::{Context, read_connections};

fuzz_target!(|text: &[u8]| {
    let read = |text: &[u8]| {
        let mut handshakes = Handshakes::default();
        read_connections(text, &Context::default(), &mut handshakes);
        handshakes
    };
    let one = read(text);
    assert!(one.failed().count() as u64 + one.malformed <= one.lines);
    // What was delivered twice is counted once.
    let mut twice = read(text);
    twice.merge(read(text));
    assert!(twice.failed().eq(one.failed()));
});
