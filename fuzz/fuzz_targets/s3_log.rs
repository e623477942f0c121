//! Server access logs of S3, as text and as records of CloudWatch Logs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use why403::limits::Limits;
use why403::logs::origin::{OriginIndex, Said, Wanted};
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
    // What a viewer puts into the path can lose the line, and never change what it says.
    let path: Vec<u8> = text.iter().copied().filter(|b| !matches!(b, b'\n' | b'\r')).collect();
    let line = [
        &b"o b [10/Mar/2026:16:00:01 +0000] - - R REST.GET.OBJECT k \"GET /"[..],
        &path,
        b" HTTP/1.1\" 403 AccessDenied 243 - 1 1 \"-\" \"-\" - h= - - - b.s3.amazonaws.com TLSv1.3 - -\n",
    ];
    let mut one = OriginIndex::default();
    read_origin(line.concat().as_slice(), &Limits::default(), &wanted, &mut one);
    for said in one.of_path(b"k").flat_map(|group| group.says()) {
        assert!(matches!(said, Said::Bucket { code, .. } if code.as_ref() == "AccessDenied"));
    }
});
