//! Access logs of load balancers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use why403::limits::Limits;
use why403::logs::origin::{OriginIndex, Said, Wanted, slots};
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
    // As the function keeps it.
    let kept = slots::read("x", "1", text, &Limits::default());
    assert!(kept.lines + index.malformed <= index.lines);
    kept.chunks.iter().for_each(|chunk| chunk.fill(&wanted, &mut OriginIndex::default()));
    // Behind a beginning that is sound, and as an agent, where no byte of it may matter.
    let start = b"https 2026-03-10T16:00:01.5Z app/a/b ";
    read_origin(
        [start, text].concat().as_slice(),
        &Limits::default(),
        &wanted,
        &mut OriginIndex::default(),
    );
    let agent: Vec<u8> =
        text.iter().copied().filter(|b| !matches!(b, b'"' | b'\n' | b'\r')).collect();
    let line = [
        start,
        &b"1.2.3.4:5 10.0.0.1:80 0.0 0.0 0.0 403 403 1 1 \"GET http://a:80/k HTTP/1.1\" \""[..],
        &agent,
        b"\" - - - \"Root=1-a\" \"-\" \"-\" 0 2026-03-10T16:00:01.4Z \"waf,forward\" \"-\" \"-\"\n",
    ];
    let mut one = OriginIndex::default();
    read_origin(line.concat().as_slice(), &Limits::default(), &wanted, &mut one);
    let says = one.of_path(b"/k").flat_map(|group| group.says()).collect::<Vec<_>>();
    assert_eq!(says, [&Said::Target]);
});
