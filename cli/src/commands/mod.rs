//! One function per command: read what was said, call the verb, show what came.

mod connections;
mod doctor;
mod import;
mod init;
mod parts;
mod passes;
mod request;
mod sandbox;

use std::future::Future;
use std::time::Duration;

use threelo_core::{Client, CloseOptions};

use crate::args::{self, Args, Command};
use crate::output::Output;
use crate::settings::Settings;
use crate::{Failure, Outcome, browser};

/// A command that is done waits this long for a rotation that is still being stored.
const CLOSE: Duration = Duration::from_secs(10);

pub(crate) async fn dispatch(args: &Args, output: &Output, pages: &browser::Pages) -> Outcome {
    match &args.command {
        Command::Init(asked) => return interruptible(init::run(&args.app, asked, output)).await,
        Command::Sandbox(asked) => return interruptible(sandbox::run(asked, output)).await,
        Command::Doctor(asked) => return doctor::run(&args.app, asked, output).await,
        Command::Completions(asked) => {
            // Into memory first: it panics where it cannot write.
            let mut script = Vec::new();
            clap_complete::generate(asked.shell, &mut args::described(), "threelo", &mut script);
            output.line(String::from_utf8_lossy(&script).trim_end());
            return Ok(());
        }
        _ => {}
    }
    let settings = Settings::read(&args.app)?;
    let redirect_uri = settings.text("redirect_uri").unwrap_or_default().to_owned();
    let client = settings.open(matches!(args.command, Command::Connect(_))).await?;
    attended(&client, with(&client, args, output, &redirect_uri, pages)).await
}

/// Ctrl-C ends it.
async fn interruptible(work: impl Future<Output = Outcome>) -> Outcome {
    tokio::select! {
        // Listened for before anything begins, so that what has begun is also taken back, such as a terminal's hiding.
        biased;
        _ = tokio::signal::ctrl_c() => Err(Failure::Interrupted),
        outcome = work => outcome,
    }
}

/// The same for work with a client, which is closed whatever came of it.
async fn attended(client: &Client, work: impl Future<Output = Outcome>) -> Outcome {
    let outcome = interruptible(work).await;
    // What was begun is stored before the process ends, also after a failure.
    let _ = client.close(CloseOptions { timeout: Some(CLOSE) }).await;
    outcome
}

async fn with(
    client: &Client,
    args: &Args,
    output: &Output,
    redirect_uri: &str,
    pages: &browser::Pages,
) -> Outcome {
    match &args.command {
        Command::Connect(asked) => {
            let connection = browser::connect(client, output, asked, redirect_uri, pages).await?;
            connections::tell(output, &connection);
            Ok(())
        }
        Command::Sites(asked) => connections::sites(client, output, &asked.id).await,
        Command::SelectSite(asked) => connections::select_site(client, output, asked).await,
        Command::List(asked) => connections::list(client, output, asked).await,
        Command::Show(asked) => connections::show(client, output, &asked.id).await,
        Command::Refresh(asked) => connections::refresh(client, output, &asked.id).await,
        Command::Disconnect(asked) => connections::disconnect(client, output, &asked.id).await,
        Command::KeepAlive(asked) => passes::keep_alive(client, output, asked).await,
        Command::Rekey => passes::rekey(client, output).await,
        Command::Import(asked) => import::run(client, output, asked).await,
        Command::Request(asked) => request::run(client, output, asked).await,
        Command::Init(_) | Command::Sandbox(_) | Command::Doctor(_) | Command::Completions(_) => Ok(()),
    }
}
