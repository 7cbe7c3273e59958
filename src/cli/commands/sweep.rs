//! `strongroom sweep`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use crate::cli::access::Doing;
use crate::cli::context::Context;
use crate::cli::interrupt;
use crate::cli::ledger;
use crate::cli::own_files::own_files;
use crate::cli::progress::Effort;
use crate::cli::rendering;
use crate::cli::tally::shown;
use crate::cli::terminal::Terminal;
use crate::cli::unlocking::unlock;
use crate::cli::views::Sweep as Found;
use crate::disk::folder_of;
use crate::failure::{Exit, Failure};
use crate::files::keys::Keys;
use crate::files::sweep::remove::{Allowed, remove};
use crate::files::sweep::{Copy, Entry, Likeness, Places, Swept, sweep};
use crate::format::log::Action;
use crate::home::absolute;
use crate::home::{session_desktop, trash_on, user_folders};
use crate::machine::{Machine, mount_points};
use crate::words::{command, counted, words};

/// Find decrypted files that are still on the disk.
///
/// The access log has every file that was decrypted to a disk, and every original that was encrypted and not removed.
/// Sweep looks whether each is still where it was put, and searches for copies with other names and in other places: by
/// length, then by the first and the last 16 KiB, then byte for byte against the encrypted file. It finds files with
/// exactly the same content, and no others. Without paths it searches the folders of these files, your home folder, the
/// temporary folders, the trash, and drives that can be unplugged; network drives are searched only if you name them.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom sweep --project acme\nTo delete what it finds: strongroom sweep --remove")]
pub struct Sweep {
    /// Folders and files to search instead of the usual ones
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    paths: Vec<PathBuf>,
    /// Look only for this project's files
    #[arg(long, short, value_name = "NAME")]
    project: Option<String>,
    /// Delete decrypted files that are where they were put, and copies with other names below the paths that you name,
    /// after asking for each folder. Each is first compared with its encrypted file
    #[arg(long)]
    remove: bool,
    /// Delete also originals that were encrypted, and not only what was decrypted
    #[arg(long, requires = "remove")]
    originals: bool,
    /// Delete without asking
    #[arg(long, requires = "remove")]
    yes: bool,
    /// Delete also what may exist nowhere else: copies whose encrypted file was not found, or does not open
    #[arg(long, requires = "remove")]
    last_copies: bool,
    /// Exit with 1 if a copy is found and not deleted
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    effort: Effort,
}

impl Sweep {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        if self.remove && !self.yes && context.terminal().is_none() {
            return Err(Failure::usage("--remove asks for each folder, and there is no terminal to ask at")
                .hint("add --yes to delete without being asked"));
        }
        for path in &self.paths {
            if let Err(error) = path.symlink_metadata() {
                return Err(Failure::io(format!("search {}", path.display()), &error));
            }
        }
        let own = own_files(context, [])?;
        let action = if self.remove { Action::SweepRemoved } else { Action::SweepDone };
        let doing = Doing::to_project(action, self.project.as_deref());
        let mut vault = unlock(context, &doing)?;
        let ledger = ledger::of(&vault, self.project.as_deref())?;
        let names: BTreeMap<_, _> = vault.projects().into_iter().map(|project| (project.id, project.name)).collect();
        let keys = Keys::of(&*vault, None).map_err(|error| Failure::of("sweep", error))?;
        let (places, mut left_out) = match ledger.entries.is_empty() {
            true => Default::default(),
            false => self.places(&ledger.entries),
        };
        let progress = self.effort.search(&context.output);
        let said = interrupt::say("nothing was changed, and the search was not finished", "");
        let swept = sweep(&ledger.entries, &places, &keys, self.effort.threads(), &progress);
        drop((progress, said));
        left_out.extend(swept.left_out.iter().cloned());
        let named = |entry: &Entry| entry.project.and_then(|project| names.get(&project).cloned());
        let mut found = Found::of(&swept, &ledger.entries, self.project.clone(), ledger.doubts, named);
        found.left_out = left_out.iter().map(|path| path.display().to_string()).collect();
        let mut first = None;
        if self.remove {
            for (folder, copies) in self.chosen(context, &swept, &ledger.entries)? {
                let _said = interrupt::say(format!("files of {} may be deleted already", shown(&folder)), "");
                let allowed = if self.last_copies { Allowed::LastCopies } else { Allowed::Proven };
                for copy in copies {
                    match remove(copy, &ledger.entries[copy.entry], &swept.sealed, &keys, &own, allowed) {
                        Ok(names) => {
                            found.note_removed(&copy.path.display().to_string());
                            warn_of_links(context, &copy.path, names);
                        }
                        Err(error) => {
                            let failure = Failure::from(error);
                            rendering::print(&failure, &context.output);
                            first.get_or_insert(failure);
                        }
                    }
                }
            }
        }
        if first.is_none() {
            vault.done();
        }
        context.output.result(found.text(), &found)?;
        if let Some(failure) = first {
            return Err(Failure::new(Exit::Failed, failure.kind, still_hold(found.standing()))
                .hint("the errors above say why they were not deleted"));
        }
        if self.exit_code && found.standing() > 0 {
            return Err(Failure::new(Exit::Failed, "copies-stand", still_hold(found.standing()))
                .hint(words!["delete them with ", command("sweep --remove")]));
        }
        Ok(())
    }

    /// Settles where to search. Returns what would be searched, too, if it were not on another computer.
    fn places(&self, ledger: &[Entry]) -> (Places, Vec<PathBuf>) {
        let (places, remote) = usual_places(ledger);
        if self.paths.is_empty() {
            (places, remote)
        } else {
            (Places { roots: self.paths.clone(), ..places }, Vec::new())
        }
    }

    /// Tells whether a copy is one of those that the user wants deleted. With paths, nothing goes that is not below them;
    /// without, nothing that is only known by its content: it may be somebody's own file.
    fn may_delete(&self, copy: &Copy, entry: &Entry) -> bool {
        let is_named = self.paths.iter().any(|path| absolute(&copy.path).starts_with(absolute(path)));
        let is_where_wanted = if self.paths.is_empty() { copy.is_at_path } else { is_named };
        is_where_wanted && (self.originals || !entry.is_original)
    }

    /// Returns the copies to delete, by their folders: those that the user agrees to.
    fn chosen<'s>(
        &self,
        context: &Context,
        swept: &'s Swept,
        ledger: &[Entry],
    ) -> Result<Vec<(PathBuf, Vec<&'s Copy>)>, Failure> {
        let mut folders: BTreeMap<PathBuf, Vec<&Copy>> = BTreeMap::new();
        for copy in swept.copies.iter().filter(|copy| copy.likeness == Likeness::Identical || self.last_copies) {
            // What has no bytes holds nothing.
            if ledger[copy.entry].size > 0 && self.may_delete(copy, &ledger[copy.entry]) {
                folders.entry(folder_of(&copy.path).into()).or_default().push(copy);
            }
        }
        if self.yes {
            return Ok(folders.into_iter().collect());
        }
        let Some(mut terminal) = context.terminal() else { return Ok(Vec::new()) };
        let mut chosen = Vec::new();
        for (folder, copies) in folders {
            if ask(&mut terminal, &folder, &copies)? {
                chosen.push((folder, copies));
            }
        }
        Ok(chosen)
    }
}

/// Returns where copies are searched for if nobody says where. Returns what would be searched, too, if it were not on
/// another computer.
pub(super) fn usual_places(ledger: &[Entry]) -> (Places, Vec<PathBuf>) {
    let mounts = mount_points(&Machine::this(session_desktop()));
    let stays_on_drive = mounts.is_none();
    let mounts = mounts.unwrap_or_default();
    let left_out: BTreeSet<PathBuf> = mounts.remote.into_iter().collect();
    let here = ledger.iter().filter(|entry| entry.computer.is_none());
    let mut roots: BTreeSet<PathBuf> = here.map(|entry| folder_of(&entry.path).to_path_buf()).collect();
    roots.extend(user_folders());
    for drive in mounts.removable {
        roots.extend(trash_on(&drive));
        roots.insert(drive);
    }
    let is_remote = |root: &PathBuf| left_out.iter().any(|left| root.starts_with(left) && left != Path::new("/"));
    let (remote, roots) = roots.into_iter().partition(is_remote);
    (Places { roots, left_out, stays_on_drive }, remote)
}

fn still_hold(files: usize) -> String {
    let hold = if files == 1 { "holds" } else { "hold" };
    format!("{} still {hold} what was decrypted", counted(files, "file"))
}

/// Asks whether the copies in a folder are to be deleted.
fn ask(terminal: &mut Terminal, folder: &Path, copies: &[&Copy]) -> Result<bool, Failure> {
    const NAMED: usize = 10;
    let name = |copy: &&Copy| shown(Path::new(copy.path.file_name().unwrap_or_default()));
    let mut names: Vec<String> = copies.iter().take(NAMED).map(name).collect();
    if copies.len() > NAMED {
        names.push(format!("and {} more", copies.len() - NAMED));
    }
    terminal.say(&format!("in {}: {}", shown(folder), names.join(", ")))?;
    terminal.confirm(&format!("Delete {}?", counted(copies.len(), "file")))
}

fn warn_of_links(context: &Context, path: &Path, names: u64) {
    if names > 1 {
        let text = format!(
            "{} had another name (a hard link), and its content can still be read under that name",
            shown(path)
        );
        context.output.warn("hard-links", text);
    }
}
