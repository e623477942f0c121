//! Samples of the WAF's: support where one looks like the request, and never proof of absence.

use crate::causes::kind::Kind;
use crate::causes::opinion::{Opinion, Says};
use crate::viewer::plain;

const SAMPLES: &str = "wafv2/get-sampled-requests";

/// The opinion with what samples say. They have no request id: two requests of one address in one
/// second look the same.
pub(super) fn of_edge(kind: &Kind, opinion: Opinion) -> Opinion {
    let samples = &kind.sampled;
    let open = (Says::Silent..=Says::Supports).contains(&opinion.says);
    if !open || !(samples.blocked || samples.passed) {
        return opinion;
    }
    let alike = "of the same address, method, path and second";
    if !samples.blocked {
        return opinion.but(SAMPLES, format!("a sampled request {alike} was let pass"));
    }
    let by = samples.rule.as_deref().map(plain);
    let by = by.map_or_else(String::new, |rule| format!(" by {rule}"));
    let mut opinion = opinion;
    opinion.detail = opinion.detail.or(Some("edge"));
    if samples.passed {
        return opinion.but(
            SAMPLES,
            format!("of sampled requests {alike} one was blocked{by} and one passed"),
        );
    }
    opinion.says = Says::Supports;
    opinion.because(SAMPLES, format!("a sampled request {alike} was blocked{by}"))
}
