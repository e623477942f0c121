//! `why403 explain --distribution ID`: what a bundle of the live account explains, without keeping
//! the bundle. So both give the same answer.

use clap::Args;
use why403::logs::Times;

use super::Ended;
use super::capture::{self, Asked};
use super::replay::{self, Shown};
use super::see::complain;

/// What `explain` is told.
#[derive(Debug, Args)]
pub struct Explain {
    #[command(flatten)]
    asked: Asked,

    #[command(flatten)]
    shown: Shown,
}

/// Runs the command.
pub fn run(command: &Explain) -> Ended {
    if let Some(why) = command.shown.unusable() {
        complain(&why);
        return Ended::Usage;
    }
    let folder = match tempfile::Builder::new().prefix("why403-").tempdir() {
        Ok(folder) => folder,
        Err(error) => {
            complain(&format!("a temporary folder: {error}"));
            return Ended::Internal;
        }
    };
    let runtime = match capture::runtime(folder.path()) {
        Ok(runtime) => runtime,
        Err(ended) => return ended,
    };
    let captured = capture::into(folder.path(), &command.asked, &runtime);
    if !matches!(captured, Ended::Done | Ended::Partly) {
        return captured;
    }
    match replay::explain(&[folder.path().to_owned()], Times::default(), &command.shown) {
        Ended::Done => captured,
        ended => ended,
    }
}
