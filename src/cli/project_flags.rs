//! The flags by which commands that work on files name a project, and what the working folder says of it.

use clap::Args;

use super::context::Context;
use crate::failure::Failure;
use crate::home::ProjectFile;

/// Whose files a command changes.
#[derive(Debug, Args)]
pub struct OfProject {
    /// The project [default: the project that .strongroom.toml names, in the working folder or above it]
    #[arg(long, short, value_name = "NAME")]
    project: Option<String>,
}

/// Whose files a command changes, and the file of the working folder.
#[derive(Debug)]
pub struct Decided {
    /// The project.
    pub project: String,
    /// What the project file says, if there is one.
    pub file: Option<ProjectFile>,
    /// The flag names the project, so that nothing depends on the file.
    pub is_flagged: bool,
}

impl OfProject {
    /// Takes the project that is named, else the project file's, and says so.
    ///
    /// # Errors
    /// If neither names one, or the file is not to be used.
    pub fn decide(&self, context: &Context) -> Result<Decided, Failure> {
        match &self.project {
            Some(project) => Ok(Decided { project: project.clone(), file: file_if_usable(context), is_flagged: true }),
            None => {
                let file = context.home.project_file()?;
                let Some(project) = file.as_ref().and_then(|file| file.project.clone()) else {
                    return Err(Failure::usage("no project is named").hint(
                        "name it with --project; or write a file .strongroom.toml for the folder, with the line: \
                         project = \"NAME\"",
                    ));
                };
                if let Some(file) = &file {
                    context.output.remark(format!("project {project}, named by {}", file.path.display()));
                }
                Ok(Decided { project, file, is_flagged: false })
            }
        }
    }
}

/// Returns what the project file says. If it is not to be used, a command that does not need it goes on without it.
fn file_if_usable(context: &Context) -> Option<ProjectFile> {
    context.home.project_file().unwrap_or_else(|error| {
        warn_of_file(context, error.into());
        None
    })
}

/// Says why the project file has no effect.
pub fn warn_of_file(context: &Context, failure: Failure) {
    let why = failure.cause.unwrap_or_default();
    context.output.warn("project-file", format!("{}: {why}; it has no effect", failure.message));
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
