//! What a cause thinks of requests of one kind.

use crate::account::Question;
use crate::viewer::printable;

/// How far an opinion goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Says {
    /// It cannot have been this cause.
    Excludes,
    /// The body that was sent is not the one that this cause leaves. That speaks against it and
    /// never excludes it: pages change.
    Doubts,
    /// Nothing speaks for it, and nothing rules it out.
    Silent,
    /// Something in the evidence looks like it.
    Hints,
    /// The evidence is what this cause leaves behind.
    Supports,
    /// Under the configuration of that moment this cause refuses such a request, if nothing before
    /// it did.
    Explains,
    /// One source says of this very request that it was this cause.
    Proves,
}

/// Which way a sentence speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Speaks {
    /// It supports what is said.
    For,
    /// It is a reason for doubt.
    Against,
    /// It was seen, and decides nothing.
    Neither,
}

impl Speaks {
    /// The stable identifier.
    pub fn id(self) -> &'static str {
        match self {
            Self::For => "for",
            Self::Against => "against",
            Self::Neither => "neither",
        }
    }
}

/// One sentence and who said it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Evidence {
    /// `access log`, `waf log`, or the operation that AWS answered.
    pub source: String,
    /// The sentence.
    pub says: String,
    /// Which way it speaks.
    pub speaks: Speaks,
}

impl Evidence {
    /// A sentence that supports.
    pub fn new(source: impl Into<String>, says: impl Into<String>) -> Self {
        // What it names comes from the account, and a bundle of one may come from anybody.
        Self { source: source.into(), says: printable(&says.into()), speaks: Speaks::For }
    }

    /// A reason for doubt.
    pub fn against(source: impl Into<String>, says: impl Into<String>) -> Self {
        Self { speaks: Speaks::Against, ..Self::new(source, says) }
    }

    /// Something that was seen and decides nothing.
    pub fn seen(source: impl Into<String>, says: impl Into<String>) -> Self {
        Self { speaks: Speaks::Neither, ..Self::new(source, says) }
    }
}

/// The opinion of one cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// How far it goes.
    pub says: Says,
    /// The detail, where the evidence tells it.
    pub detail: Option<&'static str>,
    /// Whether the detail is as sure as the cause; a cause that is certain with a detail that is
    /// not is `likely`.
    pub detail_sure: bool,
    /// The WAF rule.
    pub rule: Option<String>,
    /// What it rests on. For an exclusion the first sentence is the reason.
    pub evidence: Vec<Evidence>,
    /// Facts that would decide and are missing.
    pub missing: Vec<Question>,
}

impl Opinion {
    fn new(says: Says) -> Self {
        Self {
            says,
            detail: None,
            detail_sure: true,
            rule: None,
            evidence: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// Nothing to say.
    pub fn silent() -> Self {
        Self::new(Says::Silent)
    }

    /// It cannot have been this, because.
    pub fn excludes(source: impl Into<String>, because: impl Into<String>) -> Self {
        Self::new(Says::Excludes).because(source, because)
    }

    /// The body speaks against it.
    pub fn doubts(kind: &super::kind::Kind) -> Self {
        Self::new(Says::Doubts).because(LOG, format!("the answer is {}", kind.page.words()))
    }

    /// An opinion of a strength, with a detail.
    pub fn of(says: Says, detail: impl Into<Option<&'static str>>) -> Self {
        let mut opinion = Self::new(says);
        opinion.detail = detail.into();
        opinion
    }

    /// With a sentence more.
    pub fn because(mut self, source: impl Into<String>, says: impl Into<String>) -> Self {
        self.evidence.push(Evidence::new(source, says));
        self
    }

    /// With a reason for doubt.
    pub fn but(mut self, source: impl Into<String>, says: impl Into<String>) -> Self {
        self.evidence.push(Evidence::against(source, says));
        self
    }

    /// With something that was seen and decides nothing.
    pub fn seen(mut self, source: impl Into<String>, says: impl Into<String>) -> Self {
        self.evidence.push(Evidence::seen(source, says));
        self
    }

    /// With a sentence more, if there is one.
    pub fn and(mut self, evidence: Option<Evidence>) -> Self {
        self.evidence.extend(evidence);
        self
    }

    /// With a fact that is missing.
    pub fn missing(mut self, question: impl Into<Option<Question>>) -> Self {
        self.missing.extend(question.into());
        self
    }

    /// With several facts that are missing.
    pub fn missing_all(mut self, questions: impl IntoIterator<Item = Question>) -> Self {
        self.missing.extend(questions);
        self
    }

    /// With the WAF rule.
    pub fn by_rule(mut self, rule: impl Into<String>) -> Self {
        self.rule = Some(printable(&rule.into()));
        self
    }

    /// The detail is only the likeliest.
    pub fn detail_unsure(mut self) -> Self {
        self.detail_sure = false;
        self
    }

    /// Where others were let in with what this cause is said to refuse, the configuration that was
    /// read is not the one of that moment, or this is not the reason: it is possible, and no more.
    pub fn unless_let_in(mut self, let_in: bool, what: &str) -> Self {
        if let_in && matches!(self.says, Says::Explains | Says::Supports | Says::Hints) {
            self.says = self.says.min(Says::Supports);
            self = self.detail_unsure().but(
                LOG,
                format!(
                    "other requests {what} were let in after such a refusal: the configuration \
                     that was read was not in force then, or this is not the reason"
                ),
            );
        }
        self
    }

    /// At most this strong.
    pub fn at_most(mut self, says: Says) -> Self {
        self.says = self.says.min(says);
        self
    }
}

/// The source of what the access log says.
pub const LOG: &str = "access log";
/// The source of what a WAF log says.
pub const WAF_LOG: &str = "waf log";
