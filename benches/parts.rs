//! What each part of reading an access log costs: nanoseconds a line, and instructions a line where
//! valgrind is installed. Instructions repeat exactly, whatever else the machine does.
//!
//! `cargo bench --bench parts -- [ROUNDS]`. Each part includes those above it.
#![allow(
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    missing_docs,
    unreachable_pub
)]

#[path = "replay/logs.rs"]
#[allow(dead_code, reason = "other benchmarks write other sets")]
mod logs;

use std::fs;
use std::hint::black_box;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use why403::limits::Limits;
use why403::logs::Context;
use why403::logs::delimited::{Read as Line, Splitter};
use why403::logs::fault::Faults;
use why403::logs::tally::AccessTally;
use why403::logs::{lines, read_access, unpack};

const LINES: u64 = 20_000;
const SET: logs::Set = logs::Set { name: "part", objects: 1, lines: LINES, refused: 10, waf: 0 };

/// Reads a packed object as far as the part goes.
type Part = fn(&[u8]);

const PARTS: [(&str, Part); 5] = [
    ("flate2's MultiGzDecoder", inflate),
    ("unpacked", unpacked),
    ("and cut into lines", cut),
    ("and split and checked", split),
    ("and counted", count),
];

fn inflate(object: &[u8]) {
    let mut decoder = flate2::read::MultiGzDecoder::new(object);
    io::copy(&mut decoder, &mut io::sink()).unwrap();
}

fn unpacked(object: &[u8]) {
    let mut text = unpack::Unpacked::open(object).unwrap();
    let mut buffer = vec![0; 256 << 10];
    while text.read(&mut buffer).unwrap() > 0 {
        black_box(&buffer);
    }
}

fn cut(object: &[u8]) {
    lines::read_lines(object, &Limits::default(), &mut Faults::default(), |line, _| {
        black_box(line.bytes);
        ControlFlow::Continue(())
    });
}

fn split(object: &[u8]) {
    let (mut splitter, context) = (Splitter::default(), Context::default());
    lines::read_lines(object, &Limits::default(), &mut Faults::default(), |line, _| {
        if let Line::Row(row) = splitter.read(&line, &context.layouts) {
            black_box(row.status);
        }
        ControlFlow::Continue(())
    });
}

fn count(object: &[u8]) {
    let mut tally = AccessTally::default();
    read_access("E2FNF0DB9W4NZ3.log", object, &Context::default(), &mut tally);
    assert_eq!(black_box(tally).lines, LINES);
}

/// The instructions of this program when it does a part so many times.
fn instructions(object: &Path, part: usize, times: u64) -> Option<u64> {
    let valgrind = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().ok()?)
        .args(["part", &part.to_string(), &times.to_string()])
        .arg(object)
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&valgrind.stderr).into_owned();
    let (_, counted) = text.split_once("Collected : ")?;
    counted.split_whitespace().next()?.parse().ok()
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if let [verb, part, times, object] = arguments.as_slice()
        && verb == "part"
    {
        let mut bytes = Vec::new();
        fs::File::open(object)?.read_to_end(&mut bytes)?;
        let (_, part) = PARTS[part.parse::<usize>().unwrap()];
        (0..times.parse().unwrap()).for_each(|_: u64| part(&bytes));
        return Ok(());
    }
    let rounds = arguments.first().and_then(|rounds| rounds.parse().ok()).unwrap_or(50);
    let root = Path::new(env!("CARGO_TARGET_TMPDIR"));
    logs::write(root, &SET)?;
    let object = fs::read_dir(root.join(SET.name).join("logs"))?.next().unwrap()?.path();
    let bytes = fs::read(&object)?;
    let mut fastest = [f64::MAX; PARTS.len()];
    for _ in 0..rounds {
        for (number, (_, part)) in PARTS.iter().enumerate() {
            let started = Instant::now();
            part(&bytes);
            fastest[number] = fastest[number].min(started.elapsed().as_secs_f64());
        }
    }
    println!("{:<28}{:>10}{:>20}", "", "ns a line", "instructions a line");
    for (number, (name, _)) in PARTS.iter().enumerate() {
        let nanoseconds = fastest[number] * 1e9 / LINES as f64;
        let counted = [1, 3].map(|times| instructions(&object, number, times));
        let counted = match counted {
            [Some(once), Some(thrice)] => ((thrice - once) / 2 / LINES).to_string(),
            _ => "no valgrind".to_owned(),
        };
        println!("{name:<28}{nanoseconds:>10.0}{counted:>20}");
    }
    Ok(())
}
