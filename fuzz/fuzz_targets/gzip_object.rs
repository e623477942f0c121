//! A stored object: packed, damaged, one member after another.
#![no_main]

use libfuzzer_sys::fuzz_target;
use why403::limits::Limits;
use why403::logs::fault::Faults;
use why403::logs::lines::read_lines;
use why403::logs::tally::AccessTally;
use why403::logs::{Context, read_access};

fuzz_target!(|object: &[u8]| {
    let mut faults = Faults::default();
    let mut last = 0;
    read_lines(object, &Limits::default(), &mut faults, |line, _| {
        assert!(line.number >= last);
        last = line.number;
        std::ops::ControlFlow::Continue(())
    });
    let mut tally = AccessTally::default();
    read_access("E1234567.2026-03-10-14.x.gz", object, &Context::default(), &mut tally);
});
