//! Resource policies: any text, any key, the three callers that CloudFront can be; and policies
//! whose answer a second, plain implementation knows. Bytes that begin no JSON choose such a one.
#![no_main]

#[path = "../../tests/policy/plain.rs"]
mod plain;
#[path = "../../tests/policy/worlds.rs"]
mod worlds;

use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};
use why403::policy::{Caller, Context, Policy, Request, evaluate, nearest, public};
use worlds::{CALLERS, FIELDS, Known, right_in_every_world};

fuzz_target!(|bytes: &[u8]| {
    match bytes.first() {
        Some(b'{') => any_text(bytes),
        _ => against_the_plain_one(&mut Choices(bytes)),
    }
});

fn any_text(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let (policy, key) = text.rsplit_once('\n').unwrap_or((text, "a/b"));
    let Ok(policy) = Policy::parse(policy) else { return };
    let _ = public(&policy);
    let resource = format!("arn:aws:s3:::bucket/{key}");
    let distribution = "arn:aws:cloudfront::111122223333:distribution/E1";
    let callers = [
        (
            Caller::Service("cloudfront.amazonaws.com"),
            Context::of_origin_access_control(distribution, Some("111122223333")),
        ),
        (Caller::Oai { id: "E2", canonical: None }, Context::of_origin_access_identity()),
        (Caller::Anonymous, Context::of_anonymous()),
    ];
    for (caller, context) in callers {
        let request =
            Request { caller, action: "s3:GetObject", resource: &resource, context: &context };
        assert_eq!(evaluate(&policy, &request), evaluate(&policy, &request));
        let _ = nearest(&policy, &request);
    }
}

/// Bytes that each choose one of several things, and zeros behind their end.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn below(&mut self, end: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first) % end
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }

    /// One or two of them.
    fn some(&mut self, all: &[&'static str]) -> Vec<&'static str> {
        let mut chosen = vec![self.of(all)];
        if self.below(2) == 1 {
            chosen.push(self.of(all));
        }
        chosen
    }
}

fn against_the_plain_one(choices: &mut Choices<'_>) {
    let caller = choices.of(&CALLERS);
    // Every key that is not known multiplies the worlds, so only two may be.
    let mut unknown = 0;
    let known: Vec<Known> = FIELDS
        .iter()
        .map(|field| match choices.below(8) {
            0 if unknown < 2 => {
                unknown += 1;
                None
            }
            1 => Some(vec![]),
            2 if field.key == "aws:TagKeys" => Some(choices.some(field.values)),
            _ => Some(vec![choices.of(field.values)]),
        })
        .collect();
    let statements: Vec<Value> = (0..1 + choices.below(4)).map(|_| statement(choices)).collect();
    let policy = json!({"Version": "2012-10-17", "Statement": statements});
    right_in_every_world(&policy, caller, &known);
}

fn statement(choices: &mut Choices<'_>) -> Value {
    let deny = choices.below(2) == 1;
    let principal = choices.of(&[
        json!("*"),
        json!({"AWS": "*"}),
        json!({"Service": "cloudfront.amazonaws.com"}),
        json!({"Service": ["ec2.amazonaws.com"], "AWS": ["111122223333", plain::OAI]}),
        json!({"AWS": "arn:aws:iam::111122223333:root", "CanonicalUser": plain::CANONICAL}),
    ]);
    let mut statement = Map::new();
    let mut put = |name: &str, negated: bool, value: Value| {
        statement.insert(format!("{}{name}", if negated { "Not" } else { "" }), value);
    };
    put("Effect", false, json!(if deny { "Deny" } else { "Allow" }));
    // AWS does not support NotPrincipal with Allow.
    put("Principal", deny && choices.below(2) == 1, principal);
    let actions = ["s3:GetObject", "s3:Get*", "S3:?etobject", "s3:PutObject", "*"];
    put("Action", choices.below(4) == 1, json!(choices.some(&actions)));
    let resources = [
        "*",
        "arn:aws:s3:::b/*",
        "arn:aws:s3:::b/*/?.js",
        "arn:aws:s3:::b/a",
        "arn:aws:s3:::b",
        "arn:aws:s3:::b/a*x**js",
    ];
    put("Resource", choices.below(4) == 1, json!(choices.some(&resources)));
    let mut operators: Map<String, Value> = Map::new();
    for _ in 0..choices.below(4) {
        let field = &FIELDS[choices.below(FIELDS.len())];
        let operator = choices.of(field.operators);
        let (name, wanted) = if operator == "Null" {
            ("Null".to_owned(), vec![choices.of(&["true", "false"])])
        } else {
            // Only this key has several values, which needs a set operator.
            let each = match (field.key, choices.of(&["", "ForAnyValue:", "ForAllValues:"])) {
                ("aws:TagKeys", "") => "ForAnyValue:",
                (_, each) => each,
            };
            let if_exists = choices.of(&["", "IfExists"]);
            (format!("{each}{operator}{if_exists}"), choices.some(field.wanted))
        };
        let keys = operators.entry(name).or_insert_with(|| json!({}));
        keys[field.key] = json!(wanted);
    }
    put("Condition", false, Value::Object(operators));
    Value::Object(statement)
}
