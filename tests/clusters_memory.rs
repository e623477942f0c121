//! A million random paths cost the room of clusters no more memory than some.
//!
//! The peak is the kernel's own count (`VmHWM`) and belongs to the program as a whole, so this test
//! stands alone in its file, and nothing runs where there is no `/proc`.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that fails panics, and one of memory asks the kernel"
)]

use why403::clusters::{Row, Sample, key_hash, locate, template};
use why403::limits::{SAMPLED_REFUSALS, SAMPLED_SERVED};

/// What the room may have.
const MOST: u64 = 24 << 20;

const PATHS: u64 = 1_000_000;

fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix("kB").unwrap().trim().parse::<u64>().unwrap() << 10
}

fn row(hash: u64, path: String) -> Row {
    Row {
        path: template(path.as_bytes()).into(),
        edge: format!("E{:02}", hash % 40).into(),
        country: Some(format!("C{}", hash % 23).into()),
        host: Some("www.example".into()),
        method: "GET".into(),
        example: path.into(),
        hash,
    }
}

fn rows(sample: Sample<Row>) -> Vec<Row> {
    sample.into_rows().into_iter().map(|(_, row)| row).collect()
}

#[test]
fn a_million_random_paths() {
    let before = peak();
    let (mut refused, mut served) = (Sample::new(SAMPLED_REFUSALS), Sample::new(SAMPLED_SERVED));
    for i in 0..PATHS {
        let hash = key_hash(&[&i.to_le_bytes()]);
        refused.offer(hash, || row(hash, format!("/{hash:x}y/q{i}z/some-random-page")));
        let hash = key_hash(&[b"served", &i.to_le_bytes()]);
        served.offer(hash, || row(hash, format!("/shop/page-{}", i % 300)));
    }
    let (refused, served) = (rows(refused), rows(served));
    let clusters = locate(&refused, &served, PATHS, None);
    let cost = peak() - before;
    eprintln!("{:.1} MiB for {PATHS} random paths", cost as f64 / f64::from(1 << 20));
    assert!(cost < MOST, "{} KiB", cost >> 10);
    assert_eq!(clusters.len(), 1, "{clusters:?}");
    assert_eq!(clusters.iter().map(|cluster| cluster.requests).sum::<u64>(), PATHS);
}
