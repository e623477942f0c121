//! Which columns the lines of unconfirmed refusals lack, and what each of them would tell.
//!
//! Formats differ in what they have, and everybody may leave out columns. A column that is not
//! there is a missing fact like any other, and the reader can have it logged from now on.

use super::NotLogged;
use crate::causes::Cause;
use crate::causes::judge::{Confidence, Verdict};
use crate::logs::record::Refusal;

/// A column that verdicts rest on.
struct Evidence {
    name: &'static str,
    /// What it tells, as the end of "which …".
    tells: &'static str,
    /// Whether a line has it, or the same fact from somewhere else. A value that cannot be read is
    /// a fact that nobody has, as if the column were not there.
    is_there: fn(&Refusal) -> bool,
    /// The causes that it speaks for or against.
    decides: fn(Cause) -> bool,
}

const EVIDENCE: [Evidence; 12] = [
    Evidence {
        name: "x-edge-detailed-result-type",
        tells: "names refusals by country, by method, of malformed requests and of unknown names",
        is_there: |refusal| refusal.detailed_result_type.is_logged(),
        decides: |_| true,
    },
    Evidence {
        name: "x-edge-result-type",
        tells: "names refusals by functions at the edge",
        is_there: |refusal| refusal.result_type.is_logged(),
        decides: |cause| cause == Cause::EdgeFunction,
    },
    Evidence {
        name: "sc-content-type",
        tells: "tells, with sc-content-len, whose page the answer may be",
        is_there: |refusal| refusal.content_type.is_logged(),
        decides: |_| true,
    },
    Evidence {
        name: "sc-content-len",
        tells: "tells, with sc-content-type, whose page the answer may be",
        is_there: |refusal| refusal.content_length.is_logged(),
        decides: |_| true,
    },
    Evidence {
        name: "time-to-first-byte",
        tells: "tells whether the origin was asked",
        is_there: |refusal| {
            refusal.first_byte_ms.is_logged()
                || refusal.origin_first_byte_ms.is_logged()
                || refusal.origin_host.is_logged()
        },
        decides: |_| true,
    },
    Evidence {
        name: "x-edge-request-id",
        tells: "joins a request with its record in the WAF's log",
        is_there: |refusal| refusal.request_id.is_some(),
        decides: |cause| cause == Cause::Waf,
    },
    Evidence {
        name: "x-host-header",
        tells: "tells which name was asked for",
        is_there: |refusal| refusal.host.is_logged(),
        decides: |cause| matches!(cause, Cause::AlternateDomainName | Cause::SignedAccess),
    },
    Evidence {
        name: "cs-protocol",
        tells: "tells HTTP from HTTPS",
        is_there: |refusal| refusal.protocol.is_logged(),
        decides: |cause| matches!(cause, Cause::ViewerProtocol | Cause::SignedAccess),
    },
    Evidence {
        name: "cs-uri-query",
        tells: "holds the parameters of a signed URL",
        is_there: |refusal| refusal.query.is_logged(),
        decides: |cause| cause == Cause::SignedAccess,
    },
    Evidence {
        name: "cs(Cookie)",
        tells: "holds signed cookies",
        is_there: |refusal| refusal.cookie.is_logged(),
        decides: |cause| cause == Cause::SignedAccess,
    },
    Evidence {
        name: "time-taken",
        tells: "tells when a request began, which is when a signature must be valid",
        is_there: |refusal| refusal.time_taken_ms.is_some(),
        decides: |cause| cause == Cause::SignedAccess,
    },
    Evidence {
        name: "c-country",
        tells: "tells whether the viewer's country is served (--geoip FILE tells it by c-ip)",
        is_there: |refusal| refusal.country.is_logged() || refusal.country_by_address.is_some(),
        decides: |cause| cause == Cause::GeoRestriction,
    },
];

/// Counts, for each column that could decide an unconfirmed refusal and is not in its line, those
/// refusals. `country` tells whether something else knows the viewer's country.
pub fn of<'a>(
    verdicts: impl Iterator<Item = (Refusal, &'a Verdict)>,
    knows_country: impl Fn(&Refusal) -> bool,
) -> Vec<NotLogged> {
    let mut counts = [0u64; EVIDENCE.len()];
    for (refusal, verdict) in verdicts {
        if verdict.confidence == Confidence::Confirmed {
            continue;
        }
        for (column, count) in EVIDENCE.iter().zip(&mut counts) {
            let open = (column.decides)(verdict.cause)
                || verdict.alternatives.iter().any(|cause| (column.decides)(*cause));
            let known = || column.name == "c-country" && knows_country(&refusal);
            if open && !(column.is_there)(&refusal) && !known() {
                *count += 1;
            }
        }
    }
    EVIDENCE
        .iter()
        .zip(counts)
        .filter(|(_, requests)| *requests > 0)
        .map(|(column, requests)| NotLogged { column: column.name, requests, tells: column.tells })
        .collect()
}
