//! The document around every page.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::{Page, Tone, Voice};

pub(crate) const STYLE: &str = include_str!("style.css");

pub(crate) fn document(page: &Page) -> Markup {
    let (speaker, badge) = match page.voice {
        Voice::Command => ("threelo", None),
        Voice::Sandbox => ("threelo sandbox", Some("not Atlassian")),
    };
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (page.title) " · " (speaker) }
                style { (PreEscaped(STYLE)) }
            }
            body .wide[page.wide] {
                header { span .speaker { (speaker) } @if let Some(badge) = badge { span .badge { (badge) } } }
                main .(tone(page.tone)) {
                    div .heading { (sign(page.tone)) h1 { (page.title) } }
                    (page.body)
                }
                @if let Some(script) = page.script { script { (PreEscaped(script)) } }
            }
        }
    }
}

fn tone(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "plain",
        Tone::Good => "good",
        Tone::Bad => "bad",
    }
}

/// A tick or a cross beside the heading, which says the same in words.
fn sign(tone: Tone) -> Markup {
    let path = match tone {
        Tone::Plain => return html! {},
        Tone::Good => "M7 12.5l3.5 3.5L17 9",
        Tone::Bad => "M8.5 8.5l7 7m0-7l-7 7",
    };
    html! {
        svg .sign viewBox="0 0 24 24" aria-hidden="true" { circle cx="12" cy="12" r="11" {} path d=(path) {} }
    }
}
