//! `strongroom log accept`.

use clap::Args;

use crate::cli::access::needed_reason;
use crate::cli::context::Context;
use crate::cli::unlocking::unlock_to_look;
use crate::cli::views::AcceptedLog;
use crate::failure::Failure;
use crate::format::log::Via;
use crate::home::who;

/// Go on with an access log that is not as it was recorded.
///
/// What is missing or altered stays so, and the log says for good that it was accepted, by whom and why. Nothing is
/// added to such a log, and nothing is opened, before that. Look for the log in a backup first.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom log accept --reason disk-replaced")]
pub struct Accept {}

impl Accept {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let reason = needed_reason(context)?;
        let mut vault = unlock_to_look(context)?;
        let alarm = vault
            .accept_log(&who(Via::Terminal), &reason)
            .map_err(|error| Failure::of("accept the access log", error))?;
        let accepted = AcceptedLog::of(alarm.as_ref());
        context.output.done(accepted.text(), &accepted)
    }
}
