//! What explains an incident: asked for only where one is about to open or to change, since
//! CloudTrail, DNS and listings are slow and rationed.

use std::cell::OnceCell;

use super::Tools;
use super::apart::alone;
use crate::account::facts::Depth;
use crate::analysis::{self, Directory, Logs};
use crate::logs::tally::AccessTally;
use crate::report::{Finding, Inputs};

/// The findings of what was read, as deep as they are wanted.
pub(super) struct Explained<'a> {
    tools: &'a Tools,
    directory: &'a Directory,
    tally: &'a AccessTally,
    logs: Logs,
    /// The findings by which the counts were made.
    counted: &'a [Finding],
    explained: OnceCell<Vec<Finding>>,
}

impl<'a> Explained<'a> {
    pub(super) fn new(
        tools: &'a Tools,
        directory: &'a Directory,
        tally: &'a AccessTally,
        logs: Logs,
        counted: &'a [Finding],
    ) -> Self {
        Self { tools, directory, tally, logs, counted, explained: OnceCell::new() }
    }

    /// The findings under the ids of the series that were counted.
    pub(super) fn findings(&self) -> &[Finding] {
        self.explained.get_or_init(|| {
            let found = alone("what explains it", || {
                let account = self.tools.account.as_ref();
                let analysis =
                    analysis::analyse(self.tally, self.logs.clone(), account, Depth::Incident);
                analysis.report(self.tally, Inputs::default(), &self.directory.countries).findings
            });
            match found {
                Ok(found) => told(self.counted, &found),
                // What is counted is told with less then.
                Err(partial) => {
                    tracing::error!(reason = partial.reason, "the alert names no change");
                    self.counted.to_vec()
                }
            }
        })
    }
}

/// What was counted stays counted; what was found out since changes how sure it is and what is said
/// of it. A detail that was not known when it was counted is told under the series of its cause.
fn told(counted: &[Finding], explained: &[Finding]) -> Vec<Finding> {
    let one = |counted: &Finding| {
        let same = explained.iter().find(|finding| finding.id == counted.id);
        let more = || {
            explained.iter().find(|finding| {
                counted.detail.is_none()
                    && finding.distribution_id == counted.distribution_id
                    && finding.cause == counted.cause
            })
        };
        match same.or_else(more) {
            Some(finding) => Finding { id: counted.id.clone(), ..finding.clone() },
            // What nobody finds any more was never sure.
            None => Finding { confidence: "possible", ..counted.clone() },
        }
    };
    counted.iter().map(one).collect()
}
