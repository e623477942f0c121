//! How one value of a condition compares with one value of the request.
//!
//! Source: "IAM JSON policy elements: Condition operators". Every function answers `None` where
//! a value is not of the kind that the operator compares, since AWS does not say what then.

use std::cmp::Ordering;
use std::net::IpAddr;

use jiff::Timestamp;

/// Integers beyond this are not all numbers of their own in floating point, so that two
/// different ones could seem equal.
const LARGEST_EXACT_NUMBER: f64 = 9_007_199_254_740_992.0;

/// A range of addresses, such as `203.0.113.0/24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    network: IpAddr,
    /// `None` where the policy names an address alone.
    prefix: Option<u8>,
}

impl Range {
    pub(super) fn parse(text: &str) -> Option<Range> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let network: IpAddr = address.parse().ok()?;
        let prefix = match prefix {
            None => None,
            // `u8` would also read "+8", which is not CIDR notation.
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().ok().filter(|bits| *bits <= width(network))?)
            }
            Some(_) => return None,
        };
        Some(Range { network, prefix })
    }

    /// The page gives an address without a prefix "the default prefix value of /32". For IPv6
    /// that may be a slip for /128, so between the two it is unknown.
    fn contains(&self, address: IpAddr) -> Option<bool> {
        match self.prefix {
            Some(prefix) => Some(shares_prefix(self.network, address, prefix)),
            None if self.network == address => Some(true),
            None if self.network.is_ipv6() && shares_prefix(self.network, address, 32) => None,
            None => Some(false),
        }
    }

    /// Whether S3 takes the range for the whole world: wider than /8, or /32 in IPv6 ("Blocking
    /// public access to your Amazon S3 storage", the meaning of "public").
    pub(super) fn is_very_wide(&self) -> bool {
        match (self.network, self.prefix) {
            (_, None) => false,
            (IpAddr::V4(_), Some(prefix)) => prefix < 8,
            (IpAddr::V6(_), Some(prefix)) => prefix < 32,
        }
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn shares_prefix(network: IpAddr, address: IpAddr, prefix: u8) -> bool {
    let (differing_bits, width) = match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            (u128::from(network.to_bits() ^ address.to_bits()), 32)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => (network.to_bits() ^ address.to_bits(), 128),
        _ => return false,
    };
    let host_bits = u32::from(u8::saturating_sub(width, prefix));
    differing_bits.checked_shr(host_bits).unwrap_or(0) == 0
}

/// Whether the address of the request lies in the range of the policy. Whether an IPv4 address
/// in the clothes of IPv6 counts as one, AWS does not say.
pub(super) fn in_range(wanted: &str, actual: &str) -> Option<bool> {
    let address: IpAddr = actual.parse().ok()?;
    if address.to_canonical() != address {
        return None;
    }
    Range::parse(wanted)?.contains(address)
}

/// Whether both are the same truth value.
pub(super) fn same_bool(wanted: &str, actual: &str) -> Option<bool> {
    Some(boolean(wanted)? == boolean(actual)?)
}

/// `true` and `false`, which a policy may write as a string or as a JSON literal.
pub(super) fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// How the number of the request stands to that of the policy.
pub(super) fn order_of_numbers(actual: &str, wanted: &str) -> Option<Ordering> {
    number(actual)?.partial_cmp(&number(wanted)?)
}

fn number(text: &str) -> Option<f64> {
    let number: f64 = text.parse().ok()?;
    (number.abs() < LARGEST_EXACT_NUMBER).then_some(number)
}

/// How the time of the request stands to that of the policy.
pub(super) fn order_of_times(actual: &str, wanted: &str) -> Option<Ordering> {
    Some(time(actual)?.cmp(&time(wanted)?))
}

/// ISO 8601 as the W3C note profiles it, or seconds since 1970. Four digits could be a year or
/// a second, and twelve or more could be milliseconds: both are unknown.
fn time(text: &str) -> Option<Timestamp> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        if !(5..12).contains(&text.len()) {
            return None;
        }
        return Timestamp::from_second(text.parse().ok()?).ok();
    }
    if text.contains('T') {
        return text.parse().ok();
    }
    match text.len() {
        7 => format!("{text}-01T00:00:00Z").parse().ok(),
        10 => format!("{text}T00:00:00Z").parse().ok(),
        _ => None,
    }
}
