//! Several accounts that are asked as one: those of the roles, in their order, and our own.
//!
//! A distribution belongs to the first account that knows it. What its configuration names is asked
//! of that account as well, so that no other is bothered with it. An account whose role cannot be
//! assumed denies every question, which is a fact like any other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_config::SdkConfig;
use jiff::Timestamp;
use serde_json::Value;
use tokio::runtime::Handle;

use super::role::Role;
use super::{Access, Clients, LiveAccount, Reach, Shelf, Stored};
use crate::account::facts::acl_id;
use crate::account::{Account, Answer, Question, State, bucket, of_error};
use crate::limits::OWNED_NAMES;

/// The accounts.
pub struct Accounts {
    /// Our own is the last: where there are roles, it seldom owns a distribution.
    all: Vec<LiveAccount>,
    owned: Mutex<Owned>,
}

/// Which account something belongs to, by its place.
#[derive(Default)]
struct Owned {
    /// By ID, name or ARN, as distributions and lists name it.
    names: BTreeMap<String, BTreeSet<usize>>,
    /// The accounts that own a distribution which was asked about.
    owners: BTreeSet<usize>,
}

/// How the lists of several accounts become one.
struct Together {
    /// Where the list stands in the answer.
    list: &'static str,
    /// Whose list is asked for.
    whose: Whose,
}

#[derive(PartialEq, Eq)]
enum Whose {
    /// That of every account: only the list tells what an account has. One that cannot be read
    /// leaves out what is in it.
    Everybodys,
    /// That of the accounts which own a distribution that was asked about. One that cannot be read
    /// makes the whole unknown, since its silence must not count.
    Owners,
}

fn together(operation: &str) -> Option<Together> {
    use Whose::{Everybodys, Owners};
    let (list, whose) = match operation {
        "cloudfront/list-distributions" => ("/DistributionList/Items", Everybodys),
        "cloudfront/list-realtime-log-configs" => ("/RealtimeLogConfigs/Items", Everybodys),
        "logs/describe-deliveries" => ("/deliveries", Everybodys),
        "logs/describe-delivery-sources" => ("/deliverySources", Everybodys),
        "logs/describe-delivery-destinations" => ("/deliveryDestinations", Everybodys),
        "cloudfront/list-distribution-tenants" => ("/DistributionTenantList", Owners),
        "elbv2/describe-load-balancers" => ("/LoadBalancers", Owners),
        "cloudtrail/lookup-events" => ("/Events", Owners),
        _ => return None,
    };
    Some(Together { list, whose })
}

impl Accounts {
    /// Our own account and those of these roles. `handle` is the runtime on which the clients run;
    /// questions are asked from threads that may block. The shelf holds what other functions were
    /// told.
    pub async fn new(
        config: &SdkConfig,
        roles: &[String],
        handle: &Handle,
        reach: Reach,
        shelf: Option<Arc<dyn Shelf>>,
    ) -> Self {
        let mut all = Vec::new();
        for arn in roles {
            let access = Access::Role(Box::new(Role::new(arn, config).await));
            all.push(LiveAccount::new(access, handle.clone(), reach, shelf.clone()));
        }
        let own = Access::Own(Box::new(Clients::new(config)));
        all.push(LiveAccount::new(own, handle.clone(), reach, shelf));
        Self { all, owned: Mutex::default() }
    }

    /// The objects of a log bucket below a prefix, as far as so many go.
    pub fn stored(&self, bucket: &str, prefix: &str, most: usize) -> Result<Vec<Stored>, Answer> {
        self.of_logs(|account| account.stored(bucket, prefix, most))
    }

    /// The bytes of one object of a log bucket.
    pub fn bytes(&self, bucket: &str, key: &str) -> Result<Vec<u8>, Answer> {
        self.of_logs(|account| account.bytes(bucket, key))
    }

    /// Logs lie in our own account, or beside the distribution.
    fn of_logs<T>(&self, ask: impl Fn(&LiveAccount) -> Result<T, Answer>) -> Result<T, Answer> {
        let mut refused = None;
        for account in self.all.iter().rev() {
            match ask(account) {
                Ok(answer) => return Ok(answer),
                Err(answer) => drop(refused.get_or_insert(answer)),
            }
        }
        Err(refused.unwrap_or(Answer::Unasked))
    }

    /// Roles that could not be assumed, with what STS answered.
    pub fn refused_roles(&self) -> Vec<(String, Answer)> {
        let roles = self.all.iter().filter_map(LiveAccount::role);
        roles.filter_map(|role| Some((role.arn().to_owned(), role.refused()?))).collect()
    }

    /// Why an account could not be asked just now, where one could not: what it would have said is
    /// missing in a list of all.
    pub fn away(&self, question: &Question) -> Option<String> {
        self.all.iter().find_map(|account| match account.ask(question) {
            (Answer::Unreadable(why), _) => Some(why),
            _ => None,
        })
    }

    /// Forgets what was read before a moment, since it says nothing of a later request.
    pub fn forget_before(&self, moment: Timestamp) {
        self.all.iter().for_each(|account| account.forget_before(moment));
    }

    /// Puts what was answered where other functions look for it. Blocks.
    pub fn share(&self) {
        self.all.iter().for_each(LiveAccount::share);
    }

    /// Notes where a web ACL is, so that it can be asked about by its ID.
    pub fn note_acl(&self, arn: &str) {
        let owner = arn.split(':').nth(4).unwrap_or_default();
        let is_owner = |one: &LiveAccount| {
            let account = one.role().and_then(|role| role.arn().split(':').nth(4));
            account.is_some_and(|account| account == owner)
        };
        let place = self.all.iter().position(is_owner).unwrap_or(self.all.len() - 1);
        if let Some(account) = self.all.get(place) {
            account.note_acl(arn);
        }
        self.owned().note(acl_id(arn), place);
    }

    fn owned(&self) -> MutexGuard<'_, Owned> {
        self.owned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps whose it is what an answer names.
    fn learn(&self, place: usize, question: &Question, said: &Value) {
        let mut owned = self.owned();
        if question.operation == "cloudfront/get-distribution" {
            owned.owners.insert(place);
        }
        owned.learn(place, said);
    }

    /// The accounts that may answer a question, those to which it belongs first.
    fn asked(&self, question: &Question) -> Vec<usize> {
        let about = question.about.as_str();
        let is_bucket = question.operation.starts_with("s3api/");
        let name = match about.split_once('/') {
            Some((name, _)) if is_bucket => name,
            _ => about,
        };
        let owned = self.owned();
        let known = owned.names.get(name);
        let all = 0..self.all.len();
        // A bucket or key that a distribution uses may be another account's.
        let only_owners =
            ["cloudfront/", "wafv2/"].iter().any(|service| question.operation.starts_with(service));
        let mine: Vec<usize> = known.into_iter().flatten().copied().collect();
        match only_owners && !mine.is_empty() {
            true => mine,
            false => {
                let others = all.filter(|place| !mine.contains(place));
                mine.iter().copied().chain(others).collect()
            }
        }
    }

    /// The answer of the first account that knows.
    fn first(&self, question: &Question) -> (Answer, Option<Timestamp>) {
        let mut best = (Answer::Unasked, None);
        for place in self.asked(question) {
            let Some(account) = self.all.get(place) else { continue };
            let (answer, read_at) = account.ask(question);
            match &answer {
                Answer::Said(said) => {
                    self.learn(place, question, said);
                    return (answer, read_at);
                }
                // Names of buckets are the same for all accounts.
                Answer::Error { code }
                    if question.operation.starts_with("s3api/") && is_nothing(code) =>
                {
                    return (answer, read_at);
                }
                _ => {}
            }
            if worth(&answer) > worth(&best.0) {
                best = (answer, read_at);
            }
        }
        best
    }

    /// The lists of several accounts as one.
    fn all_of(&self, question: &Question, as_one: &Together) -> (Answer, Option<Timestamp>) {
        let owners = self.owned().owners.clone();
        let asked: Vec<usize> = match as_one.whose {
            Whose::Owners if !owners.is_empty() => owners.into_iter().collect(),
            _ => (0..self.all.len()).collect(),
        };
        let mut answers = Vec::new();
        for place in asked {
            let Some(account) = self.all.get(place) else { continue };
            let told = account.ask(question);
            if let (Answer::Said(said), _) = &told
                && question.operation != "cloudtrail/lookup-events"
            {
                self.learn(place, question, said);
            }
            answers.push(told);
        }
        as_one_answer(answers, as_one, question)
    }
}

impl Owned {
    fn note(&mut self, name: &str, place: usize) {
        if self.names.len() >= OWNED_NAMES && !self.names.contains_key(name) {
            // All of it is learned again where it is asked for again.
            self.names.clear();
        }
        self.names.entry(name.to_owned()).or_default().insert(place);
    }

    fn learn(&mut self, place: usize, said: &Value) {
        match said {
            Value::String(text) if !text.is_empty() => {
                self.note(text, place);
                // WAF's ID in an ARN, by which its questions are asked.
                if text.starts_with("arn:") {
                    self.note(acl_id(text), place);
                }
                if let Some(endpoint) = bucket::endpoint(text) {
                    self.note(&endpoint.bucket, place);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.learn(place, item)),
            Value::Object(fields) => fields.values().for_each(|value| self.learn(place, value)),
            _ => {}
        }
    }
}

fn is_nothing(code: &str) -> bool {
    matches!(of_error::<()>(code), State::Nothing) || code == "NoSuchBucket"
}

/// That one account has no such thing says little as long as another may have it. One that could not
/// be asked just now may be the one that has it, which those that deny everything must not hide.
fn worth(answer: &Answer) -> u8 {
    match answer {
        Answer::Unasked => 0,
        Answer::Error { code } if is_nothing(code) => 1,
        Answer::Error { .. } => 2,
        Answer::Unreadable(_) => 3,
        Answer::Said(_) => 4,
    }
}

fn as_one_answer(
    answers: Vec<(Answer, Option<Timestamp>)>,
    as_one: &Together,
    question: &Question,
) -> (Answer, Option<Timestamp>) {
    let mut whole: Option<Value> = None;
    let mut failed: Option<(Answer, Option<Timestamp>)> = None;
    let mut oldest: Option<Timestamp> = None;
    for (answer, read_at) in answers {
        match answer {
            Answer::Said(said) => {
                oldest = oldest.into_iter().chain(read_at).min();
                match &mut whole {
                    None => whole = Some(said),
                    Some(whole) => append(whole, said, as_one.list),
                }
            }
            Answer::Unasked => {}
            answer => {
                if failed.as_ref().is_none_or(|(known, _)| worth(&answer) > worth(known)) {
                    failed = Some((answer, read_at));
                }
            }
        }
    }
    match (whole, failed) {
        (Some(mut whole), Some(_)) if question.operation == "cloudtrail/lookup-events" => {
            // What is known of some accounts is told; that there was no more is not.
            if let Some(fields) = whole.as_object_mut() {
                fields.insert("NextToken".to_owned(), "of another account".into());
            }
            (Answer::Said(whole), oldest)
        }
        (Some(_), Some(failed)) if as_one.whose == Whose::Owners => failed,
        (Some(whole), _) => (Answer::Said(whole), oldest),
        (None, Some(failed)) => failed,
        (None, None) => (Answer::Unasked, None),
    }
}

/// Adds a list to another, and that it goes on where it does.
fn append(whole: &mut Value, said: Value, list: &str) {
    for more in ["NextToken", "NextMarker"] {
        let goes_on = said.get(more).filter(|next| !next.is_null());
        if let (Some(next), Some(fields)) = (goes_on, whole.as_object_mut()) {
            fields.insert(more.to_owned(), next.clone());
        }
    }
    let items = said.pointer(list).and_then(Value::as_array).cloned();
    if let Some(all) = whole.pointer_mut(list).and_then(Value::as_array_mut) {
        all.extend(items.into_iter().flatten());
    }
}

impl Account for Accounts {
    fn ask(&self, question: &Question) -> (Answer, Option<Timestamp>) {
        match (self.all.as_slice(), together(question.operation)) {
            ([only], _) => only.ask(question),
            (_, Some(as_one)) => self.all_of(question, &as_one),
            (_, None) => self.first(question),
        }
    }

    fn is_live(&self) -> bool {
        true
    }

    fn subjects(&self, operation: &'static str) -> Vec<String> {
        let mut all = Vec::new();
        for (place, account) in self.all.iter().enumerate() {
            for subject in account.subjects(operation) {
                self.owned().note(&subject, place);
                all.push(subject);
            }
        }
        all.sort();
        all.dedup();
        all
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn denied() -> Answer {
        Answer::Error { code: "AccessDenied".to_owned() }
    }

    fn as_one(operation: &'static str, answers: Vec<Answer>) -> Answer {
        let at = |second| Timestamp::from_second(second).ok();
        let answers = answers.into_iter().zip(10..).map(|(one, second)| (one, at(second)));
        let question = Question::all(operation);
        as_one_answer(answers.collect(), &together(operation).unwrap(), &question).0
    }

    #[test]
    fn lists_of_accounts_are_one_list() {
        let list = |id: &str| Answer::Said(json!({ "DistributionList": { "Items": [id] } }));
        let both = json!({ "DistributionList": { "Items": ["E1", "E2"] } });
        let name = "cloudfront/list-distributions";
        assert_eq!(as_one(name, vec![list("E1"), denied(), list("E2")]), Answer::Said(both));
        assert_eq!(as_one(name, vec![denied(), denied()]), denied());
    }

    #[test]
    fn an_account_that_cannot_be_asked_now_is_not_hidden_by_one_that_denies() {
        use aws_config::BehaviorVersion;

        use crate::account::log_fields;

        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let config = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
        let account = || {
            let access = Access::Own(Box::new(Clients::new(&config)));
            LiveAccount::new(access, runtime.handle().clone(), Reach::default(), None)
        };
        let accounts = |all: Vec<LiveAccount>| Accounts { all, owned: Mutex::default() };
        let away = || Answer::Unreadable("AWS could not be asked".to_owned());
        let list = Question::all("cloudfront/list-realtime-log-configs");
        let one = Question::new("cloudfront/get-realtime-log-config", "shop");
        let listed =
            || Answer::Said(json!({ "RealtimeLogConfigs": { "Items": [{ "Name": "shop" }] } }));
        let known = |list_says: Answer, one_says: Answer| {
            let (closed, own) = (account(), account());
            for (account, list_says, one_says) in
                [(&closed, denied(), denied()), (&own, list_says, one_says)]
            {
                account.keep(&list, &list_says, Timestamp::now());
                account.keep(&one, &one_says, Timestamp::now());
            }
            accounts(vec![closed, own])
        };

        let both = known(away(), away());
        assert_eq!((both.ask(&list).0, both.ask(&one).0), (away(), away()));
        assert!(both.away(&list).is_some());
        // The list is known from before, and what it names is not.
        let later = known(listed(), away());
        assert_eq!(later.away(&list), None);
        assert!(log_fields::of_stream(&later, "arn").is_err());
        // What is denied for good holds up nothing.
        let never = known(listed(), denied());
        assert_eq!(log_fields::of_stream(&never, "arn"), Ok(Vec::new()));
    }

    #[test]
    fn the_silence_of_an_account_that_denies_does_not_count() {
        let tenants = Answer::Said(json!({ "DistributionTenantList": [] }));
        let name = "cloudfront/list-distribution-tenants";
        assert_eq!(as_one(name, vec![tenants, denied()]), denied());
        let trail = |next: Value| json!({ "Events": [1], "NextToken": next });
        let told = as_one(
            "cloudtrail/lookup-events",
            vec![Answer::Said(trail(Value::Null)), denied(), Answer::Said(trail("n".into()))],
        );
        let Answer::Said(told) = told else { panic!("{told:?}") };
        assert!(crate::account::trail::is_cut(&told));
        assert_eq!(told["Events"], json!([1, 1]));
    }

    #[test]
    fn what_a_distribution_names_is_its_accounts() {
        let mut owned = Owned::default();
        owned.learn(
            1,
            &json!({ "Distribution": { "Id": "E1", "DistributionConfig": {
                "WebACLId": "arn:aws:wafv2:us-east-1:1:global/webacl/edge/7",
                "Origins": { "Items": [{ "DomainName": "b.s3.eu-west-1.amazonaws.com" }] },
            }}}),
        );
        for name in ["E1", "7", "b"] {
            assert_eq!(owned.names[name], [1].into(), "{name}");
        }
    }
}
