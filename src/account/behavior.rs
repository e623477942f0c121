//! A cache behaviour: what CloudFront does with the requests that it matches.

use serde::Deserialize;

use super::distribution::{Items, or_default};

/// A cache behaviour.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Behavior {
    /// Which paths it is for; empty for the default one.
    #[serde(deserialize_with = "or_default")]
    pub path_pattern: String,
    /// The origin or origin group.
    pub target_origin_id: String,
    /// Accounts that may sign.
    pub trusted_signers: Signers,
    /// Key groups that may sign.
    pub trusted_key_groups: Signers,
    /// `allow-all`, `https-only`, `redirect-to-https`.
    pub viewer_protocol_policy: String,
    /// Methods that are let through; absent means GET and HEAD.
    pub allowed_methods: Option<Items<String>>,
    /// Functions at the edge.
    pub function_associations: Items<Association>,
    /// Lambda@Edge.
    pub lambda_function_associations: Items<Association>,
    /// What is sent to the origin.
    #[serde(deserialize_with = "or_default")]
    pub origin_request_policy_id: String,
    /// What is cached.
    #[serde(deserialize_with = "or_default")]
    pub cache_policy_id: String,
    /// What is sent to the origin, in the old form.
    pub forwarded_values: Option<ForwardedValues>,
}

impl Behavior {
    /// The names of all functions at the edge that it has.
    pub fn functions(&self) -> Vec<&str> {
        let own = self.function_associations.items.iter().map(|one| one.function_arn.as_str());
        let lambda = self.lambda_function_associations.items.iter();
        let lambda = lambda.map(|one| one.lambda_function_arn.as_str());
        own.chain(lambda).map(function_name).collect()
    }
}

/// Who may sign.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Signers {
    /// Whether a signature is asked for.
    pub enabled: bool,
    /// Groups or accounts.
    #[serde(deserialize_with = "or_default")]
    pub items: Vec<String>,
}

/// A function at the edge.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Association {
    /// `viewer-request`, `origin-request`, `origin-response`, `viewer-response`.
    pub event_type: String,
    /// A CloudFront Function.
    #[serde(rename = "FunctionARN")]
    pub function_arn: String,
    /// A Lambda function.
    #[serde(rename = "LambdaFunctionARN")]
    pub lambda_function_arn: String,
}

/// What is sent to the origin, in the old form.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ForwardedValues {
    /// Headers; `*` is all of them.
    pub headers: Items<String>,
}

impl Behavior {
    /// Whether a signature is asked for.
    pub fn is_signed(&self) -> bool {
        self.trusted_key_groups.enabled || self.trusted_signers.enabled
    }

    /// Whether a method is let through.
    pub fn allows(&self, method: &str) -> bool {
        match &self.allowed_methods {
            Some(methods) if !methods.items.is_empty() => {
                methods.items.iter().any(|allowed| allowed == method)
            }
            _ => matches!(method, "GET" | "HEAD"),
        }
    }

    /// Whether nothing is cached, by AWS's managed policy CachingDisabled or by a life of zero.
    pub fn caches_nothing(&self) -> bool {
        self.cache_policy_id == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    }

    /// How people name it.
    pub fn name(&self) -> &str {
        if self.path_pattern.is_empty() { "*" } else { &self.path_pattern }
    }
}

/// The name in a function's ARN: `…:function/NAME`, or `…:function:NAME:VERSION`.
pub fn function_name(arn: &str) -> &str {
    let tail = arn.rsplit_once("function/").or_else(|| arn.rsplit_once("function:"));
    let tail = tail.map_or(arn, |(_, tail)| tail);
    tail.split(':').next().unwrap_or(tail)
}
