//! Which columns the account's log lines have, where the lines do not say it themselves.

use serde_json::Value;

use super::trail::{self, Change};
use super::{Account, Fact, Question, State};
use crate::logs::layouts::FieldList;

const REALTIME: &str = "cloudfront/get-realtime-log-config";

/// Asks for the field lists of real-time configurations and of deliveries, and when each was
/// changed: neither answer says it.
pub fn ask(account: &dyn Account) -> Vec<FieldList> {
    let mut lists = Vec::new();
    for name in account.subjects(REALTIME) {
        let fact = Fact::ask(account, Question::new(REALTIME, name.as_str()), realtime);
        lists.extend(fact.known().map(|list| (name, list.clone())));
    }
    let deliveries = Question::all("logs/describe-deliveries");
    let fact = Fact::ask(account, deliveries, |answer| Ok(deliveries_of(&answer)));
    lists.extend(fact.known().into_iter().flatten().cloned());
    // A live trail is rationed, and asked only where an alert is about to go out.
    if lists.is_empty() || account.is_live() {
        return lists.into_iter().map(|(_, list)| list).collect();
    }
    let trail = Fact::ask(account, Question::all("cloudtrail/lookup-events"), trail::parse);
    let changes = trail.known().map_or(&[][..], Vec::as_slice);
    let changed = |name: &str| {
        let is_change = |change: &&Change| CHANGES.contains(&change.event.as_str());
        let times = changes.iter().filter(is_change).filter(|change| change.concerns(name));
        times.map(|change| change.at).max()
    };
    lists.into_iter().map(|(name, list)| FieldList { changed: changed(&name), ..list }).collect()
}

/// The field lists of the real-time configurations that write to a stream, or of all where none
/// says that it does. An error is one that passes.
pub fn of_stream(account: &dyn Account, stream: &str) -> Result<Vec<FieldList>, String> {
    let (mut mine, mut all) = (Vec::new(), Vec::new());
    for name in account.subjects(REALTIME) {
        let fact = Fact::ask(account, Question::new(REALTIME, name), |answer| {
            let ends = answer.pointer("/RealtimeLogConfig/EndPoints").and_then(Value::as_array);
            let leads = ends.into_iter().flatten().any(|end| {
                end.pointer("/KinesisStreamConfig/StreamARN").and_then(Value::as_str)
                    == Some(stream)
            });
            Ok((leads, realtime(answer).ok()))
        });
        match fact.state {
            State::Known((leads, list)) => {
                mine.extend(list.clone().filter(|_| leads));
                all.extend(list);
            }
            State::Unreadable(why) => return Err(why),
            State::Nothing | State::Denied | State::Unasked => {}
        }
    }
    Ok(if mine.is_empty() { all } else { mine })
}

/// What changes a field list. One that was created had no other before.
const CHANGES: [&str; 2] = ["UpdateRealtimeLogConfig", "UpdateDeliveryConfiguration"];

fn realtime(answer: Value) -> Result<FieldList, String> {
    let fields = answer
        .pointer("/RealtimeLogConfig/Fields")
        .and_then(names)
        .ok_or("no `RealtimeLogConfig.Fields` in it")?;
    Ok(FieldList { fields, realtime: true, delimiter: None, changed: None })
}

/// Each delivery's id and list.
fn deliveries_of(answer: &Value) -> Vec<(String, FieldList)> {
    let deliveries = answer.get("deliveries").and_then(Value::as_array);
    let text = |delivery: &Value, key| delivery.get(key).and_then(Value::as_str).map(str::to_owned);
    deliveries
        .into_iter()
        .flatten()
        .filter_map(|delivery| {
            let list = FieldList {
                fields: delivery.get("recordFields").and_then(names)?,
                realtime: false,
                delimiter: text(delivery, "fieldDelimiter"),
                changed: None,
            };
            Some((text(delivery, "id").unwrap_or_default(), list))
        })
        .collect()
}

fn names(list: &Value) -> Option<Vec<String>> {
    let names = list.as_array()?.iter().filter_map(Value::as_str);
    Some(names.map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::super::Answer;
    use super::*;
    use serde_json::json;

    #[test]
    fn both_answers_name_columns() {
        let config = json!({"RealtimeLogConfig": {"Fields": ["timestamp", "sc-status"]}});
        assert_eq!(realtime(config).unwrap().fields, ["timestamp", "sc-status"]);
        let deliveries = json!({"deliveries": [
            {"recordFields": ["date", "time"], "fieldDelimiter": ";"},
            {"id": "a delivery of another service"}]});
        let [(_, list)] = deliveries_of(&deliveries).try_into().unwrap();
        assert_eq!((list.realtime, list.delimiter.as_deref()), (false, Some(";")));
    }

    #[test]
    fn a_list_was_changed_when_the_trail_says_so() {
        struct Told;
        impl Account for Told {
            fn ask(&self, question: &Question) -> (Answer, Option<jiff::Timestamp>) {
                let event = |name: &str, about: &str, time: u32| {
                    json!({"EventName": name, "EventTime": time, "CloudTrailEvent":
                        json!({"requestParameters": {"name": about}}).to_string()})
                };
                let said = match question.operation {
                    "cloudfront/get-realtime-log-config" => json!({"RealtimeLogConfig":
                        {"Name": question.about, "Fields": ["timestamp", question.about]}}),
                    "cloudtrail/lookup-events" => json!({"Events": [
                        event("UpdateRealtimeLogConfig", "a", 1_773_151_201),
                        event("UpdateRealtimeLogConfig2020_05_31", "a", 1_773_151_202),
                        event("CreateRealtimeLogConfig", "b", 1_773_151_203)]}),
                    _ => return (Answer::Unasked, None),
                };
                (Answer::Said(said), None)
            }
            fn subjects(&self, operation: &'static str) -> Vec<String> {
                let names = if operation.contains("realtime") { vec!["a", "b"] } else { vec![] };
                names.into_iter().map(str::to_owned).collect()
            }
        }
        let changed: Vec<_> =
            ask(&Told).iter().map(|list| list.changed.map(|at| at.as_second())).collect();
        assert_eq!(changed, [Some(1_773_151_202), None]);
    }
}
