//! `strongroom report PROJECT`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::files::{Planned, allowed, write};
use super::gather::{self, Asked};
use crate::cli::context::Context;
use crate::cli::interrupt;
use crate::cli::own_files::refuse_own_output;
use crate::cli::progress::Effort;
use crate::cli::unlocking::unlock_telling;
use crate::cli::views::MadeReport;
use crate::evidence::bundle::NO_HASH;
use crate::evidence::rules;
use crate::evidence::verify::{hash, verify};
use crate::failure::{Exit, Failure, without_flags};
use crate::files::publish::check_free;
use crate::format::signing::ReportRecord;
use crate::pages::report::{annex, page};
use crate::words::{command, words};

/// What a report is made of.
#[derive(Debug, Args)]
pub struct Make {
    /// The project
    #[arg(required = true)]
    project: Option<String>,
    /// The folder for the report [default: the working folder]
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    to: Option<PathBuf>,
    /// The folders and files to look for the project's encrypted files in [default: the working folder]
    #[arg(long, value_name = "PATH", num_args = 1.., value_hint = ValueHint::AnyPath)]
    roots: Vec<PathBuf>,
    /// Read every encrypted file to its last byte; this is the default
    #[arg(long, conflicts_with = "sample")]
    full: bool,
    /// Read some of the encrypted files only; the page does not call the others whole
    #[arg(long)]
    sample: bool,
    /// Also write NAME-N-annex.html, with lists of what the page has no room for
    #[arg(long)]
    annex: bool,
    #[command(flatten)]
    effort: Effort,
}

impl Make {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let project = self.project.as_deref().unwrap_or_default();
        let doing = format!("make a report of {project:?}");
        let failed = |error| Failure::of(&doing, error);
        let to = self.to.clone().unwrap_or_else(|| PathBuf::from("."));
        if !to.is_dir() {
            return Err(Failure::new(Exit::NotFound, "not-found", format!("cannot {doing}"))
                .cause(format!("{} is not a folder", to.display()))
                .hint("make the folder first"));
        }
        let (mut vault, password) = unlock_telling(context, |_| true)?;
        // Before anything is read: a vault that cannot be written cannot number its reports.
        vault.check_writable().map_err(failed)?;
        let asked = Asked {
            project,
            roots: if self.roots.is_empty() { vec![PathBuf::from(".")] } else { self.roots.clone() },
            sample: self.sample && !self.full,
            effort: &self.effort,
        };
        // A command that fails leaves everything as it is: no key, no entry, no number.
        let name = gather::name(&vault, project)?;
        let suffixes = [".html", "-annex.html", ".json", ".json.sig"];
        for suffix in suffixes.iter().filter(|suffix| self.annex || **suffix != "-annex.html") {
            check_free(&to.join(format!("{name}{suffix}")), false).map_err(without_flags)?;
        }
        let said = interrupt::say("no report was made", "");
        let facts = gather::facts(context, &mut vault, &password, &asked)?;
        drop(password);
        let (stem, id) = (facts.stem.clone(), facts.project.id);
        let broken = |error: &dyn std::fmt::Display| {
            Failure::new(Exit::Failed, "failed", format!("cannot {doing}")).cause(error.to_string())
        };
        let mut bundle = rules::bundle(facts).map_err(|error| broken(&error))?;
        // Neither shows these two.
        bundle.page_sha256 = hash(page(&bundle, NO_HASH).as_bytes());
        bundle.annex_sha256 = hash(annex(&bundle, NO_HASH).as_bytes());
        let bytes = bundle.to_bytes().map_err(|error| broken(&error))?;
        let signature = vault.sign_report(&bytes).map_err(failed)?;
        // What the client would refuse is not handed out.
        let verified = verify(&bytes, &signature).map_err(|error| broken(&error))?;
        let keys = vault.signing_keys().map_err(failed)?;
        let allowed = allowed(&keys, &bundle.signed_by.identity);
        let file = |suffix: &str| to.join(format!("{}{suffix}", bundle.name));
        let new = |path: PathBuf, bytes: Vec<u8>| Planned { path, bytes, replaces: false };
        let mut planned = vec![new(file(".html"), page(&bundle, &verified.sha256).into_bytes())];
        if self.annex {
            planned.push(new(file("-annex.html"), annex(&bundle, &verified.sha256).into_bytes()));
        }
        planned.push(Planned { path: to.join(format!("{stem}.allowed")), bytes: allowed.into_bytes(), replaces: true });
        planned.push(new(file(".json"), bytes));
        planned.push(new(file(".json.sig"), signature.into_bytes()));
        for planned in &planned {
            refuse_own_output(context, &planned.path)?;
        }
        let written = write(&planned)?;
        let sha256 = verified.sha256.clone();
        let record =
            ReportRecord { project: id, number: bundle.number, made: bundle.made, sha256, others: Default::default() };
        // Before the files have their names: a report that was handed out and is not on record would be numbered twice.
        vault.record_report(&record).map_err(failed)?;
        said.replace(
            format!("report {} is on record, and its files may be missing", bundle.number),
            words!["make the next one with ", command("report").arg(project)],
        );
        written.publish()?;
        drop(said);
        let paths = planned.iter().map(|planned| planned.path.display().to_string()).collect();
        let made = MadeReport::of(&verified, project, paths);
        context.output.done(made.text(), &made)
    }
}
