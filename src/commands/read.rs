//! Objects to what is in them, on as many threads as there are processors.
//!
//! Whatever is read merges in any order, so it does not matter which thread read which object:
//! faults are told in the order of the objects' names, and the report is the same byte for byte.

#![expect(
    clippy::disallowed_methods,
    reason = "the command line reads files: this is one of the ends"
)]

use std::fs::{self, File};
use std::io::{self, IsTerminal, Read};
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use why403::logs::Outcome;

/// One object to read: its name as keys are named, and its file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    pub name: String,
    pub file: PathBuf,
    /// What is in it, where an event brought it along and there is no file.
    pub carried: Option<Arc<[u8]>>,
    /// Whether it lies in a bundle beside its logs, where it may as well be a report or a note.
    pub beside: bool,
}

impl Object {
    /// An object in a file.
    pub fn of_file(name: String, file: PathBuf) -> Self {
        Self { name, file, carried: None, beside: false }
    }

    fn open(&self) -> io::Result<Box<dyn Read>> {
        Ok(match &self.carried {
            Some(bytes) => Box::new(io::Cursor::new(bytes.clone())),
            None => Box::new(File::open(&self.file)?),
        })
    }
}

/// What became of each object, in their order, and what the threads read.
pub struct Gathered<T> {
    pub outcomes: Vec<io::Result<Outcome>>,
    pub parts: Vec<T>,
}

/// How many threads to read on, unless one is told.
pub fn threads(told: Option<NonZero<u16>>) -> usize {
    let all = || thread::available_parallelism().map_or(1, usize::from);
    told.map_or_else(all, |told| usize::from(told.get()))
}

/// Reads every object with `read`, each thread into a part of its own.
pub fn all<T: Default + Send>(
    objects: &[&Object],
    threads: usize,
    progress: &Progress,
    read: impl Fn(&Object, Box<dyn Read>, &mut T) -> Outcome + Sync,
) -> Gathered<T> {
    // The largest come first, or the last thread would be left alone with one of them.
    let mut order: Vec<(u64, usize)> = Vec::with_capacity(objects.len());
    for (number, object) in objects.iter().enumerate() {
        order.push((fs::metadata(&object.file).map_or(0, |about| about.len()), number));
    }
    if threads > 1 {
        order.sort_by_key(|(length, number)| (std::cmp::Reverse(*length), *number));
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let (mut part, mut outcomes) = (T::default(), Vec::new());
        while let Some((_, number)) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            let Some(object) = objects.get(*number) else { continue };
            progress.step();
            let outcome = object.open().map(|file| read(object, file, &mut part));
            outcomes.push((*number, outcome));
        }
        (part, outcomes)
    };
    let done = if threads.min(objects.len()) < 2 {
        vec![work()]
    } else {
        thread::scope(|scope| {
            let workers: Vec<_> =
                (0..threads.min(objects.len())).map(|_| scope.spawn(work)).collect();
            let joined = workers.into_iter().map(|worker| match worker.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            joined.collect()
        })
    };
    let (mut parts, mut outcomes) = (Vec::new(), Vec::new());
    for (part, of_part) in done {
        parts.push(part);
        outcomes.extend(of_part);
    }
    outcomes.sort_by_key(|(number, _)| *number);
    Gathered { outcomes: outcomes.into_iter().map(|(_, outcome)| outcome).collect(), parts }
}

/// Progress on a terminal, once the work takes longer than a second.
pub struct Progress {
    total: usize,
    verbose: bool,
    done: AtomicUsize,
    started: Instant,
    shown: AtomicBool,
}

impl Progress {
    /// `quiet` shows none, and `verbose` tells of each file instead.
    pub fn new(total: usize, quiet: bool, verbose: bool) -> Self {
        let total = if quiet || verbose || !io::stderr().is_terminal() { 0 } else { total };
        let (done, shown) = (AtomicUsize::new(0), AtomicBool::new(false));
        Self { total, verbose, done, started: Instant::now(), shown }
    }

    /// Tells what was found, to those who want to know.
    pub fn tell(&self, what: impl FnOnce() -> String) {
        if self.verbose {
            super::see::complain(&what());
        }
    }

    #[expect(clippy::print_stderr, reason = "progress belongs on standard error")]
    pub fn step(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if self.total > 0 && self.started.elapsed() > Duration::from_secs(1) {
            self.shown.store(true, Ordering::Relaxed);
            eprint!("\rreading {} of {} files", done.min(self.total), self.total);
        }
    }

    #[expect(clippy::print_stderr, reason = "progress belongs on standard error")]
    pub fn done(&self) {
        if self.shown.load(Ordering::Relaxed) {
            eprint!("\r\x1b[K");
        }
    }
}
