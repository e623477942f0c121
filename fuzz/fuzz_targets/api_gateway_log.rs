//! Access logs of API Gateway.
#![no_main]

use libfuzzer_sys::fuzz_target;
use why403::limits::Limits;
use why403::logs::origin::{OriginIndex, Wanted};
use why403::logs::read_origin;
use why403::logs::record::Refusal;

fuzz_target!(|text: &[u8]| {
    let refusal = Refusal {
        time: "2026-03-10T16:00:01Z".parse().expect("a time"),
        time_taken_ms: Some(500),
        ..Refusal::default()
    };
    let wanted = Wanted::new([refusal], ["1-69b04001-746e9fa2335fb4946a2e6a24", "Zk="]);
    let mut index = OriginIndex::default();
    read_origin(text, &Limits::default(), &wanted, &mut index);
    assert!(index.malformed <= index.lines && index.left_out <= index.lines);
    // Behind a beginning that is sound.
    let start = br#"{"requestId":"a","httpMethod":"GET","status":"403","requestTime":"10/Mar/2026:16:00:01 +0000","#;
    let mut one = OriginIndex::default();
    read_origin([start, text].concat().as_slice(), &Limits::default(), &wanted, &mut one);
    for said in one.of_path(b"/k").flat_map(|group| group.says()) {
        assert!(said.is_forbidden());
    }
});
