//! Archives, each of which becomes a folder of encrypted files.

use std::fs::{File, Metadata};
use std::path::PathBuf;

use strongroom_legacy::{
    Archive, Detected, Keys, Member, Plain, Protection, Refused, Request, Scheme, Stopped, Summary, open_archive,
};

use super::asked::{Asked, Done, clean_up, detected, under_key};
use super::old::NotOpened;
use super::refusal::{not_opened, of_files};
use crate::cli::context::Context;
use crate::cli::own_files::own_files;
use crate::cli::progress::Progress;
use crate::cli::rendering;
use crate::cli::views::{ImportedFiles, ImportedFolder, ImportedMember};
use crate::disk::with_suffix;
use crate::failure::Failure;
use crate::files::archive::check_free;
use crate::files::find::{Named, open_found};
use crate::files::import_folder::{self, ImportFolder};
use crate::files::place::check_distinct;
use crate::files::{FilesError, Observer};
use crate::keys::SealingKey;

/// An archive that is to be imported.
struct Job {
    path: PathBuf,
    is_link: bool,
    folder: PathBuf,
}

/// An archive whose password was found.
struct Found {
    file: File,
    before: Metadata,
    archive: Archive<File>,
    scheme: Scheme,
}

/// Imports archives.
pub fn run(asked: &Asked, context: &Context, named: &[Named], project: Option<String>) -> Result<(), Failure> {
    if asked.proof.sha256.is_some() || asked.proof.verify_against.is_some() || asked.proof.yes {
        return Err(Failure::usage("--sha256, --verify-against and --yes are not for an archive")
            .hint("leave them out: its members have checksums of their own"));
    }
    if asked.force {
        return Err(Failure::usage("--force does not replace a folder").hint("name another one with -o"));
    }
    let jobs = settle(asked, context, named)?;
    let (mut request, item) = asked.request(context)?;
    let mut keys = Keys::default();
    // A wrong old secret shows before anybody types the vault's password.
    let first = found(asked, &jobs[0], &mut request, &mut keys);
    if jobs.len() == 1 && first.is_err() {
        return first.map(drop);
    }
    let bytes = first.as_ref().map_or(0, |found| found.archive.members().iter().map(|member| member.size).sum());
    let (mut folders, mut failures) = (Vec::new(), Vec::new());
    under_key(context, project.as_deref(), jobs.len(), |key| {
        // Known only of the first archive, before the others are open.
        let progress = asked.effort.progress(&context.output, jobs.len(), (jobs.len() == 1).then_some(bytes));
        let mut first = Some(first);
        for job in &jobs {
            let found = first.take().unwrap_or_else(|| found(asked, job, &mut request, &mut keys));
            match found.and_then(|found| one(job, found, key, &keys, &progress)) {
                Ok(folder) => folders.push(folder),
                Err(failure) => {
                    if jobs.len() > 1 {
                        rendering::print(&failure, &context.output);
                    }
                    failures.push(failure);
                }
            }
            progress.file_done();
        }
        Done { sealed: folders.len(), failed: failures.first().map(|failure| failure.kind) }
    })?;
    if jobs.len() == 1
        && let Some(failure) = failures.pop()
    {
        return Err(failure);
    }
    if !folders.is_empty() {
        let written = !asked.dry_run;
        let inputs = folders.iter().map(|folder| folder.input.as_str());
        let clean_up = if written { clean_up(asked, item.as_ref(), inputs, failures.is_empty()) } else { Vec::new() };
        let view = ImportedFiles { files: Vec::new(), folders, written, clean_up };
        context.output.done(view.text(), &view)?;
    }
    match failures.first() {
        None => Ok(()),
        Some(first) => {
            let text = format!("{} of {} archives were not imported", failures.len(), jobs.len());
            Err(Failure::new(first.exit, first.kind, text).hint("the reasons are above"))
        }
    }
}

/// Decides which folder each archive becomes.
fn settle(asked: &Asked, context: &Context, named: &[Named]) -> Result<Vec<Job>, Failure> {
    let own = own_files(context, asked.secret.files().map(|(path, what)| (Some(path), what)))?;
    let mut jobs = Vec::new();
    for one in named {
        let Named::File(path, seen) = one else { continue };
        own.refuse_input(path)?;
        let is_archive =
            path.extension().is_some_and(|end| end.eq_ignore_ascii_case("zip") || end.eq_ignore_ascii_case("7z"));
        let beside = if is_archive { path.with_extension("") } else { with_suffix(path, ".files") };
        let folder = match &asked.output {
            None => beside,
            Some(output) if output.is_dir() => output.join(beside.file_name().unwrap_or_default()),
            Some(output) if named.len() == 1 => output.clone(),
            Some(_) => {
                return Err(Failure::usage("several archives become several folders")
                    .hint("name an existing folder with -o, or leave it out"));
            }
        };
        own.refuse_output(&folder)?;
        if !asked.dry_run {
            check_free(&folder)?;
        }
        jobs.push(Job { path: path.clone(), is_link: seen.is_link, folder });
    }
    check_distinct(jobs.iter().map(|job| &job.folder))?;
    Ok(jobs)
}

/// Finds the password of an archive. Without `--scheme`, each may be of another kind.
fn found(asked: &Asked, job: &Job, request: &mut Request, keys: &mut Keys) -> Result<Found, Failure> {
    if asked.scheme.is_none()
        && let Detected::Scheme(scheme) = detected(&job.path)?
        && scheme.is_archive()
    {
        request.scheme = scheme;
    }
    let (file, before) = open_found(&job.path, job.is_link)?;
    let copy = file.try_clone().map_err(|error| Failure::io(format!("read {}", job.path.display()), &error))?;
    let archive = open_archive(copy, request, keys)
        .map_err(|refused| not_opened(&job.path, &refused.into(), request.scheme, keys.tried_in_short()))?;
    Ok(Found { file, before, archive, scheme: request.scheme })
}

/// Seals all members of an archive, or only reads them if there is no key.
fn one(
    job: &Job,
    found: Found,
    key: Option<SealingKey<'_>>,
    keys: &Keys,
    progress: &Progress,
) -> Result<ImportedFolder, Failure> {
    let Found { file, before, mut archive, scheme } = found;
    let how = archive.how().to_owned();
    let mut members = Vec::new();
    let import = ImportFolder { path: &job.path, file: &file, before: &before, target: &job.folder };
    let mut filling = key.map(|key| import.begin().map(|filling| (key, filling))).transpose()?;
    let read = archive.each(&mut |member: &Member, plain: &mut Plain<'_>| {
        if member.is_folder {
            return filling
                .as_mut()
                .map_or(Ok(()), |(_, filling)| filling.make_folder(&member.path))
                .map_err(Taker::Files);
        }
        let is_unauthenticated = !member.protection.is_authenticated();
        if let Some((key, filling)) = &mut filling {
            let Member { path, modified, .. } = member;
            let sealed = import_folder::Member { path, modified: *modified, is_unauthenticated };
            filling.seal(*key, &sealed, plain, progress).map_err(Taker::Files)?;
        }
        let Summary { bytes, .. } = plain.finish().map_err(Taker::Refused)?;
        members.push(ImportedMember {
            name: member.path.display().to_string(),
            output: with_suffix(&job.folder.join(&member.path), ".sealed").display().to_string(),
            bytes,
            protection: member.protection.name(),
            proof: match member.protection {
                Protection::None => "none",
                protection if protection.is_authenticated() => "tag",
                _ => "crc",
            },
            unauthenticated_source: is_unauthenticated,
        });
        Ok(())
    });
    let refused = |why: NotOpened| not_opened(&job.path, &why, scheme, keys.tried_in_short());
    read.map_err(|stopped| match stopped {
        Stopped::Refused(why) | Stopped::Taker(Taker::Refused(why)) => refused(why.into()),
        Stopped::Taker(Taker::Files(error)) => of_files(error, refused),
    })?;
    if let Some((_, filling)) = filling {
        filling.publish()?;
    }
    Ok(ImportedFolder {
        input: job.path.display().to_string(),
        output: job.folder.display().to_string(),
        project: key.map(|key| key.project.to_owned()),
        key_version: key.map(|key| key.version),
        scheme: scheme.name(),
        key: how,
        files: members,
    })
}

/// Why a member was not taken.
enum Taker {
    Refused(Refused),
    Files(FilesError),
}
