//! Nothing that a viewer sent reaches a terminal, a mail, a chat or a program in a form that does
//! anything there: every output is tried with everything that ever did.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that fails panics, and a test of a command line reads and writes files"
)]

mod hostile_input;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use hostile_input::{
    HOSTILE, MARKUP, assert_harmless, assert_values, bundle, is_harmless, lines, records, waf,
};
use jiff::Timestamp;
use serde_json::Value;
#[cfg(feature = "mcp")]
use serde_json::json;
use why403::account::bundle::BundleAccount;
use why403::account::facts::Depth;
use why403::account::{Account, Answer, Question};
use why403::alerts::{About, Alert, Audience};
use why403::analysis::{self, Directory};
use why403::audit;
use why403::incidents::record::Place;
use why403::logs::tally::AccessTally;
use why403::logs::waf::WafIndex;
use why403::report::{Incident, Inputs, Report};

fn run(arguments: &[&str], root: &Path) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_why403"))
        .args(["replay", "--quiet"])
        .args(arguments)
        .arg(root)
        .output()
        .unwrap()
}

/// Who reads an output, and so what it must not hold.
#[derive(Clone, Copy, Debug)]
enum Reader {
    Terminal,
    Program,
    Lines,
    Browser,
    Mail,
    Chat,
    Pipeline,
}
use Reader::{Browser, Chat, Lines, Mail, Pipeline, Program, Terminal};

/// Every output of the program: what is run on the bundle, or what is sent, and who reads it.
const OUTPUTS: [(&str, Reader); 21] = [
    ("replay --format text", Terminal),
    ("replay --format json", Program),
    ("replay --format html", Browser),
    ("replay --requests /dev/stdout --out /dev/null", Lines),
    ("replay --request-id id-3 --request-id id-12", Terminal),
    ("replay --format json --request-id id-3 --request-id id-12", Program),
    ("audit --format text", Terminal),
    ("audit --format json", Program),
    ("audit --format junit", Pipeline),
    ("alert subject", Mail),
    ("alert default", Mail),
    ("alert email", Mail),
    ("alert sqs", Mail),
    ("alert lambda", Mail),
    ("alert http", Mail),
    ("alert https", Mail),
    ("alert attributes", Mail),
    ("alert chat", Chat),
    ("mcp list_findings", Program),
    ("mcp explain_request", Program),
    ("mcp audit", Program),
];

// See: goaccess#405, #1867, testssl.sh#3090: a report ran what a request line had brought.
#[test]
fn every_output_does_nothing_where_it_is_read() {
    let (_folder, root) = bundle();
    let alerts = alerts(&root);
    assert!(alerts.len() > HOSTILE.len() / 2, "{}", alerts.len());
    let mut sent: BTreeSet<String> = BTreeSet::new();
    for (name, text) in &alerts {
        sent.insert(name.clone());
        let known = OUTPUTS.iter().find(|(output, _)| output == name);
        let (_, reader) = known.unwrap_or_else(|| panic!("{name} is not in the table"));
        assert_fit(name, *reader, text);
    }
    for (output, reader) in OUTPUTS {
        if let Some(tool) = output.strip_prefix("mcp ") {
            #[cfg(feature = "mcp")]
            assert_fit(output, reader, &asked(tool, &root));
            let _ = tool;
            continue;
        }
        if output.starts_with("alert ") {
            assert!(sent.contains(output), "{output} was not sent");
            continue;
        }
        let ran = Command::new(env!("CARGO_BIN_EXE_why403"))
            .args(output.split(' '))
            .arg(&root)
            .output()
            .unwrap();
        assert_harmless(output, &ran.stderr);
        let text = String::from_utf8(ran.stdout).unwrap();
        let sent = ["script", "%1B"].iter().any(|sent| text.contains(sent));
        assert!(sent, "{output} shows nothing that was sent, and tries nothing: {text}");
        assert_fit(output, reader, &text);
    }
}

/// What a tool answers to an assistant: every text short, but for commands.
#[cfg(feature = "mcp")]
fn asked(tool: &str, root: &Path) -> String {
    use std::io::{BufRead, BufReader, Write};
    use std::process::Stdio;

    let mut server = Command::new(env!("CARGO_BIN_EXE_why403"))
        .args(["mcp", "--root"])
        .arg(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut to = server.stdin.take().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let client = json!({"name": "test", "version": "1"});
    let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client});
    let arguments = match tool {
        "explain_request" => json!({"source": ".", "request_id": "id-3"}),
        _ => json!({"source": "."}),
    };
    let call = json!({"name": tool, "arguments": arguments});
    writeln!(to, "{}", json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}))
        .unwrap();
    lines.next().unwrap().unwrap();
    let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    writeln!(to, "{ready}").unwrap();
    writeln!(to, "{}", json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call}))
        .unwrap();
    let line = lines.next().unwrap().unwrap();
    assert_harmless(tool, line.as_bytes());
    drop(to);
    assert!(server.wait().unwrap().success());
    let told: Value = serde_json::from_str(&line).unwrap();
    let value = told.pointer("/result/structuredContent").unwrap();
    assert_short(value);
    assert!(!value.to_string().contains("previous instructions"), "{value}");
    value.to_string()
}

#[cfg(feature = "mcp")]
fn assert_short(value: &Value) {
    match value {
        Value::String(text) => assert!(text.chars().count() <= 203, "{text}"),
        Value::Array(values) => values.iter().for_each(assert_short),
        Value::Object(pairs) => {
            let theirs =
                pairs.iter().filter(|(name, _)| !["remedy", "missing"].contains(&name.as_str()));
            theirs.for_each(|(_, value)| assert_short(value));
        }
        _ => {}
    }
}

/// A form that is not in the table is not tried.
#[test]
fn every_form_is_in_the_table() {
    for verb in ["replay", "audit"] {
        let help = Command::new(env!("CARGO_BIN_EXE_why403")).args([verb, "-h"]).output().unwrap();
        let help = String::from_utf8(help.stdout).unwrap();
        let (_, forms) = help.split_once("--format <FORMAT>").unwrap();
        let (_, forms) = forms.split_once("[possible values: ").unwrap();
        for form in forms.split(']').next().unwrap_or_default().split(',') {
            let form = form.trim();
            let output = format!("{verb} --format {form}");
            assert!(OUTPUTS.iter().any(|(known, _)| *known == output), "{output}");
        }
    }
}

fn assert_fit(what: &str, reader: Reader, text: &str) {
    assert!(text.chars().all(|c| c == '\n' || is_harmless(c)), "{what}: {text:?}");
    match reader {
        Terminal => assert_harmless(what, text.as_bytes()),
        Program => assert_values(what, &serde_json::from_str(text).unwrap()),
        Lines => {
            let refused = HOSTILE.len() * 4;
            let lines = text.lines().count();
            assert!((refused - 6..=refused).contains(&lines), "{lines} of {refused}");
            text.lines().for_each(|line| assert_values(what, &serde_json::from_str(line).unwrap()));
        }
        Browser => assert_page(text),
        Mail => assert_unmarked(what, text),
        Chat => assert_chat(what, text),
        Pipeline => assert_junit(text),
    }
}

/// Nothing is left that a mail client or a chat turns into a link, markup or a call of people, nor
/// a sentence that an assistant may take for its orders.
fn assert_unmarked(what: &str, text: &str) {
    // A Host is shown without the dots that would make a link of it.
    let text = text.replace("evil[.]example", "");
    for bad in MARKUP {
        assert!(!text.contains(bad), "{what} has {bad}: {text}");
    }
}

fn assert_chat(what: &str, text: &str) {
    assert_unmarked(what, text);
    let message: Value = serde_json::from_str(text).unwrap();
    assert_values(what, &message);
    let content = message.get("content").unwrap();
    let steps = content.get("nextSteps").and_then(Value::as_array).into_iter().flatten();
    for text in steps.chain(content.get("title")).chain(content.get("description")) {
        let text = text.as_str().unwrap();
        let outside: String = text.split('`').step_by(2).collect();
        assert!(!outside.contains(['*', '~', '<', '>', '&', '@', '|']), "{what}: {text}");
    }
}

/// JUnit of this program's own elements alone, each line whole.
fn assert_junit(text: &str) {
    assert_harmless("junit", text.as_bytes());
    for tag in text.split('<').skip(1) {
        let name = tag.trim_start_matches('/').split([' ', '>', '/']).next().unwrap_or_default();
        assert!(["?xml", "testsuite", "testcase", "failure", "skipped"].contains(&name), "<{tag}");
        let inside = tag.split('>').next().unwrap_or_default();
        assert!(inside.matches('"').count() % 2 == 0, "<{tag}");
        let names = inside.split('"').step_by(2).flat_map(|part| part.split_whitespace());
        let names: Vec<&str> = names.filter(|name| name.ends_with('=')).collect();
        let own = [
            "name=",
            "classname=",
            "tests=",
            "failures=",
            "skipped=",
            "type=",
            "message=",
            "version=",
            "encoding=",
        ];
        assert!(names.iter().all(|name| own.contains(name)), "<{tag}");
    }
}

/// A page without an element, link or title of a viewer's.
fn assert_page(page: &str) {
    assert!(page.contains("%3Cscript%3E") || page.contains("&lt;script&gt;"), "it is shown");
    // The page's own style and script come first and last; what is between has names of elements
    // that the page itself uses.
    let own = "a body button caption code dd details div dl dt figcaption figure footer h1 h2 h3 head header html li line main \
        meta p pre rect script section span style summary svg table tbody td tfoot th thead title tr ul";
    let own: Vec<&str> = own.split_whitespace().collect();
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

fn at_noon() -> Timestamp {
    "2026-03-10T12:00:00Z".parse().unwrap()
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
            let audit = audit::audit(&account, &[], at_noon());
            let shown = audit::text(&audit).unwrap();
            let shown = anstream::adapter::strip_str(&shown).to_string();
            assert_harmless(&format!("audit of {operation}{place}"), shown.as_bytes());
            assert_values(
                &format!("audit of {operation}{place}"),
                &serde_json::to_value(&audit).unwrap(),
            );
            assert_junit(&audit::junit(&audit).unwrap());
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried}");
}

/// What is sent about each finding: the name of each part, and its text.
fn alerts(root: &Path) -> Vec<(String, String)> {
    let report = report(root);
    let mut out = Vec::new();
    for finding in &report.findings {
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
        let (sent, _) =
            alert.outgoing(&[Audience::Subscribers, Audience::Chat], Timestamp::UNIX_EPOCH);
        for one in sent {
            for (name, value) in one.attributes {
                out.push(("alert attributes".to_owned(), format!("{name}: {value}")));
            }
            if one.audience == Audience::Chat {
                out.push(("alert chat".to_owned(), one.message));
                continue;
            }
            let subject = one.subject.unwrap();
            assert!(subject.len() <= 100 && subject.bytes().all(|b| (32..127).contains(&b)));
            out.push(("alert subject".to_owned(), subject));
            let body: Value = serde_json::from_str(&one.message).unwrap();
            for (protocol, text) in body.as_object().unwrap() {
                let text = text.as_str().unwrap();
                if !["default", "email"].contains(&protocol.as_str()) {
                    assert_values(protocol, &serde_json::from_str(text).unwrap());
                }
                out.push((format!("alert {protocol}"), text.to_owned()));
            }
        }
    }
    out
}
