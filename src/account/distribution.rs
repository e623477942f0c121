//! A distribution's configuration, as far as it can answer 403.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::tenant::Parameter;

pub use super::behavior::{Association, Behavior, ForwardedValues, Signers, function_name};
pub use super::pattern::{name_covers, path_matches};

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
pub(super) fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
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
    /// The port for HTTP.
    #[serde(rename = "HTTPPort")]
    pub http_port: u16,
    /// The port for HTTPS.
    #[serde(rename = "HTTPSPort")]
    pub https_port: u16,
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
        time(&self.last_modified_time)
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

    /// The origins whose answer to a method a viewer may have got with status 403. A group that is
    /// left on 403 answers reading methods with what its last member says.
    pub fn may_refuse(&self, behavior: &Behavior, method: &str) -> Vec<&Origin> {
        let origins = self.origins_of(behavior);
        let fails_over = matches!(method, "GET" | "HEAD" | "OPTIONS")
            && self
                .group_of(behavior)
                .is_some_and(|group| group.failover_criteria.status_codes.items.contains(&403));
        if fails_over { origins.last().copied().into_iter().collect() } else { origins }
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
    /// The origin with a tenant's parameters in the place of `{{name}}` in its domain and path;
    /// `None` where one of them is not known.
    pub fn of_tenant(&self, parameters: &[Parameter]) -> Option<Self> {
        let fill = |text: &str| {
            let mut text = text.to_owned();
            for parameter in parameters {
                text = text.replace(&format!("{{{{{}}}}}", parameter.name), &parameter.value);
            }
            (!text.contains("{{")).then_some(text)
        };
        Some(Self {
            domain_name: fill(&self.domain_name)?,
            origin_path: fill(&self.origin_path)?,
            ..self.clone()
        })
    }

    /// The origin access identity, where CloudFront asks with one.
    pub fn identity(&self) -> Option<&str> {
        let config = self.s3_origin_config.as_ref()?;
        config.origin_access_identity.rsplit('/').next().filter(|id| !id.is_empty())
    }
}

fn time(value: &Value) -> Option<jiff::Timestamp> {
    value.as_str()?.parse().ok()
}

/// The name that covers a Host, the most specific one.
pub fn best<'a>(names: impl Iterator<Item = &'a str>, host: &str) -> Option<&'a str> {
    let covering = names.filter(|name| name_covers(name, host));
    covering.max_by_key(|name| (!name.starts_with('*'), name.len()))
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
    /// `direct`, or `tenant-only` for a multi-tenant distribution.
    pub connection_mode: Option<String>,
    /// When the configuration was last changed.
    pub last_modified_time: Value,
}

impl Summary {
    /// When the configuration was last changed.
    pub fn last_modified(&self) -> Option<jiff::Timestamp> {
        time(&self.last_modified_time)
    }

    /// The alias that covers a Host, one without a wildcard first.
    pub fn alias_of(&self, host: &str) -> Option<&str> {
        best(self.aliases.items.iter().map(String::as_str), host)
    }

    /// Whether a Host is one of its names.
    pub fn answers_to(&self, host: &str) -> bool {
        host.eq_ignore_ascii_case(&self.domain_name) || self.alias_of(host).is_some()
    }

    /// Reads the output of `aws cloudfront list-distributions`.
    pub fn parse(answer: Value) -> Result<Vec<Self>, String> {
        let list = answer.get("DistributionList").cloned().ok_or("no `DistributionList` in it")?;
        serde_json::from_value::<Items<Self>>(list)
            .map(|list| list.items)
            .map_err(|error| error.to_string())
    }
}
