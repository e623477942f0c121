//! What real-time records hold of a distribution, as attributes of its item.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::super::StoreError;
use super::items::{Item, bytes, get_text, state, subject_of, text};
use crate::incidents::series::Series;
use crate::incidents::sources::{Part, Sources};
use crate::incidents::state::State;

const HELD: &str = "held";
const ASIDE: &str = "aside";
/// Of what kind the series is, where it is not one of refusals.
const OF: &str = "of";

fn encoded(series: &Series) -> AttributeValue {
    bytes(State::of(series.clone()).encode())
}

/// Writes it, where there is anything.
pub(super) fn sources_into(row: &mut Item, sources: &Sources) {
    if sources.is_empty() {
        return;
    }
    let mut held = Series::new();
    sources.held.iter().for_each(|bucket| held.add(*bucket, 1));
    row.insert(HELD.to_owned(), encoded(&held));
    let Part { served, waf, waiting, refused } = &sources.aside;
    let mut aside = Vec::new();
    for (of, series) in [("served", served), ("waf", waf), ("waiting", waiting)] {
        if series.span().is_some() {
            let item = [(OF.to_owned(), text(of)), ("state".to_owned(), encoded(series))];
            aside.push(AttributeValue::M(HashMap::from(item)));
        }
    }
    for (subject, series) in refused {
        aside.push(AttributeValue::M(HashMap::from([
            ("cause".to_owned(), text(subject.cause.id())),
            ("detail".to_owned(), text(subject.detail.unwrap_or_default())),
            ("rule".to_owned(), text(subject.rule.as_deref().unwrap_or_default())),
            ("state".to_owned(), encoded(series)),
        ])));
    }
    if !aside.is_empty() {
        row.insert(ASIDE.to_owned(), AttributeValue::L(aside));
    }
}

/// Reads it.
pub(super) fn sources_of(item: &Item, distribution: &str) -> Result<Sources, StoreError> {
    let held = state(item, HELD)?.recent().counts().map(|(bucket, _)| bucket).collect();
    let mut sources = Sources { held, ..Sources::default() };
    let aside = item.get(ASIDE).and_then(|aside| aside.as_l().ok());
    for one in aside.into_iter().flatten().filter_map(|one| one.as_m().ok()) {
        let series = state(one, "state")?.recent().clone();
        let part = &mut sources.aside;
        match get_text(one, OF) {
            Some("served") => part.served = series,
            Some("waf") => part.waf = series,
            Some("waiting") => part.waiting = series,
            _ => {
                if let Some(subject) = subject_of(one, distribution) {
                    part.refused.insert(subject, series);
                }
            }
        }
    }
    Ok(sources)
}
