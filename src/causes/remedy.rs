//! What to do about a cause, with the real names filled in.

use std::collections::BTreeSet;

use super::Cause;
use crate::account::bucket;
use crate::account::command::quoted;
use crate::account::distribution::Behavior;
use crate::account::facts::DistributionFacts;
use crate::viewer::printable;

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// In one sentence.
    pub summary: String,
    /// Step by step; a step may be a command.
    pub steps: Vec<String>,
}

/// What a remedy is for.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The cause.
    pub cause: Cause,
    /// The detail.
    pub detail: Option<&'static str>,
    /// The WAF rule.
    pub rule: Option<&'a str>,
    /// The behaviour, by its place.
    pub behavior: Option<usize>,
    /// The key of one of the objects in its bucket.
    pub key: Option<&'a str>,
    /// Whether facts are missing that would decide more.
    pub open: bool,
    /// What else it may have been.
    pub alternatives: &'a BTreeSet<Cause>,
}

/// The remedy of a case of one distribution.
pub fn of(case: &Case<'_>, facts: Option<&DistributionFacts>) -> Remedy {
    let Case { cause, detail, rule, behavior, .. } = *case;
    let key = case.key.map_or_else(|| "KEY".to_owned(), quoted);
    let id = facts.map_or("the distribution", |facts| facts.id.as_str());
    let asked = facts.map_or_else(|| "ID".to_owned(), |facts| quoted(&facts.id));
    let distribution = facts.and_then(|facts| facts.distribution.known());
    let matched = distribution
        .and_then(|distribution| behavior.and_then(|index| distribution.behaviors().nth(index)));
    let origin = distribution.zip(matched).and_then(|(distribution, behavior)| {
        distribution.origins_of(behavior).first().map(|origin| origin.domain_name.clone())
    });
    let origin = origin.as_deref().unwrap_or("the origin");
    let bucket = bucket::endpoint(origin).map_or_else(|| "BUCKET".to_owned(), |e| e.bucket);
    let arn = distribution.map_or("ARN", |distribution| distribution.arn.as_str());
    let name = matched.map_or("of these paths", |behavior| behavior.name());
    let acl = distribution.and_then(|distribution| distribution.web_acl());
    let acl = acl.and_then(|arn| arn.rsplit('/').nth(1)).unwrap_or("the web ACL");
    let rule = rule.unwrap_or("the rule");
    let (summary, steps): (String, Vec<String>) = match (cause, detail) {
        (Cause::S3Origin, Some("access-not-granted")) => (
            format!("Let distribution {id} read {bucket} again."),
            vec![
                format!("aws s3api get-bucket-policy --bucket {bucket} --query Policy --output text"),
                format!(
                    "Add a statement: Allow, principal service cloudfront.amazonaws.com, action \
                     s3:GetObject, resource arn:aws:s3:::{bucket}/*, condition StringEquals \
                     AWS:SourceArn {arn}."
                ),
                "Give back what the last change of the policy took away, if it was not meant.".into(),
            ],
        ),
        (Cause::S3Origin, Some("explicit-deny")) => (
            format!("Except CloudFront from the Deny in the policy of {bucket}."),
            vec![
                format!("aws s3api get-bucket-policy --bucket {bucket} --query Policy --output text"),
                "Narrow the Deny by a condition that CloudFront's requests do not meet.".into(),
            ],
        ),
        (Cause::S3Origin, Some("object-missing")) => (
            format!("Deploy the missing objects to {bucket}, or stop linking to them."),
            vec![
                "Compare the examples with the last deployment: was an old hash deleted too early?".into(),
                format!(
                    "To see 404 in the place of 403, grant s3:ListBucket on arn:aws:s3:::{bucket} to \
                     CloudFront; do not map 403 to 200 for it, that hides every other cause."
                ),
            ],
        ),
        (Cause::S3Origin, Some("wrong-path")) => (
            format!("Make the paths that viewers ask for match the keys of {bucket}."),
            vec![
                "Compare an example with the key that is near it: case, origin path, index.html.".into(),
                format!("aws cloudfront get-distribution --id {asked} --query Distribution.DistributionConfig.Origins"),
            ],
        ),
        (Cause::S3Origin, Some("host-header-forwarded")) => (
            format!("Stop forwarding the viewer's Host to {bucket}."),
            vec![format!(
                "Give behaviour {name} the origin request policy AllViewerExceptHostHeader \
                 (b689b0a8-53d0-40ab-baf2-68738e2966ac), or one without Host."
            )],
        ),
        (Cause::S3Origin, Some("archived")) => (
            format!("Restore the archived objects of {bucket}."),
            vec![
                format!("aws s3api restore-object --bucket {bucket} --key {key} --restore-request Days=7"),
                "Take what viewers still ask for out of the lifecycle rule.".into(),
            ],
        ),
        (Cause::S3Origin, Some("kms-denied")) => (
            "Let CloudFront decrypt with the key of these objects.".into(),
            vec![
                format!("Add to the key's policy: Allow kms:Decrypt to cloudfront.amazonaws.com with AWS:SourceArn {arn}."),
                "An origin access identity cannot read such objects: use an origin access control.".into(),
            ],
        ),
        (Cause::S3Origin, Some("custom-error-page")) => (
            "Mend the custom error response.".into(),
            vec![format!(
                "aws cloudfront get-distribution --id {asked} --query \
                 Distribution.DistributionConfig.CustomErrorResponses"
            )],
        ),
        (Cause::S3Origin, Some("requester-pays")) => (
            format!("Take requester pays off {bucket}: CloudFront sends no payer."),
            vec![format!("aws s3api put-bucket-request-payment --bucket {bucket} --request-payment-configuration Payer=BucketOwner")],
        ),
        (Cause::S3Origin, Some("website-not-public")) => (
            format!("Make {bucket} public, or ask its REST endpoint with an origin access control."),
            vec!["A website endpoint is always asked without a signature.".into()],
        ),
        (Cause::S3Origin, _) => (
            format!("Find out what {bucket} refuses."),
            vec![
                format!("aws s3api get-bucket-policy --bucket {bucket}"),
                format!("aws s3api list-objects-v2 --bucket {bucket} --prefix {key}"),
            ],
        ),
        (Cause::Waf, Some("origin")) => (
            format!("Look at {rule} of the web ACL in front of {origin}."),
            vec![
                "If it blocks by address or rate: behind CloudFront it must read X-Forwarded-For (FORWARDED_IP).".into(),
                format!("If the blocked viewers are real: set {rule} to Count and watch."),
            ],
        ),
        (Cause::Waf, _) => waf(case.rule, acl),
        (Cause::GeoRestriction, _) => (
            format!("If these countries should be served, change the restriction of {id}."),
            vec![format!(
                "aws cloudfront get-distribution --id {asked} --query \
                 Distribution.DistributionConfig.Restrictions"
            )],
        ),
        (Cause::SignedAccess, Some("expired")) => (
            "Give viewers new URLs before the old ones expire.".into(),
            vec![
                "If they expire too early: sign for longer than the longest download or playback.".into(),
                "If old links are shared: nothing; this is what the signature is for.".into(),
            ],
        ),
        (Cause::SignedAccess, Some("not-yet-valid")) => (
            "Set the signer's clock, or let signatures begin a few minutes earlier.".into(),
            vec!["Compare the signer's time with an NTP server.".into()],
        ),
        (Cause::SignedAccess, Some("unknown-key")) => (
            "Sign with a key that the behaviour trusts.".into(),
            vec![
                format!("aws cloudfront get-distribution --id {asked} --query Distribution.ActiveTrustedKeyGroups"),
                "Put a new key into the key group before the signer uses it, and take the old one out last.".into(),
            ],
        ),
        (Cause::SignedAccess, Some("missing")) => (
            format!("If behaviour {name} is meant to be public, take the signers off it; else find who asks without a signature."),
            vec![format!("aws cloudfront get-distribution --id {asked} --query Distribution.DistributionConfig")],
        ),
        (Cause::SignedAccess, Some("ip-mismatch")) => (
            "Sign for the address that viewers come from, or without one.".into(),
            vec![
                "The signer may see another address than CloudFront does: a proxy's, or one of \
                 IPv4 where the viewer comes by IPv6, which no signature can name."
                    .into(),
                "If links are shared: nothing; this is what the address is for.".into(),
            ],
        ),
        (Cause::SignedAccess, Some("malformed")) => (
            "Mend how the signer writes its parameters.".into(),
            vec![
                "Expires and the policy's dates are whole seconds since 1970, not milliseconds."
                    .into(),
                "Policy and Signature are base64 with + = / written as - _ ~, and whole: nothing \
                 may cut, decode or encode them on their way."
                    .into(),
            ],
        ),
        (Cause::SignedAccess, Some("bad-signature")) => (
            "Sign with the private key of the key that the URL names.".into(),
            vec![
                "Compare the public key of that id with the one that belongs to the signer's \
                 private key."
                    .into(),
                "Check the hash (SHA-1 unless Hash-Algorithm says otherwise), and that nothing \
                 changes the URL after it was signed."
                    .into(),
            ],
        ),
        (Cause::SignedAccess, _) => (
            "Compare what the signer signs with what viewers ask for.".into(),
            vec![
                "Check scheme, host, path and query against the policy's Resource; parameters added after signing break it.".into(),
                "Check key pair, hash algorithm and the encoding of the policy.".into(),
            ],
        ),
        (Cause::AlternateDomainName, Some("points-elsewhere")) => (
            format!("Point DNS to the distribution that has the name, or move the name to {id}."),
            vec![
                "The evidence names both. To move it:".into(),
                format!("aws cloudfront associate-alias --target-distribution-id {asked} --alias NAME"),
            ],
        ),
        (Cause::AlternateDomainName, _) => (
            format!("Add the name to {id} with a certificate that covers it, or point DNS elsewhere."),
            vec![
                format!("aws cloudfront get-distribution --id {asked} --query Distribution.DistributionConfig.Aliases"),
                "To see which distribution has the name:".into(),
                format!("aws cloudfront list-conflicting-aliases --distribution-id {asked} --alias NAME"),
            ],
        ),
        (Cause::ViewerProtocol, _)
            if matched.is_some_and(|one| one.viewer_protocol_policy == "redirect-to-https") =>
        {
            (
                "Let these clients ask by HTTPS.".into(),
                vec![format!(
                    "Behaviour {name} redirects already; a client below HTTP/1.1 that sends a \
                     body gets 403 instead."
                )],
            )
        }
        (Cause::ViewerProtocol, _) => (
            format!("Set behaviour {name} of {id} to redirect-to-https."),
            vec!["Let clients that cannot follow a redirect ask by HTTPS.".into()],
        ),
        (Cause::MethodNotAllowed, _) => (
            format!("Allow the method on behaviour {name} of {id}, or send it elsewhere."),
            vec![format!(
                "aws cloudfront get-distribution-config --id {asked} --query {}",
                behavior_query(matched, "AllowedMethods")
            )],
        ),
        (Cause::EdgeFunction, _) => (
            format!("Read the function on behaviour {name} of {id}: it answers 403 by itself."),
            vec!["Compare its last publication with the first refusal.".into()],
        ),
        (Cause::StackedDistributions, Some("loop")) => (
            format!("Give {id} an origin that is not one of its own names."),
            vec![format!("Point the origin at what should stand behind {origin}.")],
        ),
        (Cause::StackedDistributions, _) => (
            format!("Point the origin of {id} at what stands behind {origin}."),
            vec!["Do not forward the Host header to another distribution.".into()],
        ),
        (Cause::DistributionDisabled, _) => (
            format!("Enable {id}, or take its names out of DNS."),
            vec![format!("aws cloudfront get-distribution --id {asked} --query Distribution.DistributionConfig.Enabled")],
        ),
        (Cause::CustomOrigin, Some("no-route")) => (
            format!("Make {origin} have a route for these paths."),
            vec!["Check the stage in the origin path, the method and the base path mapping.".into()],
        ),
        (Cause::CustomOrigin, Some("host-header-forwarded")) => (
            format!("Stop forwarding the viewer's Host to {origin}."),
            vec!["Use the origin request policy AllViewerExceptHostHeader (b689b0a8-53d0-40ab-baf2-68738e2966ac).".into()],
        ),
        (Cause::CustomOrigin, Some("secret-header")) => (
            format!("Make the header that {id} sends and the one that {origin} expects agree."),
            vec!["Compare both sides; rotate by letting the origin accept the old and the new value for a while.".into()],
        ),
        (Cause::CustomOrigin, Some("lambda-url")) => (
            format!("Let {id} invoke the function behind {origin}."),
            vec![
                format!("Add lambda:InvokeFunctionUrl and lambda:InvokeFunction for cloudfront.amazonaws.com with source ARN {arn}."),
                "Requests with a body need the header x-amz-content-sha256 from the viewer.".into(),
            ],
        ),
        (Cause::CustomOrigin, _) => (
            format!("Ask {origin} itself why it refuses."),
            vec![
                format!("curl -sS -o /dev/null -w '%{{http_code}} %{{size_download}}\\n' -A 'Amazon CloudFront' https://{origin}/PATH"),
                if origin.contains(".elb.amazonaws.com") || origin.contains(".execute-api.") {
                    "Look for the request in the application's log by its X-Amz-Cf-Id; the access \
                     log of a load balancer or an API does not have it, but method, path and time."
                        .into()
                } else {
                    "Look for the request in the origin's log by its X-Amz-Cf-Id.".into()
                },
            ],
        ),
        (Cause::ViewerCertificate, _) => (
            "Compare the viewer's certificate and the trust store with the distribution's names.".into(),
            vec!["Read the distribution's connection log.".into()],
        ),
        (Cause::InvalidRequest, _) => (
            "Look at the client that sends these requests.".into(),
            vec!["Malformed requests come from broken clients and from scanners.".into()],
        ),
        (Cause::EdgeBlock, _) => (
            "Ask AWS Support with a few request ids.".into(),
            vec!["AWS ties this result type to no setting of yours.".into()],
        ),
        (Cause::Unattributed, _) if case.open => (
            "Supply what is missing and replay.".into(),
            vec!["Each missing fact is listed with the command that reads it.".into()],
        ),
        (Cause::Unattributed, _) => undecided(case),
    };
    // A bundle may come from somebody else, and its configuration names things as it likes.
    let steps = steps.iter().map(|step| printable(step)).collect();
    Remedy { summary: printable(&summary), steps }
}

/// Where `get-distribution-config` shows a part of a behaviour.
fn behavior_query(behavior: Option<&Behavior>, part: &str) -> String {
    let path = behavior.map(|behavior| behavior.path_pattern.as_str()).unwrap_or_default();
    // A pattern that a shell would read in its own way is left to the reader.
    let plain = path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_.*?-".contains(&b));
    match path {
        "" => format!("DistributionConfig.DefaultCacheBehavior.{part}"),
        _ if !plain => "DistributionConfig.CacheBehaviors".to_owned(),
        _ => format!("\"DistributionConfig.CacheBehaviors.Items[?PathPattern=='{path}'].{part}\""),
    }
}

/// A WAF at the edge that blocks. It is a fault only if the blocked viewers are real ones.
fn waf(rule: Option<&str>, acl: &str) -> (String, Vec<String>) {
    let look = "Look at a few of these requests: are they your viewers or a scanner?".to_owned();
    let (who, relax) = match rule {
        Some("Default_Action") => (
            format!("the default action of {acl} blocks real viewers"),
            "If they are viewers: add a rule that allows them.".to_owned(),
        ),
        Some(rule) => (
            format!("{rule} of {acl} blocks real viewers"),
            format!(
                "If they are viewers: set {rule} to Count, or except these paths by a scope-down \
                 statement."
            ),
        ),
        None => (
            format!("{acl} blocks real viewers"),
            "If they are viewers: the WAF's logs, or the sampled requests of its console, name \
             the rule; set it to Count, or except these paths."
                .to_owned(),
        ),
    };
    (format!("Act only if {who}; if not, the WAF does its work."), vec![look, relax])
}

/// Nothing that AWS lets a customer read is missing, and it does not decide.
fn undecided(case: &Case<'_>) -> (String, Vec<String>) {
    let behind = [Cause::CustomOrigin, Cause::S3Origin, Cause::Waf];
    let mut steps = Vec::new();
    if behind.iter().any(|cause| case.alternatives.contains(cause)) {
        steps.push(
            "Look for a few of these requests at the origin: in the application's log by their \
             X-Amz-Cf-Id, in an access log by method, path and time. What is not there was \
             refused by CloudFront."
                .into(),
        );
    }
    if case.alternatives.contains(&Cause::GeoRestriction) {
        steps.push(
            "Where the viewers are shows in their addresses: replay with --geoip and a database \
             of countries."
                .into(),
        );
    }
    if case.alternatives.contains(&Cause::EdgeFunction) {
        steps.push("Look for them in the logs of the functions at the edge.".into());
    }
    steps.push("For what CloudFront refused, AWS Support can tell by the request id.".into());
    ("Nothing that can still be read from AWS decides this.".into(), steps)
}
