//! Nothing that a viewer sent reaches a terminal, a mail, a chat or a program in a form that does
//! anything there: every output is tried with everything that ever did.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that fails panics, and a test of a command line reads and writes files"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::Timestamp;
use serde_json::{Value, json};
use why403::account::bundle::BundleAccount;
use why403::account::facts::Depth;
use why403::account::{Account, Answer, Question};
use why403::alerts::{About, Alert, Audience, message};
use why403::analysis::{self, Directory};
use why403::incidents::record::Place;
use why403::logs::tally::AccessTally;
use why403::logs::waf::WafIndex;
use why403::report::{Incident, Inputs, Report};

/// What terminals, mail clients, chats, browsers and spreadsheets obey.
const HOSTILE: [&str; 22] = [
    "\u{1b}[2J\u{1b}[31mred",
    "\u{1b}]8;;http://evil.example\u{7}here\u{1b}]8;;\u{7}",
    "\u{1b}]0;evil title\u{7}",
    "\u{1b}P+q544e\u{1b}\\",
    "\u{9b}31m",
    "\u{202e}gpj.exe",
    "\u{2066}evil\u{2069}",
    "a\u{200b}b\u{2060}c\u{feff}",
    "a\u{2028}b\u{2029}c\u{85}d",
    "a\nwhy403: all is well",
    "a\r\nBcc: evil@evil.example",
    "\u{8}\u{8}\u{8}\0\u{7f}",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>",
    "[here](javascript:alert(1))",
    "javascript:alert(1)",
    "https://evil.example/x",
    "www.evil.example",
    "<!channel> <@U123> <https://evil.example|here>",
    "`$(reboot)`*_~",
    "=cmd|' /C calc'!A0",
];

/// What no alert may hold, whoever reads it.
const MARKUP: [&str; 10] =
    ["evil", "<script", "<img", "<svg", "](", "javascript:", "<!", "<@", "$(reboot)", "alert(1)"];

/// One record for each hostile text, with it in every column that a viewer or a broken writer can
/// fill; as JSON, where a value may hold any character, newlines included.
fn records() -> Vec<Value> {
    let record = |(n, text): (usize, &&str)| {
        json!({
            "date": "2026-03-10", "time": format!("14:{:02}:01", n % 60), "sc-status": "403",
            "cs(Host)": "d1.cloudfront.net", "cs-uri-stem": format!("/{text}/{n}"),
            "cs-method": text, "x-host-header": text, "cs(User-Agent)": text, "cs-uri-query": text,
            "cs(Cookie)": text, "cs(Referer)": text, "x-edge-location": text, "c-ip": text,
            "x-edge-request-id": format!("id-{n}"), "x-edge-result-type": text,
            "x-edge-response-result-type": text, "x-edge-detailed-result-type": text,
            "sc-content-type": text, "sc-content-len": text, "cs-protocol": text,
            "cs-protocol-version": text, "c-country": text, "time-taken": text,
            "time-to-first-byte": text, "cache-behavior-path-pattern": text,
            "distribution-tenant-id": text, "connection-id": text, "origin-fbl": text,
        })
    };
    HOSTILE.iter().enumerate().map(record).collect()
}

/// The same as lines between tabs, as far as a line can hold it, raw and in the log's encoding.
fn lines() -> String {
    let mut text = "#Fields: date time x-edge-location cs-method cs(Host) cs-uri-stem sc-status \
        cs(User-Agent) cs-uri-query x-edge-request-id x-host-header sc-content-type c-country\n"
        .to_owned();
    for hostile in HOSTILE {
        let encoded: String = hostile.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let twice = encoded.replace('%', "%25");
        for value in [hostile.replace(['\n', '\t'], " "), encoded, twice] {
            text += &format!(
                "2026-03-10\t14:00:01\t{value}\t{value}\td1.cloudfront.net\t/{value}\t403\t\
                 {value}\t{value}\t{value}\t{value}\t{value}\t{value}\n"
            );
        }
    }
    text
}

fn waf() -> String {
    let record = |(n, text): (usize, &&str)| {
        json!({
            "timestamp": 1_773_151_201_000u64 + n as u64 * 60_000, "webaclId": format!("arn:{text}"),
            "action": "BLOCK", "terminatingRuleId": text, "terminatingRuleType": text,
            "httpSourceName": "CF", "httpSourceId": text,
            "httpRequest": {"country": text, "uri": text, "httpMethod": text, "clientIp": text,
                "headers": [{"name": text, "value": text}], "requestId": format!("id-{n}")},
        })
        .to_string()
            + "\n"
    };
    HOSTILE.iter().enumerate().map(record).collect()
}

fn bundle() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("bundle");
    for below in ["logs/access", "logs/waf", "aws/cloudfront"] {
        fs::create_dir_all(root.join(below)).unwrap();
    }
    let objects: String = records().iter().map(|record| record.to_string() + "\n").collect();
    fs::write(root.join("logs/access/json"), objects).unwrap();
    fs::write(root.join("logs/access/lines"), lines()).unwrap();
    fs::write(root.join("logs/waf/log"), waf()).unwrap();
    (folder, root)
}

/// Whether a terminal shows a character and does nothing else with it.
fn is_harmless(c: char) -> bool {
    let moves = matches!(c,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !c.is_control() && !moves
}

fn assert_harmless(what: &str, bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap();
    for line in text.lines() {
        assert!(line.chars().all(is_harmless), "{what}: {line:?}");
        assert!(!line.starts_with("why403: all is well"), "{what}: {line:?}");
        assert!(!line.starts_with("Bcc:"), "{what}: {line:?}");
    }
}

/// Every text in a JSON value, as a program prints it that has read it.
fn assert_values(what: &str, value: &Value) {
    match value {
        Value::String(text) => {
            assert!(text.chars().all(|c| c == '\n' || is_harmless(c)), "{what}: {text:?}");
        }
        Value::Array(values) => values.iter().for_each(|value| assert_values(what, value)),
        Value::Object(pairs) => pairs.iter().for_each(|(name, value)| {
            assert!(name.chars().all(is_harmless), "{what}: {name:?}");
            assert_values(&format!("{what}.{name}"), value);
        }),
        _ => {}
    }
}

fn run(arguments: &[&str], root: &Path) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_why403"))
        .args(["replay", "--quiet"])
        .args(arguments)
        .arg(root)
        .output()
        .unwrap()
}

// See: goaccess#405, #1867, testssl.sh#3090: a report ran what a request line had brought.
#[test]
fn reports_for_people_and_programs() {
    let (folder, root) = bundle();
    let requests = folder.path().join("requests");
    let requests = requests.to_str().unwrap();
    let refused = HOSTILE.len() * 4;
    for format in ["text", "json"] {
        let output = run(&["--format", format, "--requests", requests], &root);
        assert_harmless(format, &output.stdout);
        assert_harmless("standard error", &output.stderr);
        let written = fs::read_to_string(requests).unwrap();
        assert_harmless("requests", written.as_bytes());
        let lines = written.lines().count();
        assert!((refused - 4..=refused).contains(&lines), "{lines} of {refused}");
        for line in written.lines() {
            assert_values("requests", &serde_json::from_str(line).unwrap());
        }
        if format == "json" {
            assert_values("json", &serde_json::from_slice(&output.stdout).unwrap());
        }
    }
}

// See: goaccess#405, #1867, testssl.sh#3090.
#[test]
fn a_page_has_no_element_link_or_title_of_a_viewers() {
    let (_folder, root) = bundle();
    let output = run(&["--format", "html"], &root);
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(page.contains("%3Cscript%3E") || page.contains("&lt;script&gt;"), "it is shown");
    assert!(page.chars().all(|c| c == '\n' || is_harmless(c)));
    // The page's own style and script come first and last; what is between has names of elements
    // that the page itself uses.
    let own = [
        "a",
        "body",
        "button",
        "caption",
        "code",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "figcaption",
        "figure",
        "footer",
        "h1",
        "h2",
        "h3",
        "head",
        "header",
        "html",
        "li",
        "line",
        "main",
        "meta",
        "p",
        "pre",
        "rect",
        "script",
        "section",
        "span",
        "style",
        "summary",
        "svg",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "title",
        "tr",
        "ul",
    ];
    let (before, rest) = page.split_once("<style>").unwrap();
    let (_, rest) = rest.split_once("</style>").unwrap();
    let (between, after) = rest.rsplit_once("<script>").unwrap();
    assert!(after.ends_with("</script></body></html>"), "nothing follows the page's own script");
    for part in [before, between] {
        for tag in part.split('<').skip(1) {
            let tag = tag.trim_start_matches(['/', '!']);
            let name = tag.split([' ', '>']).next().unwrap_or_default();
            assert!(own.contains(&name) || name == "DOCTYPE", "<{tag}");
            let inside = tag.split('>').next().unwrap_or_default();
            assert!(!inside.contains(" on") && !inside.contains(" style="), "<{tag}");
            if let Some((_, link)) = inside.split_once("href=\"") {
                let known =
                    link.starts_with('#') || link.starts_with("https://docs.aws.amazon.com/");
                assert!(known, "<{tag}");
            }
        }
    }
    let title = page.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    assert!(!title.unwrap().0.contains("<script"));
    assert_eq!(run(&["--format", "html"], &root).stdout, page.as_bytes(), "the same bytes again");
}

// See: look.md §1, requirement 15: a page is a mail's attachment.
#[test]
fn a_page_of_fifty_findings_is_small() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("bundle");
    fs::create_dir_all(root.join("logs/access")).unwrap();
    for distribution in 0..25 {
        let mut text = "#Fields: date time x-edge-location cs-method cs(Host) cs-uri-stem \
            sc-status cs(User-Agent) cs-uri-query x-edge-request-id x-host-header \
            sc-content-type x-edge-detailed-result-type\n"
            .to_owned();
        for n in 0..200 {
            let result = if n % 2 == 0 { "Error" } else { "ClientGeoBlocked" };
            text += &format!(
                "2026-03-10\t14:{:02}:{:02}\tFRA{}-P1\tGET\td{distribution}.cloudfront.net\t\
                 /some/path/{n}/of-a-page\t403\t-\t-\t{distribution:027}{n:027}==\t\
                 www{}.example.com\ttext/html\t{result}\n",
                n / 60,
                n % 60,
                n % 70,
                n % 3,
            );
        }
        let name = format!("EDFDVBD6EXA{distribution:02}.2026-03-10-14.0a1b2c3d");
        fs::write(root.join("logs/access").join(name), text).unwrap();
    }
    let output = run(&["--format", "json"], &root);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report.get("findings").and_then(Value::as_array).unwrap().len(), 50);
    let page = run(&["--format", "html"], &root).stdout;
    assert!(page.len() <= 300_000, "{} bytes", page.len());
}

#[test]
fn the_answer_about_one_request() {
    let (_folder, root) = bundle();
    // By ids of requests, and by ids that nobody has.
    let shown: Vec<String> = (0..HOSTILE.len()).map(|n| format!("id-{n}")).collect();
    for id in shown.iter().map(String::as_str).chain(HOSTILE) {
        // An argument cannot hold a zero byte.
        let id = id.replace('\0', "");
        for format in ["text", "json"] {
            let output = run(&["--format", format, "--request-id", &id], &root);
            assert_harmless("request", &output.stdout);
            if format == "json" {
                assert_values("request", &serde_json::from_slice(&output.stdout).unwrap());
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn names_of_files_on_standard_error() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("bundle");
    let logs = root.join("logs/access");
    fs::create_dir_all(&logs).unwrap();
    for (n, text) in HOSTILE.iter().enumerate() {
        let name: String = text.chars().filter(|c| !matches!(c, '\0' | '/')).collect();
        // One that is no log, one with a line that is none, one that ends too early.
        let content: &[u8] = match n % 3 {
            0 => b"something else",
            1 => b"#Fields: date time sc-status cs-uri-stem\nbroken\n",
            _ => b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
        };
        fs::write(logs.join(format!("{n}{name}")), content).unwrap();
    }
    for format in ["text", "json"] {
        let output = run(&["--format", format], &root);
        assert_eq!(output.status.code(), Some(2));
        assert_harmless("standard error", &output.stderr);
        assert_harmless(format, &output.stdout);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.lines().all(|line| line.starts_with("why403: ")), "{said}");
        assert_eq!(said.lines().count(), HOSTILE.len(), "{said}");
    }
}

fn report(root: &Path) -> Report {
    let account = BundleAccount::open(root);
    let directory = Directory::ask(&account);
    let mut tally = AccessTally::default();
    let objects: String = records().iter().map(|record| record.to_string() + "\n").collect();
    for text in [objects, lines()] {
        why403::logs::read_access("x", text.as_bytes(), &directory.logs, &mut tally);
    }
    tally.settle();
    directory.assign(&mut tally.refusals);
    let wanted = analysis::wanted(&tally);
    let mut index = WafIndex::default();
    why403::logs::read_waf("x", waf().as_bytes(), &directory.logs.limits, &wanted, &mut index);
    let analysis = analysis::analyse(&tally, index, &account, Depth::Incident);
    analysis.report(&tally, Inputs::default(), &directory.countries)
}

/// Every place of a text in a JSON value.
fn places(value: &Value, at: String, out: &mut Vec<String>) {
    match value {
        Value::String(_) => out.push(at),
        Value::Array(values) => {
            values.iter().enumerate().for_each(|(n, value)| places(value, format!("{at}/{n}"), out))
        }
        Value::Object(pairs) => pairs.iter().for_each(|(name, value)| {
            places(value, format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), out);
        }),
        _ => {}
    }
}

/// The sample incident, with one text of one answer of AWS replaced.
struct Told {
    sample: BundleAccount,
    operation: &'static str,
    place: String,
    text: String,
}

impl Account for Told {
    fn ask(&self, question: &Question) -> (Answer, Option<Timestamp>) {
        let (answer, at) = self.sample.ask(question);
        let answer = match answer {
            Answer::Said(mut value) if question.operation == self.operation => {
                if let Some(Value::String(text)) = value.pointer_mut(&self.place) {
                    // What is parsed (an ARN, a domain) stays so as far as it can.
                    let middle = text.char_indices().nth(text.chars().count() / 2);
                    let middle = middle.map_or(0, |(at, _)| at);
                    text.insert_str(middle, &self.text);
                }
                Answer::Said(value)
            }
            other => other,
        };
        (answer, at)
    }

    fn subjects(&self, operation: &'static str) -> Vec<String> {
        self.sample.subjects(operation)
    }
}

/// A bundle may come from anybody: what its answers of AWS say is no more trusted than viewers.
#[test]
fn what_a_bundle_says_of_an_account() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("events/incident");
    let sample = BundleAccount::open(&root);
    let log = fs::read(root.join("../../fuzz/seeds/bundle.log")).unwrap();
    let mut tried = 0;
    for operation in [
        "cloudfront/list-distributions",
        "cloudfront/get-distribution",
        "cloudfront/get-origin-access-control",
        "cloudtrail/lookup-events",
        "s3api/get-bucket-policy",
        "s3api/list-objects-v2",
        "wafv2/get-web-acl",
        "wafv2/get-logging-configuration",
    ] {
        let mut at = Vec::new();
        let subject = sample.subjects(operation).into_iter().next().unwrap_or_default();
        if let (Answer::Said(value), _) = sample.ask(&Question::new(operation, subject)) {
            places(&value, String::new(), &mut at);
        }
        for (n, place) in at.into_iter().enumerate() {
            let text = HOSTILE.get(n % 12).copied().unwrap_or_default().to_owned();
            let account =
                Told { sample: BundleAccount::open(&root), operation, place: place.clone(), text };
            let directory = Directory::ask(&account);
            let mut tally = AccessTally::default();
            why403::logs::read_access("x", log.as_slice(), &directory.logs, &mut tally);
            tally.settle();
            directory.assign(&mut tally.refusals);
            let analysis =
                analysis::analyse(&tally, WafIndex::default(), &account, Depth::Incident);
            let report = analysis.report(&tally, Inputs::default(), &directory.countries);
            let shown = why403::report::text::write(&report).unwrap();
            let shown = anstream::adapter::strip_str(&shown).to_string();
            assert_harmless(&format!("{operation}{place}"), shown.as_bytes());
            let value = serde_json::to_value(&report).unwrap();
            assert_values(&format!("{operation}{place}"), &value);
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried}");
}

#[test]
fn alerts_by_mail_to_programs_and_their_subject() {
    let (_folder, root) = bundle();
    let report = report(&root);
    assert!(!report.findings.is_empty());
    for (n, finding) in report.findings.iter().enumerate() {
        let hostile = HOSTILE.get(n % HOSTILE.len()).copied().unwrap_or_default();
        let incident = Incident {
            id: "i-1".to_owned(),
            distribution_id: finding.distribution_id.clone(),
            cause: finding.cause,
            detail: finding.detail,
            rule: finding.rule.clone(),
            severity: finding.severity,
            state: "open",
            start: finding.first_seen,
            detected: finding.last_seen,
            end: None,
            forbidden: finding.requests,
            expected: 0.1,
            p_value: 1e-9,
            finding_ids: vec![finding.id.clone()],
        };
        let place = Place {
            alert_id: "i-1".to_owned(),
            sequence: 1,
            state: "open",
            why: None,
            confidence: None,
        };
        let about = About { domain: None, requests: 1000, ..About::default() };
        let alert = Alert::new(&[incident], &report.findings, &place, &about).unwrap();
        let sent = message::outgoing(&alert, Audience::Subscribers, Timestamp::UNIX_EPOCH);
        let subject = sent.subject.unwrap();
        assert!(subject.len() <= 100 && subject.bytes().all(|b| (32..127).contains(&b)));
        let body: Value = serde_json::from_str(&sent.message).unwrap();
        assert_values("alert", &body);
        for (protocol, text) in body.as_object().unwrap() {
            let text = text.as_str().unwrap();
            if protocol.contains("http") || protocol == "sqs" || protocol == "lambda" {
                assert_values(protocol, &serde_json::from_str(text).unwrap());
            }
            // A Host is shown without the dots that would make a link of it.
            let text = text.replace("evil[.]example", "");
            for bad in MARKUP {
                assert!(!text.contains(bad), "{protocol} of {hostile:?} has {bad}: {text}");
                assert!(!subject.contains(bad), "{subject}");
            }
        }
    }
}
