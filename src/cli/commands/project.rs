//! `strongroom project`.

use clap::{Args, Subcommand};

use crate::cli::context::Context;
use crate::cli::hints::shell_word;
use crate::cli::unlocking::unlock;
use crate::cli::views::{self, projects_text};
use crate::failure::Failure;
use crate::vault::{Effect, NewProject};

/// Add, list, show, rename, hold and destroy projects
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom project add acme --client Acme")]
pub struct Project {
    #[command(subcommand)]
    command: ProjectCommand,
}

#[derive(Debug, Subcommand)]
enum ProjectCommand {
    Add(Add),
    /// List the projects
    #[command(before_help = "Example: strongroom project list")]
    List,
    /// Show one project
    #[command(before_help = "Example: strongroom project show acme")]
    Show {
        /// The project
        name: String,
    },
    /// Give a project another name; its files are unaffected
    #[command(before_help = "Example: strongroom project rename acme acme-2026")]
    Rename {
        /// The name it has
        old: String,
        /// The name it gets
        new: String,
    },
    /// Put a project under legal hold: it cannot be destroyed
    #[command(before_help = "Example: strongroom project hold acme --reason litigation")]
    Hold {
        /// The project
        name: String,
        /// Why
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        reason: String,
    },
    /// Release a legal hold
    #[command(before_help = "Example: strongroom project release acme")]
    Release {
        /// The project
        name: String,
    },
    Destroy(super::destroy::Destroy),
}

/// Add a project, with a file key of its own
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom project add acme --client Acme")]
pub struct Add {
    /// A name for it, such as acme-2026
    name: String,
    /// Whose data it is
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    client: String,
    /// Anything worth knowing
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    note: String,
}

impl Project {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let output = &context.output;
        match self.command {
            ProjectCommand::Add(Add { name, client, note }) => {
                let new = NewProject { name, client, note };
                // Refused before anybody types a password.
                new.check().map_err(|error| Failure::of("add the project", error))?;
                let mut vault = unlock(context)?;
                let doing = format!("add project {:?}", new.name);
                let added = vault.add_project(&new).map_err(|error| Failure::of(doing, error))?;
                let next = format!("strongroom encrypt --project {} FILE", shell_word(&added.name));
                output.done(&format!("added project {}\nnext: {next}", added.name), &views::Project::from(&added))
            }
            ProjectCommand::List => {
                let vault = unlock(context)?;
                let projects: Vec<_> = vault.projects().iter().map(views::Project::from).collect();
                output.result(&projects_text(&projects), &projects)
            }
            ProjectCommand::Show { name } => {
                let vault = unlock(context)?;
                let project = vault.project(&name).map_err(|error| Failure::of("show the project", error))?;
                let project = views::Project::from(&project);
                output.result(&project.text(), &project)
            }
            ProjectCommand::Hold { name, reason } => {
                let mut vault = unlock(context)?;
                let doing = format!("hold project {name:?}");
                let effect = vault.hold_project(&name, &reason).map_err(|error| Failure::of(doing, error))?;
                let project = vault.project(&name).map_err(|error| Failure::of("show the project", error))?;
                let text = match effect {
                    Effect::Changed => "is on hold: it cannot be destroyed until it is released",
                    Effect::AlreadySo => "was on hold already; nothing was changed",
                };
                output.done(&format!("project {} {text}", project.name), &views::Project::from(&project))
            }
            ProjectCommand::Release { name } => {
                let mut vault = unlock(context)?;
                let doing = format!("release project {name:?}");
                let effect = vault.release_project(&name).map_err(|error| Failure::of(doing, error))?;
                let project = vault.project(&name).map_err(|error| Failure::of("show the project", error))?;
                let text = match effect {
                    Effect::Changed => "is released",
                    Effect::AlreadySo => "was not on hold; nothing was changed",
                };
                output.done(&format!("project {} {text}", project.name), &views::Project::from(&project))
            }
            ProjectCommand::Destroy(destroy) => destroy.run(context),
            ProjectCommand::Rename { old, new } => {
                let doing = format!("rename project {old:?}");
                let renamed = NewProject { name: new.clone(), ..NewProject::default() };
                renamed.check().map_err(|error| Failure::of(&doing, error))?;
                let mut vault = unlock(context)?;
                let effect = vault.rename_project(&old, &new).map_err(|error| Failure::of(doing, error))?;
                let project = vault.project(&new).map_err(|error| Failure::of("show the project", error))?;
                let text = match effect {
                    Effect::Changed => format!("renamed {old} to {}", project.name),
                    Effect::AlreadySo => {
                        format!("project {} has this name already; nothing was changed", project.name)
                    }
                };
                output.done(&text, &views::Project::from(&project))
            }
        }
    }
}
