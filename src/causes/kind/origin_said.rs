//! Which lines of an origin's log are a refusal's, and what they say of it.

use std::collections::BTreeSet;

use super::{OriginAsked, Page};
use crate::account::bucket;
use crate::account::distribution::{Behavior, Distribution, Origin};
use crate::causes::s3_origin::key;
use crate::limits::{ORIGIN_CANDIDATES, REALTIME_CUT_BYTES};
use crate::logs::origin::{Caller, OriginIndex, OriginLine, OriginLog, Path, Query, Said};
use crate::logs::record::{Column, Refusal};
use crate::logs::waf::WafIndex;
use crate::viewer::Viewer;

/// What the logs of the origin say of a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OriginSaid {
    /// No line is known to be this request's. Such logs are best effort, so that proves nothing.
    Nothing,
    /// This, of this very request: the record of a WAF in front of the origin holds CloudFront's
    /// id and the one that stands in the line.
    Exactly(Said),
    /// This, in every line that may be this request's.
    Alike(Said),
    /// The lines that may be this request's say different things.
    Disagree(Box<[Said]>),
}

impl OriginSaid {
    /// What was said of this very request.
    pub fn exactly(&self) -> Option<&Said> {
        match self {
            Self::Exactly(said) => Some(said),
            _ => None,
        }
    }

    /// All that may have been said of it.
    pub fn all(&self) -> &[Said] {
        match self {
            Self::Nothing => &[],
            Self::Exactly(said) | Self::Alike(said) => std::slice::from_ref(said),
            Self::Disagree(all) => all,
        }
    }
}

/// What a refusal is looked for by.
pub(super) struct Search<'a> {
    pub refusal: &'a Refusal,
    pub index: &'a OriginIndex,
    pub waf: &'a WafIndex,
    pub configured: Option<(&'a Distribution, &'a Behavior)>,
}

impl Search<'_> {
    /// What the logs say. `asked` and `page` tell whether an origin can have answered at all.
    pub(super) fn run(&self, asked: OriginAsked, page: Page) -> OriginSaid {
        if self.index.is_empty() {
            return OriginSaid::Nothing;
        }
        if let Some(said) = self.exact() {
            return said;
        }
        // What the edge answered by itself has no line, whatever another request of that second
        // has.
        if asked == OriginAsked::No || (page.is_edge() && asked != OriginAsked::Yes) {
            return OriginSaid::Nothing;
        }
        told(self.alike())
    }

    fn origins(&self) -> Vec<&Origin> {
        let Some((distribution, behavior)) = self.configured else { return Vec::new() };
        distribution.may_refuse(behavior, &self.refusal.method)
    }

    fn exact(&self) -> Option<OriginSaid> {
        let id = self.refusal.request_id.as_deref()?;
        let (from, to) = self.refusal.span();
        let mut lines: Vec<&OriginLine> = Vec::new();
        let mut complete = true;
        for id in self.waf.behind(id) {
            // A viewer can send the trace id of an older request, but not at its time.
            let of_id = self.index.of_id(id).filter(|line| line.to <= to && line.from >= from);
            let before = lines.len();
            lines.extend(of_id);
            complete &= lines.len() > before;
        }
        let refused = lines.iter().filter(|line| line.said.is_forbidden());
        let refused: BTreeSet<&Said> = refused.map(|line| &line.said).collect();
        // Where a behaviour asks two origins, the answer may be the other one's.
        let several = self
            .configured
            .is_some_and(|(distribution, behavior)| distribution.group_of(behavior).is_some());
        match refused.len() {
            0 => {}
            1 if several => return Some(told(refused.into_iter().cloned().collect())),
            1 => return refused.first().map(|said| OriginSaid::Exactly((*said).clone())),
            _ => return Some(told(refused.into_iter().cloned().collect())),
        }
        // That none of its attempts was refused is known only where each has a line, and the last
        // of them is an answer that CloudFront passes on rather than asks again.
        let last = lines.iter().max_by_key(|line| line.to)?;
        match last.said {
            Said::Answered(_, 200..=459) if complete && !several => {
                Some(OriginSaid::Exactly(last.said.clone()))
            }
            _ => None,
        }
    }

    /// All that is said in lines which agree with the refusal in everything that both hold.
    fn alike(&self) -> BTreeSet<Said> {
        let mut all = BTreeSet::new();
        let sent = Sent::of(self.refusal);
        match self.configured {
            Some((distribution, _)) => {
                for origin in self.origins() {
                    let key = key::of(&self.refusal.path, distribution, origin);
                    let endpoint = bucket::endpoint(&origin.domain_name);
                    match endpoint {
                        Some(endpoint) => {
                            let of_bucket = |line: &OriginLine| {
                                line.said.log() == OriginLog::Bucket
                                    && line.host.eq_ignore_ascii_case(&endpoint.bucket)
                                    && may_ask(origin, &line.said)
                            };
                            self.gather(key.as_bytes(), &sent, of_bucket, &mut all);
                        }
                        None => {
                            let path = format!("/{key}");
                            let of_origin = |line: &OriginLine| {
                                line.said.log() != OriginLog::Bucket
                                    && sent.names_host(line, &origin.domain_name)
                                    && self.fits_form(line, &path)
                            };
                            self.gather(path.as_bytes(), &sent, of_origin, &mut all);
                            // The default root object is CloudFront's own addition; a function
                            // may have asked for the root all the same.
                            if self.refusal.path.sent() == b"/" && path != "/" {
                                self.gather(b"/", &sent, of_origin, &mut all);
                            }
                        }
                    }
                }
            }
            // Nobody knows what stands before the path, nor the origin's name.
            None => {
                let path = self.refusal.path.meant();
                let of_any = |line: &OriginLine| {
                    line.said.log() != OriginLog::Bucket && matches!(line.path, Path::Meant(_))
                };
                self.gather(&path, &sent, of_any, &mut all);
            }
        }
        // CloudFront signs where it can, so that what nobody signed was somebody else's.
        let signed = |said: &Said| matches!(said, Said::Bucket { caller: Caller::Service, .. });
        if all.iter().any(signed) {
            all.retain(signed);
        }
        all
    }

    fn gather(
        &self,
        path: &[u8],
        sent: &Sent,
        fits: impl Fn(&OriginLine) -> bool,
        all: &mut BTreeSet<Said>,
    ) {
        let (from, to) = self.refusal.span();
        for group in self.index.of_path(path) {
            let mut looked_at = 0;
            for line in group.between(from, to) {
                looked_at += 1;
                if looked_at > ORIGIN_CANDIDATES {
                    // Too many to look at: the rest may say whatever is said of this path.
                    if !all.is_empty() {
                        all.extend(group.says().iter().cloned());
                    }
                    break;
                }
                if line.method == self.refusal.method
                    && sent.fits_query(line)
                    && sent.fits_agent(line)
                    && fits(line)
                {
                    all.insert(line.said.clone());
                    // What is said in no line of the path need not be looked for.
                    if group.says().is_subset(all) {
                        break;
                    }
                }
            }
        }
    }

    /// Whether a path has the form that a line tells in the place of a path.
    fn fits_form(&self, line: &OriginLine, path: &str) -> bool {
        match &line.path {
            Path::Meant(_) | Path::Untold => true,
            Path::Template(form) => {
                // The form leaves out the stage, with which the origin path begins.
                let bare = path.strip_prefix('/').and_then(|rest| rest.split_once('/'));
                let staged = bare.map_or("/", |(_, rest)| rest);
                let form = String::from_utf8_lossy(form);
                has_form(path, &form) || has_form(staged, &form)
            }
        }
    }
}

/// What a viewer sent, decoded once for all lines that it is held against.
struct Sent {
    /// The Host.
    host: Option<Vec<u8>>,
    /// The query; `None` where it is not logged.
    query: Option<Query>,
    /// The agent in the ways in which it may have been encoded; `None` where it is not logged.
    agents: Option<[Vec<u8>; 2]>,
    /// Whether the agent may go on.
    cut: bool,
}

impl Sent {
    fn of(refusal: &Refusal) -> Self {
        let agent = &refusal.user_agent;
        Self {
            host: refusal.host.value().map(Viewer::sent),
            query: match &refusal.query {
                Column::Missing => None,
                Column::Dash => Some(Query::of(b"")),
                Column::Value(query) => Some(Query::of(&query.sent())),
            },
            agents: match agent {
                Column::Missing => None,
                Column::Dash => Some([Vec::new(), Vec::new()]),
                Column::Value(agent) => Some([agent.sent(), agent.meant()]),
            },
            cut: agent.value().is_some_and(|agent| agent.logged().len() >= REALTIME_CUT_BYTES),
        }
    }

    /// Whether the origin was asked by its own name, or by the viewer's Host.
    fn names_host(&self, line: &OriginLine, domain: &str) -> bool {
        let host = line.host.as_ref();
        host.is_empty()
            || host.eq_ignore_ascii_case(domain)
            // Some logs know an API by its id alone, with which its domain begins.
            || domain.split('.').next().is_some_and(|first| first.eq_ignore_ascii_case(host))
            || self.host.as_ref().is_some_and(|sent| sent.eq_ignore_ascii_case(host.as_bytes()))
    }

    /// Whether the origin's query can be what CloudFront forwarded: none, all, or some parameters.
    fn fits_query(&self, line: &OriginLine) -> bool {
        match (&line.query, &self.query) {
            (None, _) | (_, None) => true,
            (Some(query), Some(sent)) => query.is_part_of(sent),
        }
    }

    /// Whether the agent is CloudFront's own, or the viewer's where that is forwarded.
    fn fits_agent(&self, line: &OriginLine) -> bool {
        match (line.agent.as_deref(), &self.agents) {
            (None | Some(b"Amazon CloudFront" | b"-" | b""), _) | (_, None) => true,
            (Some(agent), Some(sent)) => sent
                .iter()
                .any(|sent| agent == sent.as_slice() || (self.cut && agent.starts_with(sent))),
        }
    }
}

fn told(all: BTreeSet<Said>) -> OriginSaid {
    let mut all: Vec<Said> = all.into_iter().collect();
    match (all.pop(), all.is_empty()) {
        (None, _) => OriginSaid::Nothing,
        (Some(said), true) => OriginSaid::Alike(said),
        (Some(said), false) => {
            all.push(said);
            OriginSaid::Disagree(all.into())
        }
    }
}

/// Whether CloudFront may have asked as whoever a line names.
fn may_ask(origin: &Origin, said: &Said) -> bool {
    let Said::Bucket { caller, .. } = said else { return false };
    match (caller, origin.identity()) {
        (Caller::Service, _) => !origin.origin_access_control_id.is_empty(),
        (Caller::Identity(id), Some(own)) => id.as_ref() == own,
        (Caller::Unsigned, None) => true,
        _ => false,
    }
}

/// Whether a path has a form such as `/v1/{id}/{proxy+}`.
fn has_form(path: &str, form: &str) -> bool {
    let path = path.strip_prefix('/').unwrap_or(path);
    let mut segments = path.split('/');
    for wanted in form.strip_prefix('/').unwrap_or(form).split('/') {
        if wanted.starts_with('{') && wanted.ends_with("+}") {
            return segments.next().is_some();
        }
        let Some(segment) = segments.next() else { return false };
        let anything = wanted.starts_with('{') && wanted.ends_with('}');
        if !anything && segment != wanted {
            return false;
        }
    }
    segments.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_routes() {
        assert!(has_form("/v1/7", "/v1/{id}"));
        assert!(!has_form("/v1/7/8", "/v1/{id}"));
        assert!(has_form("/v1/7/8", "/v1/{proxy+}"));
        assert!(!has_form("/v1", "/v1/{proxy+}"));
        assert!(has_form("/", "/"));
    }

    #[test]
    fn one_voice_or_several() {
        assert_eq!(told(BTreeSet::new()), OriginSaid::Nothing);
        assert_eq!(told([Said::Target].into()), OriginSaid::Alike(Said::Target));
        let both = [Said::Target, Said::BalancerWaf];
        assert_eq!(told(both.clone().into()), OriginSaid::Disagree(both.into()));
    }
}
