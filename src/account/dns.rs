//! Names in DNS that lead to CloudFront.

use serde_json::Value;

/// A name and the `d….cloudfront.net` that it leads to, both in lower case and without a dot at
/// the end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// The name; `\052` is its asterisk in Route 53.
    pub name: String,
    /// Where it leads.
    pub target: String,
}

/// Reads the output of `aws route53 list-resource-record-sets`, as far as it is about CloudFront.
pub fn parse(answer: Value) -> Result<Vec<Name>, String> {
    let sets = answer
        .get("ResourceRecordSets")
        .and_then(Value::as_array)
        .ok_or("no `ResourceRecordSets` in it")?;
    let mut names = Vec::new();
    for set in sets {
        let Some(name) = set.get("Name").and_then(Value::as_str) else { continue };
        let alias = set.pointer("/AliasTarget/DNSName").and_then(Value::as_str);
        let records = set.get("ResourceRecords").and_then(Value::as_array).into_iter().flatten();
        let values = records.filter_map(|record| record.get("Value").and_then(Value::as_str));
        for target in alias.into_iter().chain(values) {
            let target = tidy(target);
            if target.ends_with(".cloudfront.net") {
                names.push(Name { name: tidy(name).replace("\\052", "*"), target });
            }
        }
    }
    names.sort();
    names.dedup();
    Ok(names)
}

fn tidy(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}
