//! `--ask`: origins that are asked directly, on the loopback.

#![cfg(feature = "aws")]
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test reads files and may fail"
)]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// A server that answers every request with `answer`, and what it was sent.
fn origin(
    answer: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static,
) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let sent = Arc::new(Mutex::new(Vec::new()));
    let (kept, answer) = (sent.clone(), Arc::new(answer));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (kept, answer) = (kept.clone(), answer.clone());
            thread::spawn(move || {
                let mut stream = stream;
                let mut request = String::new();
                let mut lines = BufReader::new(stream.try_clone().unwrap());
                while lines.read_line(&mut request).is_ok_and(|read| read > 2) {}
                kept.lock().unwrap().push(request.clone());
                answer(&request, &mut stream);
            });
        }
    });
    (port, sent)
}

fn page(status: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// The page that the refusals of the bundle were answered with.
const NO: &str = "{\"error\":\"not for you\"}";

/// A bundle of six refusals by one origin.
fn bundle(port: u16, headers: &Value) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    };
    let mut log = "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) \
        cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type \
        x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol \
        ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields \
        c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len \
        sc-range-start sc-range-end\n"
        .to_owned();
    for (number, (path, query)) in
        [("/a", "-"), ("/b", "-"), ("/c", "-"), ("/d", "-"), ("/e", "token=Zq7"), ("/e", "v=Zq8")]
            .into_iter()
            .enumerate()
    {
        log += &format!(
            "2026-05-11\t09:1{number}:00\tPRG50-C1\t700\t198.51.100.7\tGET\tdask.localhost\t{path}\t403\t\
             https://from.example/Zq9\tcurl/8\t{query}\tsid=Zq9\tError\tid{number}==\twww.ask.example\t\
             http\t200\t0.001\t-\t-\t-\tError\tHTTP/1.1\t-\t-\t4000\t0.001\tError\tapplication/json\t\
             {}\t-\t-\n",
            NO.len()
        );
    }
    write("logs/access/EASK1.2026-05-11-09.ab12cd34", log);
    let distribution = json!({ "Distribution": {
        "Id": "EASK1", "ARN": "arn:aws:cloudfront::111122223333:distribution/EASK1",
        "DomainName": "dask.localhost", "DistributionConfig": {
            "Aliases": { "Items": ["www.ask.example"] },
            "Origins": { "Items": [{ "Id": "app", "DomainName": "127.0.0.1", "OriginPath": "/v1",
                "CustomHeaders": headers,
                "CustomOriginConfig": { "HTTPPort": port, "HTTPSPort": 443,
                    "OriginProtocolPolicy": "http-only" } }] },
            "DefaultCacheBehavior": { "TargetOriginId": "app", "ViewerProtocolPolicy": "allow-all",
                "AllowedMethods": { "Items": ["GET", "HEAD"] } },
            "Enabled": true, "WebACLId": "",
            "Restrictions": { "GeoRestriction": { "RestrictionType": "none", "Items": [] } } } } });
    write("aws/cloudfront/get-distribution/EASK1.json", distribution.to_string());
    folder
}

fn why403(folder: &Path, more: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_why403"))
        .args(["replay".as_ref(), folder.as_os_str()])
        .args(["--format", "json"])
        .args(more)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

const ASK: [&str; 2] = ["--ask", "--ask-private"];

/// What the findings say of answers, with how many requests it is said of.
fn said(report: &Value) -> Vec<(String, u64)> {
    let findings = report["findings"].as_array().unwrap().iter();
    let evidence = findings.flat_map(|one| one["evidence"].as_array().unwrap());
    let asked = evidence.filter(|one| one["source"] == "origin/asked");
    let mut all: Vec<_> = asked
        .map(|one| (one["says"].as_str().unwrap().to_owned(), one["requests"].as_u64().unwrap()))
        .collect();
    all.sort();
    all
}

fn says(report: &Value, part: &str) -> u64 {
    said(report).iter().filter(|(says, _)| says.contains(part)).map(|(_, count)| count).sum()
}

/// Cause and confidence of the finding that the answers are about.
fn verdict(report: &Value) -> (String, String) {
    let of = |one: &Value| {
        let text = |name: &str| one[name].as_str().unwrap_or("null").to_owned();
        (format!("{}/{}", text("cause"), text("detail")), text("confidence"))
    };
    let findings = report["findings"].as_array().unwrap();
    let about = |one: &&Value| {
        one["evidence"].as_array().unwrap().iter().any(|e| e["source"] == "origin/asked")
    };
    of(findings.iter().find(about).unwrap_or(&findings[0]))
}

#[test]
fn an_origin_that_refuses_without_cloudfront_is_the_likely_one() {
    let (port, sent) = origin(|_, stream| {
        let _ = stream.write_all(page("403 Forbidden", "application/json", NO).as_bytes());
    });
    let folder = bundle(port, &json!({ "Items": [] }));
    let before = why403(folder.path(), &[]);
    assert!(said(&before).is_empty() && sent.lock().unwrap().is_empty(), "nobody asks by itself");
    assert!(before["inputs"]["asked"].as_array().unwrap().is_empty());
    let report = why403(folder.path(), &ASK);
    assert_eq!(says(&report, "refuses without CloudFront, too, with the same page"), 3);
    assert_eq!(verdict(&report), ("custom-origin/denied".into(), "likely".into()));
    // What was sent is what CloudFront would send, and nothing that a viewer sent.
    let sent = sent.lock().unwrap().clone();
    assert_eq!(sent.len(), 3, "{sent:?}");
    for request in &sent {
        let mut lines: Vec<String> = request.trim_end().lines().map(str::to_lowercase).collect();
        assert!(lines.remove(0).starts_with("get /v1/"), "{request}");
        lines.sort();
        assert_eq!(
            lines,
            [format!("host: 127.0.0.1:{port}"), "user-agent: amazon cloudfront".into()]
        );
    }
    let shown = report["inputs"]["asked"].to_string();
    for path in ["/v1/a", "/v1/b", "/v1/c"] {
        assert!(
            shown.contains(&format!("GET http://127.0.0.1:{port}{path} to the origin")),
            "{shown}"
        );
    }
    assert!(!report.to_string().contains("Zq"));
    // A replay repeats the answers without asking.
    let again = why403(folder.path(), &[]);
    assert_eq!(again, report);
}

#[test]
fn headers_that_are_not_sent_make_a_refusal_worth_nothing() {
    let (port, sent) = origin(|_, stream| {
        let _ = stream.write_all(page("403 Forbidden", "application/json", NO).as_bytes());
    });
    let headers = json!({ "Items": [{ "HeaderName": "x-origin-verify", "HeaderValue": "Zq5" }] });
    let folder = bundle(port, &headers);
    let before = verdict(&why403(folder.path(), &[]));
    let report = why403(folder.path(), &ASK);
    assert_eq!(says(&report, "which tells nothing"), 3);
    assert_eq!(verdict(&report), before);
    assert!(sent.lock().unwrap().iter().all(|request| !request.contains("Zq5")));
    assert!(!report.to_string().contains("Zq5"));
}

#[test]
fn an_origin_that_serves_speaks_against_itself() {
    let (port, _) = origin(|_, stream| {
        let _ = stream.write_all(page("200 OK", "application/json", "{}").as_bytes());
    });
    let report = why403(bundle(port, &json!({ "Items": [] })).path(), &ASK);
    assert_eq!(says(&report, "serves the same path without CloudFront"), 3);
    assert_ne!(verdict(&report).1, "confirmed");
}

#[test]
fn a_redirect_is_an_answer_and_is_not_followed() {
    let (elsewhere, asked) = origin(|_, _| {});
    let (port, sent) = origin(move |_, stream| {
        let to = format!(
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{elsewhere}/\r\n\
             Set-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
        );
        let _ = stream.write_all(to.as_bytes());
    });
    let report = why403(bundle(port, &json!({ "Items": [] })).path(), &ASK);
    assert_eq!(says(&report, "serves the same path"), 3);
    assert!(sent.lock().unwrap().len() == 3 && asked.lock().unwrap().is_empty());
}

#[test]
fn a_slow_an_endless_and_a_lying_origin_end() {
    let slow = |_: &str, _: &mut TcpStream| thread::sleep(Duration::from_secs(60));
    let drip = |_: &str, stream: &mut TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 1000\r\n\r\n");
        while stream.write_all(b".").is_ok() {
            thread::sleep(Duration::from_millis(200));
        }
    };
    let endless = |_: &str, stream: &mut TcpStream| {
        let _ =
            stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n\r\n");
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    };
    let headers = |_: &str, stream: &mut TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\n");
        while stream.write_all(b"x-more: and more\r\n").is_ok() {}
    };
    // It promises the length of the page in the log and sends another.
    let liar = |_: &str, stream: &mut TcpStream| {
        let _ = stream.write_all(
            format!(
                "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\n\r\n{{}}",
                NO.len()
            )
            .as_bytes(),
        );
    };
    let garbage = |_: &str, stream: &mut TcpStream| {
        let _ = stream.write_all(b"SSH-2.0-no\r\n\x1b[2J\r\n\r\n");
    };
    type Plays = Box<dyn Fn(&str, &mut TcpStream) + Send + Sync>;
    let all: [(&str, Plays, Option<&str>); 6] = [
        ("slow", Box::new(slow), Some("does not answer in time")),
        ("drip", Box::new(drip), Some("does not answer in time")),
        ("endless", Box::new(endless), Some("refuses with another page")),
        ("headers", Box::new(headers), None),
        ("liar", Box::new(liar), None),
        ("garbage", Box::new(garbage), None),
    ];
    for (name, play, wanted) in all {
        let (port, _) = origin(play);
        let folder = bundle(port, &json!({ "Items": [] }));
        let started = Instant::now();
        let report = why403(folder.path(), &ASK);
        // That it ends at all is the point: five seconds for three at once, and a margin.
        assert!(started.elapsed() < Duration::from_secs(50), "{name}");
        match wanted {
            Some(part) => assert_eq!(says(&report, part), 3, "{name}: {report:#}"),
            None => assert_eq!(says(&report, "the origin"), 0, "{name}: {report:#}"),
        }
        assert_ne!(verdict(&report).1, "confirmed", "{name}");
        assert!(!report.to_string().contains("\\u001b"), "{name}");
    }
}

#[test]
fn private_addresses_are_asked_only_where_that_is_wished() {
    let (port, sent) = origin(|_, _| {});
    let folder = bundle(port, &json!({ "Items": [] }));
    let report = why403(folder.path(), &["--ask"]);
    assert!(sent.lock().unwrap().is_empty());
    assert!(report["inputs"]["asked"].to_string().contains("127.0.0.1 has a private address only"));
    assert_eq!(says(&report, "the origin"), 0);
}

#[test]
fn queries_are_sent_on_wish_and_secrets_never() {
    let (port, sent) = origin(|_, stream| {
        let _ = stream.write_all(page("200 OK", "text/plain", "").as_bytes());
    });
    let folder = bundle(port, &json!({ "Items": [] }));
    let log = folder.path().join("logs/access/EASK1.2026-05-11-09.ab12cd34");
    let lines = std::fs::read_to_string(&log).unwrap();
    let lines: Vec<&str> =
        lines.lines().filter(|line| line.starts_with('#') || line.contains("/e\t")).collect();
    std::fs::write(&log, lines.join("\n") + "\n").unwrap();
    let report = why403(folder.path(), &ASK);
    assert!(sent.lock().unwrap().iter().all(|request| request.starts_with("GET /v1/e HTTP")));
    assert_eq!(says(&report, "the origin"), 0, "another question than what was refused");
    let _ = why403(folder.path(), &["--ask", "--ask-private", "--ask-with-query"]);
    let all = sent.lock().unwrap().join("\n");
    assert!(!all.contains("Zq7"), "{all}");
    // One of both stands for the path; without the token there is only the other.
    std::fs::write(
        &log,
        lines
            .iter()
            .filter(|line| !line.contains("Zq7"))
            .fold(String::new(), |all, line| all + line + "\n"),
    )
    .unwrap();
    let report = why403(folder.path(), &["--ask", "--ask-private", "--ask-with-query"]);
    assert!(sent.lock().unwrap().last().unwrap().starts_with("GET /v1/e?v=Zq8 HTTP"));
    assert_eq!(says(&report, "serves the same path without CloudFront"), 1);
}

#[test]
fn answers_are_kept_in_the_bundle_and_nowhere_else() {
    let (port, _) = origin(|_, stream| {
        let _ = stream.write_all(page("200 OK", "text/plain", "").as_bytes());
    });
    let folder = bundle(port, &json!({ "Items": [] }));
    let outside = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path(), folder.path().join("origin")).unwrap();
    why403(folder.path(), &ASK);
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    std::fs::remove_file(folder.path().join("origin")).unwrap();
    why403(folder.path(), &ASK);
    let kept = std::fs::read(folder.path().join("origin/asked.json")).unwrap();
    let kept: Value = serde_json::from_slice(&kept).unwrap();
    assert_eq!(kept["schema"], "why403/asked/1");
    assert_eq!(kept["asked"].as_array().unwrap().len(), 6);
    // What is no answer of ours is left out, and the rest is read.
    for broken in ["{", "[]", "{\"asked\":[{\"at\":\"x\"},5,null]}"] {
        std::fs::write(folder.path().join("origin/asked.json"), broken).unwrap();
        assert!(said(&why403(folder.path(), &[])).is_empty());
    }
}
