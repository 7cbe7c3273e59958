//! Folders that are packed, each into one encrypted file.

use super::Encrypt;
use super::work::Work;
use crate::cli::context::Context;
use crate::cli::copies::Copies;
use crate::cli::output::whole_or_failed;
use crate::cli::pipes;
use crate::cli::tally::Tally;
use crate::cli::views::Archived;
use crate::disk::with_suffix;
use crate::failure::Failure;
use crate::files::archive;
use crate::files::exclude::Excludes;
use crate::files::find::{Found, Item, Named, Seen, Wanted, find_except};
use crate::files::own::OwnFiles;
use crate::files::place::{Destination, Direction, check_distinct, folder_name};
use crate::files::publish::{OutputFile, check_apart, check_free};
use crate::files::seal::Job;
use crate::format::name::printable;
use crate::keys::SealingKey;

impl Encrypt {
    /// An archive is one file, so its place is settled as a file's.
    pub(super) fn place_of_archives(&self, named: &[Named]) -> Result<Destination, Failure> {
        let as_file = |named: &Named| match named {
            Named::Folder(folder) => Ok(Named::File(folder.clone(), Seen::default())),
            _ => Err(Failure::usage("--archive packs folders").hint("leave out --archive for files")),
        };
        let named = named.iter().map(as_file).collect::<Result<Vec<_>, _>>()?;
        Ok(Destination::of(&named, self.output.as_deref())?)
    }

    pub(super) fn settle_archives(
        &self,
        project: String,
        named: Vec<Named>,
        destination: Destination,
        own: OwnFiles,
        excludes: Excludes,
    ) -> Result<Work, Failure> {
        let mut jobs = Vec::new();
        for (index, folder) in named.iter().enumerate() {
            let Named::Folder(folder) = folder else { continue };
            let name = with_suffix(&folder_name(folder)?, ".tar");
            let item =
                Item { path: folder.with_file_name(&name), named: index, relative: name, len: 0, is_link: false };
            let output = destination.of_item(Direction::Sealing, &[], &item)?;
            if destination != Destination::Stream {
                own.refuse_output(&output)?;
                check_free(&output, self.force)?;
            }
            let path = item.relative.clone();
            jobs.push(Job { item, output, root: None, path });
        }
        check_distinct(jobs.iter().map(|job| &job.output))?;
        Ok(Work { project, named, destination, found: Found::default(), jobs, own, excludes })
    }

    /// Packs each folder into its archive.
    pub(super) fn pack_all(
        &self,
        context: &Context,
        key: SealingKey<'_>,
        copies: &mut Copies,
        work: &Work,
    ) -> Result<(), Failure> {
        let (mut lines, mut files) = (Vec::new(), Vec::new());
        for (named, job) in work.named.iter().zip(&work.jobs) {
            let Named::Folder(folder) = named else { continue };
            let found =
                find_except(std::slice::from_ref(named), Wanted::All, Some(&job.output), &work.own, &work.excludes);
            let mut tally = Tally::begin(context, "encrypted", &found, found.items.len());
            if tally.has_failed() {
                return tally.end();
            }
            let total = found.items.iter().map(|item| item.len).sum();
            let progress = self.effort.progress(&context.output, found.items.len(), Some(total));
            if work.destination == Destination::Stream {
                let packed = archive::pack(key, folder, &found, pipes::stdout()?, &progress);
                return packed.map(drop).map_err(|error| whole_or_failed(error.into()));
            }
            check_apart(&found.items, [&job.output])?;
            let output = OutputFile::create(&job.output, self.force)?;
            tally.bytes = archive::pack(key, folder, &found, output.file(), &progress)?;
            output.publish()?;
            copies.sealed(key.project, tally.bytes);
            tally.done = found.items.len();
            let by = format!("project {}, key version {}", printable(key.project), key.version);
            let packed = Archived {
                input: folder.display().to_string(),
                output: job.output.display().to_string(),
                files: found.items.len() as u64,
                bytes: tally.bytes,
                project: key.project.to_owned(),
                key_version: key.version,
            };
            lines.push(packed.packed_text(&tally.summary(&by)));
            files.push(packed);
        }
        context.output.done(lines.join("\n"), &files)
    }
}
