//! One record of a WAF log, as far as it is parsed.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use super::fault::Fault;
use super::lines::Line;
use super::waf::{Action, Names, Side, WafRow, moment_and_acl, no_record};
use crate::limits::SHOWN_BYTES;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    #[serde(default)]
    webacl_id: String,
    #[serde(default)]
    terminating_rule_id: String,
    #[serde(default)]
    terminating_rule_type: String,
    #[serde(default)]
    action: String,
    #[serde(default)]
    http_source_name: String,
    #[serde(default)]
    http_source_id: String,
    #[serde(default, rename = "ruleGroupList", deserialize_with = "terminating_rules")]
    terminating_rules: Vec<TerminatingRule>,
    #[serde(default)]
    response_code_sent: Option<u16>,
    pub(super) http_request: HttpRequest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuleGroup {
    #[serde(default)]
    terminating_rule: Option<TerminatingRule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TerminatingRule {
    rule_id: String,
    #[serde(default)]
    action: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HttpRequest {
    #[serde(default)]
    country: Option<String>,
    /// The id that CloudFront adds for the origin.
    #[serde(default, rename = "headers", deserialize_with = "our_id")]
    our_id: Option<String>,
    #[serde(default)]
    pub(super) request_id: Option<String>,
}

#[derive(Deserialize)]
struct WafHeader<'a> {
    #[serde(default, borrow)]
    name: Cow<'a, str>,
    #[serde(default, borrow)]
    value: Option<Cow<'a, str>>,
}

/// Of a list only what is kept of its items, so that a long one costs no more than that.
fn filtered<'de, D: Deserializer<'de>, T: Deserialize<'de>, K>(
    deserializer: D,
    keep: impl Fn(T) -> Option<K>,
) -> Result<Vec<K>, D::Error> {
    struct List<F, T, K>(F, PhantomData<(T, K)>);
    impl<'de, T: Deserialize<'de>, K, F: Fn(T) -> Option<K>> Visitor<'de> for List<F, T, K> {
        type Value = Vec<K>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }
        fn visit_unit<E>(self) -> Result<Vec<K>, E> {
            Ok(Vec::new())
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<K>, A::Error> {
            let mut kept = Vec::new();
            while let Some(item) = seq.next_element()? {
                kept.extend((self.0)(item));
            }
            Ok(kept)
        }
    }
    deserializer.deserialize_any(List(keep, PhantomData))
}

fn terminating_rules<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<TerminatingRule>, D::Error> {
    filtered(d, |group: RuleGroup| group.terminating_rule)
}

fn our_id<'de, D: Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    let ids = filtered(d, |header: WafHeader<'de>| {
        let ours = header.name.eq_ignore_ascii_case("x-amz-cf-id");
        header.value.filter(|_| ours).map(Cow::into_owned)
    });
    Ok(ids?.into_iter().next())
}

impl Record {
    /// The side, the id that joins with the access log, and what is kept.
    pub(super) fn into_row(self, names: &mut Names) -> (Side, Option<String>, WafRow) {
        let side = match self.http_source_name.as_str() {
            "CF" => Side::Edge,
            _ => Side::Origin,
        };
        let id = match side {
            Side::Edge => self.http_request.request_id,
            Side::Origin => self.http_request.our_id,
        };
        let action = match self.action.as_str() {
            "ALLOW" => Action::Allow,
            "BLOCK" => Action::Block,
            "CAPTCHA" | "CHALLENGE" => Action::Interrupt,
            _ => Action::Other,
        };
        // Inside a rule group the rule that really ended the request has the name people look for;
        // `terminatingRuleId` then names the group's entry alone.
        let inner = self
            .terminating_rules
            .iter()
            .find(|rule| rule.action.as_deref().is_none_or(|inner| inner == self.action));
        let rule = inner.map_or(self.terminating_rule_id.as_str(), |rule| &rule.rule_id);
        let group = inner.map(|_| names.get(&word(&self.terminating_rule_id)));
        let row = WafRow {
            action,
            rule: names.get(&word(rule)),
            group,
            rule_type: names.get(&word(&self.terminating_rule_type)),
            acl: names.get(&self.webacl_id),
            source: names.get(&word(&self.http_source_name)),
            source_id: names.get(&word(&self.http_source_id)),
            response_code: self.response_code_sent,
            country: self
                .http_request
                .country
                .filter(|code| code.len() == 2 && code.bytes().all(|b| b.is_ascii_alphanumeric()))
                .map(|code| names.get(&code)),
        };
        (side, id, row)
    }
}

/// A record whosever it is: its moment, its web ACL, and unless it is unwanted the rest.
pub type WholeRecord = (Timestamp, Arc<str>, Option<Joined>);

/// What a record says, and the ids by which it joins.
pub struct Joined {
    /// Where the web ACL stands.
    pub side: Side,
    /// The id that joins with the access log.
    pub id: Option<String>,
    /// The id under which an origin knows the request.
    pub behind: Option<String>,
    /// What is kept.
    pub row: WafRow,
}

/// Reads one record, whosever it is. `wanted` is asked for its line before that is parsed; what it
/// does not want is its web ACL and moment alone.
pub fn read_record(
    line: &Line<'_>,
    names: &mut Names,
    wanted: impl FnOnce(&[u8], &str) -> bool,
) -> Result<WholeRecord, Fault> {
    let (time, acl) = moment_and_acl(line)?;
    let acl = names.get(acl);
    if !wanted(line.bytes, &acl) {
        return Ok((time, acl, None));
    }
    match serde_json::from_slice::<Record>(line.bytes) {
        Ok(record) => {
            let own = record.http_request.request_id.clone();
            let (side, id, row) = record.into_row(names);
            let behind = own.filter(|_| side == Side::Origin);
            Ok((time, acl, Some(Joined { side, id, behind, row })))
        }
        Err(error) => Err(no_record(line, &error)),
    }
}

/// A name as AWS lets people choose them, at most [`SHOWN_BYTES`] long. What else stands there was
/// written by nobody who may name a rule, and becomes question marks.
fn word(text: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_:/#.+@=, ".contains(c);
    text.chars().take(SHOWN_BYTES).map(|c| if allowed(c) { c } else { '?' }).collect()
}
