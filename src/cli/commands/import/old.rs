//! An old file whose key was found, by whichever reader its scheme has: the library, or the program gpg.

use std::fs::File;
use std::io::{self, Read};

use strongroom_legacy::{Evidence, Keys, Opening, Plaintext, Refused, Request, Running, Scheme, Summary, open};

use crate::foreign::gpg_file::{Decrypting, GpgError};

/// How gpg gets its key.
const GPG_ITSELF: &str = "that gpg has or asks for";

/// Why an old file does not open.
#[derive(Debug)]
pub enum NotOpened {
    /// The library says so.
    Refused(Refused),
    /// gpg does.
    Gpg(GpgError),
}

impl From<Refused> for NotOpened {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// An old file that opens.
pub enum Old {
    /// The library reads it.
    Library(Opening<File>),
    /// gpg does.
    Gpg(Box<GpgFile>),
}

/// What gpg decrypts, and what is known of it so far.
pub struct GpgFile {
    decrypting: Decrypting,
    how: &'static str,
    running: Running,
    is_whole: bool,
}

/// Finds the key of a file. gpg may ask for it only if it `may_ask`.
///
/// # Errors
/// [`NotOpened`].
pub fn open_old(file: File, request: &Request, keys: &mut Keys, may_ask: bool) -> Result<Old, NotOpened> {
    if request.scheme != Scheme::Gpg {
        return Ok(Old::Library(open(file, request, keys)?));
    }
    // gpg itself takes one line.
    let line = |whole: &'_ [u8]| whole.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(whole.len());
    let password = request.password.as_ref().map(|password| &password.expose()[..line(password.expose())]);
    let how = if password.is_some() { "without its line end" } else { GPG_ITSELF };
    keys.note(how, "gpg");
    let decrypting = Decrypting::begin(file, password, may_ask).map_err(NotOpened::Gpg)?;
    let running = Running::new(request.options.sha256);
    Ok(Old::Gpg(Box::new(GpgFile { decrypting, how, running, is_whole: false })))
}

impl Old {
    /// Says how the key was made of the old secret.
    pub fn how(&self) -> String {
        match self {
            Self::Library(opening) => opening.how(),
            Self::Gpg(gpg) => gpg.how.to_owned(),
        }
    }

    /// Returns what proves that the key is right.
    pub fn evidence(&self) -> Evidence {
        match self {
            Self::Library(opening) => opening.evidence(),
            Self::Gpg(_) => Evidence::Tag,
        }
    }

    /// Tells whether the file proves by itself that it was not altered.
    pub fn is_authenticated(&self) -> bool {
        match self {
            Self::Library(opening) => opening.is_authenticated(),
            Self::Gpg(_) => true,
        }
    }

    /// Returns what is where in the file.
    pub fn layout(&self) -> &str {
        match self {
            Self::Library(opening) => opening.layout(),
            Self::Gpg(_) => "OpenPGP",
        }
    }

    /// Returns the mode's name.
    pub fn mode_name(&self) -> &'static str {
        match self {
            Self::Library(opening) => opening.mode_name(),
            Self::Gpg(_) => "gpg",
        }
    }

    /// Takes the plaintext as it is, whatever it looks like.
    pub fn accept_any_content(&mut self) {
        if let Self::Library(opening) = self {
            opening.accept_any_content();
        }
    }

    /// Begins to read the plaintext.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn plaintext(&mut self) -> Result<OldPlaintext<'_>, Refused> {
        Ok(match self {
            Self::Library(opening) => OldPlaintext::Library(Box::new(opening.plaintext()?)),
            Self::Gpg(gpg) => OldPlaintext::Gpg(gpg),
        })
    }

    /// Reads all of the plaintext, only to see whether it is right.
    ///
    /// # Errors
    /// [`NotOpened`].
    pub fn prove(&mut self) -> Result<Summary, NotOpened> {
        match self {
            Self::Library(opening) => Ok(opening.prove()?),
            Self::Gpg(gpg) => {
                io::copy(gpg.as_mut(), &mut io::sink()).map_err(NotOpened::of)?;
                Ok(OldPlaintext::Gpg(gpg).finish()?)
            }
        }
    }
}

impl NotOpened {
    /// Finds the reason again that came as an error of reading.
    pub fn of(error: io::Error) -> Self {
        match error.downcast::<GpgError>() {
            Ok(error) => Self::Gpg(error),
            Err(error) => Self::Refused(error.into()),
        }
    }
}

impl Read for GpgFile {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.decrypting.read(into)?;
        self.running.add(&into[..read]);
        if read == 0 && !into.is_empty() {
            self.running.whole()?;
            self.is_whole = true;
        }
        Ok(read)
    }
}

/// The plaintext of an old file. Whoever reads it must not use it before it was read to its end without an error.
pub enum OldPlaintext<'a> {
    /// That of the library.
    Library(Box<Plaintext<'a, File>>),
    /// That of gpg.
    Gpg(&'a mut GpgFile),
}

impl OldPlaintext<'_> {
    /// Says what was read, once it was read to its end.
    ///
    /// # Errors
    /// [`Refused::Wrong`] if it was not.
    pub fn finish(self) -> Result<Summary, Refused> {
        match self {
            Self::Library(plaintext) => plaintext.finish(),
            Self::Gpg(gpg) if gpg.is_whole => gpg.running.whole(),
            Self::Gpg(_) => Err(Refused::Wrong),
        }
    }
}

impl Read for OldPlaintext<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Library(plaintext) => plaintext.read(into),
            Self::Gpg(gpg) => gpg.read(into),
        }
    }
}
