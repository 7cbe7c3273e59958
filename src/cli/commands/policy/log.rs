//! `strongroom policy log`.

use clap::{Args, ValueEnum};

use crate::cli::access::{Doing, needed_reason};
use crate::cli::context::Context;
use crate::cli::unlocking::unlock;
use crate::cli::views::LogRules;
use crate::failure::Failure;
use crate::format::log::Action;
use crate::vault::LogPolicy;

/// Say whether files may be opened, and keys and secrets shown, when that cannot be recorded
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom policy log best-effort --reason read-only-drive")]
pub struct Log {
    /// What is so from now on
    rule: Rule,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Rule {
    /// They may not
    Required,
    /// They may, with a warning
    BestEffort,
}

impl Log {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let why = needed_reason(context)?;
        let mut vault = unlock(context, &Doing::to_vault(Action::PolicyChange).subject("log"))?;
        let log = match self.rule {
            Rule::Required => LogPolicy::Required,
            Rule::BestEffort => LogPolicy::BestEffort,
        };
        let reason = vault.logging().reason;
        vault.set_logging(log, reason, &why).map_err(|error| Failure::of("change what is to be logged", error))?;
        vault.done();
        let rules = LogRules::from(vault.logging());
        context.output.done(rules.text(), &rules)
    }
}
