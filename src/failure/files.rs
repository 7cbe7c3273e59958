//! What failed with files, in words.

use std::io;
use std::path::Path;

use super::{Exit, Failure};
use crate::error::Error;
use crate::files::archive::entries::TarError;
use crate::files::error::{
    ArchiveError, Aside, CommandError, FileError, FilesError, InputError, OutputError, RequestError, Task,
};
use crate::files::producer::OUTPUT;
use crate::words::{command, shell_word, words};

const OTHER_NAME: &str = "choose another name with -o";
const OTHER_OUTPUT: &str = "name another output with -o";

impl From<FilesError> for Failure {
    fn from(error: FilesError) -> Self {
        Self::from(&error)
    }
}

impl From<&FilesError> for Failure {
    fn from(error: &FilesError) -> Self {
        match error {
            FilesError::Request(why) => of_request(why),
            FilesError::Input { path, why } => of_input(path, why),
            FilesError::ListedInput { list, line, source } => {
                Self::io(format!("read the file that line {line} of {list} names"), source)
                    .hint("check that line of the list; nothing was written")
            }
            FilesError::InputStream { name, source } => Self::io(format!("read {name}"), source),
            FilesError::Output { path, why } => of_output(path, why),
            FilesError::OutputStream(source) => of_stream(source),
            FilesError::Sealed { task, what, source, aside } => of_sealed(*task, what, source, aside),
            FilesError::File { task, path, why } => of_file(*task, path, why),
            FilesError::Archive { task, path, why } => of_archive(*task, path, why),
            FilesError::Command(why) => of_command(why),
        }
    }
}

/// Words what keeps an output from being written for a command that has neither -o nor --force.
pub fn without_flags(error: FilesError) -> Failure {
    let failure = Failure::from(error);
    match failure.kind {
        "output-exists" => failure.hint("name another file"),
        "output-folder" => failure.hint("make the folder first, or name another"),
        _ => failure,
    }
}

fn of_request(why: &RequestError) -> Failure {
    let failure = Failure::usage(why.to_string());
    match why {
        RequestError::StreamAmongFiles => failure.hint("run it for the files separately"),
        RequestError::StreamTakesOne => failure.hint("name one file, or a folder with -o"),
        RequestError::StreamIntoFolder(_) => {
            failure.hint("what comes through standard input has no name: name the file with -o")
        }
        RequestError::NotAFolder { named, has_folder, .. } => failure.hint(match (named, has_folder) {
            (1, _) => "for a folder, -o names a folder, which is made if it does not exist",
            (_, true) => "for several paths, -o names a folder, which is made if it does not exist",
            (_, false) => "for several files, -o names a folder that exists",
        }),
        RequestError::IntoItself(_) => failure.hint("name another folder with -o"),
        RequestError::Nameless(_) => failure.hint("name the output folder with -o"),
        RequestError::NoSuffix(_) => {
            failure.cause("its name does not end in .sealed").hint("name the output with -o, or use --original-name")
        }
        RequestError::SameOutput { is_sealed_in: true, .. } => failure.hint("run it for each of them separately"),
        RequestError::SameOutput { is_sealed_in: false, .. } => {
            failure.hint("name each file once, or run it for each separately")
        }
        RequestError::OutputIsInput(_) | RequestError::OwnOutput { .. } => failure.hint(OTHER_OUTPUT),
        RequestError::OwnInput { .. } => failure
            .cause("Strongroom does not encrypt, replace or delete its own files")
            .hint(words!["leave it out; to copy the vault, use ", command("vault backup FILE")]),
        RequestError::Pattern { pattern, source } => {
            Failure::usage(format!("cannot read the pattern {pattern}")).cause(source.to_string())
        }
        RequestError::PatternFolder { pattern, source } => {
            Failure::usage(format!("cannot read the pattern {pattern}")).cause(crate::disk::plain(source))
        }
        RequestError::ListTooLong(_) => {
            failure.cause("it is longer than 1 GiB").hint("name the folder that holds the files")
        }
        #[cfg(not(unix))]
        RequestError::ListNotText(list) => {
            Failure::usage(format!("cannot read the list of files {}", list.display())).cause("it is not UTF-8")
        }
    }
}

fn of_input(path: &Path, why: &InputError) -> Failure {
    let doing = format!("read {}", path.display());
    let cannot = |exit, kind| Failure::new(exit, kind, format!("cannot {doing}")).cause(why.to_string());
    match why {
        InputError::Missing(source) => Failure::io(doing, source).hint("check the path; nothing was written"),
        InputError::Read(source) => Failure::io(doing, source),
        InputError::NoMatch => cannot(Exit::NotFound, "input-not-found").hint("check the path; nothing was written"),
        InputError::Folder => cannot(Exit::Failed, "not-a-file").hint("name a file in it"),
        InputError::NotAFile => cannot(Exit::Failed, "not-a-file")
            .hint("name regular files and folders; a pipe is read as - through standard input"),
        InputError::ReadOnly(_) => {
            let word = shell_word(&path.display().to_string());
            Failure::new(Exit::Failed, "permission", format!("cannot change {}", path.display()))
                .cause(why.to_string())
                .hint(words![
                    format!("make it writable with chmod u+w {word}, or replace it by "),
                    command("reencrypt")
                ])
        }
        InputError::Loop(_) => cannot(Exit::Failed, "io"),
    }
}

fn of_output(path: &Path, why: &OutputError) -> Failure {
    let doing = format!("write {}", path.display());
    let exists =
        |doing: &str| Failure::new(Exit::Failed, "output-exists", format!("cannot {doing}")).cause(why.to_string());
    let into = || format!("write into {}", path.display());
    match why {
        OutputError::Exists => {
            exists(&doing).hint("choose another name with -o, or replace it with --force").existing(path)
        }
        OutputError::IsFolder | OutputError::NotAFile | OutputError::Taken => exists(&doing).hint(OTHER_NAME),
        OutputError::NoFolder(_) => Failure::new(Exit::Failed, "output-folder", format!("cannot {doing}"))
            .cause(why.to_string())
            .hint("make the folder first, or name another with -o"),
        OutputError::Link => exists(&into()).hint("remove it, or name the folder it leads to with -o"),
        OutputError::ForeignLink { named } | OutputError::ForeignOwner { named } => exists(&into())
            .hint(format!("if you mean that folder, name it with -o; else rename it, or {}", named.display())),
        OutputError::HiddenCopies { .. } => exists(&format!("encrypt into {}", path.display()))
            .hint("bring the copies up to date with --update, or name another folder with -o"),
        OutputError::Clash { .. } => {
            Failure::new(Exit::Failed, "name-clash", format!("cannot {doing}")).cause(why.to_string()).hint(
                "write to a drive that distinguishes upper and lower case, or give the file that was not written \
                 another name and run it again with --update",
            )
        }
        OutputError::NotACopy(_) => Failure::new(Exit::Failed, "not-a-copy", format!("cannot {doing}"))
            .cause(why.to_string())
            .hint("move it away, name another output with -o, or replace it with --force"),
        OutputError::Twins(_) => {
            Failure::new(Exit::Failed, "output-twice", format!("cannot decrypt to {}", path.display()))
                .cause(why.to_string())
                .hint("move away all but one of them, or decrypt each separately with -o")
        }
        OutputError::System(source) => Failure::io(doing, source),
        OutputError::Content(source) if source.kind() == io::ErrorKind::StorageFull => {
            Failure::io(doing, source).hint("free some space and run it again; nothing was kept")
        }
        OutputError::Name(source) if source.kind() == io::ErrorKind::InvalidFilename => {
            Failure::io(doing, source).hint("name the output with -o, or use --hide-names")
        }
        OutputError::Content(source) | OutputError::Name(source) => Failure::io(doing, source),
        OutputError::NameTooLong(source) => {
            Failure::io(doing, source).hint("encrypt its folder with --hide-names or with --archive")
        }
    }
}

/// Says that standard output could not be written.
fn of_stream(source: &io::Error) -> Failure {
    if source.kind() == io::ErrorKind::InvalidData {
        return Failure::new(Exit::Usage, "usage", "cannot write standard output")
            .cause("what was encrypted is not plain text, and could act on the terminal")
            .hint("name a file with -o, or pipe it on");
    }
    Failure::io("write standard output", source)
}

fn of_sealed(task: Task, what: &str, source: &Error, aside: &Aside) -> Failure {
    let failure = Failure::of_ref(format!("{task} {what}"), source);
    match aside {
        Aside::Nothing => failure,
        Aside::OneProject => failure.hint("leave out --project to try the keys of every project"),
        Aside::TargetProject => {
            failure.hint(words!["see which project it belongs to: ", command("inspect --unlock").arg(what)])
        }
        Aside::Unwritten(output) => failure.cause(format!("{source}; nothing was written to {}", output.display())),
        Aside::CutShort => failure.cause(format!("{source}; what was written before that is authentic, but not whole")),
        Aside::Kept => failure.hint("the original was kept: its encrypted copy could not be proven identical"),
    }
}

fn of_file(task: Task, path: &Path, why: &FileError) -> Failure {
    let doing = format!("{task} {}", path.display());
    let cannot = |kind| Failure::new(Exit::Failed, kind, format!("cannot {doing}")).cause(why.to_string());
    match why {
        FileError::System(source) => Failure::io(doing, source),
        FileError::Changed => cannot("changed").hint("wait until it is written, and run it again; nothing was kept"),
        FileError::Edited { .. } => {
            cannot("edited").hint("encrypt it again, name another output with -o, or replace it with --force")
        }
        FileError::DiskFull => cannot("disk-full").hint("free some space and run it again with --update"),
        FileError::OwnOutput { .. } => cannot("own-file").hint(OTHER_OUTPUT),
        FileError::UnusableName(_) | FileError::NoName => {
            cannot("bad-original-name").hint("leave out --original-name, or name the output with -o")
        }
        FileError::TwoCopies(..) => cannot("not-a-copy").hint(words![
            "see which of them is newer with ",
            command("inspect --unlock"),
            ", and move the other away"
        ]),
        FileError::Link => cannot("not-a-file")
            .hint("its sealed copy is done; remove the original by yourself, or name it instead of the link"),
        FileError::VaultCopy => {
            cannot("own-file").hint("keep it outside of what you encrypt; its encrypted copy can be deleted")
        }
        FileError::Kit => {
            cannot("own-file").hint("print it and keep the paper apart from the vault, then delete both files yourself")
        }
        FileError::OtherCopy => cannot("changed")
            .hint("the original was kept; encrypt it again with --force --remove in place of --update --remove"),
        FileError::NotTheCopy => cannot("changed").hint("run it again to see what the file is now"),
        FileError::LastCopy => cannot("last-copy").hint(words![
            "search where the encrypted file is, too, by naming its folder; or delete even the last copy: ",
            command("sweep --remove --last-copies")
        ]),
        FileError::NotAll => cannot("manifest").hint("run it again with --update once the other errors are solved"),
        FileError::NotAManifest | FileError::Manifest(_) => {
            cannot("manifest").hint(words!["name the file that ", command("encrypt --manifest FILE"), " wrote"])
        }
    }
}

fn of_archive(task: Task, path: &Path, why: &ArchiveError) -> Failure {
    let cannot = |exit, kind| Failure::new(exit, kind, format!("cannot {task} {}", path.display()));
    let bad = || cannot(Exit::Failed, "bad-archive").cause(why.to_string());
    match why {
        ArchiveError::NotOurs => cannot(Exit::Failed, "bad-archive")
            .cause("it was not made by --archive")
            .hint("leave out --extract to get the file; if it is a tar file that you want unpacked, add --any-tar"),
        ArchiveError::NotTar => cannot(Exit::Damaged, "damaged")
            .cause(why.to_string())
            .hint("leave out --extract to get the file that was encrypted"),
        ArchiveError::Damaged(_) => cannot(Exit::Damaged, "damaged")
            .cause(why.to_string())
            .hint("the file was changed, damaged or cut short after it was encrypted: restore it from a backup"),
        ArchiveError::Clash { .. } => cannot(Exit::Failed, "name-clash")
            .cause(why.to_string())
            .hint("extract it to a drive that distinguishes upper and lower case"),
        ArchiveError::Refused(TarError::TooManyFiles) => bad(),
        ArchiveError::Refused(_) if task == Task::Encrypt => bad().hint("leave out --archive"),
        ArchiveError::Refused(_)
        | ArchiveError::UnusableName(_)
        | ArchiveError::NotAFile(_)
        | ArchiveError::TooManyFolders => {
            bad().hint("leave out --extract to get the tar file, and look at it with care")
        }
    }
}

fn of_command(why: &CommandError) -> Failure {
    match why {
        CommandError::Start(source) => Failure::io("run the command", source),
        CommandError::Wait(source) => Failure::io("wait for the command", source),
        CommandError::Ended(_) => Failure::new(Exit::Failed, "command-failed", format!("cannot encrypt {OUTPUT}"))
            .cause(why.to_string())
            .hint("run the command by itself to see why"),
    }
}
