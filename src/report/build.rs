//! Verdicts to findings: one for each distribution, cause, detail and rule.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::clusters::{self, Whereabouts};
use super::missing::key_of;
use super::{
    ClusterOut, EvidenceOut, ExampleOut, Finding, MissingOut, RemedyOut, RuledOutOut, Trigger,
};
use super::{examples, signed};
use crate::account::Question;
use crate::account::distribution::function_name;
use crate::account::facts::{Facts, Held, acl_id};
use crate::account::tenant::Tenant;
use crate::account::trail::Change;
use crate::analysis::Judged;
use crate::causes::judge::{Confidence, Verdict};
use crate::causes::kind::Kind;
use crate::causes::opinion::Speaks;
use crate::causes::remedy::{self, Case, Sent};
use crate::causes::{Cause, RULES, Severity, Step, rule};
use crate::clusters::{Row, Sample};
use crate::limits::{SAMPLED_REFUSALS, SAMPLED_REFUSALS_OF_ALL};
use crate::logs::record::Refusal;
use crate::logs::refusals::Refusals;
use crate::logs::tally::Served;
use crate::signature::{Elsewhere, Signature, Verified};

/// What makes two refusals part of one finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// The distribution.
    pub distribution_id: Option<Box<str>>,
    /// The cause.
    pub cause: Cause,
    /// The detail.
    pub detail: Option<&'static str>,
    /// The WAF rule.
    pub rule: Option<String>,
}

impl Subject {
    /// The subject of a verdict.
    pub fn of(kind: &Kind, verdict: &Verdict) -> Self {
        Self {
            distribution_id: kind.distribution.clone(),
            cause: verdict.cause,
            detail: verdict.detail,
            rule: verdict.rule.clone(),
        }
    }

    /// A finding's id: the same for the same subject, whatever else is in the log.
    pub fn id(&self, prefix: &str) -> String {
        let text = format!(
            "{}\n{}\n{}\n{}",
            self.distribution_id.as_deref().unwrap_or_default(),
            self.cause.id(),
            self.detail.unwrap_or_default(),
            self.rule.as_deref().unwrap_or_default()
        );
        let digest = Sha256::digest(text.as_bytes());
        let hex: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!("{prefix}-{hex}")
    }

    /// Its severity.
    pub fn severity(&self) -> Severity {
        Severity::of(self.cause, self.detail)
    }
}

/// What is gathered for one finding.
struct Gathered {
    requests: u64,
    /// The numbers of its refusals.
    numbers: Vec<u32>,
    confidence: BTreeMap<Confidence, u64>,
    /// How often, and where it stands in the verdict, which puts the weightiest first.
    evidence: BTreeMap<(String, String, Speaks), (u64, usize)>,
    masked: u64,
    ruled_out: BTreeMap<Cause, BTreeMap<String, u64>>,
    alternatives: BTreeSet<Cause>,
    /// With the number of the first refusal that it would decide.
    missing: BTreeMap<Question, u32>,
    /// The kinds of its refusals, by their number, with how often each came.
    kinds: BTreeMap<usize, u64>,
    /// The number of its first refusal.
    first: u32,
    /// The numbers of some of its refusals.
    sample: Sample<u32>,
}

impl Gathered {
    fn new(first: u32) -> Self {
        Self {
            first,
            requests: 0,
            numbers: Vec::new(),
            confidence: BTreeMap::new(),
            masked: 0,
            evidence: BTreeMap::new(),
            ruled_out: BTreeMap::new(),
            alternatives: BTreeSet::new(),
            missing: BTreeMap::new(),
            kinds: BTreeMap::new(),
            sample: Sample::new(SAMPLED_REFUSALS),
        }
    }
}

/// Sentences of evidence that one finding shows; the rest says little about few.
const SENTENCES: usize = 12;

/// Builds the findings. `judged` are the numbers of refusals with those of their kinds.
pub fn findings(
    (refusals, judged): (&Refusals, &[Judged]),
    kinds: &[(Kind, Verdict)],
    served: &BTreeMap<Box<str>, Served>,
    countries: &Whereabouts<'_>,
    facts: &Facts,
) -> Vec<Finding> {
    let mut all: BTreeMap<Subject, Gathered> = BTreeMap::new();
    // Requests of one kind say the same, so that a million of them are counted and said once.
    let mut of_kind: Vec<Vec<u32>> = vec![Vec::new(); kinds.len()];
    for (number, kind) in judged {
        if let Some(numbers) = of_kind.get_mut(*kind as usize) {
            numbers.push(*number);
        }
    }
    for (place, ((kind, verdict), numbers)) in kinds.iter().zip(of_kind).enumerate() {
        let Some(number) = numbers.first().copied() else { continue };
        let count = numbers.len() as u64;
        let found = all.entry(Subject::of(kind, verdict)).or_insert_with(|| Gathered::new(number));
        found.requests += count;
        found.masked += if kind.is_masked() { count } else { 0 };
        found.first = found.first.min(number);
        for number in &numbers {
            if let Some(identity) = refusals.identity_of(*number as usize) {
                found.sample.offer(identity, || *number);
            }
        }
        found.numbers.extend(numbers);
        *found.confidence.entry(verdict.confidence).or_default() += count;
        for (place, evidence) in verdict.evidence.iter().enumerate() {
            let key = (evidence.source.clone(), evidence.says.clone(), evidence.speaks);
            let seen = found.evidence.entry(key).or_insert((0, place));
            *seen = (seen.0 + count, seen.1.min(place));
        }
        for out in &verdict.ruled_out {
            let reasons = found.ruled_out.entry(out.cause).or_default();
            *reasons.entry(out.because.says.clone()).or_default() += count;
        }
        found.alternatives.extend(&verdict.alternatives);
        for question in &verdict.missing {
            let first = found.missing.entry(question.clone()).or_insert(number);
            *first = number.min(*first);
        }
        *found.kinds.entry(place).or_default() += count;
    }
    let total = judged.len().max(1) as f64;
    let sampled = SAMPLED_REFUSALS_OF_ALL / all.len().max(1);
    let mut of_distribution: BTreeMap<Option<Box<str>>, usize> = BTreeMap::new();
    for subject in all.keys() {
        *of_distribution.entry(subject.distribution_id.clone()).or_default() += 1;
    }
    // What a distribution served is the contrast to all of its findings, which come together.
    let mut contrast: Option<(Option<String>, Vec<Row>)> = None;
    let mut findings: Vec<(Severity, Finding)> = all
        .into_iter()
        .filter_map(|(subject, mut found)| {
            found.sample.shrink(sampled);
            let rows = std::mem::replace(&mut found.sample, Sample::new(1)).into_rows();
            let mut sampled: Vec<u32> = rows.into_iter().map(|(_, number)| number).collect();
            let first = refusals.glance(*sampled.first()? as usize)?;
            let domain = first.distribution_domain;
            let served = domain.and_then(|domain| served.get(domain));
            if contrast.as_ref().is_none_or(|(of, _)| of.as_deref() != domain) {
                contrast = Some((domain.map(str::to_owned), clusters::contrast(served, countries)));
            }
            let held_against = contrast.as_ref().map_or(&[][..], |(_, rows)| rows);
            let rows = sampled.iter().filter_map(|number| refusals.get(*number as usize));
            let mut clusters = clusters::of(rows, found.requests, held_against, countries);
            found.numbers.sort_unstable();
            let numbers = std::mem::take(&mut found.numbers).into_iter();
            let times: Vec<Timestamp> =
                numbers.filter_map(|n| Some(refusals.glance(n as usize)?.time)).collect();
            let span = (*times.first()?, *times.last()?);
            // What else the distribution refused was not served either.
            let alone = of_distribution.get(&subject.distribution_id) == Some(&1);
            let everything = alone && clusters::served_nothing(served, span);
            clusters.iter_mut().for_each(|cluster| cluster.everything = everything);
            let (cause, detail) = (subject.cause, subject.detail);
            let rows = sampled.iter().filter_map(|number| refusals.get(*number as usize));
            let signed = signed::evidence(rows, cause, detail);
            sampled.sort_unstable();
            let row = |place: usize| refusals.get(*sampled.get(place)? as usize);
            let examples = examples::of(sampled.len(), row, cause, detail);
            let shown = (clusters, examples, signed);
            Some((
                subject.severity(),
                finding(subject, found, &times, shown, (refusals, total), kinds, facts)?,
            ))
        })
        .collect();
    findings.sort_by(|(a, one), (b, other)| {
        a.cmp(b).then(other.requests.cmp(&one.requests)).then(one.id.cmp(&other.id))
    });
    findings.into_iter().map(|(_, finding)| finding).collect()
}

fn finding(
    subject: Subject,
    mut found: Gathered,
    times: &[Timestamp],
    (clusters, examples, signed): (Vec<ClusterOut>, Vec<ExampleOut>, Option<EvidenceOut>),
    (refusals, total): (&Refusals, f64),
    kinds: &[(Kind, Verdict)],
    facts: &Facts,
) -> Option<Finding> {
    let (first_seen, last_seen) = (*times.first()?, *times.last()?);
    let mine = subject.distribution_id.as_deref().and_then(|id| facts.distributions.get(id));
    let example = refusals.get(found.first as usize);
    let example = example.as_ref();
    let rule = rule(subject.cause);
    let trigger = rule.and_then(|rule| trigger(rule.sheet.changes, &subject, times, facts));
    let mut numbers: Vec<(usize, u64)> = std::mem::take(&mut found.kinds).into_iter().collect();
    numbers.sort_by_key(|(number, count)| (std::cmp::Reverse(*count), *number));
    let kinds: Vec<&Kind> =
        numbers.iter().filter_map(|(number, _)| Some(&kinds.get(*number)?.0)).collect();
    let sent = example.map(|refusal| sent(refusal, facts));
    let missing: Vec<MissingOut> = found
        .missing
        .iter()
        .filter_map(|(question, first)| {
            let first = refusals.get(*first as usize);
            MissingOut::of(question, first.as_ref(), (first_seen, last_seen), facts)
        })
        .collect();
    let case = Case {
        cause: subject.cause,
        detail: subject.detail,
        rule: subject.rule.as_deref(),
        kinds: &kinds,
        facts: mine,
        summaries: facts.summaries.known().map(Vec::as_slice).unwrap_or_default(),
        tenant: example.and_then(|refusal| tenant(refusal, facts)),
        viewer: sent.as_ref(),
        websocket: example.is_some_and(is_websocket),
        change: trigger.as_ref().map(|trigger| trigger.event.as_str()),
        span: (first_seen, last_seen),
        open: missing.iter().any(|one| !one.is_past()),
        past: missing.iter().any(MissingOut::is_past),
        alternatives: &found.alternatives,
    };
    let remedy = remedy::of(&case);
    let without_viewer = remedy::of(&Case { viewer: None, ..case }).steps;
    let without_viewer = (without_viewer != remedy.steps).then_some(without_viewer);
    let confidence = most(&found.confidence).unwrap_or(Confidence::Possible);
    let mut evidence: Vec<_> = found.evidence.into_iter().collect();
    evidence.sort_by(|(a, (often, place)), (b, (other, next))| {
        other.cmp(often).then(place.cmp(next)).then(a.cmp(b))
    });
    let mut evidence: Vec<EvidenceOut> = evidence
        .into_iter()
        .map(|((source, says, speaks), (requests, _))| EvidenceOut {
            source,
            says,
            requests,
            speaks: speaks.id(),
        })
        .collect();
    // It goes on where the first sentence ends.
    let second = evidence.len().min(1);
    evidence.splice(second..second, signed);
    evidence.truncate(SENTENCES);
    let ruled_out: Vec<RuledOutOut> = found
        .ruled_out
        .into_iter()
        // What excludes a cause for some of the requests alone is not said of all.
        .filter(|(_, reasons)| reasons.values().sum::<u64>() == found.requests)
        .filter_map(|(cause, reasons)| {
            Some(RuledOutOut { cause: cause.id(), because: most(&reasons)? })
        })
        .collect();
    let moot = RULES.iter().map(|rule| rule.cause).filter(|cause| {
        *cause != subject.cause
            && !found.alternatives.contains(cause)
            && ruled_out.iter().all(|out| out.cause != cause.id())
    });
    Some(Finding {
        id: subject.id("f"),
        cause: subject.cause.id(),
        detail: subject.detail,
        confidence: confidence.id(),
        requests: found.requests,
        share: found.requests as f64 / total,
        first_seen,
        last_seen,
        masked: found.masked,
        examples,
        severity: subject.severity().id(),
        clusters,
        evidence,
        moot: moot.map(Cause::id).collect(),
        ruled_out,
        alternatives: found.alternatives.iter().map(|cause| cause.id()).collect(),
        or_else: or_else(&subject, confidence, &kinds, &found.alternatives)
            .filter(|_| mine.is_some_and(|mine| mine.distribution.known().is_some())),
        follows: Vec::new(),
        echoed: 0,
        asked_by: None,
        contradicted: confidence == Confidence::Possible
            && kinds.iter().all(|kind| kind.let_in.any()),
        shown: shown(&subject, &kinds),
        cookies: kinds.iter().all(|kind| kind.is_signed_by_cookies()),
        past_edge_waf: kinds.iter().all(|kind| kind.passed_waf()),
        missing,
        trigger,
        remedy: RemedyOut {
            summary: remedy.summary,
            without_viewer,
            steps: remedy.steps,
            reference: remedy
                .reference
                .or(rule.map(|rule| rule.sheet.reference))
                .unwrap_or(UNATTRIBUTED),
        },
        rule: subject.rule,
        distribution_id: subject.distribution_id.map(String::from),
    })
}

/// What the signatures show more exactly than their detail says, where it is so of all of them.
fn shown(subject: &Subject, kinds: &[&Kind]) -> Option<&'static str> {
    let mut all = kinds.iter().map(|kind| {
        let Some(Signature::Present(present)) = &kind.signature else { return None };
        match (subject.detail?, kind.verified) {
            ("bad-signature", Verified::OtherHash) => {
                Some("Signatures are made with another hash than CloudFront takes")
            }
            ("bad-signature", Verified::Elsewhere(what)) => Some(match what {
                Elsewhere::Scheme => "URLs are signed for the other of http and https",
                Elsewhere::Host => "URLs are signed for another name of the distribution",
                Elsewhere::Order => "URLs are signed with their parameters in another order",
                Elsewhere::Base64 => "The base64 of signatures is not CloudFront's",
            }),
            ("missing", _) if present.cookies_beside => Some(
                "A parameter of the URL looks like a signature's, so that signed cookies are passed \
                 over",
            ),
            ("missing", _) => Some("Requests come with a part of a signature"),
            ("ip-mismatch", _) if present.by_ipv6 => {
                Some("Signatures name IPv4 addresses, and viewers come by IPv6")
            }
            _ => None,
        }
    });
    let first = all.next()?;
    first.filter(|_| subject.cause == Cause::SignedAccess && all.all(|one| one == first))
}

/// The one other cause that the edge's own rules may have had, where they are known.
fn or_else(
    subject: &Subject,
    confidence: Confidence,
    kinds: &[&Kind],
    alternatives: &BTreeSet<Cause>,
) -> Option<&'static str> {
    let early = |cause: Cause| rule(cause).is_some_and(|rule| rule.step <= Step::Rules);
    let known = kinds.iter().all(|kind| kind.config == Held::Holds && !kind.let_in.any());
    let mut others = alternatives.iter().filter(|cause| early(**cause));
    let first = others.next().filter(|_| others.next().is_none())?;
    (confidence == Confidence::Likely && known && early(subject.cause)).then(|| first.id())
}

/// What the viewer of a refused request sent, as far as a command can be typed with it.
pub(super) fn sent(refusal: &Refusal, facts: &Facts) -> Sent {
    const PATH: usize = 200;
    let typed = |text: &String| {
        text.len() <= PATH
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"/._~%+=@:,-".contains(&byte))
    };
    let path = String::from_utf8(refusal.path.sent()).ok();
    let host = refusal.host.value().and_then(|host| String::from_utf8(host.sent()).ok());
    Sent {
        key: key_of(refusal, facts),
        path: path.filter(|path| path.starts_with('/') && typed(path)),
        host: host.filter(|host| typed(host) && !host.contains('/')),
    }
}

/// Whether a request asked for a WebSocket.
pub(super) fn is_websocket(refusal: &Refusal) -> bool {
    matches!(refusal.protocol.value().map(AsRef::as_ref), Some("ws" | "wss"))
}

/// The tenant that a refused request was for.
pub(super) fn tenant<'a>(
    refusal: &'a Refusal,
    facts: &'a Facts,
) -> Option<(&'a str, Option<&'a Tenant>)> {
    let id = refusal.tenant_id.as_deref()?;
    Some((id, facts.tenants.get(id).and_then(|fact| fact.known())))
}

/// AWS's own page on 403, for what nobody can attribute.
const UNATTRIBUTED: &str = "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/http-403-permission-denied.html";

fn most<T: Clone + Ord>(counts: &BTreeMap<T, u64>) -> Option<T> {
    let key = |(value, count): &(&T, &u64)| (**count, std::cmp::Reverse((*value).clone()));
    counts.iter().max_by_key(key).map(|(value, _)| value.clone())
}

/// The change before the onset: the latest one after which the refusals begin, or after which they
/// become three times as many.
fn trigger(
    changes: &[&str],
    subject: &Subject,
    times: &[Timestamp],
    facts: &Facts,
) -> Option<Trigger> {
    let mine = facts.distributions.get(subject.distribution_id.as_deref()?)?;
    let mut names: Vec<&str> = vec![&mine.id];
    names.extend(mine.buckets.keys().map(String::as_str));
    names.extend(mine.key_groups.keys().map(String::as_str));
    names.extend(mine.access_controls.keys().map(String::as_str));
    names.extend(mine.identities.keys().map(String::as_str));
    let behaviors = mine.distribution.known().into_iter().flat_map(|one| one.behaviors());
    for behavior in behaviors {
        let own = behavior.function_associations.items.iter().map(|one| &one.function_arn);
        let lambda = behavior.lambda_function_associations.items.iter();
        let lambda = lambda.map(|one| &one.lambda_function_arn);
        names.extend(own.chain(lambda).map(|arn| function_name(arn)));
    }
    let acl = mine.distribution.known().and_then(|distribution| distribution.web_acl());
    names.extend(acl);
    names.extend(acl.map(acl_id));
    names.extend(mine.web_acl.known().map(|acl| acl.name.as_str()));
    // What is attached to a load balancer concerns what is refused there alone.
    let behind = mine.origin_acls.iter().filter(|_| subject.detail == Some("origin"));
    names.extend(behind.map(|acl| acl.question.about.as_str()));
    let concerns = |change: &&Change| {
        changes.contains(&change.event.as_str())
            && (names.iter().any(|name| change.concerns(name)) || is_unnamed(change))
    };
    let started = |change: &&Change| {
        const TEN_MINUTES: i64 = 600;
        let at = change.at.as_second();
        let within = |from: i64, to: i64| {
            let start = times.partition_point(|time| time.as_second() < from);
            let end = times.partition_point(|time| time.as_second() < to);
            end.saturating_sub(start)
        };
        let before = within(at - TEN_MINUTES, at);
        let after = within(at, at + TEN_MINUTES);
        let none_before = times.first().is_some_and(|first| first.as_second() >= at);
        none_before || (after >= 10 && after >= 3 * before)
    };
    let change = facts.changes().iter().filter(concerns).rfind(|change| {
        let last = times.last().is_some_and(|last| *last >= change.at);
        last && started(change)
    })?;
    let onset = times.iter().find(|time| **time >= change.at)?;
    Some(Trigger {
        event: change.event.clone(),
        by: change.by.clone(),
        at: change.at,
        seconds_before_onset: onset.as_second() - change.at.as_second(),
    })
}

/// Sets and groups that a web ACL's rules read have names that the web ACL alone would tell, and a
/// change of DNS names its zone.
fn is_unnamed(change: &Change) -> bool {
    matches!(
        change.event.as_str(),
        "ChangeResourceRecordSets"
            | "UpdateIPSet"
            | "UpdateRuleGroup"
            | "UpdateRegexPatternSet"
            | "PutAccountPublicAccessBlock"
    )
}
