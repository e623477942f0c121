//! What is known of a request beside who asks for what: its condition keys.

use std::collections::BTreeMap;

/// What is known of one condition key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// The request carries the key with these values; almost every key has one.
    Known(Vec<String>),
    /// The request does not carry the key.
    Absent,
    /// The request may carry the key, and with what value is not known.
    Unknown,
}

/// The condition keys of a request, in any case (`AWS:SourceArn` is `aws:sourcearn`).
///
/// A key that was never mentioned is unknown, because a request carries many keys that no log
/// and no configuration shows. [`Context::closed`] turns that round.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    keys: BTreeMap<String, Key>,
    closed: bool,
}

impl Context {
    /// Nothing is known yet.
    pub fn new() -> Context {
        Context::default()
    }

    /// What a request signed through an origin access control carries.
    ///
    /// CloudFront acts there as a service principal for a distribution, so the request has
    /// `aws:SourceArn` and `aws:SourceAccount`, belongs to no organization, and comes through no
    /// endpoint of a customer's network ("AWS global condition context keys"). Left unknown, for
    /// the caller of this function to add: `aws:SecureTransport`, and whatever the behaviour
    /// forwards (`aws:Referer`, `aws:UserAgent`).
    pub fn of_origin_access_control(distribution_arn: &str, account: Option<&str>) -> Context {
        let context = Context::new()
            .known("aws:SourceArn", [distribution_arn])
            .known("aws:PrincipalIsAWSService", ["true"])
            .known("aws:PrincipalServiceName", ["cloudfront.amazonaws.com"])
            .absent("aws:PrincipalOrgID")
            .absent("aws:PrincipalOrgPaths")
            .absent("aws:SourceVpc")
            .absent("aws:SourceVpce");
        match account {
            Some(account) => context.known("aws:SourceAccount", [account]),
            None => context,
        }
    }

    /// What a request of an origin access identity carries: it is a user of CloudFront's own,
    /// who acts for no resource.
    pub fn of_origin_access_identity() -> Context {
        Context::new()
            .absent("aws:SourceArn")
            .absent("aws:SourceAccount")
            .absent("aws:SourceVpc")
            .absent("aws:SourceVpce")
    }

    /// What an unsigned request carries: nothing that tells of a principal or of a resource that
    /// it acts for.
    pub fn of_anonymous() -> Context {
        Context::of_origin_access_identity()
            .absent("aws:PrincipalArn")
            .absent("aws:PrincipalOrgID")
            .absent("aws:PrincipalOrgPaths")
            .absent("aws:PrincipalIsAWSService")
            .absent("aws:PrincipalServiceName")
    }

    /// The request carries the key with these values; none at all means that it is absent.
    pub fn known<'a>(self, key: &str, values: impl IntoIterator<Item = &'a str>) -> Context {
        let values: Vec<String> = values.into_iter().map(str::to_owned).collect();
        self.with(key, if values.is_empty() { Key::Absent } else { Key::Known(values) })
    }

    /// The request does not carry the key.
    pub fn absent(self, key: &str) -> Context {
        self.with(key, Key::Absent)
    }

    /// Whether the request carries the key, and with what value, is not known.
    pub fn unknown(self, key: &str) -> Context {
        self.with(key, Key::Unknown)
    }

    /// Every key that was not mentioned is absent.
    pub fn closed(self) -> Context {
        Context { closed: true, ..self }
    }

    fn with(mut self, key: &str, state: Key) -> Context {
        self.keys.insert(key.to_lowercase(), state);
        self
    }

    /// What is known of a key that is written in lower case.
    pub(super) fn get(&self, lowercase_key: &str) -> &Key {
        match self.keys.get(lowercase_key) {
            Some(state) => state,
            None if self.closed => &Key::Absent,
            None => &Key::Unknown,
        }
    }
}
