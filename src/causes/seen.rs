//! What was seen of requests where nothing decides, so that whoever looks further need not begin at
//! nothing.

use super::kind::{Host, Kind, OriginAsked, Page, Protocol, WafSeen};
use super::opinion::{Evidence, LOG, WAF_LOG};
use super::{distribution_disabled, origin_log};

/// What the logs tell of requests of one kind, without judging it.
pub(super) fn of(kind: &Kind) -> Vec<Evidence> {
    let mut seen = Vec::new();
    let mut log = |says: String| seen.push(Evidence::seen(LOG, says));
    if let Some(result) = kind.detailed().filter(|result| *result != "Error") {
        log(format!("the detailed result type is {}", crate::viewer::plain(result)));
    }
    if kind.page != Page::Unknown {
        log(format!("the answer is {}", kind.page.words()));
    }
    match kind.origin {
        OriginAsked::Yes => log("the origin was asked".to_owned()),
        OriginAsked::Slowly => log(
            "the first byte took as long as an origin's, though the answer is as long as a page \
             that CloudFront makes"
                .to_owned(),
        ),
        OriginAsked::No => log("the origin was not asked, or the answer was cached".to_owned()),
        OriginAsked::Unknown => {}
    }
    match kind.protocol {
        Protocol::Plain => log("the requests came over plain HTTP".to_owned()),
        Protocol::Tls | Protocol::Unknown => {}
    }
    if !matches!(kind.method.as_ref(), "GET" | "HEAD") {
        log(format!("the method is {}", kind.method));
    }
    match kind.waf {
        WafSeen::Passed => seen.push(Evidence::seen(WAF_LOG, "the WAF let these requests pass")),
        WafSeen::Silent => seen.push(Evidence::seen(
            WAF_LOG,
            "the logs reach over that time and have no record of these requests",
        )),
        WafSeen::Interrupted => {
            seen.push(Evidence::seen(WAF_LOG, "the WAF asked for a CAPTCHA or sent a challenge"))
        }
        WafSeen::Blocked { .. } | WafSeen::NotYet | WafSeen::NoLogs | WafSeen::Redacted => {}
    }
    if kind.origin_waf == WafSeen::Passed {
        let says = "the WAF in front of the origin let these requests pass";
        seen.push(Evidence::seen(WAF_LOG, says));
    }
    if matches!(kind.host, Host::Foreign(_) | Host::Elsewhere(..)) {
        seen.push(Evidence::seen(
            match kind.host_by_list {
                true => "cloudfront/list-distributions",
                false => "cloudfront/get-distribution",
            },
            "the Host is none of the distribution's names in the configuration that was read",
        ));
    }
    if kind.serves_while_off {
        seen.push(Evidence::seen(LOG, distribution_disabled::SERVED));
    }
    if let Some(said) = origin_log::evidence(&kind.origin_said) {
        seen.push(Evidence::seen(said.source, said.says));
    }
    if seen.is_empty() {
        seen.push(Evidence::seen(LOG, "no column of these lines tells who refused"));
    }
    seen
}
