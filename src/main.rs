//! The command line.

mod commands;

use std::panic;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
#[cfg(feature = "mcp")]
use commands::mcp;
use commands::{Ended, audit, causes, replay, schema, shell, simulate};
#[cfg(feature = "aws")]
use commands::{capture, explain};

/// Says why CloudFront answers 403: who is refused, since when, why, and what to do
#[derive(Debug, Parser)]
#[command(name = "why403", version, about, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done; 1 from `audit --fail-on` alone; 2 done, but some input could \
    not be read; 64 bad usage; 66 no readable input; 70 internal error; 77 AWS refused."
)]
struct Cli {
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    color: Color,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Explain the refusals in logs that lie on this machine; needs no AWS account
    Replay(replay::Replay),
    /// Explain the refusals of the last hours on the live account, read-only
    #[cfg(feature = "aws")]
    Explain(explain::Explain),
    /// Write a bundle from the live account, read-only: logs and facts, without secrets
    #[cfg(feature = "aws")]
    Capture(capture::Capture),
    /// Say what a configuration will refuse, before any request comes
    Audit(audit::Command),
    /// Make up an incident with known causes, as a bundle: for demos, tests and fire drills
    Simulate(simulate::Simulate),
    /// List the causes, or say what one means, what proves it and what to do
    Causes(causes::Causes),
    /// Write the JSON Schema of an output
    Schema(schema::Schema),
    /// Write completions for a shell
    Completions(shell::Completions),
    /// Answer an operator's assistant over the Model Context Protocol, read-only
    #[cfg(feature = "mcp")]
    Mcp(mcp::Mcp),
    /// Write the manual page
    Man,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 64 } else { 0 });
        }
    };
    match cli.color {
        Color::Auto => {}
        Color::Always => anstream::ColorChoice::Always.write_global(),
        Color::Never => anstream::ColorChoice::Never.write_global(),
    }
    // A panic is a fault of ours; it ends with a code of its own and says where it was.
    let run = panic::catch_unwind(|| match &cli.command {
        Command::Replay(command) => replay::run(command),
        #[cfg(feature = "aws")]
        Command::Explain(command) => explain::run(command),
        #[cfg(feature = "aws")]
        Command::Capture(command) => capture::run(command),
        Command::Audit(command) => audit::run(command),
        Command::Simulate(command) => simulate::run(command),
        Command::Causes(command) => causes::run(command),
        Command::Schema(command) => schema::run(command),
        Command::Completions(command) => shell::completions(command, Cli::command()),
        #[cfg(feature = "mcp")]
        Command::Mcp(command) => mcp::run(command),
        Command::Man => shell::man(Cli::command()),
    });
    run.unwrap_or(Ended::Internal).into()
}
