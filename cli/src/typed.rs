//! What a person types, or a program writes, when it is asked.

use std::io::{self, IsTerminal as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::{Failure, Outcome};

/// A line from standard input, without holding the runtime; `None` at its end.
pub(crate) async fn read_line() -> Outcome<Option<String>> {
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        let count = io::stdin().read_line(&mut line)?;
        Ok((count > 0).then(|| line.trim().to_owned()))
    });
    let line = read.await.map_err(|_| Failure::Interrupted)?;
    line.map_err(|error| Failure::Io("reading standard input".to_owned(), error))
}

/// The same for a secret, which a terminal does not show from when it is asked for on.
pub(crate) async fn read_secret(ask: impl FnOnce()) -> Outcome<Option<SecretString>> {
    let _unseen = Unseen::begin()?;
    ask();
    let line = read_line().await?.map(Zeroizing::new);
    Ok(line.filter(|line| !line.is_empty()).map(|line| SecretString::from(line.as_str())))
}

/// Whether a person can be asked.
pub(crate) fn by_a_person() -> bool {
    io::stdin().is_terminal()
}

/// A terminal that does not show what is typed, until this is dropped, also by Ctrl-C.
struct Unseen(Option<Termios>);

impl Unseen {
    fn begin() -> Outcome<Self> {
        let stdin = io::stdin();
        if !stdin.is_terminal() {
            return Ok(Self(None));
        }
        let hide = || {
            let before = tcgetattr(&stdin)?;
            let mut unseen = before.clone();
            unseen.local_modes.remove(LocalModes::ECHO);
            // The end of the line is shown all the same.
            unseen.local_modes.insert(LocalModes::ECHONL);
            tcsetattr(&stdin, OptionalActions::Flush, &unseen)?;
            Ok(before)
        };
        let before: Result<_, rustix::io::Errno> = hide();
        before
            .map(|before| Self(Some(before)))
            .map_err(|errno| Failure::Io("hiding what is typed".to_owned(), errno.into()))
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}
