//! What input that means harm may cost: memory and time of the program as a whole.
//!
//! The peak is the kernel's own count (`VmHWM`), so that nothing runs where there is no `/proc`.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that fails panics, and a test of a command line writes files and has a clock"
)]

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use parquet::basic::{Compression, Encoding};
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

/// What the function may have, and so what the command line may take.
const MOST: u64 = 128 << 20;

const FIELDS: &str = "#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) \
    cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type \
    x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol \
    ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields \
    c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len \
    sc-range-start sc-range-end\n";

/// A line of which everything is its own: distribution, path, host, agent, query, edge, address, id.
fn distinct(line: &mut String, n: u64, status: u16, method: &str) {
    line.clear();
    let (hour, minute, second) = (n / 3600 % 24, n / 60 % 60, n % 60);
    let (a, b, c) = (n >> 16 & 255, n >> 8 & 255, n & 255);
    writeln!(
        line,
        "2026-03-10\t{hour:02}:{minute:02}:{second:02}\tX{n}-P3\t919\t10.{a}.{b}.{c}\t{method}\t\
         d{n}.cloudfront.net\t/p{n}/q{n}.html\t{status}\t-\tAgent/{n}\tq={n}\t-\tError\t{n:054}==\t\
         h{n}.example.com\thttps\t50\t0.001\t-\tTLSv1.3\tX\tError\tHTTP/2.0\t-\t-\t443\t0.001\t\
         Error\ttext/html\t{}\t-\t-",
        n % 100_000,
    )
    .unwrap();
}

/// Writes a file of distinct lines.
fn million(file: &Path, lines: u64, status: u16, method: impl Fn(u64) -> String) {
    let mut out = BufWriter::new(File::create(file).unwrap());
    out.write_all(FIELDS.as_bytes()).unwrap();
    let mut line = String::new();
    for n in 0..lines {
        distinct(&mut line, n, status, &method(n));
        out.write_all(line.as_bytes()).unwrap();
    }
    out.flush().unwrap();
}

/// Runs `replay` and says how it ended, its peak in bytes and how long it took.
fn replay(file: &Path) -> (Option<i32>, u64, Duration) {
    let started = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_why403"))
        .args(["replay", "--quiet"])
        .arg(file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let code = loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or_default() << 10);
        match child.try_wait().unwrap() {
            Some(code) => break code.code(),
            None => std::thread::sleep(Duration::from_millis(3)),
        }
    };
    let took = started.elapsed();
    eprintln!("{}: {} MiB, {took:.1?}, {code:?}", file.display(), peak >> 20);
    (code, peak, took)
}

fn holds(name: &str, code: i32, write: impl FnOnce(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    write(&file);
    // On a busy machine a short run may be over before anybody has looked at it.
    let mut tries = (0..20).map(|_| replay(&file));
    let (ended, peak, took) = tries.find(|(_, peak, _)| *peak > 0).unwrap();
    assert_eq!(ended, Some(code), "{name}");
    assert!(peak > 0 && peak < MOST, "{name}: {} MiB", peak >> 20);
    assert!(took < Duration::from_secs(60), "{name}: {took:?}");
}

#[test]
fn a_gigabyte_from_a_megabyte() {
    holds("bomb.gz", 2, |file| {
        let mut line = String::new();
        distinct(&mut line, 1, 403, "GET");
        let line = line.replace("Agent/1", &"x".repeat(20_000));
        let sixteen = line.repeat((16 << 20) / line.len());
        let gzip = |text: &[u8]| {
            let best = flate2::Compression::default();
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), best);
            packed.write_all(text).unwrap();
            packed.finish().unwrap()
        };
        // Members one after another are one text.
        let member = gzip(sixteen.as_bytes());
        assert!(64 * sixteen.len() > 1_000_000_000 && 64 * member.len() < 4 << 20);
        fs::write(file, [gzip(FIELDS.as_bytes()), member.repeat(64)].concat()).unwrap();
    });
}

/// Eight columns whose only page has fifteen values of a megabyte, each of equal bytes.
#[test]
fn a_small_parquet_of_large_pages() {
    let columns = ["date", "time", "sc_status", "cs_uri_stem", "cs_host", "c_ip", "cs_method", "x"];
    holds("x.parquet", 2, |file| {
        let schema = columns.map(|name| format!("required binary {name} (utf8);")).concat();
        let schema = parse_message_type(&format!("message log {{ {schema} }}")).unwrap();
        let properties = WriterProperties::builder()
            .set_compression(Compression::GZIP(Default::default()))
            .set_dictionary_enabled(false)
            .set_encoding(Encoding::PLAIN)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_data_page_size_limit(64 << 20)
            .build();
        let mut out = Vec::new();
        let schema = std::sync::Arc::new(schema);
        let mut writer =
            SerializedFileWriter::new(&mut out, schema, std::sync::Arc::new(properties)).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let values = vec![ByteArray::from(vec![b'2'; 1 << 20]); 15];
        for _ in columns {
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<ByteArrayType>().write_batch(&values, None, None).unwrap();
            column.close().unwrap();
        }
        group.close().unwrap();
        writer.close().unwrap();
        assert!(out.len() < 1 << 20, "{}", out.len());
        fs::write(file, out).unwrap();
    });
}

/// Each of these costs many times its length where all of its parts are kept.
#[test]
fn an_object_of_a_million_keys_and_a_record_of_a_million_labels() {
    holds("keys", 2, |file| {
        let start = "{\"timestamp(ms)\":\"1773151201000\",\"sc-status\":403,\"cs-uri-stem\":\"/\"";
        let keys = ",\"\":0".repeat(1_200_000);
        fs::write(file, format!("{start}{keys}}}\n{start}}}\n")).unwrap();
    });
    holds("labels", 0, |file| {
        let start = "{\"timestamp\":1773151201000,\"webaclId\":\"arn:a\",\"httpRequest\":{\
            \"headers\":[{\"name\":\"x-amz-cf-id\",\"value\":\"x\"}";
        let headers = ",{}".repeat(1_000_000);
        let labels = ",{}".repeat(1_000_000);
        let record = format!("{start}{headers}]}},\"labels\":[{{}}{labels}]}}\n");
        fs::write(file, record).unwrap();
    });
}

#[test]
fn a_line_of_a_hundred_megabytes() {
    for start in ["x", "{", "{\""] {
        holds("long", 2, |file| {
            let mut out = BufWriter::new(File::create(file).unwrap());
            out.write_all(FIELDS.as_bytes()).unwrap();
            out.write_all(start.as_bytes()).unwrap();
            (0..100).for_each(|_| out.write_all(&vec![b'x'; 1 << 20]).unwrap());
            out.flush().unwrap();
        });
    }
}

#[test]
fn a_million_names_and_a_hundred_thousand_levels() {
    holds("names", 2, |file| {
        let names: String = (0..1_000_000).map(|n| format!(" name-{n}")).collect();
        let mut line = String::new();
        distinct(&mut line, 1, 403, "GET");
        fs::write(file, format!("{FIELDS}{line}#Fields:{names}\n{line}")).unwrap();
    });
    holds("levels", 2, |file| {
        let deep = "{\"sc-status\":".repeat(100_000) + "{\"cs-uri-stem\":1" + &"}".repeat(100_001);
        fs::write(file, deep).unwrap();
    });
}

/// What is served costs the same however much it is.
#[test]
fn a_million_distinct_requests_that_were_served() {
    holds("served", 0, |file| million(file, 1_000_000, 200, |_| "GET".to_owned()));
}

/// What is refused is kept as far as there is room, and the others are counted. A viewer may choose
/// any method; what was decided of one holds for all that HTTP does not have.
#[test]
fn a_million_distinct_requests_that_were_refused() {
    holds("refused", 0, |file| million(file, 1_000_000, 403, |n| format!("M{n}")));
}

/// What does not fit is counted and said, whichever lines come first and however many threads read.
#[test]
fn what_is_left_out_of_many_refusals_is_said_and_the_same_in_any_order() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("1.log"), folder.path().join("2.log"));
    million(&one, 20_000, 403, |_| "GET".to_owned());
    let text = fs::read_to_string(&one).unwrap();
    let (lines, header): (Vec<&str>, Vec<&str>) = text.lines().partition(|l| !l.starts_with('#'));
    let halves = lines.split_at(7_000);
    let write = |file: &Path, lines: &[&str]| {
        let lines: Vec<&str> = header.iter().chain(lines.iter().rev()).copied().collect();
        fs::write(file, lines.join("\n") + "\n").unwrap();
    };
    let run = |files: &[&Path], threads: &str, more: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_why403"))
            .args(["replay", "--quiet", "--limit", "refusal-bytes=1M", "--threads", threads])
            .args(more)
            .args(files)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stdout).unwrap()
    };
    let requests = folder.path().join("requests");
    let listed = ["--requests", requests.to_str().unwrap()];
    let whole = run(&[&one], "1", &listed);
    let first = fs::read_to_string(&requests).unwrap();
    let said = whole.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("20,000 of 20,000 requests answered 403"), "{said}");
    assert!(said.contains("There are too many refusals to look at all: one in "), "{said}");
    let json: serde_json::Value =
        serde_json::from_str(&run(&[&one], "1", &["--format", "json"])).unwrap();
    let number = |path: &str| json.pointer(path).unwrap().as_u64().unwrap();
    let judged: u64 =
        json["findings"].as_array().unwrap().iter().map(|f| f["requests"].as_u64().unwrap()).sum();
    assert_eq!(number("/totals/forbidden"), 20_000);
    assert_eq!(number("/inputs/refusals_left_out"), 20_000 - judged);
    assert_eq!(first.lines().count() as u64, judged);
    write(&one, halves.0);
    write(&two, halves.1);
    let parts = run(&[&two, &one], "2", &listed);
    // Only how many files were read differs.
    let without = |text: &str| text.lines().filter(|l| !l.starts_with("Read ")).collect::<String>();
    assert_eq!(without(&whole), without(&parts));
    assert_eq!(first, fs::read_to_string(&requests).unwrap());
}
