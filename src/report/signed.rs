//! What the signatures of a finding's requests say, beside what was asked.

use super::EvidenceOut;
use super::words::duration;
use crate::causes::Cause;
use crate::causes::kind::told;
use crate::causes::opinion::{LOG, Speaks};
use crate::logs::record::Refusal;

/// What one request's signature is for, as far as it is the matter. It holds what a viewer sent.
pub(super) fn of(row: &Refusal, cause: Cause, detail: Option<&str>) -> Option<String> {
    if cause != Cause::SignedAccess {
        return None;
    }
    let (told, _) = told(row)?;
    match detail? {
        "policy-mismatch" => {
            let asked = told.asked.map_or_else(String::new, |url| format!(", asked for {url}"));
            Some(format!("signed for {}{asked}", told.resource?))
        }
        "ip-mismatch" => Some(format!("signed for viewers from {}", told.viewers?)),
        _ => None,
    }
}

/// By how long they came too late or too early: from the shortest time to the longest. Some of a
/// finding's requests stand for all.
pub(super) fn evidence(
    rows: impl Iterator<Item = Refusal>,
    cause: Cause,
    detail: Option<&str>,
) -> Option<EvidenceOut> {
    if cause != Cause::SignedAccess {
        return None;
    }
    let by = |row: Refusal| {
        let (told, began) = told(&row)?;
        match detail? {
            "expired" => Some(began? - told.ends?),
            "not-yet-valid" => Some(told.starts? - began?),
            _ => None,
        }
    };
    let by: Vec<i64> = rows.filter_map(by).filter(|seconds| *seconds >= 0).collect();
    let (least, most) = (by.iter().min()?, by.iter().max()?);
    let (least, most) = (long(*least), long(*most));
    let time = if least == most { least } else { format!("{least} to {most}") };
    let says = match detail? {
        "expired" => format!("the signatures expired {time} before the requests came"),
        _ => format!("the signatures are valid from {time} after the requests came"),
    };
    Some(EvidenceOut {
        source: LOG.to_owned(),
        says,
        requests: by.len() as u64,
        speaks: Speaks::For.id(),
    })
}

/// Both of one request, as evidence.
pub(super) fn facts(row: &Refusal, cause: Cause, detail: Option<&str>) -> Vec<EvidenceOut> {
    let what = of(row, cause, detail).map(|says| EvidenceOut {
        source: LOG.to_owned(),
        says,
        requests: 1,
        speaks: Speaks::Neither.id(),
    });
    evidence(std::iter::once(row.clone()), cause, detail).into_iter().chain(what).collect()
}

/// A duration; what is longer than two days in days.
fn long(seconds: i64) -> String {
    const DAY: i64 = 86_400;
    match seconds {
        seconds if seconds >= 2 * DAY => format!("{} d", seconds / DAY),
        seconds => duration(seconds),
    }
}
