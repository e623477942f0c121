//! What to do about a cause, with the real names filled in. What each cause advises stands beside
//! the cause; here is what they share, and what is left where nothing is decided.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::kind::{Kind, is_bucket};
use super::{Cause, rule};
use crate::account::command::quoted;
use crate::account::distribution::{Behavior, Distribution, Origin, Summary};
use crate::account::facts::{DistributionFacts, Held};
use crate::account::tenant::Tenant;
use crate::viewer::printable;

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// In one sentence, without anything that a viewer sent.
    pub summary: String,
    /// Step by step; a step may be a command.
    pub steps: Vec<String>,
    /// Where AWS describes it, where that is another page than the cause's.
    pub reference: Option<&'static str>,
}

impl Remedy {
    pub(super) fn new(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), steps: Vec::new(), reference: None }
    }

    /// With the page of AWS's that describes it.
    pub(super) fn see(self, reference: &'static str) -> Self {
        Self { reference: Some(reference), ..self }
    }

    /// With a step more.
    pub(super) fn step(mut self, step: impl Into<String>) -> Self {
        self.steps.push(step.into());
        self
    }

    /// With a step before the others.
    pub(super) fn first(mut self, step: impl Into<String>) -> Self {
        self.steps.insert(0, step.into());
        self
    }

    /// With several steps more.
    pub(super) fn steps_of(mut self, steps: Vec<String>) -> Self {
        self.steps.extend(steps);
        self
    }

    /// With a step more, if there is one.
    pub(super) fn and(mut self, step: Option<String>) -> Self {
        self.steps.extend(step);
        self
    }
}

/// What a remedy is for.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The cause.
    pub cause: Cause,
    /// The detail.
    pub detail: Option<&'static str>,
    /// The WAF rule.
    pub rule: Option<&'a str>,
    /// The kinds of its requests, the most frequent first.
    pub kinds: &'a [&'a Kind],
    /// What is known of the distribution.
    pub facts: Option<&'a DistributionFacts>,
    /// The account's distributions.
    pub summaries: &'a [Summary],
    /// The tenant of a multi-tenant distribution that was asked, and what is known of it.
    pub tenant: Option<(&'a str, Option<&'a Tenant>)>,
    /// What the viewer of one of the requests sent; `None` where that must not be shown.
    pub viewer: Option<&'a Sent>,
    /// Whether they ask for WebSockets.
    pub websocket: bool,
    /// The event of the change before the onset.
    pub change: Option<&'a str>,
    /// The first and the last request.
    pub span: (Timestamp, Timestamp),
    /// Whether facts are missing that would decide more and can still be read.
    pub open: bool,
    /// Whether facts are missing that were changed after the requests.
    pub past: bool,
    /// What else it may have been.
    pub alternatives: &'a BTreeSet<Cause>,
}

/// What a viewer sent, as far as a command wants it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// The key of the object in its bucket, where it can be typed.
    pub key: Option<String>,
    /// The path, where it can be typed.
    pub path: Option<String>,
    /// The Host, where it is a name.
    pub host: Option<String>,
}

/// The remedy of a case.
pub fn of(case: &Case<'_>) -> Remedy {
    let Remedy { summary, steps, reference } = advice(case).and(case.today());
    // A bundle may come from somebody else, and its configuration names things as it likes.
    let steps = steps.iter().map(|step| printable(step)).collect();
    Remedy { summary: printable(&summary), steps, reference }
}

fn advice(case: &Case<'_>) -> Remedy {
    match rule(case.cause) {
        Some(rule) => (rule.remedy)(case),
        None if case.open => match first_look(case) {
            Some(look) => Remedy::new(look).step(
                "What is missing would exclude other causes: supply it and replay. Each missing fact \
                 is listed with the command that reads it.",
            ),
            None => Remedy::new("Supply what is missing and replay.")
                .step("Each missing fact is listed with the command that reads it."),
        },
        None => undecided(case),
    }
}

impl<'a> Case<'a> {
    /// The kind of most of its requests.
    pub(super) fn kind(&self) -> Option<&'a Kind> {
        self.kinds.first().copied()
    }

    /// The distribution, as people name it.
    pub(super) fn id(&self) -> &'a str {
        self.facts.map_or("the distribution", |facts| facts.id.as_str())
    }

    /// The distribution, as a command names it.
    pub(super) fn asked(&self) -> String {
        self.facts.map_or_else(|| "ID".to_owned(), |facts| quoted(&facts.id))
    }

    /// The distribution's configuration, as far as it is known at all.
    pub(super) fn distribution(&self) -> Option<&'a Distribution> {
        self.facts?.distribution.known()
    }

    /// Whether that configuration is the one in force when the requests came.
    pub(super) fn configured(&self) -> bool {
        self.kind().is_some_and(|kind| kind.config == Held::Holds)
    }

    /// When that configuration was read, in words, where it is of another moment than the requests.
    pub(super) fn read_before(&self) -> Option<String> {
        let read_at = self.facts?.distribution.read_at.filter(|_| !self.configured());
        read_at.map(utc)
    }

    /// What is so of the distribution today, whatever refused then.
    fn today(&self) -> Option<String> {
        let off = self.distribution()?.config.enabled == Some(false);
        let read = self.facts?.distribution.read_at;
        let after = read.is_none_or(|read| read >= self.span.1);
        let at = read.map_or_else(String::new, |at| format!(" ({})", utc(at)));
        let another = self.cause != Cause::DistributionDisabled;
        (off && after && another).then(|| {
            format!(
                "{} was disabled when it was read{at}, after these requests: as long as it is, it \
                 refuses everybody, whatever refused these.",
                self.id()
            )
        })
    }

    /// The distribution's ARN.
    pub(super) fn arn(&self) -> &'a str {
        self.distribution().map_or("ARN", |distribution| distribution.arn.as_str())
    }

    /// The behaviour that matched.
    pub(super) fn behavior(&self) -> Option<&'a Behavior> {
        let place = self.kinds.iter().find_map(|kind| kind.behavior.place())?;
        self.distribution()?.behaviors().nth(place)
    }

    /// The behaviour, as people name it.
    pub(super) fn behavior_name(&self) -> String {
        match self.behavior() {
            Some(behavior) => format!("behaviour {}", behavior.name()),
            None => "the behaviour that serves these paths".to_owned(),
        }
    }

    /// The origin of the behaviour that is no bucket.
    pub(super) fn custom_origin(&self) -> Option<&'a Origin> {
        let mut origins = self.origins().into_iter();
        origins.find(|origin| !is_bucket(origin))
    }

    /// The origins of the behaviour, the first one first.
    pub(super) fn origins(&self) -> Vec<&'a Origin> {
        let both = self.distribution().zip(self.behavior());
        both.map(|(distribution, behavior)| distribution.origins_of(behavior)).unwrap_or_default()
    }

    /// Where an origin is asked only because another one of its group failed: that.
    pub(super) fn group_note(&self, origin: &Origin) -> Option<String> {
        let group = self.distribution()?.group_of(self.behavior()?)?;
        let origins = self.origins();
        let first = origins.first().filter(|first| first.id != origin.id)?;
        let codes: Vec<String> =
            group.failover_criteria.status_codes.items.iter().map(u16::to_string).collect();
        Some(format!(
            "It is asked only where {} fails ({}): find out why that one did as well.",
            first.domain_name,
            codes.join(", ")
        ))
    }

    /// The methods of its requests.
    pub(super) fn methods(&self) -> Vec<&'a str> {
        let methods: BTreeSet<&str> = self.kinds.iter().map(|kind| kind.method.as_ref()).collect();
        methods.into_iter().collect()
    }

    /// The path of one of the requests, as a command takes it.
    pub(super) fn path(&self) -> &'a str {
        self.viewer.and_then(|sent| sent.path.as_deref()).unwrap_or("/PATH")
    }

    /// The Host of one of the requests, as a command takes it.
    pub(super) fn host(&self) -> String {
        let host = self.viewer.and_then(|sent| sent.host.as_deref());
        host.map_or_else(|| "NAME".to_owned(), quoted)
    }

    /// The command that shows a part of the distribution's configuration.
    pub(super) fn show(&self, part: &str) -> String {
        format!(
            "aws cloudfront get-distribution-config --id {} --query {}",
            self.asked(),
            query(&format!("DistributionConfig.{part}"))
        )
    }

    /// The command that shows a part of the behaviour that matched.
    pub(super) fn show_behavior(&self, part: &str) -> String {
        let Some(behavior) = self.behavior() else {
            return self.show("[DefaultCacheBehavior,CacheBehaviors]");
        };
        let path = behavior.path_pattern.as_str();
        // A pattern that a shell would read in its own way is left to the reader.
        let plain = path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_.*?-".contains(&b));
        match path {
            "" => self.show(&format!("DefaultCacheBehavior.{part}")),
            _ if !plain => self.show("CacheBehaviors"),
            _ => self.show(&format!("CacheBehaviors.Items[?PathPattern=='{path}'].{part}")),
        }
    }

    /// The command that forgets the errors that are still cached.
    pub(super) fn forget(&self) -> String {
        format!(
            "aws cloudfront create-invalidation --distribution-id {} --paths '/*'",
            self.asked()
        )
    }

    /// What there is to do about something that has been put right.
    pub(super) fn mended(&self, summary: &str) -> Remedy {
        Remedy::new(format!("Nothing to do now, if it has ended: {summary}"))
            .step(
                "Where viewers still see the error, it may come from a cache. To clear all of it, \
                 or better the paths alone:",
            )
            .step(self.forget())
    }

    /// What there is to do where others were let in with what is said to have been refused:
    /// `lets` is the sentence that would have let these in as well.
    pub(super) fn let_in_again(&self, proved: bool, lets: &str, others: &str) -> Remedy {
        if proved {
            return Remedy::new(format!(
                "Check that {lets} now; if so, there is nothing to do: {others} were let in \
                 afterwards."
            ));
        }
        let rivals: Vec<&str> = self.alternatives.iter().map(|cause| cause.id()).collect();
        let rivals = match rivals.as_slice() {
            [] => String::new(),
            rivals => format!(" ({})", rivals.join(", ")),
        };
        Remedy::new(format!(
            "Read again whether {lets}: {others} were let in after such a refusal, so that it did \
             so at times, or the reason is another{rivals}."
        ))
        .step("If it does so now and viewers still see the error, that may come from a cache.")
    }

    /// How to stop sending the viewer's Host to the origin: by whatever sends it.
    pub(super) fn keep_host_back(&self, origin: &str, instead: &str) -> Remedy {
        let name = self.behavior_name();
        let mut remedy = Remedy::new(format!("Stop forwarding the viewer's Host to {origin}."));
        let Some((behavior, facts)) = self.behavior().zip(self.facts) else {
            return remedy.step(format!("Take Host out of what {name} sends to its origin."));
        };
        if behavior.forwarded_values.is_some() {
            return remedy
                .step(format!(
                    "Take Host (or *) out of ForwardedValues.Headers of {name}; other headers that \
                     the origin reads must then be named one by one."
                ))
                .step(self.show_behavior("ForwardedValues.Headers"));
        }
        let sends = |id: &str| !id.is_empty() && facts.policy_sends_host(id) == Some(true);
        if sends(&behavior.cache_policy_id) {
            let id = &behavior.cache_policy_id;
            remedy = remedy
                .step(format!(
                    "The cache policy of {name} sends it, and no origin request policy takes it \
                     back: use a cache policy without Host."
                ))
                .step(format!("aws cloudfront get-cache-policy --id {}", quoted(id)));
        }
        if sends(&behavior.origin_request_policy_id) {
            remedy = remedy.step(format!(
                "Replace the origin request policy {} of {name} by {instead}, or by one of your \
                 own without Host.",
                behavior.origin_request_policy_id
            ));
        }
        remedy
    }
}

/// A moment in words.
pub(super) fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// A sentence that begins with this.
pub(super) fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// A query of the AWS CLI as a shell takes it.
pub(super) fn query(text: &str) -> String {
    let bare = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    if bare { text.to_owned() } else { format!("\"{text}\"") }
}

/// What the log itself hints at, where nothing decides.
fn first_look(case: &Case<'_>) -> Option<&'static str> {
    let kind = case.kind()?;
    match kind.detailed() {
        _ if !case.alternatives.contains(&Cause::InvalidRequest) => None,
        Some("InvalidRequest") if &*kind.method == "GET" => Some(
            "Look first at what these clients send: the edge calls the requests invalid, as it does \
             with a GET that has a body. cs(User-Agent) and c-ip tell whose they are, and cs-bytes is \
             larger with a body.",
        ),
        Some("InvalidRequest") => Some(
            "Look first at what these clients send: the edge calls the requests invalid. \
             cs(User-Agent) and c-ip tell whose they are.",
        ),
        _ => None,
    }
}

/// Nothing that AWS lets a customer read is missing, and it does not decide.
fn undecided(case: &Case<'_>) -> Remedy {
    let behind = [Cause::CustomOrigin, Cause::S3Origin, Cause::Waf];
    let may = |cause: &Cause| case.alternatives.contains(cause);
    let origin = behind.iter().any(may).then(|| {
        "Look for a few of these requests at the origin: in the application's log by their \
         X-Amz-Cf-Id, in an access log by method, path and time. A request that never came there \
         was refused by CloudFront itself, or answered from its cache: then look for an earlier \
         one for the same URL that the origin refused."
            .to_owned()
    });
    let country = may(&Cause::GeoRestriction).then(|| {
        "Where the viewers are shows in their addresses: replay with --geoip and a database of \
         countries."
            .to_owned()
    });
    let function = may(&Cause::EdgeFunction)
        .then(|| "Look for them in the logs of the functions at the edge.".to_owned());
    let none = case.alternatives.is_empty().then(|| {
        "Every cause that why403 knows is ruled out by what was read; one of these facts may be of \
         another moment or of another distribution."
            .to_owned()
    });
    let summary = match case.past {
        true => {
            "Read what the configuration was at that time (see missing); then it is for you to \
             judge, since replay cannot decide this any more."
        }
        false => "Nothing that why403 can still read decides this.",
    };
    Remedy::new(summary).and(none).and(origin).and(country).and(function).step(
        "For what CloudFront itself refused, AWS Support can tell by the request id \
             (x-edge-request-id).",
    )
}
