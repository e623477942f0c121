//! A few requests of a finding, to look at and to ask about.

use std::net::IpAddr;

use super::{ExampleOut, signed};
use crate::causes::Cause;
use crate::logs::record::Refusal;

/// How many requests are shown.
const SHOWN: usize = 3;

/// Some of a finding's `count` requests in their order in time, different ones if there are such.
/// `row` gives the n-th.
pub fn of(
    count: usize,
    row: impl Fn(usize) -> Option<Refusal>,
    cause: Cause,
    detail: Option<&str>,
) -> Vec<ExampleOut> {
    let mut chosen: Vec<Refusal> = Vec::new();
    for row in (0..count).filter_map(&row) {
        if chosen.len() == SHOWN {
            break;
        }
        if chosen.iter().all(|other| other.path != row.path || other.host != row.host) {
            chosen.push(row);
        }
    }
    // One path alone: a second request, so that not everything hangs on one.
    if let ([only], Some(last)) = (chosen.as_slice(), count.checked_sub(1).and_then(row))
        && *only != last
    {
        chosen.push(last);
    }
    chosen.iter().map(|row| example(row, cause, detail)).collect()
}

fn example(row: &Refusal, cause: Cause, detail: Option<&str>) -> ExampleOut {
    let by_address = matches!(
        cause,
        Cause::Waf | Cause::GeoRestriction | Cause::EdgeBlock | Cause::SignedAccess
    );
    let address = row.client_ip.value().and_then(|text| text.parse().ok());
    ExampleOut {
        request_id: row.request_id.as_deref().map(str::to_owned),
        time: row.time,
        method: row.method.to_string(),
        protocol: row.protocol.value().and_then(|name| protocol(name)),
        host: row.host.value().map(|host| host.shown()),
        path: row.path.shown(),
        network: address.filter(|_| by_address).map(network),
        signed: signed::of(row, cause, detail),
    }
}

fn protocol(logged: &str) -> Option<&'static str> {
    ["http", "https", "ws", "wss", "grpcs"].into_iter().find(|name| *name == logged)
}

/// The network of an address: whoever it is cannot be told from it.
pub(super) fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::record::Column;
    use crate::viewer::Viewer;

    fn refusal(second: i64, path: &str) -> Refusal {
        Refusal {
            time: jiff::Timestamp::from_second(second).unwrap(),
            method: "GET".into(),
            path: Viewer::new(path.as_bytes()),
            query: Column::Value(Viewer::new(b"Signature=secret")),
            client_ip: Column::Value("203.0.113.77".into()),
            ..Refusal::default()
        }
    }

    #[test]
    fn different_paths_come_first_and_the_address_is_shortened() {
        let rows = [refusal(1, "/a"), refusal(2, "/a"), refusal(3, "/b"), refusal(4, "/c")];
        let of = |cause| of(rows.len(), |place| rows.get(place).cloned(), cause, None);
        let shown = of(Cause::Waf);
        let paths: Vec<&str> = shown.iter().map(|one| one.path.as_str()).collect();
        assert_eq!(paths, ["/a", "/b", "/c"]);
        assert!(shown.iter().all(|one| one.network.as_deref() == Some("203.0.113.0/24")));
        assert!(of(Cause::S3Origin).iter().all(|one| one.network.is_none()));
    }

    #[test]
    fn one_path_is_shown_by_its_first_and_last_request() {
        let rows = [refusal(1, "/a"), refusal(2, "/a"), refusal(9, "/a")];
        let shown = of(rows.len(), |place| rows.get(place).cloned(), Cause::Waf, None);
        let times: Vec<i64> = shown.iter().map(|one| one.time.as_second()).collect();
        assert_eq!(times, [1, 9]);
    }
}
