//! The way to Atlassian: proxies, whether its hosts answer, and what they think the time is.

use std::path::Path;
use std::time::{Duration, SystemTime};

use secrecy::SecretString;
use threelo_core::Error;
use threelo_core::atlassian::Hosts;
use threelo_core::probe::{Probe, Reached};

use super::Findings;
use crate::settings::Settings;

/// A host that does not answer within this time is not reachable.
const REACH: Duration = Duration::from_secs(5);
/// Clocks that differ by less agree.
const AGREE: Duration = Duration::from_secs(60);

pub(super) async fn look(settings: &Settings, findings: &mut Findings) {
    let through = proxies(settings, findings);
    let proxy = settings.text("proxy").map(SecretString::from);
    let probe = Probe::new(proxy.as_ref(), settings.text("ca_bundle").map(Path::new));
    let named = ["auth", "api"].map(|name| Some((name.to_owned(), settings.endpoint(name)?.to_owned())));
    let (hosts, probe) = match (Hosts::new(&named.into_iter().flatten().collect()), probe) {
        (Ok(hosts), Ok(probe)) => (hosts, probe),
        (Err(error), _) | (_, Err(error)) => return findings.bad("hosts", &error),
    };
    let (auth, api) = (hosts.token(), hosts.me());
    // At the same time: behind a firewall that says nothing each takes as long as it may.
    let (auth, api) = tokio::join!(reach(&probe, auth), reach(&probe, api));
    for (what, (host, reached)) in [("identity service", &auth), ("API", &api)] {
        match reached {
            Ok(_) => findings.good(what, format!("{host} answers")),
            Err(error) => findings.warn(what, error.message(), format!("{}{through}", error.hint())),
        }
    }
    clock([auth.1, api.1], findings);
}

async fn reach(probe: &Probe, mut url: url::Url) -> (String, Result<Reached, Error>) {
    url.set_path("/");
    (url.host_str().unwrap_or_default().to_owned(), probe.ask(&url, REACH).await)
}

/// Which proxies are used; what to look at where a host is out of reach. Their values can hold passwords, so only
/// their names are told.
fn proxies(settings: &Settings, findings: &mut Findings) -> String {
    let set = |names: &[&'static str]| -> Vec<&'static str> {
        let given = |name: &&&str| std::env::var_os(name).is_some_and(|text| !text.is_empty());
        names.iter().filter(given).copied().collect()
    };
    let named = set(&["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]);
    let spared = set(&["NO_PROXY", "no_proxy"]);
    if let Some(place) = settings.sources.get("proxy") {
        let beside = if named.is_empty() { "" } else { ", and those of the environment are not" };
        findings.good("proxy", format!("the one from {place} is used for all requests{beside}"));
        return " See whether the setting `proxy` is right.".to_owned();
    }
    if named.is_empty() {
        findings.good("proxy", "none");
        return " See whether a proxy has to be used (--proxy, or HTTPS_PROXY).".to_owned();
    }
    let but = if spared.is_empty() {
        String::new()
    } else {
        format!(", but for the hosts in {}", spared.join(", "))
    };
    findings.good("proxy", format!("taken from {}{but}", named.join(", ")));
    format!(" See whether {} {} right.", named.join(", "), if named.len() == 1 { "is" } else { "are" })
}

/// How far this machine's clock is off, by what the first of the hosts says that tells its time: tokens live by that of
/// the identity service.
fn clock(answers: [Result<Reached, Error>; 2], findings: &mut Findings) {
    let dates = answers.into_iter().flatten().filter_map(|answer| answer.date);
    let Some(date) = dates.filter_map(|date| httpdate::parse_http_date(&date).ok()).next() else {
        return findings.skipped("clock", "no host told its time", None);
    };
    let now = SystemTime::now();
    let off = now.duration_since(date).or_else(|_| date.duration_since(now)).unwrap_or_default();
    if off > AGREE {
        let found = format!("this machine's clock is off by about {} s", off.as_secs());
        let next = "Synchronise it (NTP). Nothing is lost meanwhile: what counts is learnt.";
        findings.warn("clock", found, next);
    } else {
        findings.good("clock", "agrees with Atlassian's");
    }
}
