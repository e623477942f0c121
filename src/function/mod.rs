//! The Lambda function: one invocation, from the event to its answer.
//!
//! What it is told is in [`settings`]. What becomes of an object is said once, here: it is counted,
//! a duplicate, ignored, handed back (a fault that passes), or set aside with its reason (one that
//! does not).

#![expect(
    clippy::disallowed_methods,
    reason = "the function has a clock and a deadline: this is one of the ends"
)]

mod apart;
mod contribution;
mod count;
mod explained;
mod late;
mod letters;
mod metrics;
mod objects;
mod places;
pub mod settings;
mod waf;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use aws_config::timeout::TimeoutConfig;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tokio::time::timeout_at;

use crate::account::live::{Clients, LiveAccount, Reach, s3_client};
use crate::alerts::{Audience, Outgoing, sns};
use crate::analysis::Directory;
use crate::countries::Countries;
use crate::incidents::store::dynamo::DynamoStore;
use crate::incidents::store::{Partial, Store};
use crate::limits::REFUSALS_AT_ONCE;
use crate::trigger::{self, Batch, Message, Object};
use count::Read;
use metrics::Metrics;
use objects::Seen;
use settings::Settings;

/// Objects that are read at the same time. Reading is work for the processor; what overlaps is the
/// waiting for S3.
const AT_ONCE: usize = 4;

/// Seconds after which an alert that another invocation stored is taken for left behind.
const LEFT_BEHIND_SECONDS: i64 = 60;

/// How long a service may be silent before a call is made again. None of them takes seconds.
const SILENCE: Duration = Duration::from_secs(15);

/// Why something that hung is handed back.
const NO_TIME: &str = "no time left";

/// What an invocation works with; made once, at start-up.
pub struct Tools {
    /// What the function was told.
    pub settings: Settings,
    /// Where the objects are.
    pub s3: aws_sdk_s3::Client,
    /// What was seen before.
    pub store: DynamoStore,
    /// What AWS says of distributions.
    pub account: Arc<LiveAccount>,
    /// Where addresses are, for logs that do not say it.
    pub countries: Countries,
    /// The runtime on which calls run that threads wait for.
    pub handle: Handle,
    sqs: aws_sdk_sqs::Client,
    sns: aws_sdk_sns::Client,
}

/// The function.
#[derive(Clone)]
pub struct Function(Arc<Tools>);

/// What became of an object.
#[derive(Clone, Debug)]
enum Fate {
    Done,
    Ignored,
    Later(String),
    Never(Partial),
    NotStarted,
}

impl Function {
    /// Makes the clients. Called within the runtime.
    pub async fn start(settings: Settings) -> Self {
        let patience = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(3))
            .read_timeout(SILENCE)
            .build();
        let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .timeout_config(patience)
            .load()
            .await;
        let handle = Handle::current();
        let reach = Reach { heads: settings.asks_objects, since: None };
        let account = LiveAccount::new(Clients::new(&config), handle.clone(), reach);
        let table = aws_sdk_dynamodb::Client::new(&config);
        let countries = settings.geoip.as_deref().map(|file| Countries::open(Path::new(file)));
        let countries = countries.transpose().unwrap_or_else(|why| {
            tracing::warn!("no countries by address: {why}");
            None
        });
        Self(Arc::new(Tools {
            store: DynamoStore::new(table, settings.table.clone(), handle.clone()),
            account: Arc::new(account),
            sqs: aws_sdk_sqs::Client::new(&config),
            sns: aws_sdk_sns::Client::new(&config),
            countries: countries.unwrap_or_default(),
            settings,
            s3: s3_client(&config),
            handle,
        }))
    }

    /// One invocation. An error is one of the invocation as a whole, which Lambda then repeats.
    pub async fn invoke(&self, event: &Value, deadline: SystemTime) -> Result<Value, String> {
        let batch = trigger::read(event);
        let time = Time::until(deadline);
        let mut metrics = Metrics::default();
        let carried = self.carried(&batch, &time, &mut metrics).await;
        let (mut fates, mut alerts) = self.objects(&batch, &time, &mut metrics).await;
        fates.extend(carried);
        if batch.is_tick() {
            alerts.extend(self.tick(&time).await);
        }
        if batch.is_tick() || metrics.waf_objects > 0 {
            alerts.extend(self.settle(&time).await);
        }
        let failed = self.answer(&batch, &fates, &mut metrics).await;
        self.alert(alerts, &time, &mut metrics).await;
        metrics.emit();
        if batch.partial {
            let named: Vec<Value> =
                failed.iter().map(|id| json!({ "itemIdentifier": id })).collect();
            Ok(json!({ "batchItemFailures": named }))
        } else if failed.is_empty() {
            Ok(json!({}))
        } else {
            Err("some objects have to come again".to_owned())
        }
    }

    /// Keeps what the batch brings along.
    async fn carried(
        &self,
        batch: &Batch,
        time: &Time,
        metrics: &mut Metrics,
    ) -> BTreeMap<Object, Fate> {
        let mut fates = BTreeMap::new();
        for carried in batch.messages.iter().flat_map(|message| &message.carried) {
            if time.is_short() {
                fates.insert(carried.object.clone(), Fate::NotStarted);
                continue;
            }
            metrics.carried += 1;
            let (tools, one) = (self.0.clone(), carried.clone());
            let seen = spawn_blocking(move || objects::see_carried(&tools, &one));
            let fate = match timeout_at(time.stop.into(), seen).await {
                Ok(Ok(Seen::Waf(records, partial))) => {
                    metrics.waf_objects += 1;
                    metrics.records += records;
                    partial.map_or(Fate::Done, Fate::Never)
                }
                Ok(Ok(Seen::Never(partial))) => Fate::Never(partial),
                Ok(Ok(Seen::Later(reason))) => Fate::Later(reason),
                Ok(Ok(_)) => Fate::Ignored,
                Ok(Err(_)) => {
                    let reason = "panic: reading failed on it".to_owned();
                    Fate::Never(Partial { reason, offset: 0 })
                }
                Err(_) => Fate::Later(NO_TIME.to_owned()),
            };
            fates.insert(carried.object.clone(), fate);
        }
        fates
    }

    /// Reads and counts every object of the batch, each once, WAF logs first.
    async fn objects(
        &self,
        batch: &Batch,
        time: &Time,
        metrics: &mut Metrics,
    ) -> (BTreeMap<Object, Fate>, Vec<Outgoing>) {
        let mut fates = BTreeMap::new();
        let mut alerts = Vec::new();
        let objects = distinct(batch, &self.0.settings);
        metrics.objects = objects.len() as u64 + metrics.carried;
        if objects.is_empty() {
            return (fates, alerts);
        }
        let tools = self.0.clone();
        let asked = spawn_blocking(move || {
            let mut directory = Directory::ask(tools.account.as_ref());
            directory.countries = tools.countries.clone();
            directory.logs.limits = tools.settings.limits.clone();
            directory
        });
        let Ok(asked) = timeout_at(time.last_start.into(), asked).await else {
            fates.extend(objects.into_iter().map(|one| (one.object, Fate::NotStarted)));
            return (fates, alerts);
        };
        let directory = Arc::new(asked.unwrap_or_default());
        let (waf, access): (Vec<_>, Vec<_>) = objects.into_iter().partition(|one| one.waf);
        let mut reads = Vec::new();
        // The WAF logs of a batch are all there before its access logs are judged.
        for some in waf.chunks(AT_ONCE).chain(access.chunks(AT_ONCE)) {
            if time.is_short() {
                fates.extend(some.iter().map(|one| (one.object.clone(), Fate::NotStarted)));
                continue;
            }
            for (object, seen) in self.see(some, &directory, time).await {
                match seen {
                    Seen::Access(tally, partial) => {
                        metrics.records += tally.lines;
                        reads.push(Read { object, tally: *tally, partial });
                        continue;
                    }
                    Seen::Waf(records, partial) => {
                        metrics.waf_objects += 1;
                        metrics.records += records;
                        fates.insert(object, partial.map_or(Fate::Done, Fate::Never));
                    }
                    Seen::Duplicate(partial) => {
                        // Its letter may not have gone out, if the function died in between.
                        let again = some.iter().any(|one| one.object == object && one.receives > 1);
                        let fate = partial.filter(|_| again).map_or(Fate::Done, Fate::Never);
                        fates.insert(object, fate);
                    }
                    Seen::Ignored => drop(fates.insert(object, Fate::Ignored)),
                    Seen::Later(reason) => drop(fates.insert(object, Fate::Later(reason))),
                    Seen::Never(partial) => drop(fates.insert(object, Fate::Never(partial))),
                }
            }
            let refusals: usize = reads.iter().map(|read| read.tally.refusals.len()).sum();
            if refusals > REFUSALS_AT_ONCE {
                let some = std::mem::take(&mut reads);
                self.count(some, &directory, time, metrics, &mut fates, &mut alerts).await;
            }
        }
        self.count(reads, &directory, time, metrics, &mut fates, &mut alerts).await;
        (fates, alerts)
    }

    /// Reads a few objects at the same time.
    async fn see(
        &self,
        some: &[Wanted],
        directory: &Arc<Directory>,
        time: &Time,
    ) -> Vec<(Object, Seen)> {
        let work = some.iter().cloned().map(|one| {
            let (tools, directory, until) = (self.0.clone(), directory.clone(), time.stop);
            let Wanted { object, receives, .. } = one;
            let read = object.clone();
            (object, move || objects::see(&tools, &directory, &read, receives, until))
        });
        apart::read(work.collect(), time.stop).await
    }

    /// Judges and counts what was read.
    async fn count(
        &self,
        reads: Vec<Read>,
        directory: &Arc<Directory>,
        time: &Time,
        metrics: &mut Metrics,
        fates: &mut BTreeMap<Object, Fate>,
        alerts: &mut Vec<Outgoing>,
    ) {
        if reads.is_empty() {
            return;
        }
        let partials: Vec<(Object, Option<Partial>)> =
            reads.iter().map(|read| (read.object.clone(), read.partial.clone())).collect();
        let (tools, directory) = (self.0.clone(), directory.clone());
        let counted = spawn_blocking(move || count::count(&tools, &directory, reads));
        // What is counted although nobody waited for it is a duplicate when it comes again.
        let counted = match timeout_at(time.end.into(), counted).await {
            Ok(counted) => counted.map_err(|_| "panic: the analysis failed"),
            Err(_) => Err(NO_TIME),
        };
        let counted = match counted {
            Ok(counted) => counted,
            Err(reason) => {
                let all = partials.into_iter().map(|(one, _)| one);
                fates.extend(all.map(|object| (object, Fate::Later(reason.to_owned()))));
                return;
            }
        };
        for (object, partial) in partials {
            let fate = match (counted.later.get(&object), counted.never.get(&object), partial) {
                (Some(reason), ..) => Fate::Later(reason.clone()),
                (_, Some(partial), _) => Fate::Never(partial.clone()),
                (_, _, Some(partial)) if !counted.duplicates.contains(&object) => {
                    Fate::Never(partial)
                }
                _ => Fate::Done,
            };
            fates.insert(object, fate);
        }
        for ((distribution, cause), count) in counted.forbidden {
            *metrics.by_distribution.entry(distribution).or_default() += count;
            *metrics.by_cause.entry(cause.id()).or_default() += count;
            if cause == crate::causes::Cause::Unattributed {
                metrics.unattributed += count;
            }
        }
        metrics.opened += counted.opened as u64;
        alerts.extend(counted.alerts);
    }

    /// Judges again what waited for the WAF logs that are there now.
    async fn settle(&self, time: &Time) -> Vec<Outgoing> {
        let (tools, until) = (self.0.clone(), time.last_start);
        let settled = spawn_blocking(move || {
            let mut directory = Directory::ask(tools.account.as_ref());
            directory.countries = tools.countries.clone();
            late::settle(&tools, &directory, until)
        });
        let settled = timeout_at(time.stop.into(), settled).await;
        settled.ok().and_then(Result::ok).unwrap_or_default()
    }

    /// Looks again at what is open: the silence of a site that gets no logs ends incidents as well.
    /// However long that takes, what lies unsent has its turn; its own alerts are stored as well.
    async fn tick(&self, time: &Time) -> Vec<Outgoing> {
        let tools = self.0.clone();
        let looked = spawn_blocking(move || count::tick(&tools));
        match timeout_at(time.stop.into(), looked).await {
            Ok(alerts) => alerts.unwrap_or_default(),
            Err(_) => {
                tracing::error!("no time left to look at every open incident");
                Vec::new()
            }
        }
    }

    /// Sets aside what can never be read, and names the messages that have to come again.
    async fn answer(
        &self,
        batch: &Batch,
        fates: &BTreeMap<Object, Fate>,
        metrics: &mut Metrics,
    ) -> Vec<String> {
        for (object, fate) in fates {
            let (bucket, key) = (object.bucket.as_str(), object.key.as_str());
            match fate {
                Fate::Done => tracing::debug!(bucket, key, "done"),
                Fate::Ignored => metrics.ignored += 1,
                Fate::NotStarted => metrics.not_started += 1,
                Fate::Later(reason) => {
                    metrics.failed += 1;
                    tracing::warn!(bucket, key, reason, "comes again");
                }
                Fate::Never(partial) => {
                    metrics.failed += 1;
                    let (reason, offset) = (partial.reason.as_str(), partial.offset);
                    tracing::error!(bucket, key, reason, offset, "set aside");
                }
            }
        }
        let mut failed = Vec::new();
        for message in &batch.messages {
            let nothing = message.nothing.join(", ");
            tracing::debug!(id = message.id, objects = message.objects.len(), nothing, "message");
            let comes_again = message.all_objects().any(|object| {
                matches!(fates.get(object), None | Some(Fate::Later(_) | Fate::NotStarted))
            });
            let letters = self.letters(message, fates).await;
            if comes_again || letters.is_err() {
                failed.push(message.id.clone());
            }
        }
        failed
    }

    async fn letters(&self, message: &Message, fates: &BTreeMap<Object, Fate>) -> Result<(), ()> {
        let mut letters: Vec<(Option<&Object>, Partial)> = Vec::new();
        for problem in &message.problems {
            tracing::error!(id = message.id, problem, "message not understood");
            letters.push((None, Partial { reason: format!("not-an-event: {problem}"), offset: 0 }));
        }
        let mut named = BTreeSet::new();
        for object in message.all_objects() {
            if let Some(Fate::Never(partial)) = fates.get(object)
                && named.insert(object)
            {
                letters.push((Some(object), partial.clone()));
            }
        }
        let mut sent = Ok(());
        for (object, partial) in letters {
            let queue = &self.0.settings.dead_letters;
            let one = letters::send(&self.0.sqs, queue, &message.body, object, &partial).await;
            if let Err(error) = one {
                tracing::error!(id = message.id, error, "the dead letter could not be sent");
                sent = Err(());
            }
        }
        sent
    }

    /// Sends the alerts that were stored now, and those that another invocation left behind. What
    /// there is no time for stays stored: an SNS that is away must not bring counted objects back.
    async fn alert(&self, mut alerts: Vec<Outgoing>, time: &Time, metrics: &mut Metrics) {
        let before = Timestamp::from_second(Timestamp::now().as_second() - LEFT_BEHIND_SECONDS);
        let store = self.0.store.clone();
        let left = spawn_blocking(move || store.unsent(before.unwrap_or_default()));
        match timeout_at(time.end.into(), left).await {
            Ok(Ok(Ok(left))) => alerts.extend(left),
            Ok(Ok(Err(error))) => tracing::error!(%error, "unsent alerts cannot be looked for"),
            Ok(Err(_)) | Err(_) => tracing::error!("unsent alerts cannot be looked for"),
        }
        // Nobody waits for a mail because a chat's topic is slow.
        alerts.sort_by_key(|alert| alert.audience);
        for alert in alerts {
            let id = alert.alert_id.clone();
            match self.publish(&alert, time).await {
                // An alert is one, wherever it is read.
                Ok(()) => metrics.sent += u64::from(alert.audience == Audience::Subscribers),
                Err(error) => {
                    metrics.unsent += 1;
                    tracing::error!(id, error, "the alert lies unsent");
                    continue;
                }
            }
            let store = self.0.store.clone();
            let marked = spawn_blocking(move || store.mark_sent(&alert));
            let marked = timeout_at(time.end.into(), marked).await;
            if !matches!(marked, Ok(Ok(Ok(())))) {
                tracing::warn!(id, "the alert went out and may go out again");
            }
        }
    }

    async fn publish(&self, alert: &Outgoing, time: &Time) -> Result<(), String> {
        // A chat that was turned off meanwhile wants nothing any more.
        let Some(topic) = self.0.settings.topic_of(alert.audience) else { return Ok(()) };
        let sent = sns::publish(&self.0.sns, topic, alert);
        match time.is_over() {
            true => Err(NO_TIME.to_owned()),
            false => timeout_at(time.end.into(), sent).await.unwrap_or(Err(NO_TIME.to_owned())),
        }
    }
}

/// An object with what is known of its delivery.
#[derive(Clone, Debug)]
struct Wanted {
    object: Object,
    receives: u32,
    waf: bool,
}

/// Every object of a batch once, however many messages speak of it.
fn distinct(batch: &Batch, settings: &Settings) -> Vec<Wanted> {
    let mut all: BTreeMap<&Object, u32> = BTreeMap::new();
    for message in &batch.messages {
        // Elsewhere than in a queue nothing counts the tries, and Lambda makes three.
        let receives = if batch.partial { message.receives } else { u32::MAX };
        for object in &message.objects {
            let most = all.entry(object).or_default();
            *most = receives.max(*most);
        }
    }
    let wanted = |(object, receives): (&Object, u32)| Wanted {
        object: object.clone(),
        receives,
        waf: objects::is_waf_key(object) || settings.waf_buckets.contains(&object.bucket),
    };
    all.into_iter().map(wanted).collect()
}

/// The time of an invocation: nothing is begun in its last part, so that what is done is kept and
/// the rest is handed back instead of being cut off.
struct Time {
    /// When reading ends.
    stop: Instant,
    /// When nothing new is begun.
    last_start: Instant,
    /// When nothing is waited for any more, and the answer is given.
    end: Instant,
}

impl Time {
    fn until(deadline: SystemTime) -> Self {
        let left = deadline.duration_since(SystemTime::now()).unwrap_or_default();
        let margin = (left / 5).clamp(Duration::from_secs(1), Duration::from_secs(30));
        let now = Instant::now();
        Self {
            stop: now + left.saturating_sub(margin),
            last_start: now + left.saturating_sub(margin * 2),
            end: now + left.saturating_sub(margin / 4),
        }
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.end
    }

    fn is_short(&self) -> bool {
        Instant::now() >= self.last_start
    }
}
