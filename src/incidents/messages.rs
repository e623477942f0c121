//! What people are told of a story: the incidents of one distribution and cause.
//!
//! Incidents that overlap or follow within the hour are one story, under the id of the first. It
//! speaks when one of them begins, grows or ends the story, and when it has become another thing:
//! surer or less sure, of another detail or rule, at another place. It says each of these once, and
//! the last kind no more often than twice an hour: a site writes a file a minute, and each of them
//! shows a little of the whole.

use std::hash::Hasher;

use siphasher::sip::SipHasher24;

use super::bucket_of;
use super::record::{Desk, Place};
use super::series::{Bucket, HOUR};
use super::store::{Ended, Story};
use super::story::{BETWEEN_MESSAGES, News};
use crate::alerts::Outgoing;
use crate::causes::{Cause, Severity};
use crate::report::Incident;

/// Refusals that a look must hold before it says that the story is another now. What fewer have in
/// common may be chance.
const A_LOOK: u64 = 12;

/// Things that a story remembers to have named. One that strikes more places than that is no news
/// at the next.
const NAMED: usize = 24;

/// Incidents that a story remembers of those that have ended, the largest.
const ENDED: usize = 8;

/// What is new of one cause of a distribution.
#[derive(Debug, Default)]
pub struct CauseNews {
    /// Incidents that began or grew.
    pub begun: Vec<(News, Incident)>,
    /// Incidents that ended.
    pub over: Vec<Incident>,
    /// All that go on, those that began now among them.
    pub open: Vec<Incident>,
}

/// What an alert says, as far as it makes another thing of a story.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gist {
    /// How sure it is.
    pub confidence: String,
    /// Where most of the refusals strike, if that is known.
    pub place: Option<String>,
    /// Refusals that were looked at for it.
    pub looked_at: u64,
    /// Whether it may become surer by logs that are still to come.
    pub waits: bool,
}

/// What a story tells next; `at_once` where what it may have become is told however soon.
pub(super) fn go_on(
    desk: &Desk<'_>,
    mut story: Story,
    news: CauseNews,
    at_once: bool,
    outbox: &mut Vec<Outgoing>,
) -> Story {
    let CauseNews { mut begun, mut over, mut open } = news;
    let largest = |a: &Incident, b: &Incident| (b.forbidden, &a.id).cmp(&(a.forbidden, &b.id));
    begun.sort_by(|(_, a), (_, b)| largest(a, b));
    over.sort_by(largest);
    open.sort_by(largest);
    if let Some(start) = begun.iter().map(|(_, one)| bucket_of(one.start)).min() {
        let goes_on = story.sequence > 0 && (!story.open.is_empty() || start <= story.last + HOUR);
        if !goes_on {
            let alert_id = begun.first().map(|(_, one)| one.id.clone()).unwrap_or_default();
            story = Story { alert_id, revision: story.revision, ..Story::default() };
        }
        for (_, one) in &begun {
            story.open.insert(one.id.clone());
            story.ended.retain(|ended| ended.id != one.id);
            story.last = story.last.max(bucket_of(one.detected));
        }
        // Of one that began and ended before it was heard of nothing goes on.
        if open.is_empty() {
            open = begun.iter().map(|(_, one)| one.clone()).collect();
        }
        let as_what = if goes_on { As::Update(why(&begun)) } else { As::Open };
        say(desk, &mut story, as_what, &open, outbox);
    } else if !story.open.is_empty()
        && let Some(why) = has_become(desk, &story, &open, at_once)
    {
        say(desk, &mut story, As::Update(why), &open, outbox);
    }
    for one in &over {
        story.open.remove(&one.id);
        story.last = story.last.max(one.end.map_or(Bucket::MIN, bucket_of));
    }
    if let Some(last) = over.first().cloned() {
        // What is over at last is all of it, and the largest gives it its name.
        over.extend(story.ended.iter().map(|one| again(one, &last)));
        over.sort_by(largest);
        story.ended = over.iter().take(ENDED).map(ended).collect();
    }
    if !over.is_empty() && story.open.is_empty() && story.sequence > 0 {
        say(desk, &mut story, As::Resolved, &over, outbox);
    }
    story
}

/// As what a story speaks: for an update, why.
#[derive(Clone, Copy)]
enum As {
    Open,
    Update(&'static str),
    Resolved,
}

/// Why there is an update about incidents that began or grew.
fn why(begun: &[(News, Incident)]) -> &'static str {
    let any = |news: News| begun.iter().any(|(one, _)| *one == news);
    if any(News::Opened) {
        "more of it has begun"
    } else if any(News::Reopened) {
        "it has begun again"
    } else {
        "it has grown fourfold"
    }
}

/// What a story has become since its last message, if that is another thing.
fn has_become(
    desk: &Desk<'_>,
    story: &Story,
    open: &[Incident],
    at_once: bool,
) -> Option<&'static str> {
    let largest = open.first()?;
    let soon = bucket_of(desk.now) - story.told < BETWEEN_MESSAGES;
    if (soon && !at_once) || story.said.len() >= NAMED {
        return None;
    }
    if !story.said.contains(&subject(largest)) {
        return Some("most of it is something else now");
    }
    let (_, gist) = (desk.write)(open, &place(story, As::Update("")))?;
    if gist.looked_at < A_LOOK {
        return None;
    }
    // What was proved once is not doubted because the proof of the next requests is still to come.
    let proved = |said: &str| said == "confirmed" && gist.waits;
    if story.confidence.as_ref().is_some_and(|said| *said != gist.confidence && !proved(said)) {
        return Some("there is other evidence now");
    }
    let elsewhere = gist.place.is_some_and(|place| !story.said.contains(&named(&place)));
    elsewhere.then_some("it strikes elsewhere now")
}

fn say(
    desk: &Desk<'_>,
    story: &mut Story,
    as_what: As,
    incidents: &[Incident],
    outbox: &mut Vec<Outgoing>,
) {
    let place = place(story, as_what);
    let Some((messages, gist)) = (desk.write)(incidents, &place) else { return };
    story.sequence += 1;
    story.told = bucket_of(desk.now);
    story.confidence = Some(gist.confidence);
    let place = gist.place.as_deref().map(named);
    story.said.extend(incidents.first().map(subject).into_iter().chain(place));
    outbox.extend(messages);
}

/// What is kept of an incident that has ended.
fn ended(incident: &Incident) -> Ended {
    Ended {
        id: incident.id.clone(),
        detail: incident.detail.map(str::to_owned),
        rule: incident.rule.clone(),
        start: incident.start,
        detected: incident.detected,
        end: incident.end,
        forbidden: incident.forbidden,
        expected: incident.expected,
    }
}

/// An incident that has ended before another of its story did.
fn again(ended: &Ended, other: &Incident) -> Incident {
    let cause = Cause::of_id(other.cause);
    let details = cause.map_or(&[][..], Cause::details);
    let detail = ended.detail.as_deref();
    let detail = detail.and_then(|detail| details.iter().copied().find(|known| *known == detail));
    Incident {
        id: ended.id.clone(),
        detail,
        rule: ended.rule.clone(),
        severity: cause.map_or(other.severity, |cause| Severity::of(cause, detail).id()),
        start: ended.start,
        detected: ended.detected,
        end: ended.end,
        forbidden: ended.forbidden,
        expected: ended.expected,
        finding_ids: Vec::new(),
        ..other.clone()
    }
}

fn place(story: &Story, as_what: As) -> Place {
    let (state, why) = match as_what {
        As::Open => ("open", None),
        As::Update(why) => ("update", Some(why)),
        As::Resolved => ("resolved", None),
    };
    Place {
        alert_id: story.alert_id.clone(),
        sequence: story.sequence + 1,
        state,
        why,
        confidence: story.confidence.clone(),
    }
}

/// The detail and rule of an incident, as a name that was said.
fn subject(incident: &Incident) -> u32 {
    let rule = incident.rule.as_deref().unwrap_or_default();
    named(&format!("{}\n{rule}", incident.detail.unwrap_or_default()))
}

/// A name as it is remembered. Two that are taken for one cost an update at most.
fn named(name: &str) -> u32 {
    let mut hasher = SipHasher24::new_with_keys(0x7768_7934_3033, 0x7361_6964);
    hasher.write(name.as_bytes());
    (hasher.finish() >> 32) as u32
}
