//! Three-valued logic, so that what is not known is never taken for "no".

/// Yes, no, or that it cannot be told and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
    /// A part of a sentence that says what could not be evaluated.
    Unknown(String),
}

impl Answer {
    /// Words for a bare truth value; `why` is asked only where they are needed.
    pub(super) fn from_truth(truth: Option<bool>, why: impl FnOnce() -> String) -> Answer {
        match truth {
            Some(true) => Answer::Yes,
            Some(false) => Answer::No,
            None => Answer::Unknown(why()),
        }
    }

    /// Whether all answers are yes: one "no" decides, whatever the others would have said.
    pub(super) fn all(answers: impl Iterator<Item = Answer>) -> Answer {
        let mut unknown = None;
        for answer in answers {
            match answer {
                Answer::Yes => {}
                Answer::No => return Answer::No,
                Answer::Unknown(why) => {
                    unknown.get_or_insert(why);
                }
            }
        }
        unknown.map_or(Answer::Yes, Answer::Unknown)
    }
}

/// Whether at least one is true: one "true" decides, whatever the others would have said.
pub(super) fn any(truths: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut result = Some(false);
    for truth in truths {
        match truth {
            Some(true) => return Some(true),
            Some(false) => {}
            None => result = None,
        }
    }
    result
}

/// Whether all are true: one "false" decides, whatever the others would have said.
pub(super) fn all(truths: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    not(any(truths.map(not)))
}

/// The opposite; of what is not known, it is not known either.
pub(super) fn not(truth: Option<bool>) -> Option<bool> {
    truth.map(|known| !known)
}
