//! A plain implementation of the policy language, for one world in which all is known.

use std::collections::BTreeMap;

use serde_json::Value;
use why403::policy::Caller;

pub const OAI: &str = "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E3IDENTITY";
pub const CANONICAL: &str = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be";

/// Which addresses lie in which range, written down instead of computed.
const IN_RANGE: [(&str, &str); 6] = [
    ("10.0.0.0/8", "10.1.2.3"),
    ("10.1.2.3", "10.1.2.3"),
    ("0.0.0.0/0", "10.1.2.3"),
    ("0.0.0.0/0", "192.0.2.1"),
    ("2001:db8::/32", "2001:db8::1"),
    ("::/0", "2001:db8::1"),
];

/// One way in which everything that is not known may be.
#[derive(Debug, Clone)]
pub struct World {
    pub caller: Caller<'static>,
    pub keys: BTreeMap<&'static str, Vec<&'static str>>,
    /// Whether `{"AWS": "*"}` means services too.
    pub aws_star_means_services: bool,
    /// Whether `ForAnyValue` with a negated operator holds where there is no value.
    pub any_value_of_none_is_unlike: bool,
}

/// The plain one: whether an `Allow` applies, and whether a `Deny` does.
pub fn plain(policy: &Value, world: &World) -> (bool, bool) {
    let applies = |effect: &str| {
        policy["Statement"].as_array().unwrap().iter().any(|statement| {
            statement["Effect"] == effect
                && plain_principal(statement, world)
                && plain_element(statement, "Action", "s3:getobject")
                && plain_element(statement, "Resource", "arn:aws:s3:::b/a/x.js")
                && statement["Condition"].as_object().unwrap().iter().all(|(operator, keys)| {
                    keys.as_object().unwrap().iter().all(|(key, wanted)| {
                        plain_condition(operator, &world.keys[key.as_str()], wanted, world)
                    })
                })
        })
    };
    (applies("Allow"), applies("Deny"))
}

fn list(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(|item| item.as_str().unwrap().to_owned()).collect(),
        Value::String(text) => vec![text.clone()],
        _ => vec![],
    }
}

fn plain_principal(statement: &Value, world: &World) -> bool {
    let is_named = |value: &Value| {
        let (service, identity) = match world.caller {
            Caller::Service(_) => (true, false),
            Caller::Oai { .. } => (false, true),
            Caller::Anonymous => (false, false),
        };
        value == "*"
            || list(&value["AWS"]).iter().any(|name| match name.as_str() {
                "*" => !service || world.aws_star_means_services,
                name => identity && name == OAI,
            })
            || service && list(&value["Service"]).contains(&"cloudfront.amazonaws.com".to_owned())
            || identity && list(&value["CanonicalUser"]).contains(&CANONICAL.to_owned())
    };
    match statement.get("Principal") {
        Some(principal) => is_named(principal),
        None => !is_named(&statement["NotPrincipal"]),
    }
}

fn plain_element(statement: &Value, name: &str, value: &str) -> bool {
    let is_named = |patterns: &Value| {
        list(patterns).iter().any(|pattern| {
            let pattern = if name == "Action" { pattern.to_lowercase() } else { pattern.clone() };
            plain_like(pattern.as_bytes(), value.as_bytes())
        })
    };
    match statement.get(name) {
        Some(patterns) => is_named(patterns),
        None => !is_named(&statement[format!("Not{name}")]),
    }
}

fn plain_like(pattern: &[u8], value: &[u8]) -> bool {
    match (pattern, value) {
        ([], []) => true,
        ([b'$', b'{', b'*', b'}', rest @ ..], [b'*', value @ ..]) => plain_like(rest, value),
        ([b'$', ..], _) => false,
        ([b'*', rest @ ..], _) => {
            plain_like(rest, value) || !value.is_empty() && plain_like(pattern, &value[1..])
        }
        ([b'?', rest @ ..], [_, value @ ..]) => plain_like(rest, value),
        ([a, rest @ ..], [b, value @ ..]) if a == b => plain_like(rest, value),
        _ => false,
    }
}

fn plain_condition(operator: &str, values: &[&str], wanted: &Value, world: &World) -> bool {
    let wanted = list(wanted);
    if operator == "Null" {
        return wanted.contains(&values.is_empty().to_string());
    }
    let each = operator.split_once(':').map(|(each, _)| each);
    let name = operator.split(':').next_back().unwrap();
    let if_exists = name.ends_with("IfExists");
    let name = name.replace("IfExists", "");
    let negated = name.contains("Not");
    let name = name.replace("Not", "");
    let passes =
        |value: &&str| negated ^ wanted.iter().any(|want| plain_compare(&name, want, value));
    match (values, each) {
        ([], _) if if_exists => true,
        ([], Some("ForAnyValue")) => negated && world.any_value_of_none_is_unlike,
        ([], None) => negated,
        (_, Some("ForAnyValue")) => values.iter().any(passes),
        _ => values.iter().all(passes),
    }
}

fn plain_compare(name: &str, want: &str, value: &str) -> bool {
    let literal = want.replace("${*}", "*");
    let number = |text: &str| text.parse::<i64>().unwrap();
    match name {
        "StringEquals" | "Bool" => literal == value,
        "StringEqualsIgnoreCase" => literal.eq_ignore_ascii_case(value),
        "StringLike" => plain_like(want.as_bytes(), value.as_bytes()),
        "ArnLike" | "ArnEquals" => want
            .splitn(6, ':')
            .zip(value.splitn(6, ':'))
            .all(|(want, value)| plain_like(want.as_bytes(), value.as_bytes())),
        "IpAddress" => IN_RANGE.contains(&(want, value)),
        "NumericEquals" => number(value) == number(want),
        "NumericLessThan" => number(value) < number(want),
        "NumericGreaterThan" => number(value) > number(want),
        other => panic!("no such operator: {other}"),
    }
}
