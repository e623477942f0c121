//! A tenant of a multi-tenant distribution: what it puts in the place of the distribution's own.

use serde::Deserialize;
use serde_json::Value;

use super::distribution::or_default;

/// `get-distribution-tenant`, as far as it can refuse.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Tenant {
    /// Whether it answers.
    pub enabled: Option<bool>,
    /// Its names.
    pub domains: Vec<Domain>,
    /// What differs from the distribution.
    pub customizations: Option<Customizations>,
    /// What stands in the place of `{{name}}` in the distribution's origins.
    #[serde(deserialize_with = "or_default")]
    pub parameters: Vec<Parameter>,
}

/// A parameter of a tenant.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A name of a tenant.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Domain {
    /// The name.
    pub domain: String,
}

/// What differs from the distribution.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Customizations {
    /// Another web ACL, or none.
    pub web_acl: Option<WebAclOverride>,
    /// Another restriction by country.
    pub geo_restrictions: Option<GeoOverride>,
}

/// Another web ACL.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct WebAclOverride {
    /// `override` or `disable`.
    pub action: String,
    /// The ARN.
    pub arn: String,
}

/// Another restriction by country.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GeoOverride {
    /// `blacklist`, `whitelist`, `none`.
    pub restriction_type: String,
    /// Countries in two letters.
    pub locations: Vec<String>,
}

/// One entry of `list-distribution-tenants`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Listed {
    /// Whose tenant it is.
    pub distribution_id: String,
    /// Its names.
    pub domains: Vec<Domain>,
}

impl Listed {
    /// Reads the output of `aws cloudfront list-distribution-tenants`.
    pub fn parse(answer: Value) -> Result<Vec<Self>, String> {
        if answer.get("NextMarker").is_some_and(|next| !next.is_null()) {
            return Err("the list is cut off".to_owned());
        }
        let list = answer.get("DistributionTenantList").cloned();
        let list = list.ok_or("no `DistributionTenantList` in it")?;
        serde_json::from_value(list).map_err(|error| error.to_string())
    }
}

impl Tenant {
    /// Whether it has a restriction by country of its own.
    pub fn restricts_countries(&self) -> bool {
        self.customizations.as_ref().is_some_and(|own| own.geo_restrictions.is_some())
    }

    /// Reads the output of `aws cloudfront get-distribution-tenant`.
    pub fn parse(answer: Value) -> Result<Self, String> {
        let tenant = answer.get("DistributionTenant").cloned().ok_or("no `DistributionTenant`")?;
        serde_json::from_value(tenant).map_err(|error| error.to_string())
    }

    /// Whether a Host is one of its names.
    pub fn answers_to(&self, host: &str) -> bool {
        covers(&self.domains, host)
    }
}

/// Whether one of these names covers a Host.
pub fn covers(domains: &[Domain], host: &str) -> bool {
    domains.iter().any(|name| super::distribution::name_covers(&name.domain, host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_list_that_is_cut_off_tells_no_absence() {
        let list = json!([{"DistributionId": "E1", "Domains": [{"Domain": "a.example"}]}]);
        let listed = Listed::parse(json!({"DistributionTenantList": list})).unwrap();
        assert!(covers(&listed.first().unwrap().domains, "a.example"));
        let cut = json!({"DistributionTenantList": list, "NextMarker": "x"});
        assert!(Listed::parse(cut).is_err());
    }
}
