//! The sandbox as a program: one line of JSON with its address, then it serves until it is told to stop.

use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;

use serde_json::json;
use threelo_sandbox::World;
use tokio::sync::oneshot;

mod stop;

const USAGE: &str = "usage: threelo-sandbox [--port PORT] [--seed N] [--world FILE.json] [--stay]";

#[derive(Default)]
struct Args {
    port: u16,
    seed: Option<u64>,
    world: Option<String>,
    stay: bool,
    help: bool,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            let _ = writeln!(io::stderr(), "threelo-sandbox: {why}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), String> {
    let args = parse(std::env::args().skip(1))?;
    if args.help {
        return line(USAGE);
    }
    let mut world = match &args.world {
        None => World::default(),
        Some(file) => {
            let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
            serde_json::from_str(&text).map_err(|error| format!("{file}: {error}"))?
        }
    };
    if let Some(seed) = args.seed {
        world.seed = seed;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("threelo-sandbox")
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let outcome = runtime.block_on(serve(world, &args));
    // Requests that a fault holds must not keep the process.
    runtime.shutdown_background();
    outcome
}

async fn serve(world: World, args: &Args) -> Result<(), String> {
    let text = |error: io::Error| error.to_string();
    let stop = stop::signal().map_err(text)?;
    let running = threelo_sandbox::start(world, args.port).await.map_err(text)?;
    line(&json!({"url": running.url()}).to_string())?;
    let orphaned = stdin_closed(args.stay);
    tokio::select! {
        () = stop => {}
        _ = orphaned => {}
    }
    running.shutdown().await;
    Ok(())
}

/// Ends when stdin does: the parent has gone. A thread, because reading stdin cannot be cancelled.
async fn stdin_closed(stay: bool) {
    let (closed, wait) = oneshot::channel::<()>();
    let reader = (!stay).then(|| {
        std::thread::spawn(move || {
            let mut buffer = [0; 1024];
            while matches!(io::stdin().lock().read(&mut buffer), Ok(1..)) {}
            drop(closed);
        })
    });
    match reader {
        Some(_) => drop(wait.await),
        None => std::future::pending().await,
    }
}

fn line(text: &str) -> Result<(), String> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|error| error.to_string())
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Args, String> {
    let mut parsed = Args::default();
    while let Some(arg) = args.next() {
        let (name, inline) = match arg.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (arg, None),
        };
        let mut value =
            || inline.clone().or_else(|| args.next()).ok_or_else(|| format!("{name} needs a value\n{USAGE}"));
        let wrong = |_| format!("{name} needs a number\n{USAGE}");
        match name.as_str() {
            "--port" => parsed.port = value()?.parse().map_err(wrong)?,
            "--seed" => parsed.seed = Some(value()?.parse().map_err(wrong)?),
            "--world" => parsed.world = Some(value()?),
            "--stay" => parsed.stay = true,
            "--help" | "-h" => parsed.help = true,
            _ => return Err(format!("unknown argument {name}\n{USAGE}")),
        }
    }
    Ok(parsed)
}
