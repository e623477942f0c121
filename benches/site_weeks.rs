//! How well the detector does on made-up sites, beside two plain rules on the same data.
//!
//! `cargo bench --bench site_weeks -- [SITES [TRIALS [SEED]]]`
//!
//! False alarms are counted on sites with nothing but their usual noise; recall and delay on sites
//! with one fault planted after two or six days of history. Minutes are of event time. Where the
//! detector was designed with a reference model, what that one reached stands beside it.
#![allow(clippy::print_stdout, clippy::indexing_slicing, missing_docs, unreachable_pub)]

use std::time::Instant;

use why403::incidents::{Bucket, Kind, Settings, State, detect};
use why403::simulate::weeks::{
    DAY, FAULTS, MIDNIGHT, NOISE, Noise, Planted, Random, Site, cycle, noise,
};

/// The first bucket, the end of the bucket that gave the alarm, and the end of it all.
type Alarm = [Bucket; 3];

type Rule = fn(&Site, &Noise) -> Vec<Alarm>;

const RULES: [(&str, Rule); 3] =
    [("why403", why403_rule), ("20 in 5 min", fixed), ("3 sd", three_deviations)];

/// What the reference model reached, over both histories: found and within 15 minutes in percent,
/// delay p50 and p95, error of the start p50.
const MODEL: [(&str, &str, &str); 10] = [
    ("40 in 30 min", "s3, 0.25 in 5 min", " 99   % |  98   % |   9 /  14 |  1.5"),
    ("200 in 90 min", "s3, 0.25 in 5 min", "100   % | 100   % |   7 /  10 |  1.5"),
    ("20 in 5 min", "never seen", "100   % | 100   % |   6 /   8 |  2.1"),
    ("120 in 60 min", "never seen", "100   % |  99   % |   9 /  12 |  2.1"),
    ("260 in 2 h, by day", "waf, every night 60-500", "100   % | 100   % |   9 /  12 |  1.6"),
    ("260 in 2 h, at 2-4 h", "waf, every night 60-500", " 83   % |   0   % |  41 /  45 |  2.0"),
    ("40 in 30 min", "geo, 0.6 in 5 min", "100   % |  85   % |  11 /  16 |  1.4"),
    ("40 in 30 min", "s3, crawler clumps", " 56   % |  12   % |  23 /  31 |  1.5"),
    ("260 in 2 h", "waf, roaming, many addresses", " 87   % |  31   % | 14-47 / 65 |  1.7"),
    ("all refused for 12 h", "idle, 117 requests a day", " 90   % |   0   % | 178 / 320 | 13"),
];

/// The same of false alarms a site and month: days 2-30 and 31-60.
const MODEL_ALARMS: [(&str, &str); 12] = [
    ("waf, every night 60-500", "0.00 | 0.00"),
    ("geo, 0.6 in 5 min", "0.00 | 0.00"),
    ("s3, 0.25 in 5 min", "0.00 | 0.00"),
    ("signed, 0.2 in 5 min", "0.00 | 0.00"),
    ("idle, 117 requests a day", "0.00 | 0.00"),
    ("never seen", "0.00 | 0.00"),
    ("geo, 3 in 5 min, scattered", "0.00 | 0.08"),
    ("waf, 800 in 5 min, scattered", "0.00 | 0.00"),
    ("s3, crawler clumps", "0.46 | 0.29"),
    ("waf, roaming, one address", "0.04 | 0.00"),
    ("idle, roaming, one address", "0.04 | 0.00"),
    ("waf, roaming, many addresses", "3.3  | 0.50"),
];

fn why403_rule(site: &Site, noise: &Noise) -> Vec<Alarm> {
    let settings = Settings {
        distribution: "E1",
        series: noise.name,
        kind: noise.kind,
        first_bucket_of_distribution: MIDNIGHT,
        distributions_in_account: 1,
        provoked_alone: noise.addresses.is_some(),
    };
    let until = MIDNIGHT + site.buckets;
    detect(&site.refusals, None, &settings, until)
        .iter()
        .map(|i| [i.start, i.detected, i.end.unwrap_or(until)].map(|b| b - MIDNIGHT))
        .collect()
}

/// A fixed threshold: twenty refusals in five minutes.
fn fixed(site: &Site, _: &Noise) -> Vec<Alarm> {
    alarms(site, |bucket| site.refusals.count(MIDNIGHT + bucket) >= 20)
}

/// Three standard deviations over the same hour yesterday, the deviation being at least one, or an
/// idle site would never be quiet.
fn three_deviations(site: &Site, _: &Noise) -> Vec<Alarm> {
    alarms(site, |bucket| {
        let hour = bucket.div_euclid(12) * 12 - DAY;
        if hour < 0 {
            return false;
        }
        let count = |b| f64::from(site.refusals.count(MIDNIGHT + b));
        let mean = (hour..hour + 12).map(count).sum::<f64>() / 12.0;
        let square = |b| (count(b) - mean) * (count(b) - mean);
        let deviation = libm::sqrt((hour..hour + 12).map(square).sum::<f64>() / 12.0).max(1.0);
        count(bucket) > mean + 3.0 * deviation
    })
}

/// Buckets that ring within an hour of each other are one alarm.
fn alarms(site: &Site, rings: impl Fn(Bucket) -> bool) -> Vec<Alarm> {
    let mut alarms: Vec<Alarm> = Vec::new();
    for bucket in (0..site.buckets).filter(|&bucket| rings(bucket)) {
        match alarms.last_mut() {
            Some(last) if bucket - last[2] <= 12 => last[2] = bucket + 1,
            _ => alarms.push([bucket, bucket + 1, bucket + 1]),
        }
    }
    alarms
}

/// Delay in minutes, error of the start, and the number of alarms for one planted fault.
fn found(alarms: &[Alarm], at: f64, minutes: f64) -> Option<(f64, f64, usize)> {
    let minute = |bucket: Bucket| bucket as f64 * 5.0;
    let mine: Vec<&Alarm> = alarms
        .iter()
        .filter(|[start, detected, end]| {
            minute(*start) <= at + minutes
                && minute(*end) >= at
                && minute(*start) >= at - 15.0
                && minute(*detected) > at
        })
        .collect();
    let first = mine.first()?;
    Some((minute(first[1]) - at, (minute(first[0]) - at).abs(), mine.len()))
}

fn false_alarms(sites: u64, seed: u64) {
    println!("False alarms a site and month: day 1 (a site) | days 2-31 | days 32-61");
    let [(ours, _), (fixed, _), (deviations, _)] = RULES;
    let (model, noise) = ("model, 2- | 31-", "noise");
    println!("{noise:<32}{ours:>22}{model:>18}{fixed:>22}{deviations:>22}");
    let mut quiet = [[0.0; 3]; 3];
    for (shape, noise) in (0..).zip(NOISE) {
        let mut sums = [[0.0; 3]; 3];
        for number in 0..sites {
            let mut random = Random::new(seed * 1_000_000 + shape * 10_000 + number);
            let site = noise.site(&mut random, 61);
            for (rule, sums) in RULES.iter().zip(&mut sums) {
                for [start, ..] in rule.1(&site, noise) {
                    let month = usize::from(start >= DAY) + usize::from(start >= 31 * DAY);
                    sums[month] += 1.0 / sites as f64;
                }
            }
        }
        print_row(noise.name, &sums);
        if noise.quiet {
            for (total, sums) in quiet.iter_mut().flatten().zip(sums.iter().flatten()) {
                *total += sums;
            }
        }
    }
    print_row("the six quiet ones together", &quiet);
}

fn print_row(name: &str, sums: &[[f64; 3]; 3]) {
    print!("{name:<32}");
    for ([first, month, later], (rule, _)) in sums.iter().zip(RULES) {
        print!("{:>22}", format!("{first:.2} |{month:6.2} |{later:6.2}"));
        if rule == RULES[0].0 {
            let model = MODEL_ALARMS.iter().find(|(noise, _)| *noise == name);
            print!("{:>18}", model.map_or("", |(_, alarms)| alarms));
        }
    }
    println!();
}

fn recall(trials: u64, seed: u64) {
    println!();
    println!(
        "Faults: found | within 15 min | delay p50 / p95 | error of the start p50 | in pieces"
    );
    for (number, planted) in (0..).zip(FAULTS) {
        let model =
            MODEL.iter().find(|(n, noise, _)| (*n, *noise) == (planted.name, planted.noise));
        for history in [2, 6] {
            let name = format!(
                "{} over {}, {history} d{}",
                planted.name,
                planted.noise,
                if planted.gated { " *" } else { "" }
            );
            println!("{name}");
            let sites: Vec<(Site, f64)> = (0..trials)
                .map(|trial| {
                    let job = seed * 7_000_000 + number * 100_000 + history as u64 * 10_000;
                    planted.site(&mut Random::new(job + trial), history)
                })
                .collect();
            for (rule, judge) in RULES {
                print_recall(rule, planted, &sites, judge);
            }
        }
        if let Some((_, _, figures)) = model {
            println!("    {:<12} {figures}", "model, both");
        }
    }
    println!("* at least 95 % within 15 minutes is asked for");
}

fn print_recall(rule: &str, planted: &Planted, sites: &[(Site, f64)], judge: Rule) {
    // The noise is judged as from many addresses: the fault is everybody's.
    let own = noise(planted.noise).map_or(Kind::Fault, |noise| noise.kind);
    let Some(noise) = NOISE.iter().find(|noise| noise.kind == own && noise.addresses.is_none())
    else {
        return;
    };
    let mut results: Vec<(f64, f64, usize)> = sites
        .iter()
        .filter_map(|(site, at)| found(&judge(site, noise), *at, planted.minutes))
        .collect();
    let share = |n: usize| 100.0 * n as f64 / sites.len() as f64;
    let soon = results.iter().filter(|(delay, ..)| *delay <= 15.0).count();
    let pieces = results.iter().filter(|(.., pieces)| *pieces > 1).count();
    let found = results.len();
    results.sort_by(|a, b| a.0.total_cmp(&b.0));
    let delay = |q: usize| results.get((found * q / 100).min(found.saturating_sub(1)));
    let mut errors: Vec<f64> = results.iter().map(|(_, error, _)| *error).collect();
    errors.sort_by(f64::total_cmp);
    println!(
        "    {rule:<12} {:5.1} % | {:5.1} % | {:3.0} / {:3.0} | {:4.1} | {pieces}",
        share(found),
        share(soon),
        delay(50).map_or(f64::NAN, |r| r.0),
        delay(95).map_or(f64::NAN, |r| r.0),
        errors.get(found / 2).copied().unwrap_or(f64::NAN),
    );
}

/// Traffic that surges to five times as much for three hours, and refusals with it.
fn surges(sites: u64, seed: u64) {
    let (mut without, mut with) = (0, 0);
    for number in 0..sites {
        let mut random = Random::new(seed * 31_000_000 + number);
        let at = 5 * DAY + random.between(0.0, (DAY - 36) as f64) as Bucket;
        let (mut refused, mut served) = (Site::of_days(7), Site::of_days(7));
        for bucket in 0..refused.buckets {
            let surge = if (at..at + 36).contains(&bucket) { 5.0 } else { 1.0 };
            let share = surge * cycle(bucket, 0.8, 1.0);
            refused.add(bucket, random.poisson(0.6 * share));
            served.add(bucket, random.poisson(200.0 * share));
        }
        let settings = Settings {
            distribution: "E1",
            series: "geo-restriction",
            kind: Kind::Enforcement,
            first_bucket_of_distribution: MIDNIGHT,
            distributions_in_account: 1,
            provoked_alone: false,
        };
        let until = MIDNIGHT + refused.buckets;
        without += detect(&refused.refusals, None, &settings, until).len();
        with += detect(&refused.refusals, Some(&served.refusals), &settings, until).len();
    }
    let a_surge = |alarms: usize| alarms as f64 / sites as f64;
    println!();
    println!(
        "Traffic times five for three hours: {:.2} alarms without exposure, {:.2} with it",
        a_surge(without),
        a_surge(with)
    );
}

fn speed(seed: u64) {
    println!();
    for name in ["geo, 3 in 5 min, scattered", "waf, 800 in 5 min, scattered", "s3, crawler clumps"]
    {
        let Some(noise) = noise(name) else { continue };
        let site = noise.site(&mut Random::new(seed), 30);
        let started = Instant::now();
        let incidents = why403_rule(&site, noise).len();
        let took = started.elapsed();
        println!(
            "30 days of {name}: {took:.1?}, {:.2?} a bucket, {incidents} incidents",
            took / u32::try_from(site.buckets).unwrap_or(1)
        );
    }
}

/// What the function does after a delivery: read the state, judge the last 26 hours, write it.
fn speed_of_a_delivery(seed: u64) {
    for name in ["geo, 3 in 5 min, scattered", "s3, crawler clumps"] {
        let Some(noise) = noise(name) else { continue };
        let site = noise.site(&mut Random::new(seed), 30);
        let settings = Settings {
            distribution: "E1",
            series: name,
            kind: noise.kind,
            first_bucket_of_distribution: MIDNIGHT,
            distributions_in_account: 1,
            provoked_alone: false,
        };
        let mut state = State::new();
        state.merge(&site.refusals);
        state.fold(None, &settings, MIDNIGHT + site.buckets);
        let bytes = state.encode();
        let started = Instant::now();
        let mut incidents = 0;
        for _ in 0..100 {
            let Ok(state) = State::decode(&bytes) else { return };
            incidents += state.detect(None, &settings, MIDNIGHT + site.buckets).len();
            incidents += state.encode().len() - bytes.len();
        }
        println!(
            "A delivery to {name}: {:.0?} ({} bytes, {incidents} incidents)",
            started.elapsed() / 100,
            bytes.len()
        );
    }
}

/// Bytes of a state after a month: the item that the function reads and writes with each delivery.
fn sizes() {
    println!();
    let size = |name: &str, site: &Site| {
        let settings = Settings {
            distribution: "E1",
            series: name,
            kind: Kind::Enforcement,
            first_bucket_of_distribution: MIDNIGHT,
            distributions_in_account: 1,
            provoked_alone: true,
        };
        let mut state = State::new();
        state.merge(&site.refusals);
        state.fold(None, &settings, MIDNIGHT + site.buckets);
        println!("{:>6} bytes of state  {name}", state.encode().len());
    };
    for noise in NOISE {
        size(noise.name, &noise.site(&mut Random::new(1), 30));
    }
    for mean in [10.0, 100.0, 1e4, 1e6] {
        let mut site = Site::of_days(30);
        site.trickle(&mut Random::new(2), mean, 30.0);
        size(&format!("{mean:e} in 5 min, scattered"), &site);
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|a| a.parse::<u64>().ok());
    let sites = arguments.next().unwrap_or(10);
    let trials = arguments.next().unwrap_or(100);
    let seed = arguments.next().unwrap_or(1);
    false_alarms(sites, seed);
    recall(trials, seed);
    surges(sites, seed);
    speed(seed);
    speed_of_a_delivery(seed);
    sizes();
}
