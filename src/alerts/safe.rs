//! What a viewer sent, in a form that no mail client, chat or terminal does anything with.
//!
//! A path that goes out is its template alone, made of a few characters; whatever could become a
//! link, markup, a secret or an address is replaced by a placeholder.

use std::net::IpAddr;

use crate::report::Finding;
use crate::viewer::plain;

/// Endings of files that are no top-level domain, so that no mail client takes a name with one of
/// them for a host. (`zip`, `mov`, `py`, `sh`, `md`, `app` are domains.)
const ENDINGS: [&str; 42] = [
    "aspx",
    "avif",
    "axd",
    "cfg",
    "cgi",
    "conf",
    "css",
    "csv",
    "eot",
    "gif",
    "gz",
    "htm",
    "html",
    "ico",
    "ini",
    "jpeg",
    "jpg",
    "js",
    "json",
    "jsp",
    "log",
    "m3u8",
    "map",
    "min",
    "mjs",
    "mp3",
    "mp4",
    "otf",
    "pdf",
    "php",
    "png",
    "sql",
    "svg",
    "tmp",
    "ttf",
    "txt",
    "wasm",
    "webmanifest",
    "webp",
    "woff",
    "woff2",
    "xml",
];

/// Longer words are more likely tokens than names.
const WORD: usize = 32;

/// Bytes of a path.
const PATH: usize = 160;

/// Steps of a remedy, and characters of one. Longer ones are policies to be pasted, which belong
/// into a report.
const STEPS: usize = 8;
const STEP: usize = 1000;

/// A path template as it may be shown anywhere.
pub fn path(template: &str) -> String {
    let mut out = String::new();
    for (n, part) in template.split('/').enumerate() {
        if n > 0 {
            out.push('/');
        }
        out.push_str(&segment(part));
        if out.len() > PATH {
            out.truncate(PATH);
            out.push_str("...");
            break;
        }
    }
    // Two slashes begin the address of another host.
    while out.contains("//") {
        out = out.replace("//", "/");
    }
    out
}

fn segment(text: &str) -> String {
    let plain = text.bytes().all(|byte| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'.' | b'_' | b'~' | b'{' | b'}' | b'*' | b'-')
    });
    if !plain {
        return "{text}".to_owned();
    }
    if text.split(['.', '-', '_']).any(is_token) {
        return "{token}".to_owned();
    }
    let mut words = text.split('.');
    let first = words.next().unwrap_or_default();
    let harmless = |word: &str| {
        let word = word.to_ascii_lowercase();
        word.starts_with('{') || ENDINGS.contains(&word.as_str())
    };
    // `.env` and `.git` have no name before the dot, and so are no host.
    let hidden = first.is_empty() && text.matches('.').count() == 1;
    if hidden || (words.all(harmless) && !first.eq_ignore_ascii_case("www")) {
        text.to_owned()
    } else {
        "{file}".to_owned()
    }
}

/// Whether a word looks like a secret: long, or a long mixture of letters and digits.
fn is_token(word: &str) -> bool {
    let digits = word.bytes().any(|byte| byte.is_ascii_digit());
    let upper = word.bytes().any(|byte| byte.is_ascii_uppercase());
    let lower = word.bytes().any(|byte| byte.is_ascii_lowercase());
    let kinds = usize::from(digits) + usize::from(upper) + usize::from(lower);
    word.len() > WORD
        || (word.len() >= 12 && kinds >= 2 && digits)
        || (word.len() >= 16 && kinds == 3)
}

/// A Host without the dots that would make a link of it.
pub fn host(name: &str) -> String {
    let plain =
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    if !plain || name.split(['.', '-']).any(is_token) {
        return "{text}".to_owned();
    }
    name.replace('.', "[.]")
}

/// A method; what is not one of HTTP's is the viewer's own text.
fn method(name: &str) -> String {
    const METHODS: [&str; 9] =
        ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"];
    if METHODS.contains(&name) { name.to_owned() } else { "{text}".to_owned() }
}

/// A country or a point of presence: two or three capitals.
fn place(code: &str) -> String {
    let is_code = code.len() <= 3 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    if is_code { code.to_owned() } else { "{text}".to_owned() }
}

/// The name of a rule. AWS WAF takes letters, digits, `-` and `_`, and names groups by their ARN;
/// what a log says otherwise is nobody's rule.
pub fn rule(name: &str) -> String {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '/');
    let is_name = name.chars().all(known) && !name.contains("//");
    if is_name { plain(name) } else { "{text}".to_owned() }
}

/// A sentence of ours that may have a viewer's words in it: without links, addresses of people and
/// full addresses of clients.
pub fn sentence(text: &str) -> String {
    let text = plain(text);
    let words: Vec<String> = text.split(' ').map(word).collect();
    words.join(" ")
}

fn word(word: &str) -> String {
    let bare = word.trim_matches(|c: char| c.is_ascii_punctuation());
    if let Ok(address) = bare.parse::<IpAddr>() {
        return word.replace(bare, &shortened(address));
    }
    let lower = bare.to_ascii_lowercase();
    // What had to be escaped is no word of CloudFront's or of ours.
    let escaped = lower.split('%').skip(1).any(|rest| {
        rest.get(..2).is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
    });
    let linked = lower.contains("://") || lower.starts_with("www.") || lower.contains('@');
    if escaped || linked {
        return "{text}".to_owned();
    }
    word.replace(['<', '>'], "")
}

/// An address without the part that tells one client from its neighbours.
pub fn shortened(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.x")
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:x")
        }
    }
}

/// Writes the rule's safe name wherever a sentence has its own.
fn name_rule(finding: &mut Finding) {
    let Some(own) = finding.rule.take() else { return };
    let safe = rule(&own);
    if safe != own {
        let remedy = &mut finding.remedy;
        let evidence = finding.evidence.iter_mut().map(|one| &mut one.says);
        let ruled_out = finding.ruled_out.iter_mut().map(|one| &mut one.because);
        let steps = remedy.steps.iter_mut().chain([&mut remedy.summary]);
        for text in evidence.chain(ruled_out).chain(steps).filter(|_| !own.is_empty()) {
            *text = text.replace(&own, &safe).replace(&plain(&own), &safe);
        }
    }
    finding.rule = Some(safe);
}

/// A finding as it may leave the account.
pub fn finding(finding: &Finding) -> Finding {
    let mut finding = finding.clone();
    for cluster in &mut finding.clusters {
        cluster.path = path(&cluster.path);
        cluster.hosts = cluster.hosts.iter().map(|name| host(name)).collect();
        cluster.edges = cluster.edges.iter().map(|code| place(code)).collect();
        cluster.countries = cluster.countries.iter().map(|code| place(code)).collect();
        cluster.methods = cluster.methods.iter().map(|name| method(name)).collect();
        let templates = cluster
            .examples
            .iter()
            .map(|example| path(&crate::clusters::template(example.as_bytes())));
        cluster.examples = templates.collect();
        cluster.examples.sort();
        cluster.examples.dedup();
    }
    // Requests of single viewers stay in the account.
    finding.examples.clear();
    name_rule(&mut finding);
    for evidence in &mut finding.evidence {
        evidence.says = sentence(&evidence.says);
    }
    for out in &mut finding.ruled_out {
        out.because = sentence(&out.because);
    }
    for missing in &mut finding.missing {
        if let Some(plain) = missing.without_viewer.take() {
            *missing = *plain;
        }
    }
    if let Some(plain) = finding.remedy.without_viewer.take() {
        finding.remedy.steps = plain;
    }
    finding.remedy.steps.truncate(STEPS);
    for step in &mut finding.remedy.steps {
        if step.chars().count() > STEP {
            *step = step.chars().take(STEP).chain("...".chars()).collect();
        }
    }
    finding
}
