//! What comes along beside the client: the `threelo` command, and the sandbox for users' own tests.

use napi_derive::napi;
use threelo_sandbox::Hosted;

/// Runs the `threelo` command on the calling thread and returns its exit code.
#[napi]
pub fn cli(arguments: Vec<String>) -> u32 {
    u32::from(threelo_cli::run(arguments.into_iter().map(Into::into)))
}

/// A running sandbox; see `threelo/testing`.
#[napi]
pub struct NativeSandbox {
    hosted: Option<Hosted>,
}

#[napi]
impl NativeSandbox {
    /// Starts one; an empty text is the default world.
    ///
    /// # Errors
    /// An `Error` that says what is wrong with the world or the port.
    #[napi(constructor)]
    pub fn new(world: String, port: u16) -> napi::Result<Self> {
        let hosted =
            Hosted::start(&world, port).map_err(|error| napi::Error::from_reason(error.to_string()))?;
        Ok(Self { hosted: Some(hosted) })
    }

    /// Options of a client of it, as JSON; nothing once it is closed.
    #[napi(getter)]
    pub fn options(&self) -> Option<&str> {
        self.hosted.as_ref().map(Hosted::options)
    }

    /// Stops it.
    #[napi]
    pub fn close(&mut self) {
        self.hosted = None;
    }
}
