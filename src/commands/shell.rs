//! `why403 completions SHELL` and `why403 man`: what a shell and a reader of manuals want, from the
//! definition of the command line itself.

use std::io::{self, Write};

use clap::{Args, Command};
use clap_complete::Shell;

use super::Ended;

/// What `completions` is told.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

/// Writes the completions for a shell.
pub fn completions(command: &Completions, mut program: Command) -> Ended {
    let mut text = Vec::new();
    clap_complete::generate(command.shell, &mut program, "why403", &mut text);
    write(&text)
}

/// Writes the manual: the program's page, followed by those of its commands.
pub fn man(mut program: Command) -> Ended {
    program.build();
    let mut text = Vec::new();
    let commands = program.get_subcommands().filter(|command| command.get_name() != "help");
    let pages = std::iter::once(program.clone()).chain(commands.cloned());
    for page in pages {
        if clap_mangen::Man::new(page).render(&mut text).is_err() {
            return Ended::Internal;
        }
    }
    write(&text)
}

fn write(text: &[u8]) -> Ended {
    match io::stdout().lock().write_all(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Ended::Internal,
        _ => Ended::Done,
    }
}
