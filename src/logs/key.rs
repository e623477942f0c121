//! What an object's key tells, where it tells anything. Formats are told by content; a key only
//! adds what the content lacks: the distribution, the hour, the web ACL's five minutes.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

fn basename(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

fn utc(text: &str, format: &str) -> Option<Timestamp> {
    let moment = DateTime::strptime(format, text).ok()?;
    TimeZone::UTC.to_timestamp(moment).ok()
}

/// The distribution in `[PREFIX/]DISTID.YYYY-MM-DD-HH.UNIQUE.gz`. The folder is never asked:
/// version 2 lets everybody name folders as they please.
pub fn distribution(key: &str) -> Option<&str> {
    let id = basename(key).split('.').next()?;
    let known = id.len() >= 7
        && id.starts_with('E')
        && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    known.then_some(id)
}

/// The hour in which the requests of a standard log occurred. Only the whole name that CloudFront
/// gives tells it: a file that somebody unpacked, cut or put together is no longer that object.
pub fn hour(key: &str) -> Option<Timestamp> {
    distribution(key)?;
    let mut parts = basename(key).split('.').skip(1);
    let (stamp, _unique, end) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || !matches!(end, "gz" | "parquet") {
        return None;
    }
    utc(&format!("{stamp}-00"), "%Y-%m-%d-%H-%M")
}

/// The five minutes of a WAF log in `…_YYYYMMddTHHmmZ_HASH.log.gz`. Names of web ACLs may hold
/// `_`, so the name is read from its end.
pub fn waf_slot(key: &str) -> Option<Timestamp> {
    let stamp = basename(key).rsplit('_').nth(1)?;
    utc(stamp, "%Y%m%dT%H%MZ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_all_ages() {
        assert_eq!(
            distribution("p/EMLARXS9EXAMPLE.2019-11-14-20.RT4KCN4SGK9.gz"),
            Some("EMLARXS9EXAMPLE")
        );
        assert_eq!(distribution("access.log"), None);
        assert_eq!(
            hour("E1234567.2019-11-14-20.x.gz").unwrap().to_string(),
            "2019-11-14T20:00:00Z"
        );
        assert_eq!(hour("E1234567.2019-11-14-20.unpacked.log"), None);
        let key = "AWSLogs/1/WAFLogs/cloudfront/a_b/2025/05/07/03/50/1_waflogs_cloudfront_a_b_20250507T0350Z_0a7915da.log.gz";
        assert_eq!(waf_slot(key).unwrap().to_string(), "2025-05-07T03:50:00Z");
        assert_eq!(waf_slot("waf.log"), None);
    }
}
