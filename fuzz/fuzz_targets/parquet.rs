//! Parquet objects: sizes, offsets and counts that mean anything. No object has more rows than
//! its length allows, and none is read without an answer for each.
#![no_main]

use libfuzzer_sys::fuzz_target;
use why403::limits::{Limits, PARQUET_FREE_ROWS};
use why403::logs::fault::Faults;
use why403::logs::parquet;

fuzz_target!(|object: &[u8]| {
    let mut faults = Faults::default();
    let mut rows = 0u64;
    let read = parquet::read(object, &Limits::default(), &mut faults, |row, _| {
        rows += 1;
        let _ = row.refusal();
        Ok(())
    });
    assert!(rows + faults.lines() <= PARQUET_FREE_ROWS.max(object.len() as u64));
    assert!(read.is_ok() || rows == 0);
});
