//! Access logs of Application Load Balancers.
//!
//! Fields between spaces, some of them always in quotes. A quote, a backslash and what is no ASCII
//! are written `\xHH` inside them (DataBiosphere/azul#4920; AWS is silent), so that a field in
//! quotes ends at the next quote. The list of fields grew over the years; what comes behind the
//! known ones is not looked at.
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html>

use super::{Decoded, OriginLine, OriginLog, Path, Query, Said, Told, iso_time, status, token};
use crate::limits::ORIGIN_FIELDS;
use crate::logs::fault::FaultKind;
use crate::viewer::decode_once;

/// The places of the fields that are read.
mod place {
    pub(super) const TIME: usize = 1;
    pub(super) const STATUS: usize = 8;
    pub(super) const TARGET_STATUS: usize = 9;
    pub(super) const REQUEST: usize = 12;
    pub(super) const AGENT: usize = 13;
    pub(super) const TRACE: usize = 17;
    pub(super) const PRIORITY: usize = 20;
    pub(super) const CREATED: usize = 21;
    pub(super) const ACTIONS: usize = 22;
}

/// The types of a line. `conn_log` and `health_check_log` lines begin with a time.
const TYPES: [&[u8]; 7] = [b"https", b"http", b"h2", b"grpcs", b"grpc", b"wss", b"ws"];

/// Whether a line is one of such a log.
pub(super) fn is_line(line: &[u8]) -> bool {
    let mut words = line.split(|byte| *byte == b' ');
    let (kind, time, name) = (words.next(), words.next(), words.next());
    kind.is_some_and(|kind| TYPES.contains(&kind))
        && time.is_some_and(|time| time.get(10) == Some(&b'T'))
        && name.is_some_and(|name| name.starts_with(b"app/"))
}

/// Reads one line.
pub(super) fn read(line: &[u8]) -> Decoded {
    let fields =
        fields(line).ok_or((FaultKind::WrongColumns, "a quote that does not end its field"))?;
    let field = |place: usize| fields.get(place).copied().unwrap_or(b"-");
    // Lines of 2016 end with the trace id; older ones cannot be told apart by their actions, but
    // CloudFront's standard logs of that time are none that anybody asks about.
    if fields.len() <= place::TRACE {
        return Err((FaultKind::WrongColumns, "fewer fields than a load balancer writes"));
    }
    let to = iso_time(field(place::TIME)).ok_or((FaultKind::BadValue, "no time"))?;
    let from = match field(place::CREATED) {
        b"-" => to,
        created => iso_time(created).ok_or((FaultKind::BadValue, "no creation time"))?,
    };
    let answered = match field(place::STATUS) {
        // The client went away before there was an answer.
        b"-" => return Ok(None),
        answered => status(answered).ok_or((FaultKind::BadValue, "no status"))?,
    };
    let said = match (answered, field(place::TARGET_STATUS), last_action(field(place::ACTIONS))) {
        (403, b"403", _) => Said::Target,
        (403, b"-", b"waf") => Said::BalancerWaf,
        (403, b"-", b"fixed-response") => {
            let priority = std::str::from_utf8(field(place::PRIORITY)).ok();
            priority
                .and_then(|priority| priority.parse().ok())
                .map_or(Said::Balancer, Said::ListenerRule)
        }
        (403, _, _) => Said::Balancer,
        (other, _, _) => Said::Answered(OriginLog::LoadBalancer, other),
    };
    let (method, url) = request(field(place::REQUEST));
    let (host, path, query) = parts(url);
    let path = unescape(path);
    let line = OriginLine {
        to,
        from: from.min(to),
        method: token(method).unwrap_or("-").into(),
        host: String::from_utf8_lossy(host).to_ascii_lowercase().into(),
        path: Path::meant(&decode_once(&path)),
        query: Some(Query::of(&unescape(query))),
        agent: Some(unescape(field(place::AGENT)).into()),
        said,
    };
    Ok(Some(Told { line, ids: ids(field(place::TRACE)) }))
}

/// The fields of a line, without their quotes; `None` where a quote does not end.
fn fields(line: &[u8]) -> Option<Vec<&[u8]>> {
    let mut fields = Vec::with_capacity(40);
    let mut rest = line;
    while !rest.is_empty() && fields.len() < ORIGIN_FIELDS {
        let (field, behind) = match rest.strip_prefix(b"\"") {
            Some(quoted) => {
                let end = memchr::memchr(b'"', quoted)?;
                (quoted.get(..end)?, quoted.get(end + 1..)?)
            }
            None => {
                let end = memchr::memchr(b' ', rest).unwrap_or(rest.len());
                (rest.get(..end)?, rest.get(end..)?)
            }
        };
        fields.push(field);
        // What follows a closing quote at once was inside the field, and the quote no end of it.
        rest = if behind.is_empty() { behind } else { behind.strip_prefix(b" ")? };
    }
    Some(fields)
}

/// Actions come in the order in which they were taken: what ended a request stands last.
fn last_action(actions: &[u8]) -> &[u8] {
    actions.rsplit(|byte| *byte == b',').next().unwrap_or(actions)
}

/// Method and URL of `GET https://host:443/path?query HTTP/1.1`. The URL is as it was sent and may
/// hold spaces.
fn request(request: &[u8]) -> (&[u8], &[u8]) {
    let Some(first) = memchr::memchr(b' ', request) else { return (b"-", b"") };
    let last = memchr::memrchr(b' ', request).filter(|last| *last > first);
    let method = request.get(..first).unwrap_or_default();
    let url = request.get(first + 1..last.unwrap_or(request.len())).unwrap_or_default();
    (method, url)
}

/// Host, path and query of a URL.
fn parts(url: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let at = memchr::memmem::find(url, b"://").map_or(0, |at| at + 3);
    let rest = url.get(at..).unwrap_or_default();
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    let (authority, target) = rest.split_at_checked(end).unwrap_or((rest, b""));
    let port = authority.iter().rposition(|byte| *byte == b':');
    let port = port.filter(|at| authority.iter().skip(at + 1).all(u8::is_ascii_digit));
    let host = authority.get(..port.unwrap_or(authority.len())).unwrap_or_default();
    match memchr::memchr(b'?', target) {
        Some(at) => {
            (host, target.get(..at).unwrap_or_default(), target.get(at + 1..).unwrap_or_default())
        }
        None => (host, target, b""),
    }
}

/// Undoes `\xHH`.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        let escaped = rest.strip_prefix(b"\\x").and_then(|hex| hex.get(..2)).and_then(|hex| {
            let hex = std::str::from_utf8(hex).ok()?;
            u8::from_str_radix(hex, 16).ok()
        });
        match escaped {
            Some(byte) => {
                out.push(byte);
                rest = rest.get(4..).unwrap_or_default();
            }
            None => {
                out.push(byte);
                rest = behind;
            }
        }
    }
    out
}

/// The ids of `Root=1-…` and `Self=1-…;Root=1-…`. A viewer may have sent the root; which of the two
/// a WAF's record holds is documented nowhere.
fn ids(trace: &[u8]) -> Vec<Box<str>> {
    let parts = trace.split(|byte| *byte == b';').take(4);
    let named = parts.filter_map(|part| {
        let id = part.strip_prefix(b"Root=").or_else(|| part.strip_prefix(b"Self="))?;
        token(id).map(Into::into)
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(middle: &str, end: &str) -> String {
        format!(
            "https 2026-03-10T16:00:01.492521Z app/web/50dc6c495c0c9188 130.176.1.180:15419 {middle} 468 \
             446 \"GET https://a.example:443/a\\x22%20b?x=1 HTTP/1.1\" \"Amazon CloudFront\" - - - \
             \"Root=1-69b04001-746e9fa2335fb4946a2e6a24\" \"-\" \"-\" 7 2026-03-10T16:00:01.444637Z {end}"
        )
    }

    fn told(middle: &str, end: &str) -> Told {
        read(line(middle, end).as_bytes()).unwrap().unwrap()
    }

    const BY_TARGET: &str = "10.0.3.17:8080 0.001 0.042 0.000 403 403";
    const BY_ITSELF: &str = "- -1 -1 -1 403 -";

    #[test]
    fn who_answered_is_told_by_the_two_statuses_and_the_last_action() {
        assert_eq!(told(BY_TARGET, "\"waf,forward\" \"-\" \"-\"").line.said, Said::Target);
        assert_eq!(told(BY_ITSELF, "\"waf\"").line.said, Said::BalancerWaf);
        assert_eq!(told(BY_ITSELF, "\"waf,fixed-response\"").line.said, Said::ListenerRule(7));
        assert_eq!(told(BY_ITSELF, "\"waf-failed\"").line.said, Said::Balancer);
        assert_eq!(told(BY_ITSELF, "\"waf,authenticate\"").line.said, Said::Balancer);
        // A Lambda target has a status and no address.
        let lambda = told("- 0.001 0.042 0.000 403 403", "\"forward\"");
        assert_eq!(lambda.line.said, Said::Target);
        let other = told("10.0.3.17:8080 0.001 0.042 0.000 404 404", "\"forward\"");
        assert_eq!(other.line.said, Said::Answered(OriginLog::LoadBalancer, 404));
    }

    #[test]
    fn escapes_spaces_and_ports() {
        let told = told(BY_TARGET, "\"forward\"");
        assert_eq!(told.line.path, Path::meant(b"/a\" b"));
        assert_eq!(told.line.query, Some(Query::of(b"x=1")));
        assert_eq!(told.line.host.as_ref(), "a.example");
        assert_eq!(told.ids, [Box::from("1-69b04001-746e9fa2335fb4946a2e6a24")]);
        let (method, url) = request(b"GET http://h:80/a b  c HTTP/1.1");
        assert_eq!((method, parts(url)), (&b"GET"[..], (&b"h"[..], &b"/a b  c"[..], &b""[..])));
        assert_eq!(request(b"- http://h:80- -").0, b"-");
        assert_eq!(ids(b"Self=1-a;Root=1-b;Sampled=1"), [Box::from("1-a"), Box::from("1-b")]);
        assert_eq!(unescape(br"a\x5cb\xZZ\x"), br"a\b\xZZ\x");
    }

    #[test]
    fn fields_of_all_ages_and_of_none() {
        assert!(is_line(line(BY_TARGET, "").as_bytes()));
        assert!(!is_line(b"2026-03-10T16:00:01Z 1.2.3.4 443"));
        assert!(read(line(BY_TARGET, "").as_bytes()).is_ok());
        assert!(read(b"http 2026-03-10T16:00:01Z app/a/b 1.2.3.4:5 -").is_err());
        let unended = line(BY_TARGET, "\"waf");
        assert!(read(unended.as_bytes()).is_err());
        let ahead =
            line(BY_TARGET, "").replace("2026-03-10T16:00:01.4925", "9999-03-10T16:00:01.4925");
        assert!(read(ahead.as_bytes()).is_err());
    }
}
