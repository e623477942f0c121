//! A policy's text, read into statements.
//!
//! Source: "Grammar of the IAM JSON policy language". AWS accepts no policy that breaks the
//! grammar, so a statement that does was altered on its way here or uses an element that is
//! newer than this page. Such a statement is kept, as one that nothing certain can be said of.

use serde_json::{Map, Value};

use super::condition::Condition;
use super::principal::{Kind, Listed, Principals, Who};
use super::wildcard::Pattern;
use super::{Effect, Grant, Named, Policy, PolicyError, Statement};

/// Longest text that is read. S3 and Lambda allow 20 KB and KMS 32 KB, so that anything longer
/// is something else.
const LONGEST_POLICY: usize = 1 << 20;

const ELEMENTS: [&str; 9] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

pub(super) fn policy(text: &str) -> Result<Policy, PolicyError> {
    if text.len() > LONGEST_POLICY {
        return Err(PolicyError::TooLong { bytes: text.len() });
    }
    let value: Value =
        serde_json::from_str(text).map_err(|error| PolicyError::NotJson(error.to_string()))?;
    let Value::Object(policy) = value else {
        return Err(PolicyError::NotAnObject);
    };
    // Without a version a policy is one of 2008, which knows no variables.
    let variables =
        !matches!(policy.get("Version").and_then(Value::as_str), None | Some("2008-10-17"));
    let statements = match policy.get("Statement") {
        Some(Value::Array(statements)) => {
            statements.iter().map(|value| statement(value, variables)).collect()
        }
        Some(single @ Value::Object(_)) => vec![statement(single, variables)],
        _ => return Err(PolicyError::NoStatement),
    };
    Ok(Policy { statements })
}

fn statement(value: &Value, variables: bool) -> Statement {
    let field = |name| value.get(name).and_then(Value::as_str);
    let effect = match field("Effect") {
        Some("Allow") => Some(Effect::Allow),
        Some("Deny") => Some(Effect::Deny),
        _ => None,
    };
    let grant = match value {
        Value::Object(fields) => grant(fields, effect, variables),
        _ => Err("is not a JSON object".to_owned()),
    };
    Statement { sid: field("Sid").map(str::to_owned), effect, grant }
}

fn grant(
    fields: &Map<String, Value>,
    effect: Option<Effect>,
    variables: bool,
) -> Result<Grant, String> {
    if let Some(unheard) = fields.keys().find(|name| !ELEMENTS.contains(&name.as_str())) {
        return Err(format!("has an element {unheard} that is not part of the policy language"));
    }
    if effect.is_none() {
        return Err("has neither the Effect Allow nor Deny".to_owned());
    }
    if fields.get("Sid").is_some_and(|sid| !sid.is_string()) {
        return Err("has a Sid that is not a string".to_owned());
    }
    let (principals, negated) = either(fields, "Principal", "NotPrincipal")?;
    if negated && effect == Some(Effect::Allow) {
        return Err("allows by NotPrincipal, which AWS does not support".to_owned());
    }
    Ok(Grant {
        principals: Principals { who: who(principals)?, negated },
        action: named(fields, "Action", "NotAction", false)?,
        resource: named(fields, "Resource", "NotResource", variables)?,
        conditions: conditions(fields.get("Condition"), variables)?,
    })
}

/// The value of one of two elements that exclude each other, and whether it is the second.
fn either<'a>(
    fields: &'a Map<String, Value>,
    plain: &str,
    negated: &str,
) -> Result<(&'a Value, bool), String> {
    match (fields.get(plain), fields.get(negated)) {
        (Some(value), None) => Ok((value, false)),
        (None, Some(value)) => Ok((value, true)),
        (Some(_), Some(_)) => Err(format!("has both {plain} and {negated}")),
        (None, None) => Err(format!("has neither {plain} nor {negated}")),
    }
}

fn named(
    fields: &Map<String, Value>,
    plain: &str,
    negated: &str,
    variables: bool,
) -> Result<Named, String> {
    let (value, is_negated) = either(fields, plain, negated)?;
    let name = if is_negated { negated } else { plain };
    let patterns = strings(value)
        .filter(|texts| !texts.is_empty())
        .ok_or_else(|| format!("has a {name} that is neither a string nor a list of strings"))?
        .into_iter()
        .map(|text| Pattern::parse(text, variables))
        .collect();
    Ok(Named { patterns, negated: is_negated })
}

fn strings(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(items) => items.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

fn who(value: &Value) -> Result<Who, String> {
    let kinds = match value {
        Value::String(text) if text == "*" => return Ok(Who::Everyone),
        Value::Object(kinds) if !kinds.is_empty() => kinds,
        _ => return Err("has a principal that is neither \"*\" nor an object".to_owned()),
    };
    let mut listed = Vec::new();
    for (name, value) in kinds {
        let kind = match name.as_str() {
            "AWS" => Kind::Aws,
            "Service" => Kind::Service,
            "CanonicalUser" => Kind::CanonicalUser,
            "Federated" => Kind::Federated,
            _ => return Err(format!("names a principal of an unknown kind, {name}")),
        };
        let names = strings(value)
            .ok_or_else(|| format!("has principals of the kind {name} that are not strings"))?;
        listed.extend(names.into_iter().map(|name| Listed { kind, name: name.to_owned() }));
    }
    if listed.is_empty() {
        return Err("names no principal".to_owned());
    }
    Ok(Who::Listed(listed))
}

fn conditions(value: Option<&Value>, variables: bool) -> Result<Vec<Condition>, String> {
    let operators = match value {
        None => return Ok(Vec::new()),
        Some(Value::Object(operators)) => operators,
        Some(_) => return Err("has a Condition that is not an object".to_owned()),
    };
    let mut conditions = Vec::new();
    for (operator, keys) in operators {
        let Value::Object(keys) = keys else {
            return Err(format!("has a condition {operator} that is not an object"));
        };
        for (key, wanted) in keys {
            let wanted = scalars(wanted)
                .ok_or_else(|| format!("asks {operator} on {key} for something without a value"))?
                .iter()
                .map(|text| Pattern::parse(text, variables))
                .collect();
            conditions.push(Condition::new(operator, key, wanted));
        }
    }
    Ok(conditions)
}

/// Values of a condition may be written as strings, numbers or truth values.
fn scalars(value: &Value) -> Option<Vec<String>> {
    let scalar = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    };
    match value {
        Value::Array(items) => items.iter().map(scalar).collect(),
        _ => Some(vec![scalar(value)?]),
    }
}
