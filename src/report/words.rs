//! Numbers and times in words.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Finding, Window};

/// A few values, with blanks between them.
pub(super) fn listed(values: &[String]) -> String {
    const SHOWN: usize = 4;
    let mut text: Vec<&str> = values.iter().take(SHOWN).map(String::as_str).collect();
    if values.len() > SHOWN {
        text.push("…");
    }
    text.join(" ")
}

/// `2026-03-10 14:31`.
pub fn moment(time: Timestamp) -> String {
    TimeZone::UTC.to_datetime(time).strftime("%Y-%m-%d %H:%M").to_string()
}

/// `09:20:11`, for a request; its day is that of the finding.
pub(super) fn second(time: Timestamp) -> String {
    TimeZone::UTC.to_datetime(time).strftime("%H:%M:%S").to_string()
}

/// The clock alone, where the day is that of the first time.
fn clock(first: Timestamp, time: Timestamp) -> String {
    let day = |time: Timestamp| TimeZone::UTC.to_datetime(time).date();
    let format = if day(first) == day(time) { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    TimeZone::UTC.to_datetime(time).strftime(format).to_string()
}

/// `2026-03-10 14:31 to 15:00`, or the one minute.
pub(super) fn span(first: Timestamp, last: Timestamp) -> String {
    let (from, to) = (moment(first), clock(first, last));
    if from.ends_with(&to) { from } else { format!("{from} to {to}") }
}

/// Since when something is refused, or from when to when. A log that begins with refusals does not
/// tell when they began, and what is over is not told as if it went on.
pub(super) fn since(finding: &Finding, window: &Window) -> String {
    let (first, last) = (finding.first_seen, finding.last_seen);
    let least = if begins_with_log(finding, window) { "at least " } else { "" };
    match over_for(finding, window) {
        Some(rest) if first == last => {
            format!("at {} UTC; none in the {} of log after", moment(first), duration(rest))
        }
        Some(rest) => {
            let (from, to) = (moment(first), clock(first, last));
            let times = if from.ends_with(&to) {
                format!("at {from}")
            } else {
                format!("{least}from {from} to {to}")
            };
            format!("{times} UTC; none in the {} of log after", duration(rest))
        }
        None if least.is_empty() => format!("since {} UTC", moment(first)),
        None => format!("at least since {} UTC", moment(first)),
    }
}

/// Whether the first refusal is in the first minute of the log.
pub(super) fn begins_with_log(finding: &Finding, window: &Window) -> bool {
    window.start.is_some_and(|start| finding.first_seen.as_second() - start.as_second() < 60)
}

/// For how many seconds the log goes on after the last refusal, where that is long against the
/// time between two of them.
pub(super) fn over_for(finding: &Finding, window: &Window) -> Option<i64> {
    const LEAST: i64 = 300;
    let rest = window.end?.as_second() - finding.last_seen.as_second();
    let lasted = finding.last_seen.as_second() - finding.first_seen.as_second();
    let gaps = i64::try_from(finding.requests.saturating_sub(1)).unwrap_or(i64::MAX).max(1);
    (rest >= LEAST && rest > 3 * (lasted / gaps)).then_some(rest)
}

/// `40 s`, `30 min`, `5 h`.
pub(super) fn duration(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}

/// The same to the second where that is a few minutes, so that it agrees with the times beside it.
pub(super) fn to_the_second(seconds: i64) -> String {
    match seconds {
        120..600 if seconds % 60 != 0 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => duration(seconds),
    }
}

/// `1 line`, `20,210 lines`.
pub fn several(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", thousands(number), if number == 1 { "" } else { "s" })
}

/// `20,210`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1.7x`, `61x`; what was hardly ever served has no exact lift.
pub(super) fn times(lift: f64) -> String {
    match lift {
        ..10.0 => format!("{lift:.1}x"),
        ..1000.0 => format!("{lift:.0}x"),
        _ => ">999x".to_owned(),
    }
}
