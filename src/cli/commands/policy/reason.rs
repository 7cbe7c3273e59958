//! `strongroom policy reason`.

use clap::{Args, ValueEnum};

use crate::cli::access::{Doing, needed_reason};
use crate::cli::context::Context;
use crate::cli::unlocking::unlock;
use crate::cli::views::LogRules;
use crate::failure::Failure;
use crate::format::log::Action;
use crate::vault::ReasonPolicy;

/// Say whether a reason must be given for opening files and showing keys and secrets
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom policy reason required --reason agreed")]
pub struct Reason {
    /// What is so from now on
    rule: Rule,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Rule {
    /// It may be left out
    Optional,
    /// It must be given, with --reason or when asked
    Required,
}

impl Reason {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let why = needed_reason(context)?;
        let mut vault = unlock(context, &Doing::to_vault(Action::PolicyChange).subject("reason"))?;
        let reason = match self.rule {
            Rule::Optional => ReasonPolicy::Optional,
            Rule::Required => ReasonPolicy::Required,
        };
        let log = vault.logging().log;
        vault.set_logging(log, reason, &why).map_err(|error| Failure::of("change what is to be logged", error))?;
        vault.done();
        let rules = LogRules::from(vault.logging());
        context.output.done(rules.text(), &rules)
    }
}
