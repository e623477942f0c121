//! Resource policies: any text, any key, the three callers that CloudFront can be.
#![no_main]

use libfuzzer_sys::fuzz_target;
use why403::policy::{Caller, Context, Policy, Request, evaluate, nearest, public};

fuzz_target!(|text: &[u8]| {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let (policy, key) = text.rsplit_once('\n').unwrap_or((text, "a/b"));
    let Ok(policy) = Policy::parse(policy) else { return };
    let _ = public(&policy);
    let resource = format!("arn:aws:s3:::bucket/{key}");
    let distribution = "arn:aws:cloudfront::111122223333:distribution/E1";
    let callers = [
        (
            Caller::Service("cloudfront.amazonaws.com"),
            Context::of_origin_access_control(distribution, Some("111122223333")),
        ),
        (Caller::Oai { id: "E2", canonical: None }, Context::of_origin_access_identity()),
        (Caller::Anonymous, Context::of_anonymous()),
    ];
    for (caller, context) in callers {
        let request =
            Request { caller, action: "s3:GetObject", resource: &resource, context: &context };
        assert_eq!(evaluate(&policy, &request), evaluate(&policy, &request));
        let _ = nearest(&policy, &request);
    }
});
