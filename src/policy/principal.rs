//! Who a statement is about.
//!
//! Sources: "AWS JSON policy elements: Principal", "Restrict access to an Amazon S3 origin"
//! (origin access identities).

use super::Caller;
use super::answer::{any, not};

/// The `Principal` or `NotPrincipal` of a statement.
#[derive(Debug, Clone)]
pub(super) struct Principals {
    pub(super) who: Who,
    /// The statement is about everybody else.
    pub(super) negated: bool,
}

/// Whom the element names.
#[derive(Debug, Clone)]
pub(super) enum Who {
    /// `"*"`
    Everyone,
    Listed(Vec<Listed>),
}

/// One entry, such as `{"Service": "cloudfront.amazonaws.com"}`.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) kind: Kind,
    pub(super) name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Aws,
    Service,
    CanonicalUser,
    Federated,
}

impl Principals {
    /// Whether the statement is about the caller.
    pub(super) fn include(&self, caller: &Caller<'_>) -> Option<bool> {
        let named = match &self.who {
            // The element means everybody, services too: AWS's own policies that deny
            // everything to `"*"` make an exception for `aws:PrincipalIsAWSService`.
            Who::Everyone => Some(true),
            Who::Listed(entries) => any(entries.iter().map(|entry| entry.is(caller))),
        };
        if self.negated { not(named) } else { named }
    }

    /// The entry that cannot be compared with the caller.
    pub(super) fn undecided(&self, caller: &Caller<'_>) -> Option<&str> {
        match &self.who {
            Who::Everyone => None,
            Who::Listed(entries) => entries
                .iter()
                .find(|entry| entry.is(caller).is_none())
                .map(|entry| entry.name.as_str()),
        }
    }

    /// The entries as they stand in the policy.
    pub(super) fn names(&self) -> Vec<String> {
        match &self.who {
            Who::Everyone => vec!["*".to_owned()],
            Who::Listed(entries) => entries.iter().map(|entry| entry.name.clone()).collect(),
        }
    }
}

impl Listed {
    fn is(&self, caller: &Caller<'_>) -> Option<bool> {
        match (self.kind, caller) {
            (Kind::Aws, Caller::Anonymous | Caller::Service(_)) => {
                self.is_one_without_account(caller)
            }
            (Kind::Aws, Caller::Oai { id, .. }) => is_identity(&self.name, id),
            (Kind::Service, Caller::Service(service)) => is_service(&self.name, service),
            (Kind::CanonicalUser, Caller::Oai { canonical, .. }) => {
                canonical.map(|canonical| canonical == self.name)
            }
            (Kind::Service | Kind::CanonicalUser | Kind::Federated, _) => Some(false),
        }
    }

    /// Neither an anonymous caller nor a service belongs to an account, so no account, user or
    /// role is one of them. `{"AWS": "*"}` equals `"*"` for anonymous callers; AWS says so of
    /// them alone, and the two spellings are known to differ elsewhere, so for a service
    /// principal it is unknown.
    fn is_one_without_account(&self, caller: &Caller<'_>) -> Option<bool> {
        match (spelling(&self.name), caller) {
            (Spelling::Everyone, Caller::Anonymous) => Some(true),
            (Spelling::Everyone | Spelling::Unheard, _) => None,
            (Spelling::Account | Spelling::Arn { .. } | Spelling::UniqueId, _) => Some(false),
        }
    }
}

/// The ways in which a principal of an account is written.
enum Spelling<'a> {
    Everyone,
    /// Twelve digits.
    Account,
    Arn {
        partition: &'a str,
        account: &'a str,
        resource: &'a str,
    },
    /// `AIDA…`, `AROA…`: what S3 shows for a user or role that it can no longer name, and for a
    /// new origin access identity for a while.
    UniqueId,
    /// Nothing that AWS describes.
    Unheard,
}

fn spelling(name: &str) -> Spelling<'_> {
    if name == "*" {
        return Spelling::Everyone;
    }
    let mut sections = name.splitn(6, ':');
    if let (
        Some("arn"),
        Some(partition),
        Some("iam" | "sts"),
        Some(""),
        Some(account),
        Some(resource),
    ) = (
        sections.next(),
        sections.next(),
        sections.next(),
        sections.next(),
        sections.next(),
        sections.next(),
    ) && !name.contains(['*', '?'])
    {
        return Spelling::Arn { partition, account, resource };
    }
    if is_account(name) {
        Spelling::Account
    } else if name.starts_with('A')
        && name.len() >= 16
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    {
        Spelling::UniqueId
    } else {
        Spelling::Unheard
    }
}

fn is_account(name: &str) -> bool {
    name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_identity(name: &str, id: &str) -> Option<bool> {
    match spelling(name) {
        Spelling::Everyone => Some(true),
        Spelling::Account => Some(false),
        Spelling::Arn { account, .. } if is_account(account) => Some(false),
        Spelling::Arn {
            partition: "aws" | "aws-cn" | "aws-us-gov",
            account: "cloudfront",
            resource,
        } => {
            let named = resource.strip_prefix("user/CloudFront Origin Access Identity ")?;
            Some(named == id)
        }
        // The unique ID of a role cannot be that of an identity, which is a user.
        Spelling::UniqueId if name.starts_with("AROA") => Some(false),
        Spelling::UniqueId | Spelling::Arn { .. } | Spelling::Unheard => None,
    }
}

/// Some services have a principal for each Region or partition as well; whether CloudFront
/// would be taken for such a one, AWS does not say.
fn is_service(name: &str, service: &str) -> Option<bool> {
    let first_label = |name: &str| name.split('.').next().map(str::to_lowercase);
    if name == service {
        Some(true)
    } else if name.contains(['*', '?']) || first_label(name) == first_label(service) {
        None
    } else {
        Some(false)
    }
}
