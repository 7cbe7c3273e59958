//! `strongroom project list`.

use clap::Args;
use glob::{MatchOptions, Pattern};

use crate::cli::context::Context;
use crate::cli::open_vault::Uses;
use crate::cli::unlocking::open;
use crate::cli::views::{Project, projects_text};
use crate::failure::Failure;

/// List the projects
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom project list\n\
                         Of one client: strongroom project list acme")]
pub struct List {
    /// Only projects whose name or client contains this text, in upper or lower case; with * or ?, those whose whole
    /// name or client fits it
    pattern: Option<String>,
}

impl List {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let vault = open(context, Uses::AllProjects)?;
        let projects = vault.projects().map_err(|error| Failure::of("list the projects", error))?;
        let all: Vec<_> = projects.iter().map(Project::from).collect();
        let Some(pattern) = &self.pattern else { return context.output.result(projects_text(&all), &all) };
        let fits = fitting(pattern);
        let found: Vec<_> = all.into_iter().filter(|project| fits(&project.project) || fits(&project.client)).collect();
        if found.is_empty() {
            return context.output.result(format!("no project or client fits {pattern:?}"), &found);
        }
        context.output.result(projects_text(&found), &found)
    }
}

/// Returns what tells whether a name fits a pattern.
fn fitting(pattern: &str) -> impl Fn(&str) -> bool + use<> {
    let part = pattern.to_lowercase();
    let whole = pattern.contains(['*', '?']).then(|| Pattern::new(pattern).ok()).flatten();
    let any_case = MatchOptions { case_sensitive: false, ..MatchOptions::new() };
    move |name| match &whole {
        Some(whole) => whole.matches_with(name, any_case),
        None => name.to_lowercase().contains(&part),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_looked_for_anywhere_and_a_pattern_fits_the_whole() {
        for (pattern, name, does_fit) in [
            ("acme", "Acme Ltd", true),
            ("LTD", "Acme Ltd", true),
            ("acme", "beta", false),
            ("acme*", "Acme-2026", true),
            ("acme*", "old acme", false),
            ("*2026", "acme-2026", true),
            ("acme-202?", "acme-2026", true),
            ("[", "a[b", true),
            ("", "anything", true),
        ] {
            assert_eq!(fitting(pattern)(name), does_fit, "{pattern:?} on {name:?}");
        }
    }
}
