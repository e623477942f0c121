//! Log lines without what gives access: signatures, cookies, tokens, `authorization`.
//!
//! A value is masked letter by letter, so that its form stays what it was: a signature of the wrong
//! length or alphabet is as malformed afterwards as before, and no verdict changes. What CloudFront
//! itself reads of a signed request besides the signature (policy, expiry, key id) stays.

use std::borrow::Cow;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;

use serde_json::{Map, Value};

use super::fault::Faults;
use super::lines;
use super::names::{self, Dialect, Name};
use super::unpack::Unpacked;
use super::{parquet, row};
use crate::limits::Limits;
use crate::signature::{is_secret_name, tells_secret};

/// Copies a stored object as text without secrets, and says what could not be read of it. Parquet
/// becomes JSON lines.
pub fn copy(source: impl Read, limits: &Limits, out: &mut impl Write) -> io::Result<Faults> {
    let mut faults = Faults::default();
    let mut unpacked = match Unpacked::open(source) {
        Ok(unpacked) => unpacked,
        Err(fault) => {
            faults.push(fault);
            return Ok(faults);
        }
    };
    let mut failed = None;
    if unpacked.starts_with(parquet::MAGIC) {
        let read = unpacked.whole(limits.parquet_bytes).and_then(|bytes| {
            parquet::read(&bytes, limits, &mut faults, |row, _| {
                let written = write_line(out, json_of(row).as_bytes());
                failed = failed.take().or(written.err());
                Ok(())
            })
        });
        if let Err(fault) = read {
            faults.push(fault);
        }
    } else {
        let mut columns = Vec::new();
        lines::read_text(unpacked, limits, &mut faults, |line, _| {
            match write_line(out, &line_of(line.bytes, &mut columns)) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        });
    }
    match failed {
        Some(error) => Err(error),
        None => Ok(faults),
    }
}

fn write_line(out: &mut impl Write, line: &[u8]) -> io::Result<()> {
    out.write_all(line)?;
    out.write_all(b"\n")
}

/// A row of Parquet as the JSON that a delivery would write.
fn json_of(row: &row::Row<'_>) -> String {
    let mut object = Map::new();
    for (name, value) in row.named() {
        let value = masked_column(names::of(name.as_bytes(), Dialect::Standard), value);
        let value = String::from_utf8_lossy(&value).into_owned();
        object.insert(name.to_owned(), Value::String(value));
    }
    Value::Object(object).to_string()
}

/// A line without secrets. `columns` are those of the last header.
fn line_of<'a>(line: &'a [u8], columns: &mut Vec<Option<Name>>) -> Cow<'a, [u8]> {
    if let Some(header) = line.strip_prefix(b"#Fields:") {
        let words = header.split(|byte| b" \t".contains(byte)).filter(|word| !word.is_empty());
        *columns = words.map(|word| names::of(word, Dialect::Standard)).collect();
        return Cow::Borrowed(line);
    }
    if line.starts_with(b"#") {
        return Cow::Borrowed(line);
    }
    if line.trim_ascii_start().starts_with(b"{") {
        return match serde_json::from_slice::<Value>(line) {
            Ok(mut value) => {
                mask_json(None, &mut value);
                Cow::Owned(value.to_string().into_bytes())
            }
            Err(_) => Cow::Owned(masked_pairs(line)),
        };
    }
    let mut out = Vec::with_capacity(line.len());
    for (place, cell) in line.split(|byte| *byte == b'\t').enumerate() {
        if place > 0 {
            out.push(b'\t');
        }
        match columns.get(place) {
            Some(name) => out.extend(masked_column(*name, cell)),
            None => out.extend(masked_cell(cell)),
        }
    }
    Cow::Owned(out)
}

/// A column whose name is known.
fn masked_column(name: Option<Name>, value: &[u8]) -> Vec<u8> {
    match name {
        Some(Name::Cookie) => masked_cookies(value),
        // A path is what a bucket is asked for; in real-time logs the query follows it.
        Some(Name::Path) => masked_cell(value),
        _ => masked_pairs(value),
    }
}

/// A column whose name nobody knows.
fn masked_cell(value: &[u8]) -> Vec<u8> {
    if value.starts_with(b"/") {
        let end = memchr::memchr(b'?', value).unwrap_or(value.len());
        let (path, query) = value.split_at(end);
        return [path, &masked_pairs(query)].concat();
    }
    let is_pair = |part: &[u8]| part.contains(&b'=') && !part.contains(&b'&');
    if value.split(|byte| *byte == b';').all(is_pair) {
        return masked_cookies(value);
    }
    if memchr::memmem::find(value, b"%0A").is_some() {
        return masked_headers(value);
    }
    masked_pairs(value)
}

/// Headers as real-time logs write them, `name:value` joined by an encoded line end.
fn masked_headers(value: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(value);
    let headers = text.split("%0A").map(|header| match header.split_once(':') {
        Some((name, value)) => {
            let value = masked_header(name, value.as_bytes());
            format!("{name}:{}", String::from_utf8_lossy(&value))
        }
        None => header.to_owned(),
    });
    headers.collect::<Vec<_>>().join("%0A").into_bytes()
}

fn masked_header(name: &str, value: &[u8]) -> Vec<u8> {
    let name = name.to_ascii_lowercase();
    if name == "cookie" {
        masked_cookies(value)
    } else if name.contains("authorization") || is_secret_name(name.as_bytes()) {
        masked(value)
    } else {
        masked_pairs(value)
    }
}

/// Every cookie's value, save those that CloudFront reads besides the signature.
fn masked_cookies(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    for (place, cookie) in value.split(|byte| *byte == b';').enumerate() {
        if place > 0 {
            out.push(b';');
        }
        match memchr::memchr(b'=', cookie).and_then(|at| cookie.split_at_checked(at + 1)) {
            Some((name, value)) if !is_read(name) => {
                out.extend_from_slice(name);
                out.extend(masked(value));
            }
            _ => out.extend_from_slice(cookie),
        }
    }
    out
}

/// Names of what CloudFront reads of a signed request besides the signature itself.
fn is_read(name: &[u8]) -> bool {
    let read = [
        "policy=",
        "expires=",
        "key-pair-id=",
        "hash-algorithm=",
        "cloudfront-policy=",
        "cloudfront-expires=",
        "cloudfront-key-pair-id=",
        "cloudfront-hash-algorithm=",
    ];
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    read.iter().any(|known| name.trim_start_matches("%20").trim() == *known)
}

/// Every pair in a text whose name is that of a secret, or whose value carries one.
fn masked_pairs(text: &[u8]) -> Vec<u8> {
    const BETWEEN: &[u8] = b"&?; \t\"',|";
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| BETWEEN.contains(byte)).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        match memchr::memchr(b'=', piece).and_then(|at| piece.split_at_checked(at + 1)) {
            Some((name, value)) if !is_read(name) => {
                let bare = name.strip_suffix(b"=").unwrap_or(name);
                out.extend_from_slice(name);
                match is_secret_name(bare) || tells_secret(value) {
                    true => out.extend(masked(value)),
                    false => out.extend_from_slice(value),
                }
            }
            _ => out.extend_from_slice(piece),
        }
        let (separator, more) = after.split_at(after.len().min(1));
        out.extend_from_slice(separator);
        rest = more;
    }
    out
}

/// Letters and digits give way to one letter; an encoded byte stays what it is.
fn masked(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    let mut at = 0;
    while let Some(byte) = value.get(at) {
        if *byte == b'%' {
            // `%2B`, and `%252B` where it was encoded twice.
            let mut end = at + 1;
            while value.get(end..end + 2) == Some(b"25") {
                end += 2;
            }
            let end = (end + 2).min(value.len());
            out.extend_from_slice(value.get(at..end).unwrap_or_default());
            at = end;
        } else {
            out.push(if byte.is_ascii_alphanumeric() { b'A' } else { *byte });
            at += 1;
        }
    }
    out
}

/// The texts of a JSON record: under the name of a column, of a header, or of anything else.
fn mask_json(name: Option<&str>, value: &mut Value) {
    match value {
        Value::String(text) => {
            let column = name.and_then(|name| names::of(name.as_bytes(), Dialect::Standard));
            let masked = match name {
                Some("uri") => return,
                Some("cs-headers") => masked_headers(text.as_bytes()),
                _ => masked_column(column, text.as_bytes()),
            };
            *text = String::from_utf8_lossy(&masked).into_owned();
        }
        Value::Array(items) => items.iter_mut().for_each(|item| mask_json(name, item)),
        Value::Object(fields) => {
            // A header of a WAF record.
            let header = fields.get("name").and_then(Value::as_str).map(str::to_owned);
            if let (Some(header), Some(Value::String(text))) = (header, fields.get_mut("value")) {
                let masked = masked_header(&header, text.as_bytes());
                *text = String::from_utf8_lossy(&masked).into_owned();
                return;
            }
            fields.iter_mut().for_each(|(name, value)| mask_json(Some(name), value));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copied(text: &str) -> String {
        let mut out = Vec::new();
        let faults = copy(text.as_bytes(), &Limits::default(), &mut out).unwrap();
        assert!(faults.is_empty());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn secrets_go_and_what_is_judged_stays() {
        let log = "#Version: 1.0\n#Fields: cs-uri-stem cs-uri-query cs(Cookie) sc-status\n\
            /token=a/b.jpg\tExpires=1&Signature=aB%2B-9~__&Key-Pair-Id=K1&v=2\t\
            sid=Zq7;%20CloudFront-Policy=eyJ;%20CloudFront-Signature=Zq8\t403\n";
        let wanted = "#Version: 1.0\n#Fields: cs-uri-stem cs-uri-query cs(Cookie) sc-status\n\
            /token=a/b.jpg\tExpires=1&Signature=AA%2B-A~__&Key-Pair-Id=K1&v=2\t\
            sid=AAA;%20CloudFront-Policy=eyJ;%20CloudFront-Signature=AAA\t403\n";
        assert_eq!(copied(log), wanted);
        assert_eq!(copied(&copied(log)), wanted, "the same twice changes nothing");
    }

    #[test]
    fn headers_of_waf_records_lose_what_gives_access() {
        let record = r#"{"action":"BLOCK","httpRequest":{"args":"a=1&token=Zq7","headers":[
            {"name":"Cookie","value":"s=Zq7"},{"name":"authorization","value":"Bearer Zq7"},
            {"name":"x-amz-cf-id","value":"Zq8=="},{"name":"host"}],"uri":"/a=Zq8"}}"#;
        let shown = copied(&record.replace('\n', ""));
        assert!(!shown.contains("Zq7"), "{shown}");
        assert_eq!(shown.matches("Zq8").count(), 2, "{shown}");
    }

    #[test]
    fn lines_without_a_header_are_masked_by_what_stands_in_them() {
        let line =
            "1.5\t/a?Signature=Zq7&b=1\ts=Zq7;t=Zq7\tHost:x%0AAuthorization:Zq7\tMozilla; x\n";
        let shown = copied(line);
        assert_eq!(shown.matches("Zq7").count(), 0, "{shown}");
        assert!(shown.contains("b=1\ts=AAA;t=AAA\tHost:x%0A") && shown.ends_with("Mozilla; x\n"));
    }
}
