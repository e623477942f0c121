//! Numbers and times in words.

use jiff::Timestamp;
use jiff::tz::TimeZone;

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

/// `40 s`, `30 min`, `5 h`.
pub(super) fn duration(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}

/// `1 line`, `20,210 lines`.
pub(super) fn several(number: u64, noun: &str) -> String {
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
