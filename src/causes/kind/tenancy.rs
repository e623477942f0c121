//! What a tenant of a multi-tenant distribution puts in the place of the distribution's own: its
//! names, its web ACL, its countries.

use super::{Acl, Country, GeoRule, Host};
use crate::account::distribution::{Distribution, Summary, best};
use crate::account::facts::{Facts, Held, What};
use crate::account::tenant::Tenant;
use crate::logs::record::{Column, Refusal};

/// Whether a request is a tenant's.
pub(super) enum Tenancy<'a> {
    /// It is the distribution's own.
    No,
    /// It is this tenant's.
    Of(&'a Tenant),
    /// It is one's of whom nothing is known.
    Unknown,
}

impl<'a> Tenancy<'a> {
    pub(super) fn of(refusal: &Refusal, facts: &'a Facts) -> Self {
        match refusal.tenant_id.as_deref() {
            None => Self::No,
            Some(id) => match facts.tenants.get(id).and_then(|fact| fact.known()) {
                Some(tenant) => Self::Of(tenant),
                None => Self::Unknown,
            },
        }
    }
}

/// The web ACL that stands in front; a tenant may put its own in the place of the distribution's,
/// or switch it off.
pub(super) fn web_acl<'a>(
    distribution: Option<&'a Distribution>,
    tenant: &Tenancy<'a>,
) -> (Acl, Option<&'a str>) {
    let Some(distribution) = distribution else { return (Acl::Unknown, None) };
    let own = match distribution.web_acl() {
        Some(arn) => (Acl::Distribution, Some(arn)),
        None => (Acl::None, None),
    };
    match tenant {
        Tenancy::No => own,
        Tenancy::Unknown => (Acl::Unknown, own.1),
        Tenancy::Of(tenant) => {
            match tenant.customizations.as_ref().and_then(|all| all.web_acl.as_ref()) {
                Some(other) if other.action == "disable" => (Acl::None, None),
                Some(other) => (Acl::Tenant, Some(&other.arn)),
                None => own,
            }
        }
    }
}

pub(super) fn host(
    refusal: &Refusal,
    distribution: Option<&Distribution>,
    facts: &Facts,
    tenant: &Tenancy<'_>,
) -> Host {
    let Some(host) = refusal.host.value() else { return Host::Unknown };
    let Ok(name) = String::from_utf8(host.sent()) else { return Host::Unknown };
    let Some(distribution) = distribution else { return Host::Unknown };
    if distribution.answers_to(&name) {
        return Host::Own;
    }
    match tenant {
        Tenancy::Of(tenant) if tenant.answers_to(&name) => return Host::Own,
        // The domains of tenants are theirs, and what they are may not be known.
        Tenancy::Unknown => {
            let has = facts.tenant_has(&distribution.id, &name, refusal.time);
            return if has == Some(true) { Host::Own } else { Host::Unknown };
        }
        Tenancy::No if distribution.is_for_tenants() => {
            match facts.tenant_has(&distribution.id, &name, refusal.time) {
                Some(true) => return Host::Own,
                Some(false) => {}
                None => return Host::Unknown,
            }
        }
        _ => {}
    }
    not_own(&name, (&distribution.id, &distribution.domain_name), facts)
}

/// The same where the distribution's configuration is not known: the list of distributions has
/// its names.
pub(super) fn host_by_list(refusal: &Refusal, facts: &Facts) -> Host {
    let name = refusal.host.value().and_then(|host| String::from_utf8(host.sent()).ok());
    let Some((name, mine)) = name.zip(listed(refusal, facts)) else { return Host::Unknown };
    match mine.answers_to(&name) {
        true => Host::Own,
        false => not_own(&name, (&mine.id, &mine.domain_name), facts),
    }
}

/// What the list of distributions says of the one that was asked, if it is of that moment. Of one
/// that serves tenants it says too little.
pub(super) fn listed<'a>(refusal: &Refusal, facts: &'a Facts) -> Option<&'a Summary> {
    let id = refusal.distribution_id.as_deref().filter(|_| refusal.tenant_id.is_none())?;
    let mine = facts.summaries.known()?.iter().find(|one| one.id == id)?;
    let read_at = facts.summaries.read_at;
    let held = facts.holds(What::Distribution, &[id], read_at, refusal.time) == Held::Holds;
    let later = mine.last_modified().is_some_and(|changed| changed > refusal.time);
    (held && !later && mine.connection_mode.as_deref() != Some("tenant-only")).then_some(mine)
}

/// Whose a name is that is not this distribution's.
fn not_own(name: &str, (id, domain): (&str, &str), facts: &Facts) -> Host {
    let others = facts.summaries.known().into_iter().flatten().filter(|other| other.id != id);
    let theirs = others.filter_map(|other| Some((other, other.alias_of(name)?)));
    // CloudFront prefers the more specific name.
    let specific = |(_, alias): &(&Summary, &str)| (!alias.starts_with('*'), alias.len());
    if let Some((other, alias)) = theirs.max_by_key(specific) {
        return Host::Elsewhere(other.id.as_str().into(), alias.to_ascii_lowercase().into());
    }
    let records = facts.zones.iter().filter_map(|zone| zone.known()).flatten();
    let here = records.filter(|record| record.target.eq_ignore_ascii_case(domain));
    Host::Foreign(best(here.map(|record| record.name.as_str()), name).map(Into::into))
}

pub(super) fn country(
    refusal: &Refusal,
    distribution: Option<&Distribution>,
    tenant: &Tenancy<'_>,
) -> (Option<GeoRule>, Country, Country) {
    let own = distribution.map(|distribution| {
        let geo = distribution.config.restrictions.as_ref().map(|all| &all.geo_restriction);
        geo.map_or(("none", &[][..]), |geo| (geo.restriction_type.as_str(), geo.items.as_slice()))
    });
    let (rule, list) = match tenant {
        Tenancy::Unknown => (None, &[][..]),
        Tenancy::Of(Tenant { customizations: Some(all), .. }) if all.geo_restrictions.is_some() => {
            let geo = all.geo_restrictions.as_ref();
            let kind = geo.map(|geo| geo.restriction_type.as_str());
            (kind, geo.map(|geo| geo.locations.as_slice()).unwrap_or_default())
        }
        _ => (own.map(|(kind, _)| kind), own.map(|(_, list)| list).unwrap_or_default()),
    };
    let rule = match rule {
        Some("blacklist") => Some(GeoRule::Denies),
        Some("whitelist") => Some(GeoRule::Serves),
        Some(_) => Some(GeoRule::Unrestricted),
        None => None,
    };
    let stands = |code: &str| match list.iter().any(|item| item == code) {
        true => Country::Listed,
        false => Country::NotListed,
    };
    let country = match &refusal.country {
        Column::Missing => Country::Unknown,
        Column::Dash => Country::Nowhere,
        Column::Value(code) => stands(code),
    };
    let by_address = refusal.country_by_address.as_deref().map_or(Country::Unknown, stands);
    (rule, country, by_address)
}
