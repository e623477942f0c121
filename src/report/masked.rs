//! What viewers saw in the place of a 403.

use std::collections::BTreeMap;

use super::MaskedAs;
use crate::account::facts::Facts;
use crate::causes::judge::{Confidence, Verdict};
use crate::causes::kind::Kind;
use crate::logs::record::Refusal;

/// The statuses and pages of custom error responses, and behind each how many refusals.
pub fn of<'a>(
    verdicts: impl Iterator<Item = (Refusal, &'a Kind, &'a Verdict)>,
    facts: &Facts,
) -> Vec<MaskedAs> {
    let mut seen: BTreeMap<(u16, Option<String>), (u64, u64)> = BTreeMap::new();
    for (refusal, kind, verdict) in verdicts {
        let mine = kind.distribution.as_deref().and_then(|id| facts.distributions.get(id));
        let page = kind.error_page(mine).map(|rule| rule.response_page_path.clone());
        let (requests, doubtful) = seen.entry((refusal.status, page)).or_default();
        *requests += 1;
        *doubtful += u64::from(verdict.confidence == Confidence::Possible);
    }
    let out = seen.into_iter().map(|((status, page), (requests, doubtful))| MaskedAs {
        status,
        page,
        requests,
        doubtful,
    });
    out.collect()
}
