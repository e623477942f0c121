//! Input that means harm, or is merely broken: what it must not do, and what is still read.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that fails panics, and a test of a command line reads and writes files"
)]

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Command, Output};

use why403::limits::Limits;
use why403::logs::connection::Handshakes;
use why403::logs::fault::{FaultKind, Faults, Place};
use why403::logs::origin::{OriginIndex, Wanted};
use why403::logs::record::Refusal;
use why403::logs::tally::AccessTally;
use why403::logs::waf::{Action, Side, WafIndex};
use why403::logs::{self, Context, Kind, read_access, read_origin};

const FIELDS: &str = "#Fields: date time x-edge-location cs-method cs(Host) cs-uri-stem sc-status \
    cs(User-Agent) x-edge-request-id x-host-header sc-content-type sc-content-len time-taken";

fn row(status: u16, agent: &str) -> String {
    format!(
        "2026-03-10\t14:00:01\tFRA56-P3\tGET\td1.cloudfront.net\t/a\t{status}\t{agent}\t-\t\
         www.example.com\ttext/html\t919\t0.001"
    )
}

fn tally(bytes: impl Read) -> (AccessTally, Kind, Faults) {
    let mut tally = AccessTally::default();
    let outcome = read_access("x", bytes, &Context::default(), &mut tally);
    (tally, outcome.kind, outcome.faults)
}

fn replay(arguments: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_why403"))
        .args(["replay", "--quiet"])
        .args(arguments)
        .output()
        .unwrap()
}

// See: coralogix-aws-shipper: one byte that is not UTF-8 lost the object.
#[test]
fn bytes_that_are_no_text_are_bytes_like_any_other() {
    let text = [FIELDS, &row(403, "AGENT"), &row(200, "-")].join("\n");
    for agent in [&b"\xff\xfe\x80"[..], b"a\0b", b"\x1b[2J", b"\"", b"\x85\xe2\x80\xa8"] {
        let text = text.as_bytes();
        let at = memchr::memmem::find(text, b"AGENT").unwrap();
        let whole = [&text[..at], agent, &text[at + 5..]].concat();
        let (tally, _, faults) = tally(whole.as_slice());
        assert_eq!((tally.lines, tally.malformed, faults.count()), (2, 0, 0), "{agent:?}");
        assert_eq!(tally.refusals.get(0).unwrap().user_agent.value().unwrap().logged(), agent);
    }
}

#[test]
fn carriage_returns_at_line_ends_are_taken_away() {
    let text = [FIELDS, &row(403, "x"), ""].join("\r\n");
    let (tally, _, faults) = tally(text.as_bytes());
    assert_eq!((tally.refusals.len(), faults.count()), (1, 0));
    assert_eq!(tally.refusals.get(0).unwrap().time_taken_ms, Some(1));
}

// See: lambda-promtail `bufio.Scanner`: a line over 64 KiB ended the file silently.
#[test]
fn a_line_of_a_hundred_megabytes_is_one_fault() {
    for start in ["", "{", "{\""] {
        let head = format!("{FIELDS}\n{}\n{start}", row(403, "x"));
        let tail = format!("\n{}\n", row(403, "y"));
        let long = io::repeat(b'x').take(100 << 20);
        let (tally, _, faults) = tally(head.as_bytes().chain(long).chain(tail.as_bytes()));
        assert_eq!(tally.refusals.len(), 2);
        assert_eq!(faults.count(), 1);
        let fault = &faults.kept()[0];
        assert_eq!(fault.kind, FaultKind::LineTooLong);
        assert!(matches!(fault.place, Place::Line { line: 3, byte } if byte > 200));
    }
}

// See: matomo-org/matomo-log-analytics#27: header lines in mid-file.
#[test]
fn comments_and_headers_in_mid_file() {
    let text = format!(
        "{FIELDS}\n{}\n# a remark\n\n#Version: 1.0\n#Fields: sc-status cs-uri-stem time date\n\
         403\t/b\t14:00:02\t2026-03-10\n",
        row(403, "x")
    );
    let (tally, _, faults) = tally(text.as_bytes());
    let paths: Vec<String> = tally.refusals.iter().map(|refusal| refusal.path.shown()).collect();
    assert_eq!((paths, faults.count()), (vec!["/a".to_owned(), "/b".to_owned()], 0));
}

#[test]
fn a_header_of_a_million_names_is_refused() {
    let text = format!("#Fields: {}\n{}\n", "x ".repeat(1_000_000), row(403, "x"));
    let (tally, _, faults) = tally(text.as_bytes());
    assert_eq!(tally.lines, 0);
    assert!(faults.count() >= 1);
    let short = format!("#Fields: {}\n{}\n", "x ".repeat(10_000), row(403, "x"));
    let mut tally = AccessTally::default();
    let outcome = read_access("x", short.as_bytes(), &Context::default(), &mut tally);
    assert_eq!(outcome.faults.kept()[0].kind, FaultKind::NoHeader);
}

// See: aws-solutions/aws-waf-security-automations#188; a 34th column exists today.
#[test]
fn a_line_with_more_or_fewer_columns_than_its_header_is_a_fault() {
    let text = format!("{FIELDS}\n{}\tmore\n{}\n2026\n", row(403, "x"), row(403, "y"));
    let (tally, _, faults) = tally(text.as_bytes());
    assert_eq!((tally.refusals.len(), tally.malformed, faults.count()), (1, 2, 2));
    assert!(faults.kept().iter().all(|fault| fault.kind == FaultKind::WrongColumns));
}

#[test]
fn numbers_that_overflow_are_facts_that_we_do_not_have() {
    let line = row(403, "x").replace("919", "99999999999999999999999");
    let line = line.replace("0.001", "99999999999999999999.5");
    let text = format!("{FIELDS}\n{line}\n");
    let (tally, _, faults) = tally(text.as_bytes());
    assert_eq!(faults.count(), 0);
    assert!(!tally.refusals.get(0).unwrap().content_length.is_logged());
    assert_eq!(tally.refusals.get(0).unwrap().time_taken_ms, None);
}

#[test]
fn times_that_cannot_be_are_faults_of_their_line() {
    let mut text = format!("{FIELDS}\n{}\n", row(403, "x"));
    for date in ["9999-12-31", "1969-12-31", "0000-00-00", "2026-02-30", "-", "99999-1-1"] {
        text += &row(403, "x").replace("2026-03-10", date);
        text.push('\n');
    }
    let (tally, _, faults) = tally(text.as_bytes());
    assert_eq!((tally.refusals.len(), faults.count()), (1, 6));
    let (start, end) = tally.window.unwrap();
    assert_eq!(start, end);
}

#[test]
fn nothing_is_empty_and_not_foreign() {
    for text in ["", "\n", "\r\n\n", "\u{feff}"] {
        let (tally, kind, faults) = tally(text.as_bytes());
        assert_eq!((tally.lines, kind, faults.count()), (0, Kind::Empty, 0), "{text:?}");
    }
}

// See: siem-on-amazon-opensearch-service: two identical lines became one.
#[test]
fn identical_lines_without_an_id_are_two_requests() {
    let text = format!("{FIELDS}\n{}\n{}\n", row(403, "x"), row(403, "x"));
    let (mut tally, _, _) = tally(text.as_bytes());
    tally.settle();
    assert_eq!(tally.refusals.len(), 2);
}

#[test]
fn deep_json_is_a_fault_or_nothing() {
    let deep = "{\"a\":".repeat(10_000) + &"}".repeat(10_000);
    let known = format!("{{\"sc-status\":\"403\",\"cs-uri-stem\":\"/\",\"x\":{deep}}}\n");
    let (tally, _, faults) = tally(known.as_bytes());
    assert_eq!((tally.lines, faults.count()), (0, 1));
}

/// A gigabyte of equal lines in about a megabyte.
#[test]
fn a_bomb_ends_at_the_ratio() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(format!("{FIELDS}\n").as_bytes()).unwrap();
    let line = format!("{}\n", row(200, &"x".repeat(8000)));
    for _ in 0..(80 << 20) / line.len() {
        encoder.write_all(line.as_bytes()).unwrap();
    }
    let packed = encoder.finish().unwrap();
    let (tally, _, faults) = tally(packed.as_slice());
    assert_eq!(faults.of_the_object().unwrap().kind, FaultKind::OverLimit);
    assert!(tally.lines > 1000);
}

// See: goaccess#405, #1867, testssl.sh#3090: a report ran what a request line had brought.
#[test]
fn nothing_that_a_viewer_sent_reaches_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let evil = "/\x1b]0;owned\x07\x1b[31m<script>\u{202e}\u{0085}\r";
    let text = format!("{FIELDS}\n{}\n", row(403, evil).replace("/a", evil).replace("GET", evil));
    let log = folder.path().join("x.log");
    fs::write(&log, text).unwrap();
    for format in ["text", "json"] {
        let requests = folder.path().join("requests");
        let arguments =
            [Path::new("--format"), Path::new(format), Path::new("--requests"), &requests, &log];
        let output = replay(&arguments);
        let written = fs::read(requests).unwrap();
        for bytes in [&output.stdout, &output.stderr, &written] {
            let text = String::from_utf8(bytes.clone()).unwrap();
            assert!(text.contains("script") || *bytes == output.stderr, "{format}");
            let bad = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!text.contains(bad), "{format}: {text:?}");
        }
    }
}

#[cfg(unix)]
#[test]
fn file_names_and_links_stay_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("bundle/logs/access");
    fs::create_dir_all(&logs).unwrap();
    let name = "a\nwhy403: all is well\x1b[2J";
    fs::write(logs.join(name), format!("{FIELDS}\nbroken\n")).unwrap();
    fs::write(folder.path().join("secret"), format!("{FIELDS}\n{}\n", row(403, "x"))).unwrap();
    std::os::unix::fs::symlink(folder.path().join("secret"), logs.join("link")).unwrap();
    let output = replay(&[&folder.path().join("bundle")]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.lines().any(|line| line.starts_with("why403: all is well")), "{said}");
    assert!(!said.contains('\x1b'));
    assert!(said.contains("a link, which is not followed"), "{said}");
    assert!(String::from_utf8(output.stdout).unwrap().contains("0 lines"));
}

#[test]
fn access_lines_behind_waf_records_are_named() {
    let record = r#"{"timestamp":1773153303884,"webaclId":"arn:aws:wafv2:us-east-1:1:global/webacl/a/b","action":"ALLOW","httpRequest":{}}"#;
    let text = format!("{record}\n{FIELDS}\n{}\n", row(403, "x"));
    let mut index = why403::logs::waf::WafIndex::default();
    let outcome = why403::logs::read_waf(
        "x",
        text.as_bytes(),
        &Limits::default(),
        &Default::default(),
        &mut index,
    );
    assert_eq!((index.records, outcome.faults.count()), (1, 1));
    assert!(outcome.faults.of_the_object().is_some());
}

/// What an index of origins' logs keeps of a text, for a refusal at 16:00:01.
fn origin(text: impl Read, path: &[u8]) -> (Vec<String>, OriginIndex, Faults) {
    let refusal = Refusal {
        time: "2026-03-10T16:00:01Z".parse().unwrap(),
        time_taken_ms: Some(500),
        ..Refusal::default()
    };
    let mut index = OriginIndex::default();
    let wanted = Wanted::new([refusal.clone()], ["1-wanted"]);
    let outcome = read_origin(text, &Limits::default(), &wanted, &mut index);
    let says = index.of_path(path).flat_map(|group| group.says()).map(ToString::to_string);
    (says.collect(), index, outcome.faults)
}

fn balancer_line(url: &str, agent: &str, trace: &str) -> String {
    format!(
        "https 2026-03-10T16:00:01.500000Z app/web/50dc6c495c0c9188 130.176.1.180:15419 \
         10.0.3.17:8080 0.001 0.042 0.000 403 403 468 446 \"GET {url} HTTP/1.1\" \"{agent}\" - - - \
         \"{trace}\" \"-\" \"-\" 0 2026-03-10T16:00:01.444637Z \"forward\" \"-\" \"-\"\n"
    )
}

fn bucket_line(request: &str, agent: &str) -> String {
    format!(
        "79a59df900b949e5 media [10/Mar/2026:16:00:01 +0000] - - 3E57427F3EXAMPLE \
         REST.GET.OBJECT k \"GET /{request} HTTP/1.1\" 403 AccessDenied 243 - 12 - \"-\" \
         \"{agent}\" - s9lz= - - - media.s3.amazonaws.com TLSv1.3 - -\n"
    )
}

#[test]
fn a_viewer_cannot_say_what_an_origin_said() {
    let balancer = "the application behind the load balancer answered 403";
    for evil in [
        "\\x22 - - - \\x22Root=1-wanted\\x22",
        "x 403 - 1 1 ' waf",
        "\u{1b}[2J\u{202e}",
        "\\x",
        "\\xZZ",
        "a\0b",
    ] {
        let line = balancer_line("https://a.example:443/k", evil, "Root=1-a");
        let (says, index, faults) = origin(line.as_bytes(), b"/k");
        assert_eq!((says.as_slice(), faults.count()), (&[balancer.to_owned()][..], 0), "{evil}");
        assert_eq!(index.of_id("1-wanted").count(), 0, "{evil}");
    }
    let bucket = "S3 answered AccessDenied to an unsigned request";
    for (request, agent) in [
        ("k", "\" 403 InvalidObjectState"),
        ("k\" 403 InvalidObjectState 1 1 1 1 \"", "-"),
        ("k HTTP/1.1\" 200 - 1 1 1 1 \"-\" \"", "\" 403 X - - - - \""),
        ("k\"\"\"", "\"\"\""),
    ] {
        let (says, _, faults) = origin(bucket_line(request, agent).as_bytes(), b"k");
        // The line is lost, or it says what S3 said.
        assert_eq!(says.len() as u64 + faults.count(), 1, "{request} {agent}");
        assert!(says.iter().all(|said| said == bucket), "{request} {agent}: {says:?}");
    }
}

#[test]
fn lines_of_origins_that_cannot_be_read_are_named_and_the_others_are_read() {
    let good = balancer_line("https://a.example:443/k", "Amazon CloudFront", "Root=1-a");
    let bad = [
        good.replace("\"forward\"", "\"forward"),
        good.replace("T16:00:01.5", "T25:00:01.5"),
        good.replace(" 403 403 ", " 4o3 403 "),
        "https 2026-03-10T16:00:01Z app/web/1 short\n".to_owned(),
        bucket_line("k", "-").replace("[10/Mar", "[40/Mar"),
        "79a59df900b949e5 media [10/Mar/2026:16:00:01 +0000] - -\n".to_owned(),
        "{\"requestId\":\"a\",\"httpMethod\":\"GET\",\"status\":\"403\",\"x\":\"\"y\"\"}\n"
            .to_owned(),
        "{\"requestId\":\"a\",\"httpMethod\":\"GET\",\"status\":\"403\"}\n".to_owned(),
        "something else\n".to_owned(),
    ];
    for bad in bad {
        let text = format!("{good}{bad}{good}");
        let (says, index, faults) = origin(text.as_bytes(), b"/k");
        assert_eq!((says.len(), index.lines, index.malformed), (1, 3, 1), "{bad}");
        let fault = &faults.kept()[0];
        assert!(matches!(fault.place, Place::Line { line: 2, byte } if byte == good.len() as u64));
    }
    // Half an object in gzip: what came before the cut is read, the cut is named.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let many: String = (0..3000)
        .map(|n| balancer_line(&format!("https://a.example:443/{n}"), "-", &format!("Root=1-{n}")))
        .collect();
    encoder.write_all(many.as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    let (_, index, faults) = origin(&packed[..packed.len() / 2], b"/k");
    assert!(index.lines > 500 && index.malformed <= 1, "{}", index.lines);
    assert_eq!(faults.of_the_object().unwrap().kind, FaultKind::Truncated);
}

#[test]
fn deep_or_wide_records_of_an_api_cost_no_more_than_their_bytes() {
    let start = "{\"requestId\":\"a\",\"httpMethod\":\"GET\",\"status\":\"403\",\
        \"requestTime\":\"10/Mar/2026:16:00:01 +0000\",";
    let deep = format!("{start}\"x\":{}1{}}}\n", "{\"y\":".repeat(5000), "}".repeat(5000));
    let wide: String = (0..50_000).map(|n| format!("\"k{n}\":{{\"a\":\"b\"}},")).collect();
    let wide = format!("{start}{wide}\"path\":\"/k\"}}\n");
    let (_, index, _) = origin(format!("{deep}{wide}").as_bytes(), b"/k");
    assert_eq!(index.lines, 2);
}

#[test]
fn connection_logs_that_are_damaged_lose_no_other_line() {
    let line = |n: usize| {
        format!(
            "{{\"eventTimestamp\":1773151200000,\"connectionId\":\"c{n}\",\
             \"connectionStatus\":\"Failed:ClientCertMissing\",\
             \"clientLeafCertSubject\":\"CN=\\u001b[31m\\u202e{}\"}}\n",
            "x".repeat(2_000)
        )
    };
    let deep = format!("{{\"connectionId\":\"d\",\"connectionStatus\":{}\n", "[".repeat(10_000));
    let text = format!("{}{deep}{}", line(1), line(2));
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    let read = |bytes: &[u8]| {
        let mut handshakes = Handshakes::default();
        let outcome = logs::read_connections(bytes, &Context::default(), &mut handshakes);
        (handshakes, outcome.faults)
    };
    let (handshakes, faults) = read(&packed);
    assert_eq!((handshakes.failed().count(), handshakes.malformed, faults.lines()), (2, 1, 1));
    for shown in why403::report::handshakes::of(&handshakes)[0].clients.iter() {
        let subject = shown.subject.as_deref().unwrap();
        assert!(!subject.contains(['\u{1b}', '\u{202e}']) && subject.len() < 600, "{subject}");
    }
    let (_, faults) = read(&packed[..packed.len() - 9]);
    assert_eq!(faults.of_the_object().unwrap().kind, FaultKind::Truncated);
}

// See: siem-on-amazon-opensearch-service, Datadog's forwarder: a central bucket holds other
// services' logs, and each of them became a failure.
#[test]
fn logs_of_other_services_are_told_as_such() {
    for text in [
        "2 111122223333 eni-0a 192.0.2.1 192.0.2.2 443 49152 6 10 8000 1 2 ACCEPT OK\n",
        "{\"Records\":[{\"eventVersion\":\"1.08\",\"eventSource\":\"s3.amazonaws.com\"}]}\n",
        "{\"version\":\"1.100000\",\"query_name\":\"a.example.\",\"rcode\":\"NOERROR\"}\n",
        "PK\u{3}\u{4}",
    ] {
        let (tally, kind, faults) = tally(text.as_bytes());
        assert_eq!((tally.lines, kind, faults.count()), (0, Kind::Foreign, 1), "{text}");
        assert_eq!(faults.kept()[0].kind, FaultKind::NotALog);
    }
}

fn waf_record(id: &str, action: &str) -> String {
    let acl = "arn:aws:wafv2:us-east-1:1:global/webacl/a/b";
    let secret =
        r#"[{"name":"Cookie","value":"session=SECRET"},{"name":"authorization","value":"SECRET"}]"#;
    format!(
        "{{\"timestamp\":1773151201000,\"webaclId\":\"{acl}\",\"action\":\"{action}\",\
         \"terminatingRuleId\":\"r\",\"httpSourceName\":\"CF\",\"httpRequest\":\
         {{\"headers\":{secret},\"uri\":\"/SECRET\",\"requestId\":\"{id}\"}}}}\n"
    )
}

// See: aws-waf-security-automations#44: the WAF's own 403s were read back as an attack; the id tells
// them apart. See: hacktricks-cloud#371: cookies and `authorization` of WAF logs were replayed.
#[test]
fn a_record_joins_by_its_id_and_its_headers_are_not_kept() {
    let text = waf_record("one", "BLOCK") + &waf_record("two", "ALLOW") + &waf_record("x", "BLOCK");
    let wanted = ["one", "two"].map(Into::into).into();
    let mut index = WafIndex::default();
    let outcome =
        why403::logs::read_waf("x", text.as_bytes(), &Limits::default(), &wanted, &mut index);
    assert_eq!((index.records, outcome.faults.count()), (3, 0));
    let action = |id| index.row(Side::Edge, id).map(|row| row.action);
    assert_eq!(action("one"), Some(Action::Block));
    assert_eq!(action("two"), Some(Action::Allow));
    assert_eq!(action("x"), None);
    assert!(!format!("{index:?}").contains("SECRET"));
}

#[test]
fn limits_can_be_moved_and_wrong_ones_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let long = "x".repeat(2000);
    fs::write(&log, format!("{FIELDS}\n{}\n{}\n", row(403, &long), row(403, "x"))).unwrap();
    let run = |limits: &[&str]| {
        let limits = limits.iter().flat_map(|limit| ["--limit", limit]);
        let arguments: Vec<&Path> = limits.map(Path::new).chain([log.as_path()]).collect();
        replay(&arguments)
    };
    assert_eq!(run(&[]).status.code(), Some(0));
    // What does not fit is a fault with its place, and the rest is read.
    let output = run(&["line-bytes=1K"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("longer than 1024 bytes"));
    assert!(String::from_utf8(output.stdout).unwrap().contains("1 of 1 requests"));
    let output = run(&["object-lines=1"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("more than 1 lines"));
    let output = run(&["lines=1"]);
    assert_eq!(output.status.code(), Some(64));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("there is no limit of this name") && said.contains("object-ratio"));
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn one_line() -> String {
    format!("{FIELDS}\n{}\n", row(403, "x"))
}

// See: coralogix-aws-shipper `gunzip`: half a gzip stream was taken for the whole.
#[test]
fn broken_members_between_good_ones_cost_only_themselves() {
    let good = gzip(one_line().as_bytes());
    let long: String = (0..3000).map(|n| row(403, &format!("{n:x}")) + "\n").collect();
    let long = gzip(format!("{FIELDS}\n{long}").as_bytes());
    let cut = &long[..long.len() / 2];
    let mut damaged = long.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 8].fill(0xff);
    for broken in [cut, &damaged] {
        let object = [&good[..], broken, &good, &good].concat();
        let (tally, _, faults) = tally(object.as_slice());
        assert!(faults.of_the_object().is_some());
        // Three good lines, and what the broken one gave before it broke.
        assert!(tally.lines >= 3 + 500, "{}", tally.lines);
    }
    let (tally, _, faults) = tally([&good[..], cut].concat().as_slice());
    assert_eq!(faults.of_the_object().unwrap().kind, FaultKind::Truncated);
    assert!(tally.lines > 500);
}

#[test]
fn headers_of_gzip_that_are_long_or_many_cost_their_bytes() {
    let good = gzip(one_line().as_bytes());
    // A name without end, the longest extra field, members that are empty.
    let named = [&b"\x1f\x8b\x08\x08\0\0\0\0\0\x03"[..], &[b'x'; 1 << 20], &[0], &good].concat();
    let (read, _, faults) = tally(named.as_slice());
    assert_eq!((read.lines, faults.of_the_object().unwrap().kind), (1, FaultKind::Corrupt));
    let extra = [&b"\x1f\x8b\x08\x04\0\0\0\0\0\x03\xff\xff"[..], &[0; 65535], &good[10..]].concat();
    let (read, _, faults) = tally(extra.as_slice());
    assert_eq!((read.lines, faults.count()), (1, 0));
    let empty = gzip(b"").repeat(200_000);
    let (read, _, faults) = tally([&empty[..], &good, &empty].concat().as_slice());
    assert_eq!((read.lines, faults.count()), (1, 0));
}

/// Each of these looks like a member whose header is as long as the window that is gone back in.
#[test]
fn beginnings_of_members_inside_each_other_come_to_an_end() {
    let start = b"\x1f\x8b\x08\x04\0\0\0\0\0\x03\x60\x70";
    let object = [&b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xff\xff"[..], &start.repeat(1 << 20)].concat();
    let (read, _, faults) = tally(object.as_slice());
    assert_eq!(read.lines, 0);
    assert!(faults.count() <= 2, "{:?}", faults.kept());
}

#[test]
fn what_is_packed_twice_is_no_log() {
    let (read, kind, faults) = tally(gzip(&gzip(one_line().as_bytes())).as_slice());
    assert_eq!((read.lines, kind), (0, Kind::Foreign));
    assert_eq!(faults.kept()[0].kind, FaultKind::NotALog);
}

#[test]
fn of_a_column_that_is_named_twice_the_first_holds() {
    let line = row(403, "x") + "\t200\tother.cloudfront.net";
    let text = format!("{FIELDS} sc-status cs(Host)\n{line}\n");
    let (read, _, faults) = tally(text.as_bytes());
    assert_eq!((read.refusals.len(), faults.count()), (1, 0));
    assert_eq!(
        read.refusals.get(0).unwrap().distribution_domain.as_deref(),
        Some("d1.cloudfront.net")
    );
    let json = "{\"timestamp(ms)\":\"1773151201000\",\"sc-status\":\"403\",\"sc-status\":\"200\",\
        \"sc_status\":\"200\",\"cs-uri-stem\":\"/a\"}\n";
    let (read, _, faults) = tally(json.as_bytes());
    assert_eq!((read.refusals.len(), faults.count()), (1, 0));
}

#[test]
fn numbers_in_json_that_overflow_are_faults_of_their_line_or_missing_facts() {
    let record = |status: &str, length: &str| {
        format!(
            "{{\"timestamp(ms)\":\"1773151201000\",\"sc-status\":{status},\"cs-uri-stem\":\"/a\",\
             \"sc-content-len\":{length}}}\n"
        )
    };
    for length in ["1e999", "99999999999999999999999999", "-1", "1.5", "\"1e5\"", "[9]"] {
        let text = record("403", length) + &record("403", "7");
        let (read, _, faults) = tally(text.as_bytes());
        assert_eq!(read.refusals.len() as u64 + faults.count(), 2, "{length}");
        assert!(read.refusals.iter().any(|refusal| refusal.content_length.value() == Some(&7)));
        assert!(!read.refusals.iter().any(|refusal| refusal.content_length.value() == Some(&1)));
    }
    for status in ["1e999", "403.5", "4030", "-403", "\"4\u{0}3\""] {
        let (read, _, faults) = tally(record(status, "7").as_bytes());
        assert_eq!((read.lines, faults.count()), (0, 1), "{status}");
    }
}

fn waf(text: &str) -> (WafIndex, Faults) {
    let mut index = WafIndex::default();
    let wanted = ["one".into()].into();
    let outcome =
        why403::logs::read_waf("x", text.as_bytes(), &Limits::default(), &wanted, &mut index);
    (index, outcome.faults)
}

#[test]
fn records_of_a_waf_at_times_that_cannot_be_do_not_make_its_log_reach_further() {
    const ACL: &str = "arn:aws:wafv2:us-east-1:1:global/webacl/a/b";
    let good = waf_record("one", "ALLOW");
    let at = "2026-03-10T14:00:01Z".parse().unwrap();
    for bad in ["253402300799000", "-1", "0", "99999999999999999999", "1e18", "\"x\"", "null"] {
        let bad = good.replace("1773151201000", bad);
        let (index, faults) = waf(&format!("{good}{bad}"));
        assert_eq!((index.records, faults.count()), (1, 1), "{bad}");
        assert!(!index.reach(ACL).unwrap().is_complete(at, at), "{bad}");
    }
    let later = good.replace("1773151201000", "1773151801000");
    assert!(waf(&format!("{good}{later}")).0.reach(ACL).unwrap().is_complete(at, at));
}

#[test]
fn records_of_a_waf_with_a_million_labels_or_as_many_acls() {
    let labels = "{\"name\":\"l\"},".repeat(60_000);
    let wide = waf_record("one", "BLOCK").replace('\n', "");
    let wide =
        format!("{},\"labels\":[{labels}null]}}\n", wide.trim_end_matches('}').to_owned() + "}");
    let (index, faults) = waf(&format!("{wide}{}", waf_record("one", "BLOCK")));
    assert_eq!((index.records, faults.count()), (2, 0));
    assert_eq!(index.row(Side::Edge, "one").unwrap().action, Action::Block);
    let more = format!("{wide}{}", waf_record("one", "BLOCK"));
    let more = more.replacen("[{\"name\":\"l\"}", &format!("[{}{{}}", labels.repeat(20)), 1);
    let (index, faults) = waf(&more);
    assert_eq!((index.records, faults.count()), (1, 1));
    assert_eq!(faults.kept()[0].kind, FaultKind::LineTooLong);
    // Of most of them nothing is known then, in whatever order they come.
    let record = waf_record("x", "ALLOW");
    let acls: Vec<String> =
        (0..10_000).map(|n| record.replace("webacl/a/b", &format!("webacl/a/{n:05}"))).collect();
    for text in [acls.concat(), acls.iter().rev().cloned().collect::<String>()] {
        let (index, faults) = waf(&text);
        assert_eq!((index.records, faults.count()), (10_000, 0));
        let acl = |n: u32| format!("arn:aws:wafv2:us-east-1:1:global/webacl/a/{n:05}");
        assert!(index.reach(&acl(17)).is_some() && index.reach(&acl(9_999)).is_none());
        assert!(index.acls_left_out);
    }
}

#[test]
fn of_more_distributions_than_anybody_has_some_are_forgotten_in_any_order() {
    let line = |n: u32| row(200, "x").replace("d1.", &format!("d{n:05}.")) + "\n";
    let forth: String = (0..6000).map(line).collect();
    let back: String = (0..6000).rev().map(line).collect();
    let read = |text: &str| tally(format!("{FIELDS}\n{text}").as_bytes()).0;
    let (forth, back) = (read(&forth), read(&back));
    assert_eq!(forth, back);
    assert_eq!((forth.lines, forth.served.len()), (6000, 4096));
    assert!(forth.served_left_out);
    let long = line(1).replace("d00001.", &"d".repeat(300));
    assert!(read(&long).served.is_empty());
}

/// An object to which a line is added whenever it seems to be at its end, so many times.
struct Growing {
    left: u32,
    text: Vec<u8>,
}

impl Read for Growing {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.text.is_empty() && self.left > 0 {
            self.left -= 1;
            self.text = (row(403, "x") + "\n").into_bytes();
        }
        let read = self.text.as_slice().read(out)?;
        self.text.drain(..read);
        Ok(read)
    }
}

#[test]
fn an_object_that_grows_while_it_is_read_ends_at_its_limit() {
    let (read, _, faults) = tally(Growing { left: 1999, text: one_line().into_bytes() });
    assert_eq!((read.lines, faults.count()), (2000, 0));
    let limits = Limits { object_lines: 1000, ..Limits::default() };
    let mut tally = AccessTally::default();
    let context = Context { limits, ..Context::default() };
    let object = Growing { left: 1_000_000, text: one_line().into_bytes() };
    let outcome = read_access("x", object, &context, &mut tally);
    assert_eq!(outcome.faults.of_the_object().unwrap().kind, FaultKind::OverLimit);
}

#[cfg(unix)]
#[test]
fn pipes_loops_and_depths_in_a_bundle_are_named_and_waited_for_by_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("bundle");
    let logs = root.join("logs/access");
    let mut deep = logs.clone();
    (0..100).for_each(|n| deep.push(format!("level-{n}")));
    fs::create_dir_all(&deep).unwrap();
    fs::create_dir_all(root.join("aws/cloudfront/get-distribution")).unwrap();
    fs::write(deep.join("log"), one_line()).unwrap();
    let pipe = |at: &str| {
        let made = Command::new("mkfifo").arg(root.join(at)).status().unwrap();
        assert!(made.success());
    };
    // Nobody ever writes into them, so that a reader would wait for ever.
    pipe("logs/access/pipe");
    pipe("capture.json");
    pipe("aws/cloudfront/list-distributions.json");
    pipe("aws/cloudfront/get-distribution/E1.json");
    std::os::unix::fs::symlink(&root, logs.join("loop")).unwrap();
    std::os::unix::fs::symlink("itself", logs.join("itself")).unwrap();
    std::os::unix::fs::symlink("itself", root.join("aws/cloudtrail")).unwrap();
    let output = replay(&[&root]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("pipe: neither a file nor a folder"), "{said}");
    assert_eq!(said.matches("a link, which is not followed").count(), 2, "{said}");
    assert!(String::from_utf8(output.stdout).unwrap().contains("1 of 1 requests"));
}
