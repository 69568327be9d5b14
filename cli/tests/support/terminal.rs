//! A terminal with a command in it, and what stands on its screen.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, ExitStatus};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

pub struct Terminal {
    screen: File,
    pub child: Child,
    shown: String,
}

impl Terminal {
    pub fn run(mut command: Command) -> Self {
        let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&screen).unwrap();
        unlockpt(&screen).unwrap();
        let name = ptsname(&screen, Vec::new()).unwrap().into_string().unwrap();
        let user = File::options().read(true).write(true).open(name).unwrap();
        tcsetwinsize(&user, Winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let end = || user.try_clone().unwrap();
        command.stdin(end()).stdout(end()).stderr(end()).env("TERM", "xterm-256color");
        let child = command.spawn().unwrap();
        Self { screen: File::from(screen), child, shown: String::new() }
    }

    pub fn type_in(&mut self, text: &str) {
        self.screen.write_all(text.as_bytes()).unwrap();
    }

    /// Whether what is typed is shown.
    pub fn shows_what_is_typed(&self) -> bool {
        tcgetattr(&self.screen).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// Reads until a text is there, and gives all there has been.
    pub fn until(&mut self, text: &str) -> &str {
        while !self.shown.contains(text) {
            assert!(self.read(), "{text:?} does not come: {:?}", self.shown);
        }
        &self.shown
    }

    /// How the command ended, and all there has been.
    pub fn ended(mut self) -> (ExitStatus, String) {
        while self.read() {}
        (self.child.wait().unwrap(), self.shown)
    }

    /// Whether there is more to come. A terminal whose last program has ended is read with an error.
    fn read(&mut self) -> bool {
        let mut part = [0_u8; 4096];
        match self.screen.read(&mut part) {
            Ok(count) if count > 0 => {
                self.shown.push_str(&String::from_utf8_lossy(&part[..count]));
                true
            }
            _ => false,
        }
    }
}
