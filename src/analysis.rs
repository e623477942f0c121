//! The only file that knows all rooms: from the tally of the logs to the report.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use jiff::SignedDuration;

use crate::account::distribution::{self, Distribution};
use crate::account::facts::{self, Depth, Facts};
use crate::account::{Account, Fact, Question, bucket, log_fields};
use crate::asked::Asked;
use crate::causes::judge::{Confidence, Verdict, judge};
use crate::causes::kind::{self, Kind, Sources};
use crate::causes::s3_origin::{key, met, wanted};
use crate::countries::Countries;
use crate::incidents::counting;
use crate::logs::Context;
use crate::logs::function::FunctionIndex;
use crate::logs::layouts::Layouts;
use crate::logs::origin::{OriginIndex, Wanted};
use crate::logs::record::{Column, Refusal};
use crate::logs::refusals::{Glance, Refusals};
use crate::logs::tally::{AccessTally, Masks, ServedPath};
use crate::logs::waf::{Action, Side, WafIndex};
use crate::report::build::{self, Subject};
use crate::report::clusters::Whereabouts;
use crate::report::timeline::Timeline;
use crate::report::{
    Inputs, Report, RequestOut, Totals, Window, masked, missing, not_logged, stacked,
};

/// Which distribution a `d….cloudfront.net` belongs to, and what must be known to read its logs.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    ids: BTreeMap<String, String>,
    /// Which statuses stand in for 403, and the columns of lines without a header.
    pub logs: Context,
    /// Where addresses are, for logs that do not say it.
    pub countries: Countries,
}

/// Whether this can be the ID of a distribution. It is shown as it is, and a bundle may come from
/// anybody.
fn is_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

impl Directory {
    /// Asks the account for its distributions.
    pub fn ask(account: &dyn Account) -> Self {
        let mut ids = BTreeMap::new();
        let mut masks = Vec::new();
        for summary in facts::summaries(account).known().into_iter().flatten() {
            if is_id(&summary.id) {
                ids.insert(summary.domain_name.to_ascii_lowercase(), summary.id.clone());
            }
            masks.extend(distribution::masks(&summary.custom_error_responses));
        }
        for id in account.subjects("cloudfront/get-distribution").into_iter().filter(|id| is_id(id))
        {
            let question = Question::new("cloudfront/get-distribution", id.as_str());
            let fact = Fact::ask(account, question, Distribution::parse);
            if let Some(distribution) = fact.known() {
                ids.insert(distribution.domain_name.to_ascii_lowercase(), id);
                masks.extend(distribution.masks());
            }
        }
        let layouts = Layouts::new(log_fields::ask(account));
        Self {
            ids,
            logs: Context { masks: Masks::new(masks), layouts, ..Context::default() },
            countries: Countries::default(),
        }
    }

    /// How many distributions are known.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The distribution of a `d….cloudfront.net`.
    pub fn id_of(&self, domain: &str) -> Option<&str> {
        self.ids.get(domain).map(String::as_str)
    }

    /// Says of each refusal whose it is, by the name in its line, else by its object's key, and
    /// where its viewer was, where only a database can tell.
    pub fn assign(&self, refusals: &mut Refusals) {
        let country = |refusal: &Refusal| {
            let address = refusal.client_ip.value().and_then(|text| text.parse().ok());
            let address = address.filter(|_| !refusal.country.is_logged());
            address.and_then(|address| self.countries.of(address))
        };
        let by_address = (!self.countries.is_empty()).then_some(&country);
        refusals.assign(&self.ids, by_address.map(|country| country as _));
    }
}

/// What was decided of all refusals.
pub struct Analysis<'a> {
    /// Everything that may be a refusal, in its order in time.
    pub all: &'a Refusals,
    /// The kinds with their verdicts.
    pub kinds: Vec<(Kind, Verdict)>,
    /// The numbers of the refusals in `all`, each with that of its kind.
    pub judged: Vec<Judged>,
    /// What is known.
    pub facts: Facts,
    waf: Arc<WafIndex>,
}

/// The number of a refusal, and that of its kind.
pub type Judged = (u32, u32);

/// What was logged beside the access log.
#[derive(Clone, Debug, Default)]
pub struct Logs {
    /// What the WAFs did.
    pub waf: Arc<WafIndex>,
    /// What the origins said.
    pub origin: Arc<OriginIndex>,
    /// For which requests functions at the edge ran.
    pub function: FunctionIndex,
}

impl<W: Into<Arc<WafIndex>>> From<W> for Logs {
    fn from(waf: W) -> Self {
        Self { waf: waf.into(), ..Self::default() }
    }
}

/// The lines of origins' logs that are wanted.
pub fn wanted_of_origins(tally: &AccessTally, waf: &WafIndex) -> Wanted {
    Wanted::new(tally.refusals.iter(), waf.all_behind())
}

/// The request ids whose WAF records are wanted.
pub fn wanted(tally: &AccessTally) -> HashSet<Box<str>> {
    tally.refusals.glances().filter_map(|refusal| refusal.request_id.map(Into::into)).collect()
}

/// Judges what was tallied. `tally` is settled and assigned.
pub fn analyse<'a>(
    tally: &'a AccessTally,
    logs: impl Into<Logs>,
    account: &dyn Account,
    depth: Depth,
) -> Analysis<'a> {
    let Logs { waf, origin, function } = logs.into();
    let (ids, tenants) = tally.refusals.owners();
    let mut facts = Facts::gather(account, &ids, &tenants, depth);
    if depth == Depth::Incident && account.is_live() {
        facts.ask_about(account, &wanted::keys(&facts, tally));
    }
    doubt_listings(&mut facts, tally);
    note_served(&mut facts, tally);
    kind::note(&mut facts, tally);
    kind::verified::check(&mut facts, tally.refusals.iter());

    let all = &tally.refusals;
    let bodies = blocked_bodies(all, &waf, &facts);
    let sources = Sources {
        facts: &facts,
        waf: &waf,
        origin: &origin,
        function: &function,
        blocked_bodies: &bodies,
    };
    let mut numbers: BTreeMap<Kind, u32> = BTreeMap::new();
    let mut kinds = Vec::new();
    let mut judged = Vec::with_capacity(all.len());
    for (place, refusal) in (0u32..).zip(all.iter()) {
        if !is_refusal(&refusal, &facts) {
            continue;
        }
        let kind = Kind::of(&refusal, &sources);
        let number = *numbers.entry(kind).or_insert_with_key(|kind| {
            let mine = kind.distribution.as_deref().and_then(|id| facts.distributions.get(id));
            kinds.push((kind.clone(), judge(kind, mine)));
            kinds.len() as u32 - 1
        });
        judged.push((place, number));
    }
    Analysis { all, kinds, judged, facts, waf }
}

/// What the origin served contradicts what is said to refuse it: a policy that refuses a key which
/// was served all the same was not the policy of that moment.
fn note_served(facts: &mut Facts, tally: &AccessTally) {
    // Served, by distribution: behaviour, path, second, and the bucket whose policy refuses it.
    let mut served_by = Vec::new();
    for (id, mine) in &facts.distributions {
        let Some(distribution) = mine.distribution.known() else { continue };
        let Some(served) = tally.served.get(distribution.domain_name.as_str()) else { continue };
        for (hash, path) in served.paths.iter().filter(|(_, path)| !path.by_origin.is_empty()) {
            let path_of = crate::viewer::Viewer::new(&path.path);
            let behavior = distribution.behavior_for(&path_of.sent());
            // Which of a group's origins served is not logged.
            if distribution.group_of(behavior).is_some() {
                continue;
            }
            let place = distribution.behaviors().position(|each| std::ptr::eq(each, behavior));
            for second in &path.by_origin {
                let asked = Refusal {
                    time: jiff::Timestamp::from_second(*second).unwrap_or_default(),
                    method: "GET".into(),
                    path: path_of.clone(),
                    protocol: Column::Value("https".into()),
                    ..Refusal::default()
                };
                let met = met::of(&asked, facts, mine, distribution, behavior);
                let origin = met::answering(distribution, behavior, "GET", false);
                let bucket = origin.and_then(|origin| bucket::endpoint(&origin.domain_name));
                let refused = met.is_some_and(|met| met.grant.refuses());
                let bucket = bucket.filter(|_| refused).map(|endpoint| endpoint.bucket);
                served_by.push((id.clone(), place, *hash, *second, bucket));
            }
        }
    }
    for (id, place, hash, second, bucket) in served_by {
        let Some(mine) = facts.distributions.get_mut(&id) else { continue };
        if let Some(place) = place {
            mine.witnesses.entry(place).or_default().served(second);
        }
        let last = mine.served_paths.entry(hash).or_insert(second);
        *last = second.max(*last);
        if let Some(bucket) = bucket.and_then(|bucket| mine.buckets.get_mut(&bucket)) {
            bucket.witness.served(second);
        }
    }
    // Refused, although it is there: in a listing, or served at another time.
    for refusal in tally.refusals.iter().filter(|refusal| refusal.status == 403) {
        let Some(id) = refusal.distribution_id.as_deref() else { continue };
        let Some(mine) = facts.distributions.get(id) else { continue };
        let Some(distribution) = mine.distribution.known() else { continue };
        let behavior = distribution.behavior_for(&refusal.path.sent());
        let place = distribution.behaviors().position(|each| std::ptr::eq(each, behavior));
        let hash = crate::logs::tally::hash(refusal.path.logged());
        let there = mine.served_paths.contains_key(&hash)
            || met::of(&refusal, facts, mine, distribution, behavior)
                .is_some_and(|met| met.key == key::KeyState::Present);
        if !there {
            continue;
        }
        let origin = met::answering(distribution, behavior, &refusal.method, true);
        let bucket = origin.and_then(|origin| bucket::endpoint(&origin.domain_name));
        let second = refusal.time.as_second();
        let Some(mine) = facts.distributions.get_mut(id) else { continue };
        if let Some(place) = place {
            mine.witnesses.entry(place).or_default().refused(second);
        }
        if let Some(bucket) = bucket.and_then(|endpoint| mine.buckets.get_mut(&endpoint.bucket)) {
            bucket.witness.refused(second);
        }
    }
}

/// Bodies that came with requests which the WAF's log says it blocked, and with none that it let
/// pass: a custom response shows in requests whose records are not there yet. And those that web
/// ACLs hold for their blocks.
pub fn blocked_bodies(
    refusals: &Refusals,
    waf: &WafIndex,
    facts: &Facts,
) -> BTreeSet<(Box<str>, u64)> {
    let (mut blocked, mut passed) = (BTreeSet::new(), BTreeSet::new());
    for (number, glance) in refusals.glances().enumerate() {
        let Some(row) = glance.request_id.and_then(|id| waf.row(Side::Edge, id)) else { continue };
        let refusal = refusals.get(number).filter(|refusal| is_refusal(refusal, facts));
        let Some(refusal) = refusal else { continue };
        let (Some(kind), Some(length)) =
            (refusal.content_type.value(), refusal.content_length.value())
        else {
            continue;
        };
        let bodies = if row.action == Action::Block { &mut blocked } else { &mut passed };
        bodies.insert((kind.clone(), *length));
    }
    let acls = facts.distributions.values().filter_map(|mine| mine.web_acl.known());
    blocked.difference(&passed).cloned().chain(acls.flat_map(|acl| acl.bodies())).collect()
}

/// Whether a row is a refusal: status 403, or one that this distribution puts in its place.
fn is_refusal(refusal: &Refusal, facts: &Facts) -> bool {
    if refusal.status == 403 {
        return true;
    }
    let proven = matches!(
        refusal.detailed_result_type.value().map(AsRef::as_ref),
        Some("InvalidRequestMethod" | "ClientGeoBlocked")
    );
    let mine = refusal.distribution_id.as_deref().and_then(|id| facts.distributions.get(id));
    let masks = mine
        .and_then(|mine| mine.distribution.known())
        .is_some_and(|distribution| distribution.masks().any(|mask| mask == refusal.status));
    proven || masks
}

/// A key that the origin still served in the last minutes of the log and that is not in the
/// listing shows a listing of another bucket or moment.
fn doubt_listings(facts: &mut Facts, tally: &AccessTally) {
    const LAST: SignedDuration = SignedDuration::from_mins(15);
    let Some((_, end)) = tally.window else { return };
    let Ok(since) = end.checked_sub(LAST) else { return };
    for mine in facts.distributions.values_mut() {
        let Some(distribution) = mine.distribution.known() else { continue };
        let Some(served) = tally.served.get(distribution.domain_name.as_str()) else { continue };
        for ServedPath { path, .. } in served.paths.values().filter(|served| served.last >= since) {
            let viewer = crate::viewer::Viewer::new(path);
            let behavior = distribution.behavior_for(&viewer.sent());
            let Some(origin) = distribution.origins_of(behavior).first().copied() else { continue };
            // What a tenant asked for lies where the tenant says, and lines do not name it here.
            let Some(origin) = &origin.of_tenant(&[]) else { continue };
            let Some(endpoint) = bucket::endpoint(&origin.domain_name) else { continue };
            let Some(bucket) = mine.buckets.get_mut(&endpoint.bucket) else { continue };
            let key = key::of(&viewer, distribution, origin);
            if key::is_absent(bucket, &key) {
                bucket.listing_doubted = true;
            }
        }
    }
}

impl Analysis<'_> {
    /// The report.
    pub fn report(&self, tally: &AccessTally, mut inputs: Inputs, countries: &Countries) -> Report {
        let mut findings = build::findings(
            (self.all, &self.judged),
            &self.kinds,
            &tally.served,
            &Whereabouts {
                of_refusal: &|refusal| self.country(refusal),
                of_address: &|address| countries.of(address),
            },
            &self.facts,
        );
        missing::note_logs(&mut findings, &inputs);
        inputs.asked = self.facts.asked.all().map(Asked::words).collect();
        stacked::relate(&mut findings, self.subjects(), &self.facts);
        let mut lacking: Vec<String> = findings
            .iter()
            .flat_map(|finding| finding.missing.iter().map(|missing| missing.fact.clone()))
            .collect();
        lacking.sort();
        lacking.dedup();
        inputs.missing = lacking;
        let open = self.verdicts_of(|_, verdict| verdict.confidence != Confidence::Confirmed);
        let open = open.map(|(refusal, _, verdict)| (refusal, verdict));
        inputs.not_logged = not_logged::of(open, |refusal| self.country(refusal).is_some());
        inputs.lines_told_by_their_forms = tally.told_by_forms;
        inputs.distributions_left_out = tally.served_left_out;
        inputs.web_acls_left_out = self.waf.acls_left_out;
        inputs.refusals_looked_at_one_in = self.all.one_in();
        (inputs.refusals_left_out, inputs.maybe_refusals_left_out) = self.all.left_out();
        let judged_forbidden = self.glances().filter(|(_, kind, _)| !kind.is_masked()).count();
        let judged_forbidden = judged_forbidden as u64;
        let subjects: Vec<Subject> =
            self.kinds.iter().map(|(kind, verdict)| Subject::of(kind, verdict)).collect();
        let incidents = counting::of(
            tally,
            self.judged.iter().filter_map(|(number, kind)| {
                Some((subjects.get(*kind as usize)?, self.all.glance(*number as usize)?))
            }),
        );
        let refused = self.glances().filter(|(_, kind, _)| !kind.is_masked());
        let refused = refused.map(|(glance, _, verdict)| (glance.time, verdict.cause));
        let timeline = Timeline::of(tally.window, refused);
        Report {
            schema: "why403/report/1",
            window: Window {
                start: tally.window.map(|(start, _)| start),
                end: tally.window.map(|(_, end)| end),
            },
            totals: Totals {
                requests: tally.lines,
                forbidden: judged_forbidden + inputs.refusals_left_out,
                masked_forbidden: self.judged.len() as u64 - judged_forbidden,
                masked_as: masked::of(self.verdicts_of(|kind, _| kind.is_masked()), &self.facts),
            },
            inputs,
            findings,
            incidents,
            handshakes: Vec::new(),
            timeline,
        }
    }

    /// Every refusal with its subject.
    fn subjects(&self) -> impl Iterator<Item = (Subject, Refusal)> + Clone {
        self.judged.iter().filter_map(|(number, kind)| {
            let (kind, verdict) = self.kinds.get(*kind as usize)?;
            Some((Subject::of(kind, verdict), self.all.get(*number as usize)?))
        })
    }

    /// Every refusal with its verdict.
    pub fn verdicts(&self) -> impl Iterator<Item = (Refusal, &Kind, &Verdict)> {
        self.verdicts_of(|_, _| true)
    }

    /// Every refusal of some kinds with its verdict.
    fn verdicts_of(
        &self,
        wanted: impl Fn(&Kind, &Verdict) -> bool,
    ) -> impl Iterator<Item = (Refusal, &Kind, &Verdict)> {
        let wanted: Vec<bool> =
            self.kinds.iter().map(|(kind, verdict)| wanted(kind, verdict)).collect();
        self.judged.iter().filter_map(move |(number, kind)| {
            wanted.get(*kind as usize).filter(|wanted| **wanted)?;
            let (kind, verdict) = self.kinds.get(*kind as usize)?;
            Some((self.all.get(*number as usize)?, kind, verdict))
        })
    }

    /// What is often asked of every refusal, with its verdict.
    fn glances(&self) -> impl Iterator<Item = (Glance<'_>, &Kind, &Verdict)> {
        self.judged.iter().filter_map(|(number, kind)| {
            let (kind, verdict) = self.kinds.get(*kind as usize)?;
            Some((self.all.glance(*number as usize)?, kind, verdict))
        })
    }

    /// A refusal by its id, with its verdict.
    pub fn verdict_of(&self, id: &str) -> Option<(Refusal, &Kind, &Verdict)> {
        let (number, kind) = self.judged.iter().find(|(number, _)| {
            self.all.glance(*number as usize).is_some_and(|one| one.request_id == Some(id))
        })?;
        let (kind, verdict) = self.kinds.get(*kind as usize)?;
        Some((self.all.get(*number as usize)?, kind, verdict))
    }

    /// One line of `--requests` for each refusal.
    pub fn requests(&self) -> impl Iterator<Item = RequestOut<'_>> {
        self.verdicts().map(|(refusal, _, verdict)| RequestOut {
            country: self.country(&refusal),
            request_id: refusal.request_id,
            time: refusal.time,
            distribution_id: refusal.distribution_id,
            status: refusal.status,
            method: refusal.method,
            path: refusal.path.shown(),
            edge: refusal.edge,
            cause: verdict.cause.id(),
            detail: verdict.detail,
            confidence: verdict.confidence.id(),
            rule: verdict.rule.as_deref(),
        })
    }

    /// The viewer's country: the log's, else the WAF's, else that of a database.
    pub fn country(&self, refusal: &Refusal) -> Option<String> {
        let logged = refusal.country.value().map(|code| code.to_string());
        let by_waf = || {
            let id = refusal.request_id.as_deref()?;
            let row = self.waf.row(Side::Edge, id)?;
            row.country.as_deref().map(str::to_owned)
        };
        let by_address = || refusal.country_by_address.as_deref().map(str::to_owned);
        logged.or_else(by_waf).or_else(by_address)
    }
}
