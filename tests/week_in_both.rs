//! A week of logs in a folder gives the incidents that the function has opened from the same logs,
//! which it got one after the other, late, twice and in batches.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use why403::alerts::{Audience, Outgoing};
use why403::causes::Cause;
use why403::incidents::counting::{self, Counts};
use why403::incidents::messages::Gist;
use why403::incidents::plan::Heard;
use why403::incidents::record::{Arrived, Contribution, Desk, Place, record};
use why403::incidents::store::memory::MemoryStore;
use why403::incidents::{BUCKET_SECONDS, Bucket, Reason, Series, time_of};
use why403::logs::record::Refusal;
use why403::logs::tally::{AccessTally, Served};
use why403::report::Incident;
use why403::report::build::Subject;
use why403::simulate::weeks::{DAY, MIDNIGHT, Random, Site};
use why403::trigger::Object;

const DOMAIN: &str = "d1.cloudfront.net";

/// The refusals of a week: a scanner every night, two habits and three faults, one of them by rules
/// of which none is news by itself.
fn week(random: &mut Random) -> Vec<(Subject, Refusal)> {
    let minute = |day: f64, hour: f64| day * 1440.0 + hour * 60.0;
    let mut all: Vec<(Cause, Option<&'static str>, Option<String>, Site)> = Vec::new();
    let site = || Site::of_days(7);
    let mut nightly = site();
    nightly.nightly(random);
    all.push((Cause::Waf, Some("edge"), Some("Scanners".into()), nightly));
    let mut geo = site();
    geo.trickle(random, 0.6, 1.5);
    all.push((Cause::GeoRestriction, Some("denied-country"), None, geo));
    let mut missing = site();
    missing.trickle(random, 0.25, 1.5);
    let at = minute(4.0, random.between(8.0, 18.0));
    missing.burst(random, at, 200, 90.0);
    all.push((Cause::S3Origin, Some("object-missing"), None, missing));
    let mut closed = site();
    let at = minute(5.0, random.between(0.0, 23.0));
    closed.burst(random, at, 120, 60.0);
    all.push((Cause::S3Origin, Some("access-not-granted"), None, closed));
    let at = minute(3.0, random.between(8.0, 18.0));
    for rule in 0..60 {
        let mut one = site();
        one.burst(random, at, 6, 15.0);
        all.push((Cause::Waf, Some("edge"), Some(format!("R{rule}")), one));
    }
    let refusals = |(cause, detail, rule, site): (Cause, _, Option<String>, Site)| {
        let distribution_id = Some("E1".into());
        let subject = Subject { distribution_id, cause, detail, rule };
        let times: Vec<Bucket> = site
            .refusals
            .counts()
            .flat_map(|(bucket, count)| std::iter::repeat_n(bucket, count as usize))
            .collect();
        times.into_iter().map(move |bucket| {
            let refusal = Refusal {
                time: time_of(bucket),
                distribution_id: Some("E1".into()),
                distribution_domain: Some(DOMAIN.into()),
                ..Refusal::default()
            };
            (subject.clone(), refusal)
        })
    };
    all.into_iter().flat_map(refusals).collect()
}

fn message(_: &[Incident], place: &Place) -> Option<(Vec<Outgoing>, Gist)> {
    let alert = Outgoing {
        audience: Audience::Subscribers,
        alert_id: place.alert_id.clone(),
        sequence: place.sequence,
        stored: Timestamp::UNIX_EPOCH,
        subject: Some(place.state.to_owned()),
        message: String::new(),
        attributes: Vec::new(),
    };
    Some((vec![alert], Gist::default()))
}

fn by_function(refusals: &[(Subject, Refusal)], random: &mut Random) -> BTreeSet<Shown> {
    // Each object holds some refusals and some of the served requests of one five minutes.
    let mut objects: BTreeMap<(Bucket, u64), Counts> = BTreeMap::new();
    for bucket in MIDNIGHT..MIDNIGHT + 7 * DAY {
        objects.entry((bucket, 0)).or_default().served.add(bucket, 40);
    }
    for (subject, refusal) in refusals {
        let bucket = refusal.time.as_second() / BUCKET_SECONDS;
        let counts = objects.entry((bucket, random.draw() % 3)).or_default();
        counts.refuse(subject, &refusal.glance());
    }
    let mut deliveries: Vec<(Bucket, Contribution)> = Vec::new();
    for ((bucket, part), counts) in objects {
        let contribution = Contribution {
            object: Object { key: format!("{bucket}-{part}"), ..Object::default() },
            of: 1,
            partial: None,
            realtime: false,
            mark: None,
            refused: counts.refused,
            served: counts.served,
            waf: Series::new(),
            waiting: None,
        };
        for _ in 0..1 + random.draw() % 2 {
            // Most come within the hour, some a day late.
            let late = if random.draw().is_multiple_of(200) { 250.0 } else { 12.0 };
            deliveries.push((bucket + random.between(0.0, late) as Bucket, contribution.clone()));
        }
    }
    deliveries.sort_by(|(a, one), (b, other)| (a, &one.object.key).cmp(&(b, &other.object.key)));
    let store = MemoryStore::default();
    let put = |now: Bucket, arrived: Arrived| {
        let desk = Desk {
            store: &store,
            heard: Heard::default(),
            distributions: 1,
            now: time_of(now),
            write: &message,
            wait: &|_| {},
        };
        assert_eq!(record(&desk, "E1", arrived).failed, None);
    };
    let mut some: Vec<Contribution> = Vec::new();
    for (arrives, contribution) in deliveries {
        // The function takes each object of a batch once.
        if some.iter().all(|one| one.object != contribution.object) {
            some.push(contribution);
        }
        if some.len() as u64 > random.draw() % 40 {
            put(arrives + 1, Arrived::Objects(std::mem::take(&mut some)));
        }
    }
    put(MIDNIGHT + 8 * DAY, Arrived::Objects(some));
    put(MIDNIGHT + 8 * DAY, Arrived::Nothing);
    // One story a cause at a time, and its messages are numbered.
    let mut told: BTreeMap<String, u64> = BTreeMap::new();
    for (alert, _) in store.outbox() {
        let last = told.entry(alert.alert_id).or_default();
        assert_eq!(alert.sequence, *last + 1);
        *last += 1;
    }
    let written = store.series().into_iter().flat_map(|(subject, stored)| {
        let own = stored.state.written.clone();
        own.into_iter().map(move |one| (subject.clone(), one))
    });
    written
        .filter(|(_, one)| one.closed != Some(Reason::LateData))
        .map(|(subject, one)| {
            (
                subject.cause.id(),
                subject.detail,
                subject.rule,
                time_of(one.start),
                one.end.map(time_of),
            )
        })
        .collect()
}

type Shown = (&'static str, Option<&'static str>, Option<String>, Timestamp, Option<Timestamp>);

fn by_replay(refusals: &[(Subject, Refusal)]) -> BTreeSet<Shown> {
    let buckets = (MIDNIGHT..MIDNIGHT + 7 * DAY).map(|bucket| (bucket, 40)).collect();
    let mut served = Served::default();
    served.buckets = buckets;
    let tally = AccessTally {
        served: [(DOMAIN.into(), served)].into(),
        window: Some((time_of(MIDNIGHT), time_of(MIDNIGHT + 7 * DAY))),
        ..AccessTally::default()
    };
    let refusals = refusals.iter().map(|(subject, refusal)| (subject, refusal.glance()));
    let incidents = counting::of(&tally, refusals).into_iter();
    incidents.map(|one| (one.cause, one.detail, one.rule, one.start, one.end)).collect()
}

#[test]
fn a_week_in_a_folder_gives_what_the_function_has_opened() {
    for seed in 0..6 {
        let mut random = Random::new(seed);
        let mut refusals = week(&mut random);
        let told = by_function(&refusals, &mut random);
        let found = by_replay(&refusals);
        assert_eq!(told, found, "seed {seed}");
        let names: BTreeSet<_> = found.iter().map(|one| (one.0, one.1, one.2.as_deref())).collect();
        // The scanner is new in its first night; of the many rules only the rest, as one, is news.
        assert_eq!(
            names,
            [
                ("s3-origin", Some("access-not-granted"), None),
                ("s3-origin", Some("object-missing"), None),
                ("waf", Some("edge"), None),
                ("waf", Some("edge"), Some("Scanners")),
            ]
            .into()
        );
        // In any order of files.
        for place in (1..refusals.len()).rev() {
            refusals.swap(place, (random.draw() % (place as u64 + 1)) as usize);
        }
        assert_eq!(by_replay(&refusals), found, "seed {seed}");
    }
}
