//! How long `why403 replay` takes beside bare inflation and beside other readers of the same logs.
//!
//! `cargo bench --bench replay -- [ROUNDS [SET...]]` writes the logs once, into `bench-data` of the
//! target folder, and compares. Ratios are to `flate2`'s `MultiGzDecoder` that inflates the same
//! objects into nothing; this same program does that when it is called with `inflate`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    missing_docs,
    unreachable_pub
)]

mod logs;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

use flate2::read::MultiGzDecoder;

/// Where the logs lie: beside the release folder that this program was built into.
fn data() -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_why403")).ancestors().nth(2).unwrap();
    target.join("bench-data")
}

fn inflate(folder: &Path) -> io::Result<()> {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder.join("logs"))? {
        files.push(entry?.path());
    }
    files.sort();
    let mut bytes = 0;
    for file in files {
        bytes += io::copy(&mut MultiGzDecoder::new(File::open(file)?), &mut io::sink())?;
    }
    println!("{bytes}");
    Ok(())
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if let [verb, folder] = arguments.as_slice()
        && verb == "inflate"
    {
        return inflate(Path::new(folder));
    }
    let root = data();
    let (rounds, wanted): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|a| a.bytes().all(|b| b.is_ascii_digit()));
    for set in &logs::SETS {
        if wanted.is_empty() || wanted.iter().any(|name| *name == set.name) {
            if !root.join(set.name).join("aws").is_dir() {
                eprintln!("writing {}", root.join(set.name).display());
            }
            logs::write(&root, set)?;
        }
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/replay/compare.py");
    let status = Command::new("python3")
        .arg(script)
        .args([Path::new(env!("CARGO_BIN_EXE_why403")), &std::env::current_exe()?, &root])
        .arg(rounds.first().map_or("5", |rounds| rounds.as_str()))
        .args(wanted)
        .status()?;
    exit(status.code().unwrap_or(1));
}
