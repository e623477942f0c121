//! Moments, as people name them on a command line.

#![expect(
    clippy::disallowed_methods,
    reason = "the command line has a clock: this is one of the ends"
)]

use jiff::{SignedDuration, Timestamp};

/// `30m`, `1h`, `2d` before now, or a moment.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(moment) = text.parse() {
        return Ok(moment);
    }
    let wrong = || "neither a duration such as 30m, 1h or 2d nor a moment".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let number = text.strip_suffix(unit).and_then(|number| number.parse::<u32>().ok());
    let seconds = match unit {
        'm' => 60,
        'h' => 3600,
        'd' => 86400,
        _ => return Err(wrong()),
    };
    let back = SignedDuration::from_secs(i64::from(number.ok_or_else(wrong)?) * seconds);
    Timestamp::now().checked_sub(back).map_err(|_| wrong())
}
