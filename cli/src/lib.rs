//! The `threelo` command. It decides nothing about connections: every command is a verb of [`threelo_core::Client`], and
//! what is here is how a person says it and reads the answer.

mod args;
mod browser;
mod commands;
mod keyring;
mod output;
mod settings;
mod typed;

use std::ffi::OsString;

use clap::Parser as _;
use clap::error::ErrorKind;
use threelo_core::Error;

use crate::args::Args;
use crate::output::Output;

/// Why a command failed.
#[derive(Debug)]
enum Failure {
    /// threelo's own error.
    Told(Error),
    /// What was asked makes no sense; the text says what would.
    Usage(String),
    /// Reading or writing on this machine.
    Io(String, std::io::Error),
    /// The command found something wrong and has said so already; this is the exit code.
    Found(u8),
    /// Ctrl-C.
    Interrupted,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Told(error)
    }
}

type Outcome<T = ()> = Result<T, Failure>;

/// Runs the command and returns its exit code: 0 done, 1 failed, 2 wrong usage or settings, 3 a person has to consent
/// again, 4 failed and may succeed later, 130 interrupted.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let args = match Args::try_parse_from(&arguments) {
        Ok(args) => args,
        Err(told) => return not_understood(&told, &arguments),
    };
    let output = Output::new(args.json, args.color);
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output.failure(&Failure::Io("starting".to_owned(), error)),
    };
    let pages = browser::Pages::default();
    let outcome = runtime.block_on(commands::dispatch(&args, &output, &pages));
    let interrupted = matches!(outcome, Err(Failure::Interrupted));
    let code = match outcome {
        Ok(()) => 0,
        Err(failure) => output.failure(&failure),
    };
    if !interrupted {
        runtime.block_on(async {
            tokio::select! {
                () = pages.finish() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        });
    }
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    code
}

/// Help that was asked for, or what is wrong with the command line, told in the same way as every other failure.
fn not_understood(told: &clap::Error, arguments: &[OsString]) -> u8 {
    let (json, color) = args::looks(arguments);
    match told.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let _ = told.print();
            0
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand if !json => {
            let _ = told.print();
            output::USAGE
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Output::new(json, color).failure(&Failure::Usage("a command is missing".to_owned()))
        }
        _ => {
            let text = told.render().to_string();
            let text = text.trim_start_matches("error: ");
            let text = text.split("\n\nFor more information").next().unwrap_or(text).trim_end();
            Output::new(json, color).failure(&Failure::Usage(text.to_owned()))
        }
    }
}
