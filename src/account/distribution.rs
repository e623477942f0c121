//! A distribution's configuration, as far as it can answer 403.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// AWS's lists come as `{"Quantity": n, "Items": [...]}`, where `Items` may be absent.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub struct Items<T> {
    /// The items.
    #[serde(rename = "Items", default = "Vec::new", deserialize_with = "or_default")]
    pub items: Vec<T>,
}

impl<T> Default for Items<T> {
    fn default() -> Self {
        Self { items: Vec::new() }
    }
}

/// `null` where AWS's other tools write it means the same as absence.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// `get-distribution` → `Distribution`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Distribution {
    /// The ID, `E…`.
    pub id: String,
    /// The ARN, with which policies grant.
    #[serde(rename = "ARN")]
    pub arn: String,
    /// `d….cloudfront.net`.
    pub domain_name: String,
    /// When the configuration was last changed.
    pub last_modified_time: Value,
    /// The keys that may sign, by trusted key group.
    pub active_trusted_key_groups: Option<Keys>,
    /// The keys that may sign, by trusted account.
    pub active_trusted_signers: Option<Keys>,
    /// The configuration.
    #[serde(rename = "DistributionConfig")]
    pub config: Config,
}

/// The keys that CloudFront accepts now.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Keys {
    /// Whether any signer is trusted.
    pub enabled: bool,
    /// One entry for each group or account.
    #[serde(deserialize_with = "or_default")]
    pub items: Vec<KeyOwner>,
}

/// The keys of one group or account.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct KeyOwner {
    /// The keys' IDs.
    pub key_pair_ids: Items<String>,
}

/// `DistributionConfig`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Config {
    /// Alternate domain names.
    pub aliases: Items<String>,
    /// The object that `/` stands for.
    #[serde(deserialize_with = "or_default")]
    pub default_root_object: String,
    /// Origins.
    pub origins: Items<Origin>,
    /// Origin groups.
    pub origin_groups: Items<OriginGroup>,
    /// The behaviour where no other one matches.
    pub default_cache_behavior: Behavior,
    /// Behaviours in their order.
    pub cache_behaviors: Items<Behavior>,
    /// Custom error responses.
    pub custom_error_responses: Items<ErrorResponse>,
    /// Legacy standard logging.
    pub logging: Option<Logging>,
    /// Whether the distribution answers at all.
    pub enabled: Option<bool>,
    /// Restrictions by country.
    pub restrictions: Option<Restrictions>,
    /// The web ACL's ARN (WAF) or ID (WAF Classic); empty where there is none.
    #[serde(rename = "WebACLId")]
    pub web_acl_id: Option<String>,
    /// Whether it is the staging half of a continuous deployment.
    pub staging: bool,
    /// `direct`, or `tenant-only` for a multi-tenant distribution.
    pub connection_mode: Option<String>,
    /// Mutual TLS with viewers.
    pub viewer_mtls_config: Option<Value>,
}

/// Legacy logging.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Logging {
    /// Whether cookies are logged; one switch for every destination.
    pub include_cookies: bool,
}

/// Restrictions.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Restrictions {
    /// The geographic one is the only one.
    pub geo_restriction: GeoRestriction,
}

/// The geographic restriction.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GeoRestriction {
    /// `blacklist`, `whitelist` or `none`.
    pub restriction_type: String,
    /// Countries in two letters.
    #[serde(deserialize_with = "or_default")]
    pub items: Vec<String>,
}

/// An origin.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Origin {
    /// Its name within the distribution.
    pub id: String,
    /// Its domain name.
    pub domain_name: String,
    /// What is put before every path.
    #[serde(deserialize_with = "or_default")]
    pub origin_path: String,
    /// Headers that CloudFront adds.
    pub custom_headers: Items<CustomHeader>,
    /// Present for the REST endpoint of a bucket.
    pub s3_origin_config: Option<S3OriginConfig>,
    /// Present for all other origins.
    pub custom_origin_config: Option<CustomOriginConfig>,
    /// How CloudFront signs its requests; empty where it does not.
    #[serde(deserialize_with = "or_default")]
    pub origin_access_control_id: String,
    /// Present for origins in a VPC.
    pub vpc_origin_config: Option<Value>,
}

/// A header that CloudFront adds. Its value is a secret as a rule and is never shown.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CustomHeader {
    /// The header's name.
    pub header_name: String,
    /// The header's value.
    pub header_value: String,
}

impl std::fmt::Debug for CustomHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CustomHeader({}: ...)", self.header_name)
    }
}

/// `S3OriginConfig`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct S3OriginConfig {
    /// `origin-access-identity/cloudfront/ID`, or empty.
    #[serde(deserialize_with = "or_default")]
    pub origin_access_identity: String,
}

/// `CustomOriginConfig`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CustomOriginConfig {
    /// `http-only`, `https-only` or `match-viewer`.
    pub origin_protocol_policy: String,
}

/// Two origins, the second of which is asked where the first fails.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct OriginGroup {
    /// Its name within the distribution.
    pub id: String,
    /// When the second one is asked.
    pub failover_criteria: FailoverCriteria,
    /// First and second.
    pub members: Items<Member>,
}

/// When the second origin is asked.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct FailoverCriteria {
    /// The statuses.
    pub status_codes: Items<u16>,
}

/// A member of an origin group.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Member {
    /// The origin's name.
    pub origin_id: String,
}

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

/// A custom error response.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ErrorResponse {
    /// The status that came.
    pub error_code: u16,
    /// The page that is sent instead; empty for none.
    #[serde(deserialize_with = "or_default")]
    pub response_page_path: String,
    /// The status that is sent instead, as text; empty for the same.
    #[serde(deserialize_with = "or_default")]
    pub response_code: String,
    /// Seconds for which the error is kept.
    #[serde(rename = "ErrorCachingMinTTL")]
    pub error_caching_min_ttl: Option<u64>,
}

impl Distribution {
    /// Reads the output of `aws cloudfront get-distribution`.
    pub fn parse(answer: Value) -> Result<Self, String> {
        let distribution = answer.get("Distribution").cloned().ok_or("no `Distribution` in it")?;
        serde_json::from_value(distribution).map_err(|error| error.to_string())
    }

    /// When the configuration was last changed.
    pub fn last_modified(&self) -> Option<jiff::Timestamp> {
        self.last_modified_time.as_str()?.parse().ok()
    }

    /// Every behaviour in the order in which CloudFront tries them, the default one last.
    pub fn behaviors(&self) -> impl Iterator<Item = &Behavior> {
        let last = std::iter::once(&self.config.default_cache_behavior);
        self.config.cache_behaviors.items.iter().chain(last)
    }

    /// The behaviour that a path gets.
    pub fn behavior_for(&self, path: &[u8]) -> &Behavior {
        self.config
            .cache_behaviors
            .items
            .iter()
            .find(|behavior| path_matches(&behavior.path_pattern, path))
            .unwrap_or(&self.config.default_cache_behavior)
    }

    /// The behaviour of which a log says the pattern; `*` is the default one.
    pub fn behavior_named(&self, pattern: &str) -> Option<&Behavior> {
        let bare = |text: &str| text.strip_prefix('/').unwrap_or(text).to_owned();
        let listed = &self.config.cache_behaviors.items;
        listed
            .iter()
            .find(|behavior| bare(&behavior.path_pattern) == bare(pattern))
            .or_else(|| (bare(pattern) == "*").then_some(&self.config.default_cache_behavior))
    }

    /// The origins that a behaviour asks, the first one first.
    pub fn origins_of(&self, behavior: &Behavior) -> Vec<&Origin> {
        let named = |id: &str| self.config.origins.items.iter().find(|origin| origin.id == id);
        match named(&behavior.target_origin_id) {
            Some(origin) => vec![origin],
            None => self
                .group_of(behavior)
                .map(|group| {
                    group
                        .members
                        .items
                        .iter()
                        .filter_map(|member| named(&member.origin_id))
                        .collect()
                })
                .unwrap_or_default(),
        }
    }

    /// The origin group that a behaviour asks, if it asks one.
    pub fn group_of(&self, behavior: &Behavior) -> Option<&OriginGroup> {
        let id = &behavior.target_origin_id;
        self.config.origin_groups.items.iter().find(|group| group.id == *id)
    }

    /// Whether a Host is one of this distribution's names.
    pub fn answers_to(&self, host: &str) -> bool {
        host.eq_ignore_ascii_case(&self.domain_name)
            || self.config.aliases.items.iter().any(|alias| name_covers(alias, host))
    }

    /// Whether it serves tenants alone, whose names it does not have.
    pub fn is_for_tenants(&self) -> bool {
        self.config.connection_mode.as_deref() == Some("tenant-only")
    }

    /// Statuses that stand in for a 403.
    pub fn masks(&self) -> impl Iterator<Item = u16> {
        masks(&self.config.custom_error_responses)
    }

    /// The web ACL in front of it, if there is one.
    pub fn web_acl(&self) -> Option<&str> {
        self.config.web_acl_id.as_deref().filter(|id| !id.is_empty())
    }
}

impl Origin {
    /// The origin access identity, where CloudFront asks with one.
    pub fn identity(&self) -> Option<&str> {
        let config = self.s3_origin_config.as_ref()?;
        config.origin_access_identity.rsplit('/').next().filter(|id| !id.is_empty())
    }
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

/// Statuses that error responses put in the place of a 403.
pub fn masks(responses: &Items<ErrorResponse>) -> impl Iterator<Item = u16> {
    responses
        .items
        .iter()
        .filter(|rule| rule.error_code == 403)
        .filter_map(|rule| rule.response_code.parse().ok())
        .filter(|code| *code != 403)
}

/// Whether an alias covers a host. `*.example.com` covers every depth below `example.com`, unlike
/// a certificate, whose asterisk is one label. (AWS, "Requirements for alternate domain names".)
pub fn name_covers(alias: &str, host: &str) -> bool {
    let (alias, host) = (alias.to_ascii_lowercase(), host.to_ascii_lowercase());
    let host = host.strip_suffix('.').unwrap_or(&host);
    match alias.strip_prefix('*') {
        Some(parent) => host.len() > parent.len() && host.ends_with(parent),
        None => alias.strip_suffix('.').unwrap_or(&alias) == host,
    }
}

/// Whether a path pattern of CloudFront matches: `*` is any run, `?` one character, the leading
/// slash is optional, case counts. (AWS, "Path pattern".)
pub fn path_matches(pattern: &str, path: &[u8]) -> bool {
    let pattern = pattern.strip_prefix('/').unwrap_or(pattern);
    let path = path.strip_prefix(b"/").unwrap_or(path);
    wildcard(pattern.as_bytes(), path)
}

/// `*` and `?`, in time linear in both for one asterisk and quadratic at worst.
fn wildcard(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while let Some(byte) = text.get(t) {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p, t));
                p += 1;
            }
            Some(b'?') => {
                p += 1;
                t += 1;
            }
            Some(wanted) if wanted == byte => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    p = star + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

/// One entry of `list-distributions`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Summary {
    /// The ID.
    pub id: String,
    /// `d….cloudfront.net`.
    pub domain_name: String,
    /// Alternate domain names.
    pub aliases: Items<String>,
    /// Whether it answers.
    pub enabled: Option<bool>,
    /// Its origins.
    pub origins: Items<Origin>,
    /// Its custom error responses.
    pub custom_error_responses: Items<ErrorResponse>,
}

impl Summary {
    /// Reads the output of `aws cloudfront list-distributions`.
    pub fn parse(answer: Value) -> Result<Vec<Self>, String> {
        let list = answer.get("DistributionList").cloned().ok_or("no `DistributionList` in it")?;
        serde_json::from_value::<Items<Self>>(list)
            .map(|list| list.items)
            .map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_cloudfront() {
        for (pattern, path, matches) in [
            ("/images/*.jpg", "/images/a/b.jpg", true),
            ("images/*.jpg", "/images/a.jpg", true),
            ("/images/*.jpg", "/Images/a.jpg", false),
            ("/a??.html", "/abc.html", true),
            ("/a??.html", "/ab.html", false),
            ("*.gif", "/x/y.gif", true),
            ("*", "/", true),
            ("/*/b/*/c", "/1/b/2/b/3/c", true),
            ("/a*", "/b/a", false),
        ] {
            assert_eq!(path_matches(pattern, path.as_bytes()), matches, "{pattern} {path}");
        }
    }

    #[test]
    fn a_leading_asterisk_covers_every_depth() {
        assert!(name_covers("*.example.com", "a.b.Example.com"));
        assert!(!name_covers("*.example.com", "example.com"));
        assert!(name_covers("WWW.example.com", "www.example.com."));
        assert!(!name_covers("example.com", "notexample.com"));
    }
}
