//! The subcommands, one file each.

#[cfg(feature = "aws")]
pub mod ask;
pub mod audit;
#[cfg(feature = "aws")]
pub mod capture;
pub mod causes;
pub mod event;
#[cfg(feature = "aws")]
pub mod explain;
#[cfg(feature = "mcp")]
pub mod mcp;
mod moment;
#[cfg(feature = "aws")]
mod places;
mod read;
pub mod replay;
pub mod schema;
mod see;
pub mod shell;
pub mod simulate;

use std::process::ExitCode;

/// How a command ended, as the exit codes of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Done.
    Done,
    /// An audit found what it was told to fail on.
    Found,
    /// Done, but some input could not be read.
    Partly,
    /// It was called with something that it cannot use.
    Usage,
    /// No readable input at all.
    NoInput,
    /// Something of ours failed.
    Internal,
    /// AWS refused.
    #[cfg(feature = "aws")]
    Refused,
}

impl From<Ended> for ExitCode {
    fn from(ended: Ended) -> Self {
        ExitCode::from(match ended {
            Ended::Done => 0,
            Ended::Found => 1,
            Ended::Partly => 2,
            Ended::Usage => 64,
            Ended::NoInput => 66,
            Ended::Internal => 70,
            #[cfg(feature = "aws")]
            Ended::Refused => 77,
        })
    }
}
