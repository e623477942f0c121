//! Whether a cache policy or an origin request policy sends the viewer's Host to the origin.

use serde_json::Value;

/// Whether a policy sends the viewer's Host to the origin.
pub(super) fn forwards_host(answer: &Value, path: &str) -> Result<bool, String> {
    let headers = answer
        .pointer(path)
        .and_then(|config| config.get("HeadersConfig"))
        .ok_or("no `HeadersConfig` in it")?;
    let named = headers
        .pointer("/Headers/Items")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .any(|name| name.eq_ignore_ascii_case("host"));
    match headers.get("HeaderBehavior").and_then(Value::as_str) {
        Some("allViewer" | "allViewerAndWhitelistCloudFront") => Ok(true),
        Some("whitelist") => Ok(named),
        Some("allExcept") => Ok(!named),
        Some("none") => Ok(false),
        _ => Err("no `HeaderBehavior` that is known".to_owned()),
    }
}

/// Whether one of AWS's managed policies sends the Host; their IDs are the same everywhere.
/// (AWS, "Use managed origin request policies" and "Use managed cache policies".)
pub(super) fn managed_policy(id: &str) -> Option<bool> {
    match id {
        // AllViewer, AllViewerAndCloudFrontHeaders, HostHeaderOnly; UseOriginCacheControlHeaders
        // with and without query strings, Amplify.
        "216adef6-5c7f-47e4-b989-5492eafa07d3"
        | "33f36d7e-f396-46d9-90e0-52428a34d9dc"
        | "bf0718e1-ba1e-49d1-88b1-f726733018ae"
        | "83da9c7e-98b4-4e11-a168-04f0df8e2c65"
        | "4cc15a8a-d715-48a4-82b8-cc0b614638fe"
        | "2e54312d-136d-493c-8eb9-b001f22f67d2" => Some(true),
        // AllViewerExceptHostHeader, CORS-CustomOrigin, CORS-S3Origin, UserAgentRefererHeaders;
        // CachingOptimized, CachingOptimizedForUncompressedObjects, CachingDisabled.
        "b689b0a8-53d0-40ab-baf2-68738e2966ac"
        | "59781a5b-3903-41f3-afcb-af62929ccde1"
        | "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf"
        | "acba4595-bd28-49b8-b9fe-13317c0390fa"
        | "658327ea-f89d-4fab-a63d-7e88639e58f6"
        | "b2884449-e4de-46a7-ac36-70bc7f1ddd6d"
        | "4135ea2d-6df8-44a3-9df3-4b5a84be39ad" => Some(false),
        _ => None,
    }
}
