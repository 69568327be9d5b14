//! The program of docs/quickstart-rust.md, which shows all of it but this head. A test runs it against the sandbox.
//! Looking into JSON that is not there gives null and does not panic, which the lint cannot know.
#![allow(clippy::print_stdout, clippy::indexing_slicing)]

use std::error::Error;

use threelo_core::{Client, ClientOptions, CloseOptions, CompleteOptions, ConnectOptions, RequestOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut options = ClientOptions::new(
        std::env::var("JIRA_CLIENT_ID")?,
        std::env::var("JIRA_CLIENT_SECRET")?,
        "http://localhost:3000/callback",
        &["read:jira-work", "read:jira-user"],
    );
    // The address of a sandbox, to try it on; without it, Atlassian.
    if let Ok(host) = std::env::var("SANDBOX") {
        options.endpoints = ["auth", "api"].map(|name| (name.to_owned(), host.clone())).into();
    }
    let client = Client::open(options).await?;

    let session = client.connect(ConnectOptions::new("user-42", Some("my-session"))).await?;
    println!("Open {} and paste the address you end up at:", session.url);
    let mut callback_url = String::new();
    std::io::stdin().read_line(&mut callback_url)?;
    let complete = CompleteOptions {
        callback_url: callback_url.trim().into(),
        binding: Some("my-session".into()),
        timeout: None,
    };
    let connection = client.complete(complete).await?;
    println!("{}", connection.site.map_or("no site yet".into(), |site| site.url));

    let myself = client.proxy_request(RequestOptions::new("user-42", "GET", "/rest/api/3/myself")).await?;
    println!("{}", myself.json::<serde_json::Value>()?["displayName"]);
    client.close(CloseOptions::default()).await?;
    Ok(())
}
