//! Objects to everything that is in them: the access logs first, then what was logged of their
//! refusals.

#![expect(
    clippy::disallowed_methods,
    reason = "the command line reads files: this is one of the ends"
)]

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::{fs, io, mem};

use why403::analysis::{self, Directory, Logs};
use why403::limits::BUNDLE_FILES;
use why403::logs::connection::Handshakes;
use why403::logs::fault::Faults;
use why403::logs::function::FunctionIndex;
use why403::logs::origin::{OriginIndex, Wanted};
use why403::logs::refusals::{Common, Refusals};
use why403::logs::tally::AccessTally;
use why403::logs::waf::WafIndex;
use why403::logs::{self, Kind, Outcome};
use why403::report::{Inputs, Unreadable};
use why403::viewer::plain;

use super::read::{self, Object, Progress};

/// What was read.
pub struct Seen {
    /// The access logs.
    pub tally: AccessTally,
    /// What was logged beside them.
    pub logs: Logs,
    /// Handshakes that failed.
    pub handshakes: Handshakes,
    /// What there was to read.
    pub inputs: Inputs,
    /// Whether something of it could not be read.
    pub partly: bool,
}

/// Reads all objects.
pub fn all(
    objects: &[Object],
    directory: &Directory,
    threads: usize,
    progress: &Progress,
    mut inputs: Inputs,
) -> Seen {
    let all: Vec<&Object> = objects.iter().collect();
    let common = Common::new(Mutex::new(Refusals::within(&directory.logs)));
    let read = read::all(&all, threads, progress, |object, file, tally: &mut AccessTally| {
        // Or each thread would keep as much as all may.
        if threads > 1 {
            tally.refusals.share(&common);
        }
        logs::read_access(&object.name, file, &directory.logs, tally)
    });
    let mut partly = false;
    let (mut waf_objects, mut origin_objects, mut function_objects) = (vec![], vec![], vec![]);
    let mut connection_objects = vec![];
    for (object, outcome) in all.into_iter().zip(read.outcomes) {
        if object.beside && outcome.as_ref().is_ok_and(|outcome| outcome.kind == Kind::Foreign) {
            progress.tell(|| format!("{}: {}", shown(&object.file), Kind::Foreign.words()));
            continue;
        }
        let Some(outcome) = noted(object, outcome, &mut inputs) else { continue };
        progress.tell(|| format!("{}: {}", shown(&object.file), outcome.kind.words()));
        match outcome.kind {
            Kind::Waf => waf_objects.push(object),
            Kind::Origin => origin_objects.push(object),
            Kind::Function => function_objects.push(object),
            Kind::Connection => connection_objects.push(object),
            Kind::Access => inputs.access_log_files += 1,
            Kind::Mixed => {
                inputs.access_log_files += 1;
                waf_objects.push(object);
            }
            Kind::Empty | Kind::Foreign => {}
        }
        partly |= !outcome.faults.is_empty();
    }
    let mut tally = AccessTally::default();
    read.parts.into_iter().for_each(|part| tally.merge(part));
    let handed_over = mem::take(&mut *common.lock().unwrap_or_else(PoisonError::into_inner));
    tally.refusals.merge(handed_over);
    tally.settle();
    directory.assign(&mut tally.refusals);

    // Without such logs nobody asks for the ids, of which there may be millions.
    let by_id = !waf_objects.is_empty() || !function_objects.is_empty();
    let wanted = if by_id { analysis::wanted(&tally) } else { HashSet::new() };
    let read = read::all(&waf_objects, threads, progress, |object, file, waf: &mut WafIndex| {
        logs::read_waf(&object.name, file, &directory.logs.limits, &wanted, waf)
    });
    for (object, outcome) in waf_objects.into_iter().zip(read.outcomes) {
        let outcome = noted(object, outcome, &mut inputs);
        partly |= outcome.as_ref().is_some_and(|outcome| !outcome.faults.is_empty());
        inputs.waf_log_files += u64::from(outcome.is_some());
    }
    let mut waf = WafIndex::default();
    read.parts.into_iter().for_each(|part| waf.merge(part));
    let mut function = FunctionIndex::default();
    let read =
        read::all(&function_objects, threads, progress, |_, file, function: &mut FunctionIndex| {
            logs::read_function(file, &directory.logs.limits, &wanted, function)
        });
    for (object, outcome) in function_objects.into_iter().zip(read.outcomes) {
        let outcome = noted(object, outcome, &mut inputs);
        inputs.function_log_files += u64::from(outcome.is_some());
    }
    read.parts.into_iter().for_each(|part| function.merge(part));
    inputs.function_log_lines = function.lines;
    let read = read::all(
        &connection_objects,
        threads,
        progress,
        |_, file, handshakes: &mut Handshakes| {
            logs::read_connections(file, &directory.logs, handshakes)
        },
    );
    for (object, outcome) in connection_objects.into_iter().zip(read.outcomes) {
        let outcome = noted(object, outcome, &mut inputs);
        inputs.connection_log_files += u64::from(outcome.is_some());
    }
    let mut handshakes = Handshakes::default();
    read.parts.into_iter().for_each(|part| handshakes.merge(part));
    inputs.connection_log_lines = handshakes.lines;
    // Origins are read last: under which ids they know a request is told by their WAFs. What is
    // kept of one id depends on the order of its lines, so they are read one after the other.
    let wanted = match origin_objects.as_slice() {
        [] => Wanted::default(),
        _ => analysis::wanted_of_origins(&tally, &waf),
    };
    let read = read::all(&origin_objects, 1, progress, |_, file, origin: &mut OriginIndex| {
        logs::read_origin(file, &directory.logs.limits, &wanted, origin)
    });
    for (object, outcome) in origin_objects.into_iter().zip(read.outcomes) {
        let outcome = noted(object, outcome, &mut inputs);
        inputs.origin_log_files += u64::from(outcome.is_some());
    }
    let origin = read.parts.into_iter().next().unwrap_or_default();
    progress.done();
    inputs.origin_log_lines = origin.lines;
    inputs.origin_lines_left_out = origin.left_out;
    inputs.waf_records = waf.records;
    inputs.access_log_lines = tally.lines + tally.of_other_times;
    inputs.access_log_lines_left_out = tally.of_other_times;
    inputs.malformed_lines = tally.malformed + origin.malformed + handshakes.malformed;
    inputs.unreadable_files.sort();
    inputs.unreadable_files.dedup();
    partly |= !inputs.unreadable_files.is_empty() || inputs.malformed_lines > 0;
    let logs = Logs { waf: waf.into(), origin: origin.into(), function };
    Seen { tally, logs, handshakes, inputs, partly }
}

impl Seen {
    /// Whether nothing of it was a log of ours.
    pub fn is_empty(&self) -> bool {
        let inputs = &self.inputs;
        inputs.access_log_files
            + inputs.waf_log_files
            + inputs.origin_log_files
            + inputs.function_log_files
            + inputs.connection_log_files
            == 0
    }
}

/// The files below a folder but those in `apart`, links not followed, since a link may lead out of
/// it.
pub fn walk(
    root: &Path,
    folder: &Path,
    apart: &[PathBuf],
    objects: &mut BTreeSet<Object>,
    inputs: &mut Inputs,
) {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => {
            let reason = error.to_string();
            inputs.unreadable_files.push(Unreadable { file: shown(folder), reason });
            return;
        }
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if apart.contains(&path) {
            continue;
        }
        let Ok(kind) = entry.file_type() else { continue };
        let reason = if kind.is_dir() {
            walk(root, &path, apart, objects, inputs);
            continue;
        } else if kind.is_symlink() {
            "a link, which is not followed".to_owned()
        } else if !kind.is_file() {
            // A pipe or a device may never end.
            "neither a file nor a folder".to_owned()
        } else if objects.len() >= BUNDLE_FILES {
            // One is named for all: they are too many.
            if inputs.unreadable_files.iter().any(|file| file.reason.starts_with("more than")) {
                continue;
            }
            format!("more than {BUNDLE_FILES} files, of which the others are not read")
        } else {
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            objects.insert(Object::of_file(name, path));
            continue;
        };
        inputs.unreadable_files.push(Unreadable { file: shown(&path), reason });
    }
}

/// Complains of what could not be read of an object.
fn noted(object: &Object, outcome: io::Result<Outcome>, inputs: &mut Inputs) -> Option<Outcome> {
    match outcome {
        Ok(outcome) => {
            note(object, &outcome.faults, inputs);
            Some(outcome)
        }
        Err(error) => {
            let reason = error.to_string();
            inputs.unreadable_files.push(Unreadable { file: shown(&object.file), reason });
            None
        }
    }
}

fn note(object: &Object, faults: &Faults, inputs: &mut Inputs) {
    for fault in faults.kept() {
        if fault.is_of_the_object() {
            let reason = fault.to_string();
            inputs.unreadable_files.push(Unreadable { file: shown(&object.file), reason });
        } else {
            complain(&format!("{}: {fault}", shown(&object.file)));
        }
    }
    let kept = faults.kept().iter().filter(|fault| !fault.is_of_the_object()).count() as u64;
    if faults.lines() > kept {
        let more = faults.lines() - kept;
        complain(&format!("{}: {more} more lines could not be read", shown(&object.file)));
    }
}

pub fn report_unread(inputs: &Inputs) {
    for file in &inputs.unreadable_files {
        complain(&format!("{}: {}", file.file, file.reason));
    }
}

pub fn shown(path: &Path) -> String {
    plain(&path.to_string_lossy())
}

#[expect(clippy::print_stderr, reason = "standard error is where a command complains")]
pub fn complain(what: &str) {
    eprintln!("why403: {what}");
}
