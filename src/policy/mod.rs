//! Whether a resource policy lets one request through.
//!
//! Bucket policies, key policies and the policies of functions are written in one language;
//! this reads it and decides for the three callers that CloudFront can be to an origin: the
//! service itself (origin access control), an origin access identity, and anybody (unsigned).
//!
//! The logic has three values, because a log and a configuration never show all of a request.
//! What cannot be evaluated is unknown, and unknown is never taken for "no": an answer other
//! than [`Decision::Unknown`] holds whatever the missing values are. It holds for the policy
//! alone: access lists, organization policies, endpoint policies and public access blocks are
//! not part of it, nor is an owner who needs no grant.
//!
//! Where AWS is the authority, the name of the page stands with the code. Where AWS is silent,
//! the answer is unknown.

mod answer;
mod compare;
mod condition;
mod context;
mod nearest;
mod parse;
mod principal;
mod public;
mod wildcard;

use std::iter::once_with;

use answer::{Answer, any, not};
use condition::Condition;
pub use context::{Context, Key};
pub use nearest::{Missed, NearMiss, Unmet, nearest, tested, tests};
use principal::Principals;
pub use public::{Public, public};
use wildcard::{Case, Pattern};

/// A policy that was read. A statement that could not be understood is still part of it.
#[derive(Debug, Clone)]
pub struct Policy {
    statements: Vec<Statement>,
}

/// Why a text is no policy at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// No service of AWS stores a policy of this length.
    #[error("the text has {bytes} bytes, more than any policy may have")]
    TooLong {
        /// Length of the text.
        bytes: usize,
    },
    /// The parser's own words.
    #[error("the text is not JSON: {0}")]
    NotJson(String),
    /// JSON, but a list, a string or the like.
    #[error("the text is JSON, but not an object")]
    NotAnObject,
    /// An object, but not that of a policy.
    #[error("there is no Statement that is an object or a list")]
    NoStatement,
}

/// Who asks, in the eyes of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller<'a> {
    /// A service principal, such as `cloudfront.amazonaws.com` with origin access control.
    Service(&'a str),
    /// An origin access identity of CloudFront.
    Oai {
        /// `E…`
        id: &'a str,
        /// Its canonical user in S3, by which a policy may name it too, where that is known.
        canonical: Option<&'a str>,
    },
    /// A request without a signature.
    Anonymous,
}

/// One request, as the policy sees it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Who asks.
    pub caller: Caller<'a>,
    /// For what, such as `s3:GetObject`.
    pub action: &'a str,
    /// Of what, as an ARN, such as `arn:aws:s3:::bucket/key` with the key decoded.
    pub resource: &'a str,
    /// What else is known of the request.
    pub context: &'a Context,
}

/// What the policy says to a request. Statements are counted from zero, as in the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// A statement allows the request for certain, and none can deny it.
    Allowed {
        /// The first that does.
        statement: usize,
    },
    /// A statement denies the request for certain, whatever others may allow.
    Denied {
        /// The first that does.
        statement: usize,
    },
    /// No statement can allow the request, so that it is refused whether or not one denies it.
    NotGranted,
    /// It depends on something that is not known.
    Unknown {
        /// A part of a sentence: which statement (counted from one, with its Sid), and what in
        /// it could not be evaluated.
        why: String,
    },
}

#[derive(Debug, Clone)]
struct Statement {
    sid: Option<String>,
    /// `None` where it is neither of the two, so that it might be either.
    effect: Option<Effect>,
    /// What the statement is about, or what is wrong with it.
    grant: Result<Grant, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Allow,
    Deny,
}

/// The elements that must all fit a request before the effect applies to it.
#[derive(Debug, Clone)]
struct Grant {
    principals: Principals,
    action: Named,
    resource: Named,
    conditions: Vec<Condition>,
}

/// An `Action`, `NotAction`, `Resource` or `NotResource`.
#[derive(Debug, Clone)]
struct Named {
    patterns: Vec<Pattern>,
    negated: bool,
}

impl Policy {
    /// Reads the text of a policy: the document itself, not the answer of `get-bucket-policy`,
    /// which holds the document as a string.
    pub fn parse(text: &str) -> Result<Policy, PolicyError> {
        parse::policy(text)
    }

    /// The name that the policy's author gave a statement.
    pub fn sid(&self, statement: usize) -> Option<&str> {
        self.statements.get(statement)?.sid.as_deref().filter(|sid| !sid.is_empty())
    }

    /// How a person finds a statement in the document: `statement 2 (PublicRead)`.
    pub fn name_of(&self, statement: usize) -> String {
        let number = statement.saturating_add(1);
        match self.sid(statement) {
            Some(sid) => format!("statement {number} ({sid})"),
            None => format!("statement {number}"),
        }
    }
}

/// What the policy says to the request: a `Deny` before any `Allow`, and nothing is allowed
/// that no statement allows ("Policy evaluation logic").
pub fn evaluate(policy: &Policy, request: &Request<'_>) -> Decision {
    let mut allowed = None;
    let mut perhaps_allowed = None;
    let mut perhaps_denied = None;
    for (index, statement) in policy.statements.iter().enumerate() {
        match (statement.applies(request), statement.effect) {
            (Answer::No, _) => {}
            (Answer::Yes, Some(Effect::Deny)) => return Decision::Denied { statement: index },
            (Answer::Yes, Some(Effect::Allow)) => {
                allowed.get_or_insert(index);
            }
            (Answer::Yes, None) => {}
            (Answer::Unknown(why), effect) => {
                let why = format!("{}: {why}", policy.name_of(index));
                if effect != Some(Effect::Deny) {
                    perhaps_allowed.get_or_insert_with(|| why.clone());
                }
                if effect != Some(Effect::Allow) {
                    perhaps_denied.get_or_insert(why);
                }
            }
        }
    }
    match (allowed, perhaps_allowed, perhaps_denied) {
        (Some(statement), _, None) => Decision::Allowed { statement },
        (Some(_), _, Some(why)) | (None, Some(why), _) => Decision::Unknown { why },
        (None, None, _) => Decision::NotGranted,
    }
}

impl Statement {
    /// Whether the statement is about the request. Its elements are asked only until one says
    /// no, the cheapest and the most telling first.
    fn applies(&self, request: &Request<'_>) -> Answer {
        let grant = match &self.grant {
            Ok(grant) => grant,
            Err(fault) => return Answer::Unknown(format!("the statement {fault}")),
        };
        Answer::all(
            once_with(|| grant.names_action(request))
                .chain(once_with(|| grant.names_caller(request)))
                .chain(once_with(|| grant.names_resource(request)))
                .chain(grant.conditions.iter().map(|condition| condition.holds(request.context))),
        )
    }
}

impl Grant {
    fn names_caller(&self, request: &Request<'_>) -> Answer {
        Answer::from_truth(self.principals.include(&request.caller), || {
            let name = self.principals.undecided(&request.caller).unwrap_or_default();
            format!("whether the principal {name} is the caller cannot be told")
        })
    }

    fn names_action(&self, request: &Request<'_>) -> Answer {
        Answer::from_truth(self.action.covers(request.action, Case::Ignored), || {
            "the action cannot be compared".to_owned()
        })
    }

    fn names_resource(&self, request: &Request<'_>) -> Answer {
        Answer::from_truth(self.resource.covers(request.resource, Case::Matters), || {
            let texts: Vec<_> = self.resource.patterns.iter().map(Pattern::raw).collect();
            format!("the resource {} holds a policy variable", texts.join(", "))
        })
    }
}

impl Named {
    fn covers(&self, value: &str, case: Case) -> Option<bool> {
        let named = any(self.patterns.iter().map(|pattern| pattern.matches(value, case)));
        if self.negated { not(named) } else { named }
    }

    fn texts(&self) -> Vec<String> {
        self.patterns.iter().map(|pattern| pattern.raw().to_owned()).collect()
    }
}
