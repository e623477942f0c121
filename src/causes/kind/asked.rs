//! What was answered when a refused path was asked for directly.

use jiff::Timestamp;

use crate::account::facts::Facts;
use crate::asked::{Answer, Asked, Of};
use crate::logs::record::Refusal;

/// An answer, held against the one that the log has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direct {
    /// 403, and the same type and length of body as in the log.
    Alike,
    /// 403 with another body, or with one that cannot be compared.
    Refused,
    /// Content, or what leads to it.
    Served,
    /// Something else.
    Other,
    /// No answer in time.
    TimedOut,
}

/// Both answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Answers {
    /// The origin's.
    pub origin: Option<Direct>,
    /// The distribution's.
    pub distribution: Option<Direct>,
    /// When they were given, to the minute.
    pub at: Option<Timestamp>,
}

/// What was answered to a question for what a refusal asked for. What had a query that was not
/// sent is another question.
pub(super) fn of(refusal: &Refusal, facts: &Facts) -> Answers {
    let Some(id) = refusal.distribution_id.as_deref() else { return Answers::default() };
    let path = String::from_utf8_lossy(refusal.path.logged());
    let find = |of| {
        let found = facts.asked.find(id, &refusal.method, &path, of);
        found.filter(|asked| {
            let sent = asked.ask.url.split_once('?').map(|(_, query)| query.as_bytes());
            let wanted = refusal.query.value().map(|query| query.sent());
            !asked.ask.query_left_out && sent == wanted.as_deref()
        })
    };
    let (origin, distribution) = (find(Of::Origin), find(Of::Distribution));
    let at = origin.or(distribution).map(|asked| asked.at.as_second() / 60 * 60);
    Answers {
        origin: origin.and_then(|asked| direct(asked, refusal)),
        distribution: distribution.and_then(|asked| direct(asked, refusal)),
        at: at.and_then(|second| Timestamp::from_second(second).ok()),
    }
}

fn direct(asked: &Asked, refusal: &Refusal) -> Option<Direct> {
    match &asked.answer {
        Answer::Said { status: 403, content_type, content_length, .. } => {
            let kind = refusal.content_type.value().map(AsRef::as_ref);
            let length = refusal.content_length.value();
            let alike = kind.is_some()
                && length.is_some()
                && kind == content_type.as_deref()
                && length == content_length.as_ref();
            Some(if alike { Direct::Alike } else { Direct::Refused })
        }
        Answer::Said { status: 200..=399, .. } => Some(Direct::Served),
        Answer::Said { .. } => Some(Direct::Other),
        Answer::TimedOut => Some(Direct::TimedOut),
        Answer::NotAsked(_) | Answer::Failed(_) => None,
    }
}
