//! WAF logs, as `replay` and as the function read them.
#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use why403::limits::Limits;
use why403::logs::waf::WafIndex;
use why403::logs::waf_slots::Keeps;
use why403::logs::{read_waf, waf_slots};

fuzz_target!(|text: &[u8]| {
    let wanted: HashSet<Box<str>> = ["a==", ""].map(Into::into).into();
    let limits = Limits::default();
    let mut index = WafIndex::default();
    read_waf("1_waflogs_cloudfront_a_20260310T1435Z_x.log.gz", text, &limits, &wanted, &mut index);
    let mut other = WafIndex::default();
    read_waf("x", text, &limits, &wanted, &mut other);
    other.merge(index);
    let keeps = Keeps { passes: |_: &str| true, behind: true };
    let slots = waf_slots::read("x", "1", text, &limits, keeps);
    assert!(slots.chunks.len() as u64 <= slots.records + 1);
});
