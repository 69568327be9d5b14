//! The operating system's keyring, through the tool that comes with it: `secret-tool` of libsecret, and macOS's
//! `security`. A secret goes to them through a pipe, because command lines can be read by others.

use std::io::Write as _;
use std::process::{Command, Stdio};

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::{Failure, Outcome};

/// What threelo's entries are filed under.
const SERVICE: &str = "threelo";

/// The tool of one platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keyring {
    /// libsecret's `secret-tool`, for GNOME Keyring, KWallet and KeePassXC.
    SecretTool,
    /// macOS's `security`.
    Security,
}

impl Keyring {
    /// This platform's.
    pub(crate) fn here() -> Self {
        if cfg!(target_os = "macos") { Self::Security } else { Self::SecretTool }
    }

    fn program(self) -> &'static str {
        match self {
            Self::SecretTool => "secret-tool",
            Self::Security => "security",
        }
    }

    /// Whether the tool is there. Whether a keyring is behind it shows when it is used.
    pub(crate) fn is_there(self) -> bool {
        let folders = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&folders).any(|folder| folder.join(self.program()).is_file())
    }

    /// The secret of an app; `None` where there is none, or no keyring.
    pub(crate) fn look_up(self, client_id: &str) -> Option<SecretString> {
        let arguments = match self {
            Self::SecretTool => vec!["lookup", "service", SERVICE, "client_id", client_id],
            Self::Security => vec!["find-generic-password", "-s", SERVICE, "-a", client_id, "-w"],
        };
        let mut command = Command::new(self.program());
        let answer = command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
        let bytes = Zeroizing::new(answer.stdout);
        let text = std::str::from_utf8(&bytes).ok()?.trim_end_matches(['\r', '\n']);
        (answer.status.success() && !text.is_empty()).then(|| SecretString::from(text))
    }

    /// Keeps the secret of an app, in place of an older one, and sees that it can be had back.
    ///
    /// # Errors
    /// No tool, or no keyring that it can write to.
    pub(crate) fn keep(self, client_id: &str, secret: &SecretString) -> Outcome {
        let program = self.program();
        let (arguments, input) = self.keeping(client_id, secret);
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| Failure::Io(format!("starting {program}"), error))?;
        if let Some(mut stdin) = child.stdin.take() {
            // A tool that does not read it says so with how it ends.
            let _ = stdin.write_all(input.as_bytes());
        }
        let ended = child.wait().map_err(|error| Failure::Io(format!("waiting for {program}"), error))?;
        let kept = self.look_up(client_id);
        if ended.success() && kept.is_some_and(|kept| kept.expose_secret() == secret.expose_secret()) {
            return Ok(());
        }
        Err(Failure::Usage(format!(
            "{program} could not keep the secret in a keyring; is one running, and unlocked? \
             Without one, the secret belongs into the environment"
        )))
    }

    /// The arguments, and what goes into the pipe.
    fn keeping(self, client_id: &str, secret: &SecretString) -> (Vec<String>, Zeroizing<String>) {
        let secret = secret.expose_secret();
        match self {
            Self::SecretTool => {
                let label = format!("--label=threelo: client secret of {client_id}");
                let arguments = ["store", &label, "service", SERVICE, "client_id", client_id];
                (arguments.map(str::to_owned).to_vec(), Zeroizing::new(secret.to_owned()))
            }
            Self::Security => {
                let id = client_id.replace('\\', "\\\\").replace('"', "\\\"");
                // In hexadecimal digits nothing of it needs to be quoted.
                let mut input =
                    Zeroizing::new(format!("add-generic-password -U -s {SERVICE} -a \"{id}\" -X "));
                for byte in secret.bytes() {
                    input.push_str(&format!("{byte:02x}"));
                }
                input.push('\n');
                (vec!["-i".to_owned()], input)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_stands_on_a_command_line() {
        let secret = SecretString::from("hunter2");
        for tool in [Keyring::SecretTool, Keyring::Security] {
            let (arguments, _) = tool.keeping("id", &secret);
            assert!(!arguments.iter().any(|argument| argument.contains("hunter2")), "{arguments:?}");
        }
        let (_, input) = Keyring::SecretTool.keeping("id", &secret);
        assert_eq!(*input, "hunter2");
        let (_, input) = Keyring::Security.keeping("a\"b", &secret);
        assert_eq!(*input, "add-generic-password -U -s threelo -a \"a\\\"b\" -X 68756e74657232\n");
    }
}
