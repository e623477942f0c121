//! Texts of a policy that may hold `*`, `?` and policy variables.
//!
//! Sources: "IAM JSON policy elements: Resource" (wildcards), "IAM policy elements: Variables
//! and tags" (variables, and `${*}`, `${?}`, `${$}` for the characters themselves).

/// One step of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Exactly(char),
    /// `?`
    One,
    /// `*`
    Many,
}

/// Whether `A` and `a` are the same letter: they are in actions, and nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Matters,
    Ignored,
}

/// A text of the policy, both as it stands there and as it is compared.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    raw: String,
    /// `None` where a policy variable stands in it: its value belongs to the request, and
    /// nothing here knows it.
    pieces: Option<Vec<Piece>>,
}

impl Pattern {
    /// `variables` says whether `${...}` means something; it does not in policies of the
    /// version `2008-10-17`, which is also the one of a policy that names none.
    pub(super) fn parse(raw: &str, variables: bool) -> Pattern {
        Pattern { raw: raw.to_owned(), pieces: pieces(raw, variables) }
    }

    /// The text as it stands in the policy.
    pub(super) fn raw(&self) -> &str {
        &self.raw
    }

    /// Whether it stands for one value only: neither wildcards nor variables.
    pub(super) fn is_fixed(&self) -> bool {
        self.pieces
            .as_ref()
            .is_some_and(|pieces| pieces.iter().all(|piece| matches!(piece, Piece::Exactly(_))))
    }

    /// Whether the value fits; unknown with a variable.
    pub(super) fn matches(&self, value: &str, case: Case) -> Option<bool> {
        Some(fits(self.pieces.as_ref()?, value, case))
    }

    /// The text with wildcards taken for mere characters, as `StringEquals` takes them.
    pub(super) fn literal(&self) -> Option<String> {
        let character = |piece: &Piece| match piece {
            Piece::Exactly(character) => *character,
            Piece::One => '?',
            Piece::Many => '*',
        };
        Some(self.pieces.as_ref()?.iter().map(character).collect())
    }

    /// Whether the value fits section by section, as the operators for ARNs compare: a wildcard
    /// there never reaches over a colon, except inside the last of the six sections.
    ///
    /// AWS does not say how a pattern or a value of fewer sections compares, so that is unknown.
    pub(super) fn matches_arn(&self, value: &str) -> Option<bool> {
        let pieces = self.pieces.as_ref()?;
        let patterns: Vec<_> = pieces.splitn(6, |piece| *piece == Piece::Exactly(':')).collect();
        let values: Vec<_> = value.splitn(6, ':').collect();
        if patterns.len() != 6 || values.len() != 6 {
            return None;
        }
        Some(
            patterns.iter().zip(values).all(|(pattern, value)| fits(pattern, value, Case::Matters)),
        )
    }
}

fn pieces(raw: &str, variables: bool) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = raw.chars();
    loop {
        if variables && let Some(variable) = rest.as_str().strip_prefix("${") {
            let mut inner = variable.chars();
            match (inner.next(), inner.next()) {
                (Some(character @ ('*' | '?' | '$')), Some('}')) => {
                    pieces.push(Piece::Exactly(character));
                    rest = inner;
                    continue;
                }
                _ => return None,
            }
        }
        match rest.next() {
            None => return Some(pieces),
            Some('*') => pieces.push(Piece::Many),
            Some('?') => pieces.push(Piece::One),
            Some(character) => pieces.push(Piece::Exactly(character)),
        }
    }
}

/// Walks along the value and, on a mismatch, lets the last `*` take one character more. Only
/// the last one has to be tried again, which bounds the work by the product of both lengths.
fn fits(pieces: &[Piece], value: &str, case: Case) -> bool {
    let mut pieces = pieces.iter();
    let mut value = value.chars();
    let mut last_star = None;
    loop {
        match pieces.as_slice().first() {
            Some(Piece::Many) => {
                pieces.next();
                last_star = Some((pieces.clone(), value.clone()));
                continue;
            }
            Some(piece) => {
                let mut ahead = value.clone();
                if ahead.next().is_some_and(|character| takes(piece, character, case)) {
                    pieces.next();
                    value = ahead;
                    continue;
                }
            }
            None if value.as_str().is_empty() => return true,
            None => {}
        }
        let Some((after_star, from)) = &mut last_star else {
            return false;
        };
        if from.next().is_none() {
            return false;
        }
        pieces = after_star.clone();
        value = from.clone();
    }
}

fn takes(piece: &Piece, character: char, case: Case) -> bool {
    match (piece, case) {
        (Piece::Exactly(wanted), Case::Matters) => *wanted == character,
        (Piece::Exactly(wanted), Case::Ignored) => wanted.eq_ignore_ascii_case(&character),
        (Piece::One | Piece::Many, _) => true,
    }
}
