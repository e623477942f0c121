//! `--ask`: a few refused paths are asked for directly, and the answers are kept in the bundle.

#![expect(
    clippy::disallowed_methods,
    reason = "the command line writes files: this is one of the ends"
)]

use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::Args;
use why403::account::{Account, Answer, Question};
use why403::analysis::Analysis;
use why403::asked::{ASKED, Index, client, plan};

use super::see::{complain, shown};

/// What may be asked directly.
#[derive(Debug, Args)]
pub struct Asking {
    /// Ask origins and distributions directly for up to three GET or HEAD paths of each finding that
    /// is not confirmed, without queries. Answers are kept in the bundle, in origin/asked.json
    #[arg(long)]
    ask: bool,

    /// Send the queries as well, save those that hold signatures, tokens and the like
    #[arg(long, requires = "ask")]
    ask_with_query: bool,

    /// Ask private addresses as well, such as those of one's own network
    #[arg(long, requires = "ask")]
    ask_private: bool,
}

impl Asking {
    /// Whether anything is to be asked.
    pub fn is_wished(&self) -> bool {
        self.ask
    }
}

/// An account that knows answers more.
pub struct WithAnswers<'a> {
    account: &'a dyn Account,
    asked: Index,
}

impl Account for WithAnswers<'_> {
    fn ask(&self, question: &Question) -> (Answer, Option<jiff::Timestamp>) {
        match question.operation {
            ASKED => (Answer::Said(self.asked.to_json()), None),
            _ => self.account.ask(question),
        }
    }

    fn subjects(&self, operation: &'static str) -> Vec<String> {
        self.account.subjects(operation)
    }
}

/// Asks what an analysis leaves open; `None` where nothing is to be asked.
pub fn ask<'a>(
    asking: &Asking,
    analysis: &Analysis<'_>,
    account: &'a dyn Account,
    paths: &[PathBuf],
) -> Option<WithAnswers<'a>> {
    if !asking.ask {
        return None;
    }
    let asks = plan::plan(analysis, asking.ask_with_query);
    if asks.is_empty() {
        complain(
            "--ask: there is nothing to ask: every finding is confirmed, or none has a GET or HEAD path",
        );
        return None;
    }
    let asked = analysis.facts.asked.clone().with(client::ask(asks, asking.ask_private));
    match paths.iter().find(|path| path.is_dir()) {
        Some(bundle) => {
            if let Err(error) = keep(bundle, &asked) {
                let file = bundle.join("origin").join("asked.json");
                complain(&format!("{}: the answers are not kept: {error}", shown(&file)));
            }
        }
        None => complain("--ask: the answers are not kept: there is no bundle to keep them in"),
    }
    Some(WithAnswers { account, asked })
}

/// Writes the answers into a bundle, and never outside of it.
fn keep(bundle: &Path, asked: &Index) -> io::Result<()> {
    let folder = bundle.join("origin");
    match fs::symlink_metadata(&folder) {
        Ok(about) if !about.is_dir() => return Err(io::Error::other("origin is no folder")),
        Ok(_) => {}
        Err(_) => fs::create_dir(&folder)?,
    }
    // Under another name first: there is a whole one or none. A link in its place is replaced.
    let part = folder.join(format!(".asked.json.{}.part", std::process::id()));
    fs::write(&part, serde_json::to_string_pretty(&asked.to_json())? + "\n")?;
    fs::rename(&part, folder.join("asked.json")).inspect_err(|_| drop(fs::remove_file(&part)))
}
