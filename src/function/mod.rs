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
mod origin;
mod places;
mod reading;
mod realtime;
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

use crate::account::live::{Accounts, Reach, s3_client};
use crate::alerts::{Audience, Outgoing, sns};
use crate::analysis::Directory;
use crate::countries::Countries;
use crate::incidents::store::dynamo::DynamoStore;
use crate::incidents::store::{Partial, Store};
use crate::trigger::{self, Batch, Message, Object, stream};
use metrics::Metrics;
use settings::Settings;

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
    pub account: Arc<Accounts>,
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
        let table = aws_sdk_dynamodb::Client::new(&config);
        let store = DynamoStore::new(table, settings.table.clone(), handle.clone());
        let shelf = Arc::new(store.clone());
        let roles = &settings.read_roles;
        let account = Accounts::new(&config, roles, &handle, reach, Some(shelf)).await;
        let countries = settings.geoip.as_deref().map(|file| Countries::open(Path::new(file)));
        let countries = countries.transpose().unwrap_or_else(|why| {
            tracing::warn!("no countries by address: {why}");
            None
        });
        Self(Arc::new(Tools {
            store,
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
        alerts.extend(self.realtime(&batch, &time, &mut metrics, &mut fates).await);
        if batch.is_tick() {
            alerts.extend(self.tick(&time).await);
        }
        if batch.is_tick() || metrics.waf_objects + metrics.origin_objects > 0 {
            alerts.extend(self.settle(&time).await);
        }
        let failed = self.answer(&batch, &fates, &mut metrics).await;
        self.alert(alerts, &time, &mut metrics).await;
        metrics.emit();
        self.share(&time).await;
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

    /// Judges again what waited for logs of WAFs and origins that are there now.
    async fn settle(&self, time: &Time) -> Vec<Outgoing> {
        let (tools, until) = (self.0.clone(), time.last_start);
        let settled = spawn_blocking(move || {
            let mut directory = Directory::ask(tools.account.as_ref());
            directory.countries = tools.countries.clone();
            let mut alerts = late::settle(&tools, &directory, until);
            alerts.extend(origin::settle(&tools, &directory, until));
            alerts
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

    /// Leaves what AWS answered for other functions, when all else is done. What there is no time for
    /// they ask for themselves.
    async fn share(&self, time: &Time) {
        let tools = self.0.clone();
        let shared = spawn_blocking(move || tools.account.share());
        if timeout_at(time.end.into(), shared).await.is_err() {
            tracing::warn!("no time left to share what AWS answered");
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
        if batch.stream {
            return stream::lowest(self.answer_stream(batch, fates).await);
        }
        let mut failed = Vec::new();
        for message in &batch.messages {
            let nothing = message.nothing.join(", ");
            tracing::debug!(id = message.id, objects = message.objects.len(), nothing, "message");
            let letters = self.letters(message, fates).await;
            if comes_again(message, fates) || letters.is_err() {
                failed.push(message.id.clone());
            }
        }
        failed
    }

    /// The same for records of a stream. Those that cannot be read for the same reason share a letter,
    /// which is an event of its own; there may be thousands.
    async fn answer_stream(&self, batch: &Batch, fates: &BTreeMap<Object, Fate>) -> Vec<String> {
        let mut failed = Vec::new();
        let mut together = letters::Together::default();
        for message in &batch.messages {
            if comes_again(message, fates) {
                failed.push(message.id.clone());
            }
            for (object, partial) in letters_of(message, fates) {
                together.add(message, object, partial);
            }
        }
        for letter in together.letters() {
            let queue = &self.0.settings.dead_letters;
            if let Err(error) = letter.send(&self.0.sqs, queue).await {
                let ids = letter.ids;
                tracing::error!(first = ids.first(), error, "the dead letter could not be sent");
                failed.extend(ids);
            }
        }
        failed
    }

    async fn letters(&self, message: &Message, fates: &BTreeMap<Object, Fate>) -> Result<(), ()> {
        let mut sent = Ok(());
        for (object, partial) in letters_of(message, fates) {
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

/// Whether a message has to come again.
fn comes_again(message: &Message, fates: &BTreeMap<Object, Fate>) -> bool {
    message
        .all_objects()
        .any(|object| matches!(fates.get(object), None | Some(Fate::Later(_) | Fate::NotStarted)))
}

/// What of a message can never be read.
fn letters_of<'a>(
    message: &'a Message,
    fates: &BTreeMap<Object, Fate>,
) -> Vec<(Option<&'a Object>, Partial)> {
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
    letters
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
