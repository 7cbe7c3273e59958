//! Why an old file is not imported, in words: whatever is wrong with it or its secret is said in one way.

use std::path::Path;

use strongroom_legacy::{Detected, Refused, Scheme};

use super::old::NotOpened;
use crate::disk::plain;
use crate::failure::{Exit, Failure};
use crate::files::FilesError;
use crate::files::error::InputError;
use crate::foreign::gpg_file::GpgError;
use crate::words::{command, words};

/// Says why a file does not open. `tried` says which keys were tried, and nothing of the secret.
pub fn not_opened(path: &Path, why: &NotOpened, scheme: Scheme, tried: Vec<String>) -> Failure {
    let doing = format!("cannot import {}", path.display());
    let uniform = || {
        Failure::new(Exit::WrongPassword, "not-opened", &*doing).cause(Refused::Wrong.to_string()).tried(tried.clone())
    };
    match why {
        NotOpened::Refused(Refused::Bounds(limit)) => uniform().hint(*limit),
        NotOpened::Refused(Refused::Parameters(missing)) => {
            Failure::usage(doing).cause(*missing).hint("see the flags with strongroom import --help")
        }
        NotOpened::Refused(Refused::Archive(why)) => {
            Failure::new(Exit::Failed, "bad-archive", doing).cause(why.to_string())
        }
        NotOpened::Refused(refused @ Refused::NotRead { instead, .. }) => {
            Failure::new(Exit::Failed, "not-read", doing).cause(refused.to_string()).hint(*instead)
        }
        NotOpened::Refused(Refused::NotEncrypted) => Failure::new(Exit::Failed, "not-encrypted", doing)
            .cause(Refused::NotEncrypted.to_string())
            .hint(words!["encrypt it as it is with ", command("encrypt").arg(path.display().to_string())]),
        NotOpened::Refused(Refused::Read(error)) => Failure::io(format!("read {}", path.display()), error),
        NotOpened::Gpg(GpgError::Start(error)) => Failure::new(Exit::Failed, "gpg", doing)
            .cause(format!("gpg cannot be started: {}", plain(error)))
            .hint("install GnuPG, or decrypt the file elsewhere; nothing was changed"),
        NotOpened::Gpg(error @ GpgError::NoPassword) => {
            Failure::usage(doing).cause(error.to_string()).hint("leave out the flags of the old password")
        }
        NotOpened::Gpg(error @ GpgError::Cancelled) => {
            Failure::new(Exit::Failed, "gpg", doing).cause(error.to_string()).hint("nothing was changed; run it again")
        }
        NotOpened::Gpg(error @ (GpgError::NoKey | GpgError::Unchecked)) => uniform().hint(error.to_string()),
        NotOpened::Refused(_) | NotOpened::Gpg(_) if scheme.is_self_described() => {
            uniform().hint("check the old password or key; nothing else is needed for such a file")
        }
        NotOpened::Refused(_) | NotOpened::Gpg(_) => uniform().hint(
            "check the secret, --scheme and the flags for it; if the content is short or of a format that is not known, \
             prove it with --sha256 or --verify-against, or accept it with --yes",
        ),
    }
}

/// Says why a file is not imported without its scheme.
pub fn no_scheme(path: &Path, detected: Detected) -> Failure {
    let doing = format!("cannot import {}", path.display());
    let encrypt = || command("encrypt").arg(path.display().to_string());
    let not_read = |what: &str| Failure::new(Exit::Failed, "not-read", &*doing).cause(what);
    match detected {
        Detected::NotEncrypted(what) => Failure::new(Exit::Failed, "not-encrypted", &*doing)
            .cause(format!("there is nothing to decrypt: it is {what} without a password"))
            .hint(words!["encrypt it as it is with ", encrypt()]),
        Detected::OlderOffice => not_opened(path, &Refused::OLDER_OFFICE.into(), Scheme::Office, Vec::new()),
        // To decrypt it would be to write another PDF, whose signature does not hold.
        Detected::Pdf { is_encrypted: true } => not_read("a PDF with a password is not decrypted").hint(words![
            "encrypt it as it came with ",
            encrypt(),
            ", and keep its password with ",
            command("secret set").arg("NAME")
        ]),
        Detected::Pdf { is_encrypted: false } => {
            not_read("it is a PDF without a password").hint(words!["encrypt it as it is with ", encrypt()])
        }
        _ => Failure::usage(format!("nothing in {} says how it was encrypted", path.display()))
            .hint("name the scheme with --scheme"),
    }
}

/// Finds the refusal again that came through the reader of the plaintext.
pub fn of_files(error: FilesError, refused: impl FnOnce(NotOpened) -> Failure) -> Failure {
    match error {
        FilesError::Input { why: InputError::Read(source), .. }
            if source.get_ref().is_some_and(|inner| inner.is::<Refused>() || inner.is::<GpgError>()) =>
        {
            refused(NotOpened::of(source))
        }
        error => error.into(),
    }
}
