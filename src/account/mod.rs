//! What AWS says of a distribution.
//!
//! [`Account`] is the one way to ask; a bundle in a folder and a live account answer in the same
//! form, the verbatim output of `aws SERVICE OPERATION`. [`facts`] turns the answers into plain
//! values that the causes read, each with its state and its time.

pub mod absence;
pub mod behavior;
pub mod bucket;
pub mod bucket_facts;
pub mod bundle;
pub mod command;
pub mod distribution;
pub mod dns;
pub mod facts;
pub mod held;
mod host_policy;
#[cfg(feature = "aws")]
pub mod live;
pub mod log_fields;
pub mod pattern;
pub mod recorder;
pub mod sampled;
pub mod tenant;
pub mod trail;
pub mod web_acl;
pub mod witness;

use std::fmt;

use jiff::Timestamp;
use serde_json::Value;

/// What a bundle says by itself: what became of signatures that `capture` took out of its logs.
pub const KEPT_SIGNATURES: &str = "capture/signatures";

/// Whether AWS is who answers an operation, and not the bundle itself.
pub fn is_of_aws(operation: &str) -> bool {
    operation != KEPT_SIGNATURES && operation != crate::asked::ASKED
}

/// One question to AWS: `SERVICE/OPERATION` and perhaps what it is about, as in a bundle's `aws/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question {
    /// For example `cloudfront/get-distribution`.
    pub operation: &'static str,
    /// For example the distribution's ID; empty where the operation needs none. A bucket's name
    /// with a slash at its end stands for some object in it.
    pub about: String,
    /// The ARN by which commands name it, where that is another than what it is kept under.
    pub arn: Option<Box<str>>,
}

impl Question {
    /// A question about one thing.
    pub fn new(operation: &'static str, about: impl Into<String>) -> Self {
        Self { operation, about: about.into(), arn: None }
    }

    /// A question about everything.
    pub fn all(operation: &'static str) -> Self {
        Self::new(operation, "")
    }

    /// With the ARN by which AWS's commands name it.
    pub fn named(mut self, arn: &str) -> Self {
        self.arn = Some(arn.into());
        self
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.operation)?;
        if !self.about.is_empty() {
            let open = if self.about.ends_with('/') { "KEY" } else { "" };
            write!(f, "/{}{open}", crate::viewer::plain(&self.about))?;
        }
        Ok(())
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// AWS said this.
    Said(Value),
    /// AWS answered an error.
    Error {
        /// Its code, for example `NoSuchBucketPolicy`.
        code: String,
    },
    /// Nobody asked.
    Unasked,
    /// There is an answer, and it cannot be read.
    Unreadable(String),
}

/// Who can be asked. Implementations block; the function runs analysis on a thread of its own.
pub trait Account {
    /// Asks one question; the time is when the answer was read, where that is known.
    fn ask(&self, question: &Question) -> (Answer, Option<Timestamp>);

    /// What an operation can be asked about, where the account can tell (hosted zones, tenants).
    fn subjects(&self, operation: &'static str) -> Vec<String>;

    /// Whether it can be asked what nobody has asked yet. A bundle has what it has.
    fn is_live(&self) -> bool {
        false
    }
}

/// What is known of something, kept apart from what is not.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact<T> {
    /// What was asked.
    pub question: Question,
    /// What is known.
    pub state: State<T>,
    /// When it was read; `None` is after the last line of the log, at an unknown time.
    pub read_at: Option<Timestamp>,
}

/// The state of a fact.
#[derive(Clone, Debug, PartialEq)]
pub enum State<T> {
    /// AWS said so.
    Known(T),
    /// AWS said that there is none.
    Nothing,
    /// AWS did not let us ask.
    Denied,
    /// Nobody asked.
    Unasked,
    /// The answer cannot be read; the reason.
    Unreadable(String),
}

impl<T> Fact<T> {
    /// A fact that nobody asked for.
    pub fn unasked(question: Question) -> Self {
        Self { question, state: State::Unasked, read_at: None }
    }

    /// Asks, and reads the answer with `parse`.
    pub fn ask(
        account: &dyn Account,
        question: Question,
        parse: impl FnOnce(Value) -> Result<T, String>,
    ) -> Self {
        let (answer, read_at) = account.ask(&question);
        let state = match answer {
            Answer::Said(value) => match parse(value) {
                Ok(value) => State::Known(value),
                Err(reason) => State::Unreadable(reason),
            },
            Answer::Error { code } => of_error(&code),
            Answer::Unasked => State::Unasked,
            Answer::Unreadable(reason) => State::Unreadable(reason),
        };
        Self { question, state, read_at }
    }

    /// The value, where AWS gave one.
    pub fn known(&self) -> Option<&T> {
        match &self.state {
            State::Known(value) => Some(value),
            _ => None,
        }
    }

    /// Whether AWS said that there is none.
    pub fn is_nothing(&self) -> bool {
        matches!(self.state, State::Nothing)
    }

    /// Whether AWS answered at all, be it that there is none.
    pub fn is_told(&self) -> bool {
        matches!(self.state, State::Known(_) | State::Nothing)
    }

    /// Why the fact is missing, as the end of "… is not known: ".
    pub fn absence(&self) -> Option<String> {
        match &self.state {
            State::Known(_) | State::Nothing => None,
            State::Denied => Some("AWS denied access to it".to_owned()),
            State::Unasked => Some("nobody asked".to_owned()),
            State::Unreadable(reason) => Some(format!("the answer cannot be read ({reason})")),
        }
    }
}

/// "There is none" and "you may not know" are two facts.
fn of_error<T>(code: &str) -> State<T> {
    let code = code.to_ascii_lowercase();
    // A bucket that is gone says nothing of what it had.
    if code == "nosuchbucket" {
        return State::Unreadable("there is no such bucket any more".to_owned());
    }
    if code.starts_with("nosuch")
        || code.contains("notfound")
        || code.contains("nonexistentitem")
        || code == "404"
    {
        State::Nothing
    } else if code.contains("accessdenied")
        || code.contains("forbidden")
        || code.contains("unauthorized")
        || code.contains("notauthorized")
        || code == "403"
        || code == "accessdeniedexception"
    {
        State::Denied
    } else {
        State::Unreadable(format!("AWS answered {}", crate::viewer::plain(&code)))
    }
}
