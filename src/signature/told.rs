//! What a signature says, for people: when it begins and ends, and what it is for.

use super::parameters::{Looked, look};
use super::redact::{REDACTED, redact, tells_secret};
use super::resource::Url;
use super::statement::{Demand, Notes};
use super::{Asked, check};
use crate::viewer;

/// What a signature says. Its texts may be shown: they are escaped, and without what gives access.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The second from which it is valid.
    pub starts: Option<i64>,
    /// The second at which it ends.
    pub ends: Option<i64>,
    /// The URLs that it is for.
    pub resource: Option<String>,
    /// The URL that was asked for, as far as the log has it.
    pub asked: Option<String>,
    /// The viewers that it is for, by their network and never by a whole address.
    pub viewers: Option<String>,
}

/// What the signature of a request says; `None` where it has none, or one that says nothing for
/// certain.
pub fn told(asked: &Asked<'_>) -> Option<Told> {
    let Looked::Found(found) = look(asked) else { return None };
    if found.in_doubt {
        return None;
    }
    let mut notes = Notes::default();
    let statement = check::statement(&found, check::policy(&found), &mut notes);
    Some(Told {
        starts: told_of(statement.starts),
        ends: told_of(statement.ends),
        resource: told_of(statement.resource).map(|resource| shown(resource.as_bytes())),
        asked: Url::of(asked).and_then(|url| url.text()).map(|url| shown(&url)),
        viewers: told_of(statement.address).map(super::statement::Range::shown),
    })
}

fn told_of<T>(demand: Demand<T>) -> Option<T> {
    match demand {
        Demand::Is(value) => Some(value),
        Demand::Nothing | Demand::Unread => None,
    }
}

/// A URL as it may be shown.
fn shown(url: &[u8]) -> String {
    let at = memchr::memchr(b'?', url).unwrap_or(url.len());
    let (plain, query) = url.split_at_checked(at).unwrap_or((url, &[]));
    let plain = if tells_secret(plain) { REDACTED.to_owned() } else { viewer::show(plain) };
    match query.split_first() {
        Some((_, query)) => {
            let query = redact(query);
            format!("{plain}?{}", viewer::show(query.as_bytes()))
        }
        None => plain,
    }
}
