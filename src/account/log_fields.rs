//! Which columns the account's log lines have, where the lines do not say it themselves.

use serde_json::Value;

use super::{Account, Fact, Question};
use crate::logs::layouts::FieldList;

/// Asks for the field lists of real-time configurations and of deliveries.
pub fn ask(account: &dyn Account) -> Vec<FieldList> {
    const REALTIME: &str = "cloudfront/get-realtime-log-config";
    let mut lists = Vec::new();
    for name in account.subjects(REALTIME) {
        let fact = Fact::ask(account, Question::new(REALTIME, name), realtime);
        lists.extend(fact.known().cloned());
    }
    let deliveries = Question::all("logs/describe-deliveries");
    let fact = Fact::ask(account, deliveries, |answer| Ok(deliveries_of(&answer)));
    lists.extend(fact.known().into_iter().flatten().cloned());
    lists
}

fn realtime(answer: Value) -> Result<FieldList, String> {
    let fields = answer
        .pointer("/RealtimeLogConfig/Fields")
        .and_then(names)
        .ok_or("no `RealtimeLogConfig.Fields` in it")?;
    Ok(FieldList { fields, realtime: true, delimiter: None })
}

fn deliveries_of(answer: &Value) -> Vec<FieldList> {
    let deliveries = answer.get("deliveries").and_then(Value::as_array);
    deliveries
        .into_iter()
        .flatten()
        .filter_map(|delivery| {
            Some(FieldList {
                fields: delivery.get("recordFields").and_then(names)?,
                realtime: false,
                delimiter: delivery
                    .get("fieldDelimiter")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
            })
        })
        .collect()
}

fn names(list: &Value) -> Option<Vec<String>> {
    let names = list.as_array()?.iter().filter_map(Value::as_str);
    Some(names.map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_answers_name_columns() {
        let config = json!({"RealtimeLogConfig": {"Fields": ["timestamp", "sc-status"]}});
        assert_eq!(realtime(config).unwrap().fields, ["timestamp", "sc-status"]);
        let deliveries = json!({"deliveries": [
            {"recordFields": ["date", "time"], "fieldDelimiter": ";"},
            {"id": "a delivery of another service"}]});
        let [list] = deliveries_of(&deliveries).try_into().unwrap();
        assert_eq!((list.realtime, list.delimiter.as_deref()), (false, Some(";")));
    }
}
