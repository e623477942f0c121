//! One incident, written in every format in which CloudFront and its WAF have ever written it, gets
//! the same verdicts.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test that fails panics, and a test of a command line reads and writes files"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::{Value, json};

/// The access log of the sample incident: its columns, and its lines of them.
struct Log {
    names: Vec<String>,
    rows: Vec<Vec<String>>,
}

fn incident() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("events/incident")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { out.extend(files(&path)) } else { out.push(path) }
    }
    out.sort();
    out
}

fn unpacked(file: &Path) -> String {
    let mut text = String::new();
    let packed = fs::File::open(file).unwrap();
    flate2::read::MultiGzDecoder::new(packed).read_to_string(&mut text).unwrap();
    text
}

fn log() -> &'static Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    LOG.get_or_init(|| {
        let texts: Vec<String> =
            files(&incident().join("logs/access")).iter().map(|file| unpacked(file)).collect();
        let header = texts[0].lines().find_map(|line| line.strip_prefix("#Fields: ")).unwrap();
        let names = header.split(' ').map(str::to_owned).collect();
        let lines = texts.iter().flat_map(|text| text.lines()).filter(|l| !l.starts_with('#'));
        let rows = lines.map(|line| line.split('\t').map(str::to_owned).collect()).collect();
        Log { names, rows }
    })
}

fn waf() -> &'static Vec<String> {
    static WAF: OnceLock<Vec<String>> = OnceLock::new();
    WAF.get_or_init(|| {
        let texts = files(&incident().join("logs/waf"));
        texts
            .iter()
            .flat_map(|f| unpacked(f).lines().map(str::to_owned).collect::<Vec<_>>())
            .collect()
    })
}

impl Log {
    fn get<'a>(&self, row: &'a [String], name: &str) -> &'a str {
        let at = self.names.iter().position(|known| known == name).unwrap();
        &row[at]
    }

    fn lines(&self, delimiter: &str) -> String {
        self.rows.iter().map(|row| row.join(delimiter) + "\n").collect()
    }

    fn objects(&self, between: &str) -> String {
        let object = |row: &Vec<String>| {
            let pairs = self.names.iter().zip(row);
            let pairs = pairs.map(|(name, value)| (name.clone(), Value::from(value.as_str())));
            Value::Object(pairs.collect()).to_string()
        };
        self.rows.iter().map(object).collect::<Vec<_>>().join(between)
    }
}

/// What a bundle of the incident holds.
#[derive(Default)]
struct Bundle {
    access: Vec<(String, Vec<u8>)>,
    waf: Vec<(String, Vec<u8>)>,
    facts: Vec<(String, Value)>,
}

/// The verdict of each refusal, by its id: what it is, how sure, by which rule.
type Verdicts = BTreeMap<String, Vec<Value>>;

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&file, target).unwrap();
    }
}

fn write(root: &Path, name: &str, bytes: &[u8]) {
    let file = root.join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, bytes).unwrap();
}

impl Bundle {
    fn access(name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self { access: vec![(name.to_owned(), bytes.into())], ..Self::default() }
    }

    fn fact(mut self, name: &str, value: Value) -> Self {
        self.facts.push((name.to_owned(), value));
        self
    }

    fn verdicts(&self) -> Verdicts {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        copy(&incident().join("aws"), &root.join("aws"));
        for (name, value) in &self.facts {
            write(root, &format!("aws/{name}.json"), value.to_string().as_bytes());
        }
        for (name, bytes) in &self.access {
            write(root, &format!("logs/access/{name}"), bytes);
        }
        match self.waf.as_slice() {
            [] => copy(&incident().join("logs/waf"), &root.join("logs/waf")),
            objects => {
                for (name, bytes) in objects {
                    write(root, &format!("logs/waf/{name}"), bytes);
                }
            }
        }
        let requests = root.join("requests.ndjson");
        let output = Command::new(env!("CARGO_BIN_EXE_why403"))
            .args(["replay", "--quiet", "--format", "json", "--requests"])
            .args([&requests, root])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["totals"]["requests"], log().rows.len(), "{said}");
        let text = fs::read_to_string(requests).unwrap();
        text.lines()
            .map(|line| {
                let line: Value = serde_json::from_str(line).unwrap();
                let id = line["request_id"].as_str().unwrap_or_default().to_owned();
                let names =
                    ["time", "status", "method", "path", "cause", "detail", "confidence", "rule"];
                (id, names.iter().map(|name| line[*name].clone()).collect())
            })
            .collect()
    }
}

/// The verdicts of the incident as it is.
fn expected() -> &'static Verdicts {
    static EXPECTED: OnceLock<Verdicts> = OnceLock::new();
    EXPECTED.get_or_init(|| {
        let text =
            format!("#Version: 1.0\n#Fields: {}\n{}", log().names.join(" "), log().lines("\t"));
        let verdicts = Bundle::access("standard.log", text).verdicts();
        assert_eq!(verdicts.len(), 64);
        verdicts
    })
}

fn same(what: &str, bundle: &Bundle) {
    let verdicts = bundle.verdicts();
    assert_eq!(verdicts.len(), expected().len(), "{what}");
    for (id, verdict) in &verdicts {
        assert_eq!(Some(verdict), expected().get(id), "{what}");
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn deliveries(delimiter: &str) -> Value {
    json!({"deliveries": [{"id": "d1", "recordFields": log().names, "fieldDelimiter": delimiter}]})
}

#[test]
fn w3c_without_a_version() {
    let text = format!("#Fields: {}\n{}", log().names.join(" "), log().lines("\t"));
    same("w3c", &Bundle::access("w3c.gz", gzip(text.as_bytes())));
    same("w3c, CR LF", &Bundle::access("w3c", text.replace('\n', "\r\n")));
    // The header never says its delimiter.
    let text = format!("#Fields: {}\n{}", log().names.join(" "), log().lines("|"));
    let bundle = Bundle::access("w3c", text).fact("logs/describe-deliveries", deliveries("|"));
    same("w3c with another delimiter", &bundle);
}

// See: lambda-promtail: an object at the root of a bucket, without a prefix, was not recognised.
#[test]
fn json_lines_streams_and_what_cloudwatch_puts_around_them() {
    same("lines", &Bundle::access("x", log().objects("\n")));
    same("a stream", &Bundle::access("x", log().objects("")));
    let messages = log().objects("\n");
    let events: Vec<Value> =
        messages.lines().map(|line| json!({"id": "1", "timestamp": 1, "message": line})).collect();
    let parts: Vec<String> = events
        .chunks(50)
        .map(|events| {
            json!({"messageType": "DATA_MESSAGE", "logGroup": "g", "logEvents": events}).to_string()
        })
        .collect();
    let control = json!({"messageType": "CONTROL_MESSAGE", "logEvents": [{"message": "CWL"}]});
    let members = parts.iter().flat_map(|part| gzip(part.as_bytes()));
    let members = gzip(control.to_string().as_bytes()).into_iter().chain(members);
    same("a subscription", &Bundle::access("x", members.collect::<Vec<u8>>()));
    let exported = messages.lines().map(|line| format!("2026-03-10T15:00:00.123Z {line}\n"));
    same("an export", &Bundle::access("x", exported.collect::<String>()));
    let printed = serde_json::to_string_pretty(&json!({"events": events})).unwrap();
    same("the command line", &Bundle::access("x", printed));
}

#[test]
fn plain_lines_by_the_delivery_or_by_their_columns() {
    let told = deliveries("\t");
    let plain = Bundle::access("plain.gz", gzip(log().lines("\t").as_bytes()));
    same("plain, inferred", &plain);
    same("plain", &plain.fact("logs/describe-deliveries", told));
    for delimiter in ["|", "||", " ", "\u{1}"] {
        let plain = Bundle::access("plain", log().lines(delimiter));
        same("plain", &plain.fact("logs/describe-deliveries", deliveries(delimiter)));
    }
}

/// The columns of the incident as real-time logs name them, in the order in which they come.
const REALTIME: [(&str, &str); 26] = [
    ("timestamp", ""),
    ("c-ip", "c-ip"),
    ("time-to-first-byte", "time-to-first-byte"),
    ("sc-status", "sc-status"),
    ("sc-bytes", "sc-bytes"),
    ("cs-method", "cs-method"),
    ("cs-protocol", "cs-protocol"),
    ("cs-host", "x-host-header"),
    ("cs-uri-stem", ""),
    ("cs-bytes", "cs-bytes"),
    ("x-edge-location", "x-edge-location"),
    ("x-edge-request-id", "x-edge-request-id"),
    ("x-host-header", "cs(Host)"),
    ("time-taken", "time-taken"),
    ("cs-protocol-version", "cs-protocol-version"),
    ("cs-user-agent", "cs(User-Agent)"),
    ("cs-cookie", "cs(Cookie)"),
    ("x-edge-response-result-type", "x-edge-response-result-type"),
    ("x-forwarded-for", "x-forwarded-for"),
    ("ssl-protocol", "ssl-protocol"),
    ("ssl-cipher", "ssl-cipher"),
    ("x-edge-result-type", "x-edge-result-type"),
    ("sc-content-type", "sc-content-type"),
    ("sc-content-len", "sc-content-len"),
    ("c-port", "c-port"),
    ("x-edge-detailed-result-type", "x-edge-detailed-result-type"),
];

fn realtime(rows: &[Vec<String>]) -> String {
    let log = log();
    let line = |row: &Vec<String>| {
        let value = |(name, standard): &(&str, &str)| match *name {
            "timestamp" => {
                let time = format!("{}T{}Z", log.get(row, "date"), log.get(row, "time"));
                format!("{}.000", time.parse::<jiff::Timestamp>().unwrap().as_second())
            }
            "cs-uri-stem" => match log.get(row, "cs-uri-query") {
                "-" => log.get(row, "cs-uri-stem").to_owned(),
                query => format!("{}?{query}", log.get(row, "cs-uri-stem")),
            },
            _ => log.get(row, standard).to_owned(),
        };
        REALTIME.iter().map(value).collect::<Vec<_>>().join("\t") + "\n"
    };
    rows.iter().map(line).collect()
}

fn realtime_config() -> Value {
    // As the console lists them, which is not the order in which they come.
    let mut fields: Vec<&str> = REALTIME.iter().map(|(name, _)| *name).collect();
    fields.sort_unstable();
    json!({"RealtimeLogConfig": {"Name": "rt", "SamplingRate": 100, "Fields": fields}})
}

#[test]
fn real_time_records_as_a_file() {
    let bundle = Bundle::access("realtime.log", realtime(&log().rows))
        .fact("cloudfront/get-realtime-log-config/rt", realtime_config());
    same("real-time", &bundle);
}

#[test]
fn two_formats_in_one_object_and_headers_in_mid_file() {
    let log = log();
    let (first, second) = log.rows.split_at(log.rows.len() / 2);
    let part = |rows: &[Vec<String>]| Log { names: log.names.clone(), rows: rows.to_vec() };
    let header = format!("#Version: 1.0\n#Fields: {}\n", log.names.join(" "));
    let standard = header.clone() + &part(first).lines("\t");
    for (what, text) in [
        ("json behind", standard.clone() + &part(second).objects("\n")),
        ("json before", part(second).objects("\n") + "\n" + &standard),
        ("real-time behind", standard.clone() + &realtime(second)),
        ("another header behind", {
            let mut reversed = part(second);
            reversed.names.reverse();
            reversed.rows.iter_mut().for_each(|row| row.reverse());
            let names = reversed.names.join(" ");
            format!("{standard}#Version: 1.0\n#Fields: {names}\n{}", reversed.lines("\t"))
        }),
    ] {
        let bundle = Bundle::access("x", text)
            .fact("cloudfront/get-realtime-log-config/rt", realtime_config());
        same(what, &bundle);
    }
    let mut bundle = Bundle::access("x", standard + &part(second).lines("\t") + &waf().join("\n"));
    bundle.waf = vec![("none.log".to_owned(), Vec::new())];
    same("WAF records behind", &bundle);
}

#[test]
fn web_acl_logs_in_every_way_they_are_handed_over() {
    let header = format!("#Fields: {}\n{}", log().names.join(" "), log().lines("\t"));
    let events: Vec<Value> =
        waf().iter().map(|line| json!({"id": "1", "timestamp": 1, "message": line})).collect();
    let subscription: String = events
        .chunks(60)
        .map(|events| json!({"messageType": "DATA_MESSAGE", "logEvents": events}).to_string())
        .collect();
    let exported = waf().iter().map(|line| format!("2026-03-10T15:00:00.123Z {line}\n"));
    let printed = serde_json::to_string_pretty(&json!({"events": events})).unwrap();
    for (what, text) in [
        ("lines", waf().join("\n")),
        ("Firehose", waf().concat()),
        ("a subscription", subscription),
        ("an export", exported.collect()),
        ("the command line", printed),
    ] {
        let mut bundle = Bundle::access("x", header.clone());
        bundle.waf = vec![("object".to_owned(), gzip(text.as_bytes()))];
        same(what, &bundle);
    }
}

fn parquet_names() -> Vec<String> {
    let name = |name: &String| {
        let name = name.to_ascii_lowercase().replace(['-', '('], "_").replace(')', "");
        if name == "date" || name == "time" { name } else { name.trim_matches('_').to_owned() }
    };
    log().names.iter().map(name).collect()
}

#[test]
fn parquet() {
    let names = parquet_names();
    let columns = names.iter().map(|name| format!("optional binary {name} (utf8);"));
    let schema = format!("message log {{ {} }}", columns.collect::<String>());
    let schema = Arc::new(parse_message_type(&schema).unwrap());
    let properties =
        WriterProperties::builder().set_compression(parquet::basic::Compression::SNAPPY).build();
    let mut out = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut out, schema, Arc::new(properties)).unwrap();
    for rows in log().rows.chunks(90) {
        let mut group = writer.next_row_group().unwrap();
        for column in 0..names.len() {
            let values: Vec<ByteArray> =
                rows.iter().map(|row| row[column].as_bytes().to_vec().into()).collect();
            let mut writer = group.next_column().unwrap().unwrap();
            let typed = writer.typed::<ByteArrayType>();
            typed.write_batch(&values, Some(&vec![1; rows.len()]), None).unwrap();
            writer.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
    same("Parquet", &Bundle::access("E3SHOPEXAMPLE1.2026-03-10-14.1.parquet", out));
}

/// What PyArrow 26 made of the incident: `tests/data/pyarrow-26/make.py`.
#[test]
fn parquet_made_by_pyarrow() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/pyarrow-26");
    let mut tried = 0;
    for file in files(&folder).iter().filter(|file| file.extension() != Some("py".as_ref())) {
        same(&file.to_string_lossy(), &Bundle::access("x", fs::read(file).unwrap()));
        tried += 1;
    }
    assert_eq!(tried, 3);
}

/// What a delivery of version 2 adds, or writes in the place of a date and a time.
#[test]
fn columns_of_version_2() {
    let log = log();
    let more = ["distribution-tenant-id", "connection-id", "c-country", "asn", "origin-fbl"];
    let mut wider = Log { names: log.names.clone(), rows: log.rows.clone() };
    wider.names.extend(more.map(str::to_owned));
    wider.rows.iter_mut().for_each(|row| row.extend(more.map(|_| "-".to_owned())));
    let header = format!("#Fields: {}\n", wider.names.join(" "));
    same("more columns", &Bundle::access("x", header + &wider.lines("\t")));
    same("more keys", &Bundle::access("x", wider.objects("\n")));
    let mut v2 = Log { names: log.names.clone(), rows: log.rows.clone() };
    v2.names.extend(why403::logs::names::V2_DEFAULT.map(str::to_owned));
    v2.rows.iter_mut().for_each(|row| row.extend(["-".to_owned(), "-".to_owned()]));
    same("as a delivery is made, inferred", &Bundle::access("x", v2.lines("\t")));
    let mut timed = Log { names: log.names[2..].to_vec(), rows: Vec::new() };
    timed.names.push("timestamp(ms)".to_owned());
    for row in &log.rows {
        let time = format!("{}T{}Z", log.get(row, "date"), log.get(row, "time"));
        let time = time.parse::<jiff::Timestamp>().unwrap().as_millisecond().to_string();
        timed.rows.push(row[2..].iter().cloned().chain([time]).collect());
    }
    same("milliseconds", &Bundle::access("x", timed.objects("\n")));
    let header = format!("#Fields: {}\n", timed.names.join(" "));
    same("milliseconds in columns", &Bundle::access("x", header + &timed.lines("\t")));
}

/// A narrower log lacks evidence, and then the verdict is less sure or another's; what it is sure
/// of is what the whole log is sure of.
#[test]
fn earlier_widths_never_contradict_the_whole_log() {
    for width in [12, 15, 18, 19, 23, 24, 26] {
        let log = log();
        let names = log.names[..width].join(" ");
        let rows: String = log.rows.iter().map(|row| row[..width].join("\t") + "\n").collect();
        let folder = tempfile::tempdir().unwrap();
        copy(&incident().join("aws"), &folder.path().join("aws"));
        copy(&incident().join("logs/waf"), &folder.path().join("logs/waf"));
        let text = format!("#Version: 1.0\n#Fields: {names}\n{rows}");
        write(folder.path(), "logs/access/x", text.as_bytes());
        let requests = folder.path().join("requests");
        let output = Command::new(env!("CARGO_BIN_EXE_why403"))
            .args(["replay", "--quiet", "--format", "json", "--requests"])
            .args([requests.as_path(), folder.path()])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{width}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let text = fs::read_to_string(requests).unwrap();
        assert_eq!(text.lines().count(), 64, "{width}");
        let mut same = true;
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let key = |of: &Vec<Value>| (of[0].clone(), of[3].clone());
            let wanted = (line["time"].clone(), line["path"].clone());
            let mut causes = expected().values().filter(|v| key(v) == wanted).map(|v| &v[4]);
            if line["confidence"] == "confirmed" {
                assert!(causes.any(|cause| *cause == line["cause"]), "{width}: {line}");
            }
            same &= expected()
                .values()
                .any(|v| key(v) == wanted && v[4] == line["cause"] && v[6] == line["confidence"]);
        }
        // Where the format lacks the evidence, the report says which.
        let lacking = report["inputs"]["not_logged"].as_array().unwrap();
        assert!(same || !lacking.is_empty(), "{width}");
        for column in lacking {
            let name = column["column"].as_str().unwrap();
            assert!(!log.names[..width].iter().any(|known| known == name), "{width}: {name}");
        }
        let text = Command::new(env!("CARGO_BIN_EXE_why403"))
            .args(["replay", "--quiet"])
            .arg(folder.path())
            .output()
            .unwrap();
        let text = String::from_utf8(text.stdout).unwrap().replace("\n  ", " ");
        let detailed = "cause is not confirmed: x-edge-detailed-result-type names refusals by";
        assert_eq!(text.contains(detailed), !same, "{width}: {text}");
    }
}
