//! The flags by which commands that work on files name a project.

use clap::Args;

/// Whose files a command changes.
#[derive(Debug, Args)]
pub struct OfProject {
    /// The project
    #[arg(long, short, value_name = "NAME")]
    pub project: String,
}

/// Whose keys a command tries.
#[derive(Debug, Args)]
pub struct OnlyProject {
    /// Try only this project's keys
    #[arg(long, short, value_name = "NAME")]
    project: Option<String>,
}

impl OnlyProject {
    /// Returns the project's name; `None` if every project's keys are tried.
    pub fn name(&self) -> Option<&str> {
        self.project.as_deref()
    }
}
