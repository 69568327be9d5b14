//! The `threelo` command as a program of its own; pip and npm bring the same command inside their extension.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(threelo_cli::run(std::env::args_os()))
}
