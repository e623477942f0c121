//! Records of a real-time log: each counted once, whatever boundaries they come in.
//!
//! Of each shard and distribution the table keeps the last record that was counted; it is written
//! in the transaction that writes the counts. Records up to it are read and not counted again. A
//! record that cannot be read is set aside and holds up no other.

#![expect(clippy::disallowed_methods, reason = "the clock of the delivery: one of the ends")]

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};
use tokio::task::spawn_blocking;
use tokio::time::timeout_at;

use super::apart::alone;
use super::count::Read;
use super::metrics::Metrics;
use super::objects::{self, Seen};
use super::{Fate, Function, NO_TIME, Time, Tools};
use crate::account::{Question, log_fields};
use crate::alerts::Outgoing;
use crate::analysis::Directory;
use crate::incidents::store::{Mark, Partial, Store, StoreError, Wait};
use crate::limits::WAITING_BYTES;
use crate::logs::layouts::Layouts;
use crate::logs::tally::{AccessTally, hash};
use crate::logs::{self, Context, Kind};
use crate::trigger::stream::{Sequence, Stretch, stretches};
use crate::trigger::{Batch, Object};

/// How old the account's field lists may be when a record does not fit them.
const LISTS_KEPT: SignedDuration = SignedDuration::from_secs(60);

/// What must be known of records besides what they say.
#[derive(Default)]
pub struct Records {
    /// Their shard. Records that come back from the dead-letter queue have none: its ledger is past
    /// them, and each is known by itself.
    pub shard: Option<Shard>,
    /// The lines with refusals.
    texts: Vec<Vec<u8>>,
    /// The lines in which a request stands, by the hash of its id.
    by_id: HashMap<u64, usize>,
}

/// A shard, and how far it is counted.
#[derive(Clone)]
pub struct Shard {
    name: String,
    before: BTreeMap<String, Sequence>,
    last: Sequence,
}

impl Records {
    /// How far the shard is counted with a distribution.
    pub(super) fn mark(&self, distribution: &str) -> Option<Mark> {
        let shard = self.shard.as_ref()?;
        Some(Mark {
            shard: shard.name.clone(),
            before: shard.before.get(distribution).cloned(),
            last: shard.last.clone(),
        })
    }
}

/// Lines that wait for WAF logs.
#[derive(Default)]
pub(super) struct Lines {
    /// The lines.
    pub text: Vec<u8>,
    taken: BTreeSet<usize>,
}

impl Lines {
    /// Takes the lines in which a request stands, if there is room for them.
    pub(super) fn take(&mut self, records: &Records, id: u64) -> bool {
        let Some(place) = records.by_id.get(&id) else { return false };
        let text = records.texts.get(*place).map(Vec::as_slice).unwrap_or_default();
        if !self.taken.contains(place) {
            if self.text.len() + text.len() >= WAITING_BYTES {
                return false;
            }
            self.taken.insert(*place);
            self.text.extend_from_slice(text);
            self.text.push(b'\n');
        }
        true
    }
}

/// What records say.
#[derive(Default)]
struct Said {
    tally: AccessTally,
    records: Records,
    unreadable: BTreeMap<Sequence, Partial>,
}

impl Function {
    /// Reads and counts the real-time records of a batch. Gives the alerts that follow.
    pub(super) async fn realtime(
        &self,
        batch: &Batch,
        time: &Time,
        metrics: &mut Metrics,
        fates: &mut BTreeMap<Object, Fate>,
    ) -> Vec<Outgoing> {
        let mut alerts = Vec::new();
        let stretches = stretches(batch);
        if stretches.is_empty() {
            return alerts;
        }
        metrics.objects += stretches.len() as u64;
        let directory = self.directory(time).await;
        for stretch in stretches {
            let all: Vec<Object> = stretch.records.keys().map(|one| stretch.record(one)).collect();
            let Some(directory) = directory.as_ref().filter(|_| !time.is_short()) else {
                fates.extend(all.into_iter().map(|record| (record, Fate::NotStarted)));
                continue;
            };
            let (tools, known, one) = (self.0.clone(), directory.clone(), stretch.clone());
            let in_stream = batch.stream;
            let read = spawn_blocking(move || match in_stream {
                true => read_stretch(&tools, &known, &one),
                false => read_alone(&tools, &known, &one),
            });
            let read = match timeout_at(time.stop.into(), read).await {
                Ok(read) => read.unwrap_or_else(|_| Err("panic: reading failed".to_owned())),
                Err(_) => Err(NO_TIME.to_owned()),
            };
            let (reads, mut unreadable) = match read {
                Ok(read) => read,
                Err(reason) => {
                    let later = |record| (record, Fate::Later(reason.clone()));
                    fates.extend(all.into_iter().map(later));
                    continue;
                }
            };
            metrics.records += reads.iter().map(|read| read.tally.lines).sum::<u64>();
            let mut counted = BTreeMap::new();
            self.count(reads, directory, time, metrics, &mut counted, &mut alerts).await;
            // What is handed back comes again as a whole, and with it what is set aside.
            let whole = counted.remove(&stretch.whole());
            let comes_again = matches!(whole, Some(Fate::Later(_) | Fate::NotStarted));
            for number in stretch.records.keys() {
                let record = stretch.record(number);
                let own = counted.remove(&record).or_else(|| whole.clone()).unwrap_or(Fate::Done);
                let fate = match unreadable.remove(number).filter(|_| !comes_again) {
                    Some(partial) => Fate::Never(partial),
                    None => own,
                };
                fates.insert(record, fate);
            }
        }
        alerts
    }
}

/// What was read, and what cannot be.
type Outcome = (Vec<Read>, BTreeMap<Sequence, Partial>);

/// Reads a stretch of a stream: of each distribution what was not counted before. Blocks.
fn read_stretch(
    tools: &Tools,
    directory: &Directory,
    stretch: &Stretch,
) -> Result<Outcome, String> {
    let name = format!("{}/{}", stretch.stream, stretch.shard);
    let before = tools.store.marks(&name).map_err(|error| error.to_string())?;
    let said = read_records(tools, directory, stretch, &before)?;
    let last = stretch.last().cloned().ok_or("a stretch without records")?;
    let records = Records { shard: Some(Shard { name, before, last }), ..said.records };
    let object = stretch.whole();
    let read = Read { object, tally: said.tally, partial: None, records: Some(records) };
    Ok((vec![read], said.unreadable))
}

/// Reads records that come back one by one, each an object of its own. Blocks.
fn read_alone(tools: &Tools, directory: &Directory, stretch: &Stretch) -> Result<Outcome, String> {
    let (mut reads, mut unreadable) = Outcome::default();
    for (number, text) in &stretch.records {
        let object = stretch.record(number);
        let counted = tools.store.counted(&object).map_err(|error| error.to_string())?;
        if counted.first().is_some_and(|one| counted.len() >= one.of) {
            continue;
        }
        let records = [(number.clone(), text.clone())].into();
        let one = Stretch { records, ..stretch.clone() };
        let said = read_records(tools, directory, &one, &BTreeMap::new())?;
        if said.unreadable.is_empty() {
            let (tally, records) = (said.tally, Some(said.records));
            reads.push(Read { object, tally, partial: None, records });
        }
        unreadable.extend(said.unreadable);
    }
    Ok((reads, unreadable))
}

/// Reads records. Where one does not fit the field lists that are known, these are asked for
/// again: they may have changed.
fn read_records(
    tools: &Tools,
    directory: &Directory,
    stretch: &Stretch,
    before: &BTreeMap<String, Sequence>,
) -> Result<Said, String> {
    let read = || {
        let context = context(tools, directory, &stretch.stream)?;
        let waf = |number: &Sequence, text: &[u8]| {
            objects::see_waf(tools, &stretch.record(number), text, true)
        };
        said(directory, &context, stretch, before, &waf)
    };
    let first = read()?;
    if first.unreadable.is_empty() {
        return Ok(first);
    }
    let now = Timestamp::now();
    tools.account.forget_before(now.checked_sub(LISTS_KEPT).unwrap_or(now));
    read()
}

/// What is known of the lines of a stream. That AWS could not be asked passes, and must not make a
/// line unreadable or its distribution unknown.
fn context(tools: &Tools, directory: &Directory, stream: &str) -> Result<Context, String> {
    let account = tools.account.as_ref();
    for operation in ["cloudfront/list-distributions", "cloudfront/list-realtime-log-configs"] {
        if let Some(why) = account.away(&Question::all(operation)) {
            return Err(format!("{operation}: {why}"));
        }
    }
    let lists = log_fields::of_stream(account, stream)?;
    Ok(Context { layouts: Layouts::new(lists), ..directory.logs.clone() })
}

/// What records say: of each distribution those behind the last one that was counted of it.
fn said(
    directory: &Directory,
    context: &Context,
    stretch: &Stretch,
    before: &BTreeMap<String, Sequence>,
    waf: &dyn Fn(&Sequence, &[u8]) -> Seen,
) -> Result<Said, String> {
    let mut said = Said::default();
    let mut part = AccessTally::default();
    let mut done: Vec<&str> = Vec::new();
    for (number, text) in &stretch.records {
        let counted = before.iter().filter(|(_, last)| *last >= number);
        let counted: Vec<&str> = counted.map(|(distribution, _)| distribution.as_str()).collect();
        if counted.len() != done.len() {
            keep(directory, std::mem::take(&mut part), &done, &mut said.tally);
            done = counted;
        }
        let (lines, refusals) = (part.lines, part.refusals.len());
        let outcome = alone("reading", || {
            logs::read_access(&stretch.shard, text.as_slice(), context, &mut part)
        });
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(partial) => {
                said.unreadable.insert(number.clone(), partial);
                continue;
            }
        };
        objects::log_faults(&stretch.record(number), &outcome.faults);
        if outcome.kind == Kind::Waf {
            match waf(number, text) {
                Seen::Later(reason) => return Err(reason),
                Seen::Never(partial) => drop(said.unreadable.insert(number.clone(), partial)),
                _ => {}
            }
        } else if part.lines == lines && outcome.kind != Kind::Empty {
            let reason = "not-a-log: no line of a real-time log".to_owned();
            let fault = outcome.faults.kept().first().map(objects::partial);
            let partial = fault.unwrap_or(Partial { reason, offset: 0 });
            said.unreadable.insert(number.clone(), partial);
        } else if part.refusals.len() > refusals {
            let place = said.records.texts.len();
            said.records.texts.push(text.clone());
            for id in part.refusals.glances().skip(refusals).filter_map(|new| new.request_id) {
                said.records.by_id.insert(hash(id.as_bytes()), place);
            }
        }
    }
    keep(directory, part, &done, &mut said.tally);
    Ok(said)
}

/// Keeps what was not counted before: of all distributions but these.
fn keep(directory: &Directory, mut part: AccessTally, done: &[&str], tally: &mut AccessTally) {
    objects::drop_later_than(&mut part, Timestamp::now());
    directory.assign(&mut part.refusals);
    part.refusals.retain(|one| !done.contains(&one.distribution_id.as_deref().unwrap_or_default()));
    part.served.retain(|domain, _| !done.contains(&directory.id_of(domain).unwrap_or_default()));
    tally.merge(part);
}

/// Reads lines again that waited; `None` where not all of them can be read any more.
pub fn again(
    tools: &Tools,
    directory: &Directory,
    wait: &Wait,
) -> Result<Option<AccessTally>, StoreError> {
    let context = context(tools, directory, &wait.object.bucket).map_err(StoreError::Away)?;
    let mut tally = AccessTally::default();
    logs::read_access(&wait.object.key, wait.lines.as_slice(), &context, &mut tally);
    let ids = tally.refusals.glances().filter_map(|refusal| refusal.request_id);
    let found: BTreeSet<u64> = ids.map(|id| hash(id.as_bytes())).collect();
    Ok(wait.ids.is_subset(&found).then_some(tally))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::Value;

    use super::*;
    use crate::account::bundle::BundleAccount;
    use crate::trigger;

    fn sample() -> (Directory, Context, Stretch) {
        let events = Path::new(env!("CARGO_MANIFEST_DIR")).join("events");
        let account = BundleAccount::open(&events);
        let directory = Directory::ask(&account);
        let stream = "arn:aws:kinesis:us-east-1:111122223333:stream/shop-realtime";
        let lists = log_fields::of_stream(&account, stream).unwrap();
        assert_eq!(lists.len(), 1);
        let context = Context { layouts: Layouts::new(lists), ..directory.logs.clone() };
        let text = std::fs::read_to_string(events.join("kinesis-realtime.json")).unwrap();
        let event: Value = serde_json::from_str(&text).unwrap();
        let [stretch] = stretches(&trigger::read(&event)).try_into().unwrap();
        assert_eq!(stretch.stream, stream);
        (directory, context, stretch)
    }

    fn all_said(
        (directory, context, stretch): &(Directory, Context, Stretch),
        before: &[(&str, &Sequence)],
    ) -> Said {
        let before = before.iter().map(|(id, last)| ((*id).to_owned(), (*last).clone())).collect();
        said(directory, context, stretch, &before, &|_, _| Seen::Ignored).unwrap()
    }

    fn requests(said: &Said) -> u64 {
        let served = said.tally.served.values().flat_map(|served| served.buckets.values());
        said.tally.refusals.len() as u64 + served.sum::<u64>()
    }

    #[test]
    fn every_boundary_leaves_what_was_not_counted_before_it() {
        let sample = sample();
        let whole = all_said(&sample, &[]);
        assert!(whole.unreadable.is_empty());
        assert!(whole.tally.refusals.len() > 40);
        let mut counted = 0;
        for number in sample.2.records.keys() {
            let mut first = sample.clone();
            first.2.records.retain(|one, _| one <= number);
            let before = requests(&all_said(&first, &[]));
            assert!(before > counted);
            counted = before;
            let rest = requests(&all_said(&sample, &[("E3SHOPEXAMPLE1", number)]));
            assert_eq!(before + rest, requests(&whole), "{number:?}");
            // What another distribution counted is nothing to this one.
            let other = all_said(&sample, &[("E3OTHER", number)]);
            assert_eq!(requests(&other), requests(&whole));
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_by_its_record() {
        let mut sample = sample();
        let (first, last) = (sample.2.records.keys().next().cloned(), sample.2.last().cloned());
        let (first, last) = (first.unwrap(), last.unwrap());
        sample.2.records.insert(first.clone(), b"1773152405.000\t192.0.2.1\t403\n".to_vec());
        sample.2.records.insert(last.clone(), b"\x00\xff".to_vec());
        let said = all_said(&sample, &[]);
        assert_eq!(said.unreadable.keys().collect::<Vec<_>>(), [&first, &last]);
        assert!(requests(&said) > 0);
    }

    #[test]
    fn lines_that_wait_are_those_of_their_requests_and_no_more_than_there_is_room_for() {
        let sample = sample();
        let Said { records, tally, .. } = all_said(&sample, &[]);
        let ids: BTreeSet<u64> = tally
            .refusals
            .glances()
            .filter_map(|one| one.request_id)
            .map(|id| hash(id.as_bytes()))
            .collect();
        let mut lines = Lines::default();
        assert!(ids.iter().all(|id| lines.take(&records, *id)));
        assert!(!lines.take(&records, 1));
        let mut again = AccessTally::default();
        logs::read_access("s", lines.text.as_slice(), &sample.1, &mut again);
        let found = again.refusals.glances().filter_map(|one| one.request_id);
        assert_eq!(found.map(|id| hash(id.as_bytes())).collect::<BTreeSet<_>>(), ids);
        let large = Records {
            texts: vec![vec![b'x'; WAITING_BYTES]],
            by_id: [(1, 0)].into(),
            ..Records::default()
        };
        assert!(!Lines::default().take(&large, 1));
    }
}
