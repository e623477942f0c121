//! S3's server access logs, as text and as the JSON that CloudWatch Logs gets.
//!
//! Fields between spaces. Request, referer and agent stand in quotes, and may hold quotes that
//! nothing escapes; the requester may hold spaces, where it is an origin access identity.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html>

use std::borrow::Cow;

use memchr::memmem;
use serde::Deserialize;

use super::{Caller, Decoded, OriginLine, OriginLog, Path, Said, Told};
use super::{bracketed_time, iso_time, status, token};
use crate::logs::fault::FaultKind;
use crate::viewer::decode_once;

/// How the line of an origin access identity begins, behind the partition.
const IDENTITY: &[u8] = b":iam::cloudfront:user/CloudFront Origin Access Identity ";

/// The requester of every origin access control.
const SERVICE: &[u8] = b"svc:cloudfront.amazonaws.com";

/// Whether a line is one of such a log: the time stands third, in brackets.
pub(super) fn is_line(line: &[u8]) -> bool {
    let mut words = line.splitn(4, |byte| *byte == b' ');
    let (owner, bucket, time) = (words.next(), words.next(), words.next());
    let plain = |word: &[u8]| token(word).is_some();
    owner.is_some_and(|owner| owner == b"-" || plain(owner))
        && bucket.is_some_and(plain)
        && time.is_some_and(|time| time.first() == Some(&b'[') && time.get(3) == Some(&b'/'))
        && words.next().is_some_and(|rest| rest.get(5) == Some(&b']'))
}

/// Whether a line is a record of CloudWatch Logs.
pub(super) fn is_record(line: &[u8]) -> bool {
    let has = |key: &[u8]| memmem::find(line, key).is_some();
    line.starts_with(b"{")
        && has(b"\"bucket_name\"")
        && has(b"\"http_status\"")
        && has(b"\"operation\"")
}

/// What both forms tell.
struct Parts<'a> {
    bucket: &'a [u8],
    requester: &'a [u8],
    operation: &'a [u8],
    key: &'a [u8],
    status: u16,
    code: &'a [u8],
}

/// Reads one line.
pub(super) fn read(line: &[u8]) -> Decoded {
    let short = (FaultKind::WrongColumns, "fewer fields than S3 writes");
    let (_owner, rest) = word(line).ok_or(short)?;
    let (bucket, rest) = word(rest).ok_or(short)?;
    let rest = rest.strip_prefix(b"[").ok_or(short)?;
    let end = memchr::memchr(b']', rest).ok_or(short)?;
    let (time, rest) = rest.split_at_checked(end).ok_or(short)?;
    let time = bracketed_time(time).ok_or((FaultKind::BadValue, "no time"))?;
    let rest = rest.strip_prefix(b"] ").ok_or(short)?;
    let (_address, rest) = word(rest).ok_or(short)?;
    let (requester, rest) = requester(rest).ok_or(short)?;
    let (_request_id, rest) = word(rest).ok_or(short)?;
    let (operation, rest) = word(rest).ok_or(short)?;
    let (key, rest) = word(rest).ok_or(short)?;
    let Some((status, code)) = behind_request(rest)? else { return Ok(None) };
    let parts = Parts { bucket, requester, operation, key, status, code };
    Ok(told(time, &parts))
}

/// The word with which a text begins, and what is behind it.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b' ', text)?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

/// As [`word`], for the one field that may hold spaces outside of quotes.
// See: elastic/integrations#20417: the spaces of an origin access identity shifted all fields.
fn requester(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let name = text.get(..text.len().min(100))?;
    match memmem::find(name, IDENTITY).filter(|at| !name.get(..*at).unwrap_or(b" ").contains(&b' '))
    {
        Some(at) => {
            let id = at + IDENTITY.len();
            let end = id + memchr::memchr(b' ', text.get(id..)?)?;
            Some((text.get(..end)?, text.get(end + 1..)?))
        }
        None => word(text),
    }
}

/// Status and code behind the request. What a viewer sent may look like them, so they are taken
/// only where one place alone has the form of all that follows.
fn behind_request(text: &[u8]) -> Result<Option<(u16, &[u8])>, super::Unread> {
    if let Some(rest) = text.strip_prefix(b"- ") {
        return Ok(numbers(rest));
    }
    let Some(quoted) = text.strip_prefix(b"\"") else {
        return Err((FaultKind::WrongColumns, "no request where S3 writes it"));
    };
    let mut found = memmem::find_iter(quoted, b"\" ")
        .filter_map(|at| numbers(quoted.get(at + 2..).unwrap_or_default()));
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(Some(one)),
        (None, _) => Err((FaultKind::BadValue, "no status behind the request")),
        _ => Err((FaultKind::BadValue, "the request holds what looks like a status of S3")),
    }
}

/// Status and code, if sizes, times and a field in quotes follow them.
fn numbers(text: &[u8]) -> Option<(u16, &[u8])> {
    let (answered, rest) = word(text)?;
    let (code, mut rest) = word(rest)?;
    for _ in 0..4 {
        let (number, behind) = word(rest)?;
        let fits = number == b"-" || number.iter().all(u8::is_ascii_digit);
        rest = Some(behind).filter(|_| fits)?;
    }
    let known = code == b"-" || token(code).is_some();
    (known && matches!(rest.first(), Some(b'"' | b'-'))).then_some(())?;
    Some((status(answered)?, code))
}

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow, default)]
    bucket_name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    request_time: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    requester: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    operation: Option<Cow<'a, str>>,
    #[serde(borrow, default, alias = "key")]
    key_name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    error_code: Option<Cow<'a, str>>,
    #[serde(default)]
    http_status: serde_json::Value,
}

/// Reads one record of CloudWatch Logs; what is not set is `null` there.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/sal-cw-log-format.html>
pub(super) fn read_record(line: &[u8]) -> Decoded {
    let record: Record<'_> = serde_json::from_slice(line)
        .map_err(|_| (FaultKind::BadJson, "no record of a server access log"))?;
    let text = |value: &Option<Cow<'_, str>>| value.as_deref().unwrap_or("-").as_bytes().to_vec();
    let time = text(&record.request_time);
    let time = iso_time(&time)
        .or_else(|| bracketed_time(time.strip_prefix(b"[")?.strip_suffix(b"]")?))
        .ok_or((FaultKind::BadValue, "no time"))?;
    let answered = match &record.http_status {
        serde_json::Value::Null => return Ok(None),
        serde_json::Value::String(text) => status(text.as_bytes()),
        other => other.as_u64().and_then(|number| u16::try_from(number).ok()),
    };
    let parts = Parts {
        bucket: &text(&record.bucket_name),
        requester: &text(&record.requester),
        operation: &text(&record.operation),
        key: &text(&record.key_name),
        status: answered.ok_or((FaultKind::BadValue, "no status"))?,
        code: &text(&record.error_code),
    };
    Ok(told(time, &parts))
}

fn told(time: jiff::Timestamp, parts: &Parts<'_>) -> Option<Told> {
    // `REST.GET.OBJECT`, `WEBSITE.GET.OBJECT`; what S3 does by itself is no request.
    let mut operation = parts.operation.split(|byte| *byte == b'.');
    let method = match (operation.next(), operation.next()) {
        (Some(b"REST" | b"WEBSITE"), Some(method)) => token(method)?,
        _ => return None,
    };
    let said = match parts.status {
        403 => Said::Bucket {
            code: token(parts.code).unwrap_or("-").into(),
            caller: caller(parts.requester),
        },
        other => Said::Answered(OriginLog::Bucket, other),
    };
    // Text holds a key encoded twice (measured: Yelp, 2025-09); undoing it once too often leaves
    // all keys as they are that hold no percent sign.
    let key = if parts.key == b"-" { &b""[..] } else { parts.key };
    let line = OriginLine {
        to: time,
        from: time,
        method: method.into(),
        host: String::from_utf8_lossy(parts.bucket).to_ascii_lowercase().into(),
        path: Path::meant(&decode_once(&decode_once(key))),
        query: None,
        agent: None,
        said,
    };
    Some(Told { line, ids: Vec::new() })
}

fn caller(requester: &[u8]) -> Caller {
    let id = memmem::find(requester, IDENTITY)
        .and_then(|at| requester.get(at + IDENTITY.len()..))
        .and_then(token);
    match (requester, id) {
        (b"-", _) => Caller::Unsigned,
        (SERVICE, _) => Caller::Service,
        (_, Some(id)) => Caller::Identity(id.into()),
        _ => Caller::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(requester: &str, key: &str, request: &str) -> String {
        format!(
            "79a59df900b949e5 media [06/Feb/2019:00:00:38 +0000] - {requester} 3E57427F3EXAMPLE \
             REST.GET.OBJECT {key} {request} 403 AccessDenied 243 - 12 - \"-\" \"-\" - s9lz SigV4 - \
             AuthHeader media.s3.eu-west-1.amazonaws.com TLSv1.3 - -"
        )
    }

    fn read_one(text: &str) -> OriginLine {
        read(text.as_bytes()).unwrap().unwrap().line
    }

    #[test]
    fn callers_and_keys() {
        let one =
            read_one(&line("svc:cloudfront.amazonaws.com", "a%2520b", "\"GET /a%20b HTTP/1.1\""));
        assert!(is_line(line("-", "a", "\"-\"").as_bytes()));
        assert_eq!(one.said, Said::Bucket { code: "AccessDenied".into(), caller: Caller::Service });
        assert_eq!(one.path, Path::meant(b"a b"));
        assert_eq!(one.from.to_string(), "2019-02-06T00:00:38Z");
        let identity = "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E2ABC";
        let one = read_one(&line(identity, "a", "\"GET /a HTTP/1.1\""));
        let caller = Caller::Identity("E2ABC".into());
        assert_eq!(one.said, Said::Bucket { code: "AccessDenied".into(), caller });
        let one = read_one(&line("arn:aws:iam::1:user/x", "a", "\"GET /a HTTP/1.1\""));
        assert_eq!(one.said, Said::Bucket { code: "AccessDenied".into(), caller: Caller::Other });
    }

    #[test]
    fn quotes_in_a_request_are_no_end_and_forge_nothing() {
        let one = read_one(&line("-", "a", "\"GET /a\"b HTTP/1.1\""));
        assert_eq!(
            one.said,
            Said::Bucket { code: "AccessDenied".into(), caller: Caller::Unsigned }
        );
        let forged = line("-", "a", "\"GET /a\" 403 InvalidObjectState 1 1 1 1 \" HTTP/1.1\"");
        assert_eq!(read(forged.as_bytes()).err().unwrap().0, FaultKind::BadValue);
    }

    #[test]
    fn what_s3_does_by_itself_is_no_request() {
        let text = line("AmazonS3", "a", "-").replace("REST.GET.OBJECT", "S3.EXPIRE.OBJECT");
        assert!(read(text.as_bytes()).unwrap().is_none());
        assert!(read(b"a b [06/Feb/2019:00:00:38 +0000] -").is_err());
    }

    #[test]
    fn records_of_cloudwatch_logs() {
        let text = br#"{"bucket_name":"media","request_time":"2026-03-10T14:00:01.250Z",
            "requester":null,"operation":"WEBSITE.GET.OBJECT","key_name":"a","http_status":403,
            "error_code":"InvalidObjectState"}"#;
        assert!(is_record(text));
        let one = read_record(text).unwrap().unwrap().line;
        let code = "InvalidObjectState".into();
        assert_eq!(one.said, Said::Bucket { code, caller: Caller::Unsigned });
        assert!(read_record(br#"{"bucket_name":"m","http_status":"x"}"#).is_err());
    }
}
