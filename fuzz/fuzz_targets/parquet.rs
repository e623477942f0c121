//! Parquet objects: sizes, offsets and counts that mean anything.
#![no_main]

use libfuzzer_sys::fuzz_target;
use why403::limits::Limits;
use why403::logs::fault::Faults;
use why403::logs::parquet;

fuzz_target!(|object: &[u8]| {
    let mut faults = Faults::default();
    let mut rows = 0u64;
    let _ = parquet::read(object, &Limits::default(), &mut faults, |row, _| {
        rows += 1;
        let _ = row.refusal();
        Ok(())
    });
});
