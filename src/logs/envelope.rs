//! What CloudWatch Logs puts around a line.
//!
//! An export task writes a time before each message; a subscription, and the command line, write
//! an object that holds many messages as strings. The messages are lines like any others.

use std::borrow::Cow;

use memchr::memmem;
use serde::Deserialize;

#[derive(Deserialize)]
struct Messages<'a> {
    #[serde(rename = "messageType", default, borrow)]
    kind: Cow<'a, str>,
    #[serde(rename = "logEvents", alias = "events", borrow)]
    events: Vec<Event<'a>>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    message: Cow<'a, str>,
}

/// Hands the lines inside a line to `each`: itself, where nothing is around it.
pub fn open<B>(line: &[u8], mut each: impl FnMut(&[u8]) -> Option<B>) -> Option<B> {
    if line.starts_with(b"{")
        && is_envelope(line)
        && let Ok(messages) = serde_json::from_slice::<Messages<'_>>(line)
    {
        // A control message only asks whether anybody is there.
        if messages.kind == "CONTROL_MESSAGE" {
            return None;
        }
        let texts = messages.events.iter().map(|event| event.message.as_bytes());
        let mut lines = texts.flat_map(|text| text.split(|byte| *byte == b'\n'));
        return lines.find_map(|line| each(line.strip_suffix(b"\r").unwrap_or(line)));
    }
    each(after_export_time(line).unwrap_or(line))
}

/// Whether an object holds messages. A record of ours has neither key.
fn is_envelope(line: &[u8]) -> bool {
    let start = line.get(..line.len().min(4096)).unwrap_or_default();
    (memmem::find(start, b"\"logEvents\"").is_some()
        || memmem::find(start, b"\"events\"").is_some())
        && memmem::find(line, b"\"message\"").is_some()
}

/// What follows `2026-03-10T14:00:01.123Z `, which no log of CloudFront's own begins with.
fn after_export_time(line: &[u8]) -> Option<&[u8]> {
    if line.get(10) != Some(&b'T') || line.get(4) != Some(&b'-') || line.get(13) != Some(&b':') {
        return None;
    }
    let end = memchr::memchr(b' ', line.get(..40.min(line.len()))?)?;
    let (time, rest) = (line.get(..end)?, line.get(end + 1..)?);
    let moment = std::str::from_utf8(time).ok()?.parse::<jiff::Timestamp>();
    moment.is_ok().then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        let mut out = Vec::new();
        open(text.as_bytes(), |line| {
            out.push(String::from_utf8_lossy(line).into_owned());
            None::<()>
        });
        out
    }

    #[test]
    fn messages_come_out_of_what_is_around_them() {
        let message = r#"{"messageType":"DATA_MESSAGE","logGroup":"g","logEvents":[
            {"id":"1","timestamp":1,"message":"{\"a\":1}"},{"id":"2","message":"b\tc\r\nd"}]}"#;
        assert_eq!(lines(message), [r#"{"a":1}"#, "b\tc", "d"]);
        let control = r#"{"messageType":"CONTROL_MESSAGE","logEvents":[{"message":"x"}]}"#;
        assert_eq!(lines(control), Vec::<String>::new());
        assert_eq!(lines("2026-03-10T14:00:01.123Z {\"a\":1}"), [r#"{"a":1}"#]);
        assert_eq!(lines("2026-03-10\t14:00:01\tx y"), ["2026-03-10\t14:00:01\tx y"]);
    }
}
