//! What to do about an origin's own 403.

use super::siblings_header;
use crate::account::command::quoted;
use crate::account::distribution::{Behavior, Origin};
use crate::causes::Cause;
use crate::causes::kind::{OriginSaid, Page, Protocol};
use crate::causes::remedy::{Case, Remedy, query};
use crate::logs::origin::Said;
use crate::viewer::plain;

/// AWS's managed origin request policy that sends everything but the Host.
const ALL_BUT_HOST: &str = "AllViewerExceptHostHeader (b689b0a8-53d0-40ab-baf2-68738e2966ac)";

pub(super) fn remedy(case: &Case<'_>) -> Remedy {
    let Some(origin) = case.custom_origin() else {
        return Remedy::new("Find out which origin these paths have, and why it refuses.")
            .step(case.show("Origins.Items[].[Id,DomainName,OriginPath]"))
            .step(
                "Look for a few of these requests in its application's log by their X-Amz-Cf-Id.",
            );
    };
    let name = plain(&origin.domain_name);
    let remedy = match case.detail {
        Some("no-route") => no_route(origin, &name),
        Some("host-header-forwarded") => case.keep_host_back(&name, ALL_BUT_HOST),
        Some("secret-header") => secret_header(case, origin, &name),
        Some("lambda-url") => function_url(case, origin, &name).see(FUNCTION_URLS),
        _ => refused(case, origin, &name),
    };
    let by_itself = case.kind().is_some_and(|kind| {
        matches!(kind.origin_said.all(), [Said::ApiRefused(_)]) || kind.page == Page::ApiForbidden
    });
    if by_itself && api(&name).is_some() { remedy.see(GATEWAY_RESPONSES) } else { remedy }
}

const FUNCTION_URLS: &str = "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-lambda.html";
const GATEWAY_RESPONSES: &str = "https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html";

fn no_route(origin: &Origin, name: &str) -> Remedy {
    let path = match origin.origin_path.as_str() {
        "" => "none".to_owned(),
        path => plain(path),
    };
    let stage = format!(
        "Check the stage (the origin path is {path}), the method and the base path mapping; a \
         method that wants a signature of IAM answers the same."
    );
    let remedy = Remedy::new(format!("Make {name} have a route for these paths and methods."));
    match api(name) {
        Some((id, region)) => remedy
            .step(format!(
                "aws apigateway get-resources --region {region} --rest-api-id {id} --query {}",
                query("items[].[path,resourceMethods]")
            ))
            .step(stage)
            .step("What was changed there serves only after a deployment to the stage."),
        None => remedy.step(stage),
    }
}

fn secret_header(case: &Case<'_>, origin: &Origin, name: &str) -> Remedy {
    let id = case.id();
    let sibling = siblings_header(origin, case.facts);
    if let Some(header) = sibling {
        let header = plain(&header);
        return Remedy::new(format!(
            "Let {id} send {name} the header {header}, as another distribution does."
        ))
        .step(
            "It belongs to the CustomHeaders of the origin; take the value from where it is kept.",
        )
        .step(case.show("Origins.Items[].[Id,CustomHeaders.Items[].HeaderName]"));
    }
    let names: Vec<String> =
        origin.custom_headers.items.iter().map(|header| plain(&header.header_name)).collect();
    let remedy = match names.as_slice() {
        [] => Remedy::new(format!(
            "Find out which header the rules of {name} ask for: {id} adds none."
        )),
        names => Remedy::new(format!(
            "Make the value of {} that {id} sends and the one that {name} expects agree.",
            names.join(", ")
        ))
        .step(
            "Compare both sides; rotate by letting the origin accept the old and the new value for \
             a while.",
        ),
    };
    remedy.steps_of(listener_rules(name))
}

fn function_url(case: &Case<'_>, origin: &Origin, name: &str) -> Remedy {
    let (id, arn) = (case.id(), case.arn());
    let body = "Where CloudFront signs, a client that sends a body must send its SHA-256 as well, in \
                the header x-amz-content-sha256.";
    let writes = |method: &&str| matches!(*method, "POST" | "PUT" | "PATCH" | "DELETE");
    let methods = case.methods();
    let kind = case.kind();
    let signature = kind.is_some_and(|kind| kind.page == Page::LambdaUrlSignature);
    if signature || (!methods.is_empty() && methods.iter().all(writes)) {
        return Remedy::new(format!(
            "Let clients send the hash of the body with what they {} to {name}.",
            methods.join(", ")
        ))
        .step(body)
        .step(format!(
            "If they do: is the function's URL allowed to {id} (lambda:InvokeFunctionUrl and \
             lambda:InvokeFunction with AWS:SourceArn {arn})?"
        ))
        .step("aws lambda get-policy --function-name FUNCTION");
    }
    let control = origin.origin_access_control_id.is_empty().then(|| {
        "The origin has no origin access control, so that CloudFront does not sign: give it one of \
         the type lambda first, or set the URL's AuthType to NONE, which opens it to everybody."
            .to_owned()
    });
    let add = |action: &str| {
        format!(
            "aws lambda add-permission --function-name FUNCTION --statement-id {id}-{action} \
             --principal cloudfront.amazonaws.com --action lambda:{action} --source-arn {arn}"
        )
    };
    Remedy::new(format!("Let {id} invoke the function behind {name}."))
        .and(control)
        .step(add("InvokeFunctionUrl"))
        .step(add("InvokeFunction"))
        .step(body)
}

/// The origin says no, and only it knows why; or another error is shown as 403.
fn refused(case: &Case<'_>, origin: &Origin, name: &str) -> Remedy {
    let rules = case.distribution().map(|one| one.config.custom_error_responses.items.as_slice());
    let turned = rules
        .into_iter()
        .flatten()
        .find(|rule| rule.error_code != 403 && rule.response_code == "403");
    if let Some(rule) = turned.filter(|_| case.detail.is_none()) {
        let code = rule.error_code;
        return Remedy::new(format!(
            "Find out why {name} answers {code}: a custom error response shows that as 403."
        ))
        .step(ask(case, origin, name))
        .step(format!(
            "Give the rule for {code} a ResponseCode that tells viewers and monitoring the truth:"
        ))
        .step(case.show("CustomErrorResponses.Items"));
    }
    let waf = case.alternatives.contains(&Cause::Waf).then(|| {
        "Nothing in the log tells the application from a WAF in front of it: the log of that WAF, if \
         there is one, has the request id that CloudFront sends as x-amz-cf-id."
            .to_owned()
    });
    let functions = case.behavior().map(Behavior::functions).unwrap_or_default();
    let function = case.alternatives.contains(&Cause::EdgeFunction).then(|| {
        let which = match functions.as_slice() {
            [] => "a function at the edge".to_owned(),
            names => format!("a function of the behaviour ({})", names.join(", ")),
        };
        format!("Nothing in the log tells the origin from {which} either: read what it does with answers.")
    });
    match case.kind().map(|kind| kind.origin_said.all()).unwrap_or_default() {
        [Said::ListenerRule(priority)] => {
            let which = match priority {
                0 => "the default rule of a listener".to_owned(),
                priority => format!("the listener rule of priority {priority}"),
            };
            return Remedy::new(format!("Look at {which} of {name}: it answers 403 by itself."))
                .step("Is there a rule that should fit these requests first, by Host, path or header?")
                .steps_of(listener_rules(name));
        }
        [Said::ApiRefused(reason)] => return api_refused(case, reason, name),
        [Said::Integration | Said::Target] => {
            return Remedy::new(format!(
                "Ask the application behind {name}: the 403 is its own answer."
            ))
            .step("Look for the request in its log by its X-Amz-Cf-Id (x-edge-request-id here).")
            .step(ask(case, origin, name))
            .and(secret(origin));
        }
        _ => {}
    }
    let page = case.kind().map(|kind| kind.page);
    if page == Some(Page::ApiForbidden) && api(name).is_some() {
        let host = case.kind().is_some_and(|kind| kind.host_forwarded == Some(true));
        return Remedy::new(format!("Find out what the API {name} refuses."))
            .step(format!(
                "It says Forbidden to a missing API key (is x-api-key forwarded?), to a resource policy, \
                 to its own WAF{}.",
                if host { ", and to the viewer's Host, which this behaviour sends" } else { "" }
            ))
            .step("Its execution log tells which, by time and path; its access log by $context.error.responseType.")
            .step(ask(case, origin, name));
    }
    if page == Some(Page::LoadBalancer) && balancer_region(name).is_some() {
        return Remedy::new(format!(
            "Look at the listener rules of {name} first: the answer is as long as the load \
             balancer's own page, which the application never sees."
        ))
        .steps_of(listener_rules(name))
        .step(format!(
            "Its log has elb_status_code 403 and target_status_code - for what it answered itself; \
             what is not there so is in the application's log.{}",
            if waf.is_some() { " A WAF in front of it answers with the same page." } else { "" }
        ));
    }
    let log = if name.contains(".elb.amazonaws.com") || name.contains(".execute-api.") {
        "Look for the request in the application's log by its X-Amz-Cf-Id. The log of a load \
         balancer or an API does not have that: search there by method, path and time."
    } else {
        "Look for the request in the origin's log by its X-Amz-Cf-Id."
    };
    let said = case.kind().map(|kind| &kind.origin_said);
    let disagree = matches!(said, Some(OriginSaid::Disagree(_))).then(|| {
        "The lines of that second disagree: only the application can tell its own.".to_owned()
    });
    let remedy = Remedy::new(format!("Ask {name} itself why it refuses."));
    let remedy = match origin.vpc_origin_config {
        Some(_) => {
            remedy.step("It is in a VPC: ask it from a machine there, with the same path and Host.")
        }
        None => remedy.step(ask(case, origin, name)).and(secret(origin)),
    };
    let unsure =
        [waf, function].into_iter().flatten().reduce(|one, other| format!("{one} {other}"));
    remedy.step(log).and(disagree.or(unsure).or_else(|| case.group_note(origin)))
}

fn api_refused(case: &Case<'_>, reason: &str, name: &str) -> Remedy {
    let remedy = Remedy::new(format!(
        "Give the API {name} what it asks for: it refused with {}, before any application.",
        plain(reason)
    ));
    let region = api(name).map_or_else(|| "REGION".to_owned(), |(_, region)| region);
    match reason {
        "INVALID_API_KEY" => {
            let host = case.kind().is_some_and(|kind| kind.host_forwarded == Some(true));
            let host = host.then(|| {
                "The viewer's Host is forwarded as well; where the API knows it by a custom domain \
                 name, the plan must cover the stage that this is mapped to."
                    .to_owned()
            });
            remedy
                .step(format!(
                    "Does {} forward x-api-key (an origin request policy), or does the origin add it \
                     as a custom header?",
                    case.behavior_name()
                ))
                .step("Is the key enabled, and in a usage plan with this stage?")
                .step(format!("aws apigateway get-usage-plans --region {region}"))
                .and(host)
        }
        "ACCESS_DENIED" | "UNAUTHORIZED" => remedy
            .step("Its authorizer or its resource policy denies: read the policy and the authorizer's log.")
            .step(match api(name) {
                Some((id, region)) => format!(
                    "aws apigateway get-rest-api --region {region} --rest-api-id {id} --query policy"
                ),
                None => "aws apigateway get-rest-api --rest-api-id ID --query policy".to_owned(),
            }),
        _ => remedy.step("Its execution log tells more, by time and path."),
    }
}

/// A command that asks the origin as CloudFront does.
fn ask(case: &Case<'_>, origin: &Origin, name: &str) -> String {
    let kind = case.kind();
    let policy =
        origin.custom_origin_config.as_ref().map(|one| one.origin_protocol_policy.as_str());
    let plain_viewer = kind.is_some_and(|kind| kind.protocol == Protocol::Plain);
    let plain = policy == Some("http-only") || (policy == Some("match-viewer") && plain_viewer);
    let (scheme, port) = if plain { ("http", 80) } else { ("https", 443) };
    let forwards = kind.is_some_and(|kind| kind.host_forwarded == Some(true));
    // No certificate is made out for the name that AWS gives a load balancer.
    let insecure = !plain && !forwards && name.contains(".elb.amazonaws.com");
    let method = match kind.map(|kind| kind.method.as_ref()) {
        None | Some("GET") => String::new(),
        Some("HEAD") => " -I".to_owned(),
        Some(method) if method.bytes().all(|byte| byte.is_ascii_uppercase()) => {
            format!(" -X {method}")
        }
        Some(_) => " -X METHOD".to_owned(),
    };
    let headers: String = origin
        .custom_headers
        .items
        .iter()
        .take(2)
        .map(|header| format!(" -H {}", quoted(&format!("{}: VALUE", header.header_name))))
        .collect();
    let path = format!("{}{}", origin.origin_path, case.path());
    let insecure = if insecure { " -k" } else { "" };
    let start = format!("curl -sS -i{insecure}{method} -A 'Amazon CloudFront'{headers}");
    if forwards {
        let host = case.host();
        let url = quoted(&format!("{scheme}://{host}{path}"));
        format!("{start} --connect-to {host}:{port}:{name}:{port} {url}")
    } else {
        format!("{start} {}", quoted(&format!("{scheme}://{name}{path}")))
    }
}

/// What the question to the origin lacks, where the origin asks for a header.
fn secret(origin: &Origin) -> Option<String> {
    (!origin.custom_headers.items.is_empty()).then(|| {
        "VALUE is what the origin's CustomHeaders hold: without it the origin refuses for that."
            .to_owned()
    })
}

/// The commands that show the rules of a load balancer.
fn listener_rules(name: &str) -> Vec<String> {
    let Some(region) = balancer_region(name) else { return Vec::new() };
    vec![
        format!(
            "aws elbv2 describe-load-balancers --region {region} --query {}",
            query(&format!("LoadBalancers[?DNSName=='{name}'].LoadBalancerArn"))
        ),
        "For each of its listeners (elbv2 describe-listeners --load-balancer-arn):".to_owned(),
        format!("aws elbv2 describe-rules --region {region} --listener-arn ARN"),
    ]
}

/// The Region in a load balancer's name: `NAME.REGION.elb.amazonaws.com`.
fn balancer_region(name: &str) -> Option<&str> {
    let rest = name.split_once(".elb.amazonaws.com")?.0;
    rest.rsplit('.').next().filter(|region| region.contains('-'))
}

/// The ID and Region in an API's name: `ID.execute-api.REGION.amazonaws.com`.
fn api(name: &str) -> Option<(String, String)> {
    let (id, rest) = name.split_once(".execute-api.")?;
    Some((quoted(id), quoted(rest.split('.').next()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_regions() {
        let api = api("k3.execute-api.eu-west-1.amazonaws.com");
        assert_eq!(api, Some(("k3".to_owned(), "eu-west-1".to_owned())));
        let name = "web-1.eu-west-1.elb.amazonaws.com";
        assert_eq!(balancer_region(name), Some("eu-west-1"));
        assert_eq!(
            balancer_region("dualstack.web-1.us-east-1.elb.amazonaws.com"),
            Some("us-east-1")
        );
    }
}
