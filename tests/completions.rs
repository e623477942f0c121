//! The completions load in the shells that they are for.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test starts programs, tells what it leaves out, and may fail"
)]

use std::io::Write;
use std::process::{Command, Output, Stdio};

/// What a shell says to a script. `None` where the shell is not on this machine, which only a
/// developer's may lack.
fn run(shell: &str, arguments: &[&str], script: &str) -> Option<Output> {
    let mut command = Command::new(shell);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "{shell}: {error}");
            eprintln!("SKIPPED: {shell}: {error}");
            return None;
        }
    };
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    Some(child.wait_with_output().unwrap())
}

fn completions(shell: &str) -> String {
    let program = env!("CARGO_BIN_EXE_why403");
    let out = Command::new(program).args(["completions", shell]).output().unwrap();
    assert!(out.status.success());
    String::from_utf8(out.stdout).unwrap()
}

/// Loads the completions, asks what follows `why403 rep` or whether something is registered, and
/// looks for a word in the answer.
fn offers(shell: &str, arguments: &[&str], before: &str, after: &str, word: &str) {
    let script = format!("{before}\n{}\n{after}\n", completions(shell));
    let Some(out) = run(shell, arguments, &script) else { return };
    let (said, errors) =
        (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success() && errors.is_empty(), "{shell}: {errors}");
    assert!(said.contains(word), "{shell}: {said}");
}

#[test]
fn bash_completes_a_command() {
    let after = "COMP_WORDS=(why403 rep); COMP_CWORD=1; _why403 why403 rep why403; \
                 echo \"${COMPREPLY[@]}\"";
    offers("bash", &["--norc"], "", after, "replay");
}

#[test]
fn zsh_completes_a_command() {
    let before = "autoload -U compinit; compinit -u -D";
    offers("zsh", &["-f"], before, "echo $_comps[why403]", "_why403");
}

#[test]
fn fish_completes_a_command() {
    offers("fish", &["--no-config"], "", "complete -C 'why403 rep'", "replay");
}
