//! A Lambda event in a file: through the function's own routing to the objects that lie beside it.

#![expect(
    clippy::disallowed_methods,
    reason = "the command line reads files: this is one of the ends"
)]

use std::fs;
use std::path::{Path, PathBuf};

use why403::account::bundle::{file_name, inside};
use why403::trigger::{self, Batch, Object};

/// Lambda hands no more than 6 MB to a function.
const EVENT_BYTES: u64 = 6 << 20;

/// The event in a file, or `None` where the file is none: a log may be JSON too.
pub fn read(path: &Path) -> Option<Batch> {
    let is_json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    // What is read from a pipe cannot be read again as a log.
    if !is_json
        || !fs::metadata(path).is_ok_and(|about| about.is_file() && about.len() <= EVENT_BYTES)
    {
        return None;
    }
    let event = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    let batch = trigger::read(&event);
    let says_something =
        |message: &trigger::Message| !message.objects.is_empty() || !message.nothing.is_empty();
    (batch.partial || batch.messages.iter().any(says_something)).then_some(batch)
}

/// The folder in which an event's objects and facts lie.
pub fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The file of an object, `DIR/objects/BUCKET/KEY`, unless it is missing or leads out of there.
pub fn file_of(folder: &Path, object: &Object) -> Option<PathBuf> {
    let objects = folder.join("objects");
    let name = format!("{}/{}", file_name(&object.bucket), file_name(&object.key));
    inside(&objects, Path::new(&name)).filter(|path| path.is_file())
}
