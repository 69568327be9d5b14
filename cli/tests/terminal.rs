//! The command on a terminal: colours, columns, bodies that can be read, and a bar that moves.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::process::Command;

use serde_json::{Value, json};
use support::terminal::Terminal;
use support::{Desk, text};

const GREEN: &str = "\u{1b}[32m";

fn on_a_terminal(command: Command) -> String {
    let (status, shown) = Terminal::run(command).ended();
    assert!(status.success(), "{shown}");
    shown
}

#[tokio::test(flavor = "multi_thread")]
async fn colours_are_for_terminals_and_for_who_wants_them() {
    let desk = Desk::new().await;
    desk.connect("me").await;
    let with = |more: &[&str], no_color: &str| {
        let mut command = desk.command(&[&["list"], more].concat());
        command.env("NO_COLOR", no_color);
        command
    };
    assert!(on_a_terminal(with(&[], "")).contains(&format!("{GREEN}active")));
    assert!(!on_a_terminal(with(&[], "1")).contains('\u{1b}'));
    assert!(!on_a_terminal(with(&["--color", "never"], "")).contains('\u{1b}'));
    assert!(on_a_terminal(with(&["--color", "always"], "1")).contains(GREEN));
    let piped = |mut command: Command| text(&command.output().unwrap().stdout);
    assert!(!piped(with(&[], "")).contains('\u{1b}'));
    assert!(piped(with(&["--color", "always"], "")).contains(GREEN));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_laid_out_for_a_terminal_and_left_alone_for_a_program() {
    let desk = Desk::new().await;
    desk.connect("me").await;
    let asked = ["request", "me", "/rest/api/3/myself"];
    let shown = on_a_terminal(desk.command(&asked));
    assert!(shown.contains("\n  \"displayName\": \"Ada Lovelace\""), "{shown}");
    let raw = desk.run(&asked).await.stdout;
    assert!(!text(&raw).contains('\n'), "{}", text(&raw));
    assert_eq!(
        serde_json::from_str::<Value>(&shown).unwrap(),
        serde_json::from_slice::<Value>(&raw).unwrap()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn keep_alive_shows_how_far_it_is_while_it_works() {
    let desk = Desk::new().await;
    desk.connect("me").await;
    desk.fault("/oauth/token", json!({ "hold": "before" })).await;
    let command = desk.command(&["keep-alive", "--idle-days", "0"]);
    let terminal = tokio::task::spawn_blocking(|| {
        let mut terminal = Terminal::run(command);
        terminal.until("0 grants kept alive in ");
        terminal
    });
    let terminal = terminal.await.unwrap();
    desk.mend().await;
    let (status, shown) = tokio::task::spawn_blocking(|| terminal.ended()).await.unwrap();
    assert!(status.success(), "{shown}");
    assert!(shown.trim_end().ends_with("1 rotated, 0 failed for now"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_stops_reading_is_no_fault() {
    let desk = Desk::new().await;
    for shell in ["bash", "zsh"] {
        // Nobody ever reads: the first write fails.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = desk.command(&["completions", shell]).stdout(writer).output().unwrap();
        assert_eq!(text(&output.stderr), "");
    }
}
