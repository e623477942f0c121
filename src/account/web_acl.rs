//! A web ACL and what of it is logged.

use serde::Deserialize;
use serde_json::Value;

/// `get-web-acl` → `WebACL`, as far as it can answer 403.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct WebAcl {
    /// The name.
    pub name: String,
    /// The ARN.
    #[serde(rename = "ARN")]
    pub arn: String,
    /// `{"Allow": {}}` or `{"Block": {...}}`.
    pub default_action: Value,
    /// The rules in their order.
    pub rules: Vec<Value>,
    /// Bodies of custom responses, by name.
    pub custom_response_bodies: Value,
}

impl WebAcl {
    /// Reads the output of `aws wafv2 get-web-acl`.
    pub fn parse(answer: Value) -> Result<Self, String> {
        let acl = answer.get("WebACL").cloned().ok_or("no `WebACL` in it")?;
        serde_json::from_value(acl).map_err(|error| error.to_string())
    }

    /// Whether the default action blocks.
    pub fn blocks_by_default(&self) -> bool {
        self.default_action.get("Block").is_some()
    }

    /// Whether any rule could end a request with 403. A rule group or managed rule set may.
    pub fn can_block(&self) -> bool {
        self.blocks_by_default()
            || self.rules.iter().any(|rule| match rule.get("Action") {
                Some(action) => action.get("Block").is_some(),
                None => rule.get("OverrideAction").is_none_or(|by| by.get("Count").is_none()),
            })
    }

    /// The bodies that it may send, by media type and length.
    pub fn bodies(&self) -> Vec<(Box<str>, u64)> {
        let all = self.custom_response_bodies.as_object().into_iter().flat_map(|all| all.values());
        all.filter_map(|body| {
            let kind = match body.get("ContentType")?.as_str()? {
                "TEXT_HTML" => "text/html",
                "TEXT_PLAIN" => "text/plain",
                "APPLICATION_JSON" => "application/json",
                _ => return None,
            };
            Some((kind.into(), body.get("Content")?.as_str()?.len() as u64))
        })
        .collect()
    }

    /// Whether a block may answer with a body of its own in the place of CloudFront's page.
    pub fn has_custom_response(&self) -> bool {
        let custom = |action: &Value| {
            action.get("Block").and_then(|block| block.get("CustomResponse")).is_some()
        };
        custom(&self.default_action)
            || self.rules.iter().any(|rule| rule.get("Action").is_some_and(custom))
    }
}

/// What a rule of a web ACL tests, as far as a remedy depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// The number of requests within a time: the limit.
    Rate(Option<u64>),
    /// Addresses of a set, by the set's ARN.
    IpSet(String),
    /// Countries.
    Countries,
    /// What the rules of a managed group test.
    ManagedGroup,
    /// What the rules of a group of one's own test, by the group's ARN.
    Group(String),
    /// Something else.
    Other,
}

impl WebAcl {
    /// What a rule of this web ACL tests; `None` where it has no rule of that name itself, so that
    /// one of its groups has.
    pub fn test(&self, rule: &str) -> Option<Test> {
        let rule =
            self.rules.iter().find(|one| one.get("Name").is_some_and(|name| name == rule))?;
        let text = |pointer: &str| {
            rule.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let statement = rule.get("Statement").and_then(Value::as_object);
        let kind = statement.and_then(|one| one.keys().next()).map_or("", String::as_str);
        Some(match kind {
            "RateBasedStatement" => Test::Rate(
                rule.pointer("/Statement/RateBasedStatement/Limit").and_then(Value::as_u64),
            ),
            "IPSetReferenceStatement" => {
                Test::IpSet(text("/Statement/IPSetReferenceStatement/ARN"))
            }
            "GeoMatchStatement" => Test::Countries,
            "ManagedRuleGroupStatement" => Test::ManagedGroup,
            "RuleGroupReferenceStatement" => {
                Test::Group(text("/Statement/RuleGroupReferenceStatement/ARN"))
            }
            _ => Test::Other,
        })
    }

    /// The names of its rules that bring in managed groups.
    pub fn managed_groups(&self) -> impl Iterator<Item = &str> {
        let managed = self
            .rules
            .iter()
            .filter(|rule| rule.pointer("/Statement/ManagedRuleGroupStatement").is_some());
        managed.filter_map(|rule| rule.get("Name")?.as_str())
    }

    /// The metrics of its rules, by which samples are asked for.
    pub fn metrics(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().filter_map(|rule| rule.pointer("/VisibilityConfig/MetricName")?.as_str())
    }

    /// Whether rules come from groups, whose own responses are not shown here.
    pub fn has_groups(&self) -> bool {
        self.rules.iter().any(|rule| rule.get("OverrideAction").is_some())
    }
}

/// What a web ACL logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Records of this action are all logged.
    All,
    /// Records of this action are dropped by the filter.
    Dropped,
    /// It depends on labels, which only the record itself would show.
    Depends,
}

/// `get-logging-configuration` → `LoggingConfiguration`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Logging {
    logging_filter: Option<Filter>,
    redacted_fields: Vec<Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Filter {
    filters: Vec<FilterRule>,
    default_behavior: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct FilterRule {
    behavior: String,
    requirement: String,
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Condition {
    action_condition: Option<ActionCondition>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ActionCondition {
    action: String,
}

impl Logging {
    /// Reads the output of `aws wafv2 get-logging-configuration`.
    pub fn parse(answer: Value) -> Result<Self, String> {
        let logging =
            answer.get("LoggingConfiguration").cloned().ok_or("no `LoggingConfiguration` in it")?;
        serde_json::from_value(logging).map_err(|error| error.to_string())
    }

    /// What the filter does with records of an action, `BLOCK` or `ALLOW`.
    pub fn keeps(&self, action: &str) -> Kept {
        let Some(filter) = &self.logging_filter else { return Kept::All };
        let mut open = Vec::new();
        for rule in &filter.filters {
            match rule.matches(action) {
                Some(true) => {
                    open.push(rule.behavior.as_str());
                    return agreed(&open);
                }
                Some(false) => {}
                None => open.push(rule.behavior.as_str()),
            }
        }
        open.push(filter.default_behavior.as_str());
        agreed(&open)
    }

    /// Whether the header that joins an origin's WAF with the edge is written as `REDACTED`.
    pub fn redacts_header(&self, name: &str) -> bool {
        self.redacted_fields.iter().any(|field| {
            field
                .get("SingleHeader")
                .and_then(|header| header.get("Name"))
                .and_then(Value::as_str)
                .is_some_and(|redacted| redacted.eq_ignore_ascii_case(name))
        })
    }
}

impl FilterRule {
    /// Whether the rule matches every record of an action, none, or some by their labels.
    fn matches(&self, action: &str) -> Option<bool> {
        let each: Vec<Option<bool>> = self
            .conditions
            .iter()
            .map(|condition| {
                condition.action_condition.as_ref().map(|wanted| wanted.action == action)
            })
            .collect();
        // One condition decides a rule of this kind alone: a miss where all must match, a match
        // where any may.
        let decides = self.requirement != "MEETS_ALL";
        if each.contains(&Some(decides)) {
            Some(decides)
        } else if each.contains(&None) {
            None
        } else {
            Some(!decides)
        }
    }
}

fn agreed(behaviors: &[&str]) -> Kept {
    if behaviors.iter().all(|behavior| *behavior == "DROP") {
        Kept::Dropped
    } else if behaviors.contains(&"DROP") {
        Kept::Depends
    } else {
        Kept::All
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn keeps(filter: Value, action: &str) -> Kept {
        Logging::parse(json!({"LoggingConfiguration": {"LoggingFilter": filter}}))
            .unwrap()
            .keeps(action)
    }

    #[test]
    fn a_filter_says_what_silence_means() {
        let blocks_only = json!({"DefaultBehavior": "DROP", "Filters": [{"Behavior": "KEEP",
            "Requirement": "MEETS_ANY", "Conditions": [{"ActionCondition": {"Action": "BLOCK"}}]}]});
        assert_eq!(keeps(blocks_only.clone(), "BLOCK"), Kept::All);
        assert_eq!(keeps(blocks_only, "ALLOW"), Kept::Dropped);
        let labelled = json!({"DefaultBehavior": "DROP", "Filters": [{"Behavior": "KEEP",
            "Requirement": "MEETS_ALL", "Conditions": [{"ActionCondition": {"Action": "BLOCK"}},
            {"LabelNameCondition": {"LabelName": "x"}}]}]});
        assert_eq!(keeps(labelled.clone(), "BLOCK"), Kept::Depends);
        assert_eq!(keeps(labelled, "ALLOW"), Kept::Dropped);
        assert_eq!(Logging::default().keeps("BLOCK"), Kept::All);
    }
}
