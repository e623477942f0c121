//! An account in a folder: `aws/SERVICE/OPERATION[/ID].json`.
//!
//! Nothing outside the folder is read, also not through a link.

#![expect(clippy::disallowed_methods, reason = "a bundle is a folder: this is one of the ends")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;

use super::{Account, Answer, KEPT_SIGNATURES, Question, is_of_aws};
use crate::limits::ANSWER_BYTES;

/// Every byte outside `A-Za-z0-9._-/` is percent-encoded in a bundle's file names.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'_').remove(b'-').remove(b'/');

/// Longer names are the SHA-256 of themselves.
const LONGEST_NAME: usize = 200;

/// How deep a key may lie in folders.
const FOLDERS: usize = 32;

/// The facts of a bundle.
pub struct BundleAccount {
    root: PathBuf,
    times: Capture,
}

#[derive(Debug, Default, Deserialize)]
struct Capture {
    #[serde(default)]
    captured_at: Option<Timestamp>,
    #[serde(default)]
    facts: BTreeMap<String, Timestamp>,
    /// By request id.
    #[serde(default)]
    signatures: serde_json::Map<String, Value>,
}

impl BundleAccount {
    /// Opens the folder of a bundle. A folder without `aws/` knows nothing, which is no error.
    pub fn open(root: &Path) -> Self {
        let times = inside(root, Path::new("capture.json"))
            .and_then(|path| read_file(&path)?.ok())
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default();
        Self { root: root.to_owned(), times }
    }
}

/// The file of an answer, from the bundle's root.
pub fn relative(question: &Question) -> PathBuf {
    let folder = if is_of_aws(question.operation) { "aws" } else { "" };
    let mut path = PathBuf::from(folder).join(question.operation);
    if question.about.is_empty() {
        path.set_extension("json");
        return path;
    }
    let name = file_name(&question.about);
    path.push(format!("{name}.json"));
    path
}

/// The name that a bundle gives to what a question is about.
pub fn file_name(about: &str) -> String {
    let encoded = utf8_percent_encode(about, NAME).to_string();
    let last = encoded.matches('/').count();
    let safe: Vec<String> = encoded
        .split('/')
        .enumerate()
        .map(|(n, segment)| match segment {
            // The ending that follows makes a name of the last one.
            "" if n == last => String::new(),
            "" => "%".to_owned(),
            "." => "%2E".to_owned(),
            ".." => "%2E%2E".to_owned(),
            other => other.to_owned(),
        })
        .collect();
    let name = safe.join("/");
    if name.len() > LONGEST_NAME {
        use sha2::Digest;
        let digest = sha2::Sha256::digest(about.as_bytes());
        return digest.iter().map(|byte| format!("{byte:02x}")).collect();
    }
    name
}

/// A path inside the root, if it is one and exists.
pub fn inside(root: &Path, relative: &Path) -> Option<PathBuf> {
    let root = root.canonicalize().ok()?;
    let path = root.join(relative).canonicalize().ok()?;
    path.starts_with(&root).then_some(path)
}

/// What is in a file, or why it cannot be read; `None` where it is none. Others, such as a pipe,
/// might never end, and a file may grow while it is read.
fn read_file(path: &Path) -> Option<Result<Vec<u8>, String>> {
    fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    let mut text = Vec::new();
    let read =
        fs::File::open(path).and_then(|file| file.take(ANSWER_BYTES + 1).read_to_end(&mut text));
    Some(match read {
        Ok(bytes) if bytes as u64 > ANSWER_BYTES => Err(format!("more than {ANSWER_BYTES} bytes")),
        Ok(_) => Ok(text),
        Err(error) => Err(error.kind().to_string()),
    })
}

impl Account for BundleAccount {
    fn ask(&self, question: &Question) -> (Answer, Option<Timestamp>) {
        if question.operation == KEPT_SIGNATURES {
            return (Answer::Said(Value::Object(self.times.signatures.clone())), None);
        }
        let relative = relative(question);
        let name = relative.to_string_lossy().into_owned();
        let read_at = self.times.facts.get(&name).copied().or(self.times.captured_at);
        let Some(path) = inside(&self.root, &relative) else { return (Answer::Unasked, None) };
        let answer = match read_file(&path) {
            None => return (Answer::Unasked, None),
            Some(Ok(text)) => read_answer(&text),
            Some(Err(reason)) => Answer::Unreadable(reason),
        };
        (answer, read_at)
    }

    fn subjects(&self, operation: &'static str) -> Vec<String> {
        let mut names = Vec::new();
        if let Some(folder) = inside(&self.root, &Path::new("aws").join(operation)) {
            collect(&folder, "", 0, &mut names);
        }
        names.sort();
        names
    }
}

/// The names of all answers below a folder, subfolders included: a key may hold slashes.
fn collect(folder: &Path, before: &str, depth: usize, names: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (Ok(name), Ok(kind)) = (entry.file_name().into_string(), entry.file_type()) else {
            continue;
        };
        if kind.is_dir() && depth < FOLDERS {
            let plain = percent_decode_str(&name).decode_utf8_lossy().into_owned();
            collect(&entry.path(), &format!("{before}{plain}/"), depth + 1, names);
        } else if let Some(stem) = name.strip_suffix(".json").filter(|_| kind.is_file()) {
            let plain = percent_decode_str(stem).decode_utf8_lossy().into_owned();
            names.push(format!("{before}{plain}"));
        }
    }
}

/// An answer as the CLI prints it, or the error that stands in its place: as JSON, or in the CLI's
/// own words.
fn read_answer(text: &[u8]) -> Answer {
    let value: Value = match serde_json::from_slice(text) {
        Ok(value) => value,
        Err(error) => {
            if let Some(code) = cli_error(text) {
                return Answer::Error { code };
            }
            let place = format!("no JSON at line {}, column {}", error.line(), error.column());
            return Answer::Unreadable(place);
        }
    };
    match value.get("Error").and_then(|error| error.get("Code")) {
        Some(code) => Answer::Error { code: code.as_str().unwrap_or_default().to_owned() },
        None => Answer::Said(value),
    }
}

/// The code in `An error occurred (CODE) when calling the OPERATION operation: …`, which is all
/// that the CLI writes where AWS answers an error. See: awscli, `ClientError` of botocore.
fn cli_error(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?.trim_start();
    let text = text.strip_prefix("aws: [ERROR]: ").unwrap_or(text);
    let (code, rest) = text.strip_prefix("An error occurred (")?.split_once(')')?;
    let is_code = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.';
    let called = rest.starts_with(" when calling the ");
    (called && !code.is_empty() && code.bytes().all(is_code)).then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_in_the_words_of_the_cli_is_an_error() {
        let error = |code: &str| Answer::Error { code: code.to_owned() };
        let policy = b"\nAn error occurred (NoSuchBucketPolicy) when calling the GetBucketPolicy \
                       operation: The bucket policy does not exist\n";
        assert_eq!(read_answer(policy), error("NoSuchBucketPolicy"));
        let head =
            b"\naws: [ERROR]: An error occurred (404) when calling the HeadObject operation: \
                     Not Found\n";
        assert_eq!(read_answer(head), error("404"));
        for other in [
            "An error occurred",
            "An error occurred () when calling the X operation: ",
            "Unable to locate credentials. You can configure credentials by running \"aws login\".",
            "",
        ] {
            assert!(matches!(read_answer(other.as_bytes()), Answer::Unreadable(_)), "{other}");
        }
    }

    #[test]
    fn names_cannot_leave_the_folder() {
        assert_eq!(file_name("../../etc/passwd"), "%2E%2E/%2E%2E/etc/passwd");
        assert_eq!(file_name("a b/ü"), "a%20b/%C3%BC");
        assert_eq!(file_name(&"x".repeat(300)).len(), 64);
    }

    #[test]
    fn a_missing_file_is_a_missing_fact_and_an_error_a_fact_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let policy = folder.path().join("aws/s3api/get-bucket-policy");
        fs::create_dir_all(&policy).unwrap();
        fs::write(policy.join("b.json"), r#"{"Error": {"Code": "NoSuchBucketPolicy"}}"#).unwrap();
        let account = BundleAccount::open(folder.path());
        let ask = |about: &str| account.ask(&Question::new("s3api/get-bucket-policy", about)).0;
        assert_eq!(ask("b"), Answer::Error { code: "NoSuchBucketPolicy".to_owned() });
        assert_eq!(ask("c"), Answer::Unasked);
        assert_eq!(account.subjects("s3api/get-bucket-policy"), ["b"]);
    }
}
