//! What `strongroom encrypt` says of what it has done.

use std::collections::HashSet;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use super::work::{New, Work};
use crate::cli::context::Context;
use crate::cli::setup::describe;
use crate::cli::streams::warn_of_recipients;
use crate::cli::tally::{Tally, shown};
use crate::cli::views::{EncryptedFile, EncryptedInNewVault, VaultPlace};
use crate::failure::Failure;
use crate::files::FilesError;
use crate::files::find::{Found, Item, Named};
use crate::files::place::{Destination, Direction, folder_name};
use crate::files::seal::{Job, Outcome};
use crate::format::name::printable;
use crate::keys::SealingKey;
use crate::store::Store;
use crate::words::{Words, command, counted, words};

/// Reports the files, and the vault where this run made it.
pub fn report(
    context: &Context,
    key: SealingKey<'_>,
    work: &Work,
    outcomes: Vec<Result<Outcome, FilesError>>,
    tally: &mut Tally<'_>,
    new: Option<New<'_>>,
) -> Result<(), Failure> {
    let replaced = work.jobs.iter().zip(&outcomes).filter_map(|(job, outcome)| match outcome {
        Ok(Outcome::Done { older: Some(copy), .. }) => Some((job.output.as_path(), copy.recipients)),
        _ => None,
    });
    warn_of_recipients(context, replaced);
    let by = format!("project {}, key version {}", printable(key.project), key.version);
    let has_folder = work.named.iter().any(|named| matches!(named, Named::Folder(_)));
    let mut lines = Vec::new();
    let mut files = Vec::new();
    let mut first_output = None;
    let mut is_empty = true;
    for (job, outcome) in work.jobs.iter().zip(outcomes) {
        let Some(outcome) = tally.take(outcome) else { continue };
        is_empty = false;
        // Of a hundred thousand files, what nobody reads would cost as much as finding them.
        if context.output.json || !has_folder {
            let file = EncryptedFile::of(key, job, &outcome);
            if !file.up_to_date && !has_folder {
                lines.push(file.text(&shown(&job.item.path)));
            }
            files.push(file);
        }
        if let Outcome::Done { bytes, .. } = outcome {
            tally.bytes += bytes;
            first_output.get_or_insert(job);
        }
    }
    let mut text = if has_folder || lines.is_empty() {
        tally.summary(&by)
    } else {
        if tally.removed > 0 {
            lines.push(format!("{} deleted", counted(tally.removed, "original")));
        }
        lines.join("\n")
    };
    let empty = is_empty && tally.has_failed();
    match new {
        _ if empty => {}
        None => context.output.done(text, &files)?,
        Some(New { key, announced }) => {
            let place = context.store()?.place();
            if !text.is_empty() {
                text += "\n\n";
            }
            let mut text = Words::from(text + &describe(key, &place));
            if let Some(job) = first_output {
                text += open_again(work, job);
            }
            let vault = VaultPlace { path: place, keychain: key.kind.to_string() };
            announced.finish(text, &EncryptedInNewVault { files, vault })?;
        }
    }
    Ok(())
}

/// Reports what came as a stream from the `source`.
pub fn report_stream(
    context: &Context,
    key: SealingKey<'_>,
    source: &str,
    destination: &Destination,
    bytes: u64,
    new: Option<New<'_>>,
) -> Result<(), Failure> {
    let Destination::File(path) = destination else { return Ok(()) };
    let file = EncryptedFile {
        input: "-".into(),
        output: path.display().to_string(),
        bytes,
        project: key.project.to_owned(),
        key_version: key.version,
        up_to_date: false,
        compared: None,
        replaced: None,
    };
    let mut text = file.text(source);
    let files = vec![file];
    let Some(New { key, announced }) = new else { return context.output.done(text, &files) };
    let place = context.store()?.place();
    text += &format!("\n\n{}", describe(key, &place));
    let vault = VaultPlace { path: place, keychain: key.kind.to_string() };
    announced.finish(text, &EncryptedInNewVault { files, vault })
}

/// Tells a person at a terminal where a folder's copies are, and how the originals, which are still readable, go.
pub fn remark_on_originals(context: &Context, work: &Work, output: Option<&Path>, hides_names: bool) {
    if !std::io::stderr().is_terminal() {
        return;
    }
    for (index, named) in work.named.iter().enumerate() {
        if let (Named::Folder(folder), Ok(root)) =
            (named, work.destination.root_of(Direction::Sealing, &work.named, index))
        {
            context.output.remark(format!("the encrypted copies of {} are in {}", folder.display(), root.display()));
        }
    }
    let what = match work.named[..] {
        [Named::File(..)] => "the original is still there; to delete it once its",
        _ => "the originals are still there; to delete each once its",
    };
    let paths = typed_again(&work.named);
    let mut again = command("encrypt").flag("--project", &work.project);
    for path in paths.iter().flatten() {
        again = again.arg(path);
    }
    if let Some(output) = output {
        again = again.flag("-o", output.display().to_string());
    }
    if hides_names {
        again = again.then("--hide-names");
    }
    let with = if paths.is_some() { "" } else { " with the same paths" };
    let again = again.then("--update --remove");
    context.output.remark(words![what, " encrypted copy is proven to hold the same data: ", again, with]);
}

/// Returns the paths that can be typed as they are; `None` if they are many, or one of them would be taken for a flag.
fn typed_again(named: &[Named]) -> Option<Vec<&str>> {
    const FEW: usize = 3;
    if named.len() > FEW {
        return None;
    }
    let paths = named.iter().map(|named| match named {
        Named::File(path, _) | Named::Folder(path) => path.to_str().filter(|path| !path.starts_with('-')),
        Named::Stream => None,
    });
    paths.collect()
}

/// Warns of folders that no name will be left of.
pub fn warn_of_empty_folders(context: &Context, found: &Found) {
    let folders_of = |item: &'_ Item| {
        let named = item.named;
        item.relative.ancestors().skip(1).map(|folder| (named, folder.to_path_buf())).collect::<Vec<_>>()
    };
    let kept: HashSet<(usize, PathBuf)> = found.items.iter().flat_map(folders_of).collect();
    let lost = found.folders.iter().filter(|folder| !kept.contains(folder)).count();
    if lost > 0 {
        let (folders, are) = (counted(lost, "empty folder"), if lost == 1 { "is" } else { "are" });
        let text = format!("{folders} {are} not kept with --hide-names; --archive keeps folders");
        context.output.warn("empty-folders", text);
    }
}

/// Says how what was encrypted is opened again: the file, or the whole folder that it is in.
fn open_again(work: &Work, job: &Job) -> Words {
    let (sealed, opened) = match (&work.named[job.item.named], &job.root) {
        (Named::Folder(folder), Some(root)) => {
            let name = format!("{}-opened", folder_name(folder).unwrap_or_default().display());
            let beside = if folder.file_name().is_some() { folder } else { root };
            (root, beside.with_file_name(name))
        }
        _ => (&job.output, copy_name(&job.item.path)),
    };
    let decrypt = command("decrypt").arg(sealed.display().to_string()).flag("-o", opened.display().to_string());
    words!["\n\nopen it again:\n  ", decrypt.line()]
}

/// Returns a name beside the original that is not its own.
fn copy_name(input: &Path) -> PathBuf {
    let stem = input.file_stem().unwrap_or_default().to_string_lossy();
    let extension = input.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
    input.with_file_name(format!("{stem}-opened{extension}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::find::Seen;

    #[test]
    fn a_few_paths_are_named_again_as_they_were_typed_and_what_looks_like_a_flag_is_not() {
        let named = |paths: &[&str]| -> Vec<Named> {
            paths.iter().map(|path| Named::File(path.into(), Seen::default())).collect()
        };
        assert_eq!(typed_again(&named(&["a", "b c", "../d"])), Some(vec!["a", "b c", "../d"]));
        assert_eq!(typed_again(&named(&["a", "b", "c", "d"])), None);
        assert_eq!(typed_again(&named(&["a", "-b"])), None);
        assert_eq!(typed_again(&[Named::Folder("exports".into())]), Some(vec!["exports"]));
    }
}
