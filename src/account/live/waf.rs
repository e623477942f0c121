//! AWS WAF's answers in the CLI's form, as far as they are read. Statements of rules are not: they
//! hold addresses and patterns that no cause needs.

use std::collections::BTreeMap;

use aws_sdk_wafv2::Client;
use aws_sdk_wafv2::types::{
    BlockAction, DefaultAction, FieldToMatch, Filter, OverrideAction, Rule, RuleAction, Scope,
    WebAcl,
};
use serde_json::{Map, Value, json};

use super::refused;
use crate::account::Answer;

/// `get-web-acl`. The ARN of a web ACL ends in `/NAME/ID`, which is what AWS asks for.
pub async fn web_acl(client: &Client, arn: &str) -> Answer {
    let mut parts = arn.rsplit('/');
    let (Some(id), Some(name)) = (parts.next(), parts.next()) else {
        return Answer::Unreadable("a web ACL of WAF Classic".to_owned());
    };
    let asked = client.get_web_acl().id(id).name(name).scope(Scope::Cloudfront);
    match asked.send().await {
        Ok(said) => match said.web_acl() {
            Some(acl) => Answer::Said(json!({ "WebACL": of_web_acl(acl) })),
            None => Answer::Unreadable("no web ACL in it".to_owned()),
        },
        Err(error) => refused(&error),
    }
}

/// A web ACL, as far as it is read.
pub fn of_web_acl(acl: &WebAcl) -> Value {
    let bodies: BTreeMap<&String, Value> = acl
        .custom_response_bodies
        .iter()
        .flatten()
        .map(|(name, body)| {
            let kind = body.content_type.as_str();
            (name, json!({ "ContentType": kind, "Content": body.content }))
        })
        .collect();
    json!({
        "Name": acl.name,
        "ARN": acl.arn,
        "DefaultAction": acl.default_action.as_ref().map(default_action),
        "Rules": acl.rules().iter().map(rule).collect::<Vec<_>>(),
        "CustomResponseBodies": bodies,
    })
}

fn default_action(action: &DefaultAction) -> Value {
    match &action.block {
        Some(block) => json!({ "Block": self::block(block) }),
        None => json!({ "Allow": {} }),
    }
}

fn block(block: &BlockAction) -> Value {
    match &block.custom_response {
        Some(custom) => json!({ "CustomResponse": { "ResponseCode": custom.response_code } }),
        None => json!({}),
    }
}

fn rule(rule: &Rule) -> Value {
    let mut out = Map::from_iter([("Name".to_owned(), json!(rule.name))]);
    if let Some(action) = &rule.action {
        out.insert("Action".to_owned(), self::action(action));
    }
    if let Some(over) = &rule.override_action {
        out.insert("OverrideAction".to_owned(), override_action(over));
    }
    Value::Object(out)
}

fn action(action: &RuleAction) -> Value {
    match (&action.block, &action.allow, &action.count, &action.captcha, &action.challenge) {
        (Some(block), ..) => json!({ "Block": self::block(block) }),
        (_, Some(_), ..) => json!({ "Allow": {} }),
        (_, _, Some(_), ..) => json!({ "Count": {} }),
        (_, _, _, Some(_), _) => json!({ "Captcha": {} }),
        (_, _, _, _, Some(_)) => json!({ "Challenge": {} }),
        _ => json!({}),
    }
}

fn override_action(action: &OverrideAction) -> Value {
    match action.count {
        Some(_) => json!({ "Count": {} }),
        None => json!({ "None": {} }),
    }
}

/// `get-logging-configuration`.
pub async fn logging(client: &Client, arn: &str) -> Answer {
    match client.get_logging_configuration().resource_arn(arn).send().await {
        Ok(said) => match said.logging_configuration() {
            Some(logging) => {
                let mut out = Map::from_iter([
                    (
                        "RedactedFields".to_owned(),
                        logging.redacted_fields().iter().map(field).collect(),
                    ),
                    ("LogDestinationConfigs".to_owned(), json!(logging.log_destination_configs())),
                ]);
                if let Some(filter) = &logging.logging_filter {
                    out.insert(
                        "LoggingFilter".to_owned(),
                        json!({
                            "DefaultBehavior": filter.default_behavior.as_str(),
                            "Filters": filter.filters.iter().map(self::filter).collect::<Vec<_>>(),
                        }),
                    );
                }
                Answer::Said(json!({ "LoggingConfiguration": out }))
            }
            None => Answer::Unreadable("no logging configuration in it".to_owned()),
        },
        Err(error) => refused(&error),
    }
}

fn field(field: &FieldToMatch) -> Value {
    match &field.single_header {
        Some(header) => json!({ "SingleHeader": { "Name": header.name } }),
        None => json!({}),
    }
}

fn filter(filter: &Filter) -> Value {
    let conditions: Vec<Value> = filter
        .conditions
        .iter()
        .map(|condition| match (&condition.action_condition, &condition.label_name_condition) {
            (Some(by), _) => json!({ "ActionCondition": { "Action": by.action.as_str() } }),
            (_, Some(by)) => json!({ "LabelNameCondition": { "LabelName": by.label_name } }),
            _ => json!({}),
        })
        .collect();
    json!({
        "Behavior": filter.behavior.as_str(),
        "Requirement": filter.requirement.as_str(),
        "Conditions": conditions,
    })
}
