//! Archives with a password: many files, which become a folder. A member's name and its length are somebody else's claim,
//! so all of them are checked before the first byte is decrypted, and a length once more while it is read.

mod names;
#[cfg(feature = "7z")]
pub mod seven;
pub mod zip;

use std::io::{self, Read, Seek};
use std::path::PathBuf;

use crate::error::Refused;
use crate::meter::refusal;
use crate::opening::Keys;
use crate::plaintext::{Running, Summary};
use crate::request::{Request, Scheme};

/// An archive with more members is refused.
pub const MEMBERS_LIMIT: usize = 100_000;
/// An archive whose members are longer than this together is refused, in bytes.
pub const TOTAL_LIMIT: u64 = 1 << 38;
/// An archive whose members are so many times as long as the archive is refused, if they are longer than [`RATIO_FREE`].
pub const RATIO_LIMIT: u64 = 200;
/// Fewer bytes do no harm, however small the archive is.
pub const RATIO_FREE: u64 = 256 << 20;

/// Why an archive is not unpacked, though its password may be right. Names are shortened: whoever made the archive chose
/// them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveRefused {
    /// Too many members.
    #[error("it has more than {MEMBERS_LIMIT} members")]
    TooManyMembers,
    /// Its members are too long together.
    #[error("its members are longer than {} GiB together", TOTAL_LIMIT >> 30)]
    TooLong,
    /// It is a bomb, or as good as one.
    #[error("its members are more than {RATIO_LIMIT} times as long as the archive itself")]
    Ratio,
    /// Members share their bytes.
    #[error("its members overlap")]
    Overlap,
    /// A name that leads elsewhere, or is none.
    #[error("the name {0:?} in it leads out of its folder, or is no name of a file")]
    Name(String),
    /// Two names that are one on some drives.
    #[error("the names {0:?} and {1:?} in it are the same, or differ only as some drives do not distinguish")]
    Clash(String, String),
    /// Two members of one name.
    #[error("two of its members have the same name")]
    Twice,
    /// A link, a device, or an order to delete.
    #[error("{0:?} in it is neither a file nor a folder")]
    NotAFile(String),
    /// It cannot be unpacked here.
    #[error("{0:?} in it is compressed in a way that is not read here")]
    Method(String),
}

/// How a member is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protection {
    /// Not at all.
    None,
    /// By the cipher of PKZIP, with a CRC.
    ZipCrypto,
    /// By AES as WinZip does it, with a key of so many bits and an HMAC.
    WinZipAes(u16),
    /// By AES-256 as 7-Zip does it, with a CRC.
    SevenZip,
}

impl Protection {
    /// Returns its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ZipCrypto => "zipcrypto",
            Self::WinZipAes(128) => "winzip-aes-128",
            Self::WinZipAes(192) => "winzip-aes-192",
            Self::WinZipAes(_) => "winzip-aes-256",
            Self::SevenZip => "7z-aes-256",
        }
    }

    /// Tells whether a member proves by itself that it was not altered. A CRC can be made to fit.
    #[must_use]
    pub fn is_authenticated(self) -> bool {
        matches!(self, Self::WinZipAes(_))
    }
}

/// A file or folder in an archive.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its path, below the folder that the archive becomes: no part of it leads out of it.
    pub path: PathBuf,
    /// It is a folder.
    pub is_folder: bool,
    /// How long it is said to be, in bytes.
    pub size: u64,
    /// When it was modified, in seconds since 1970, if the archive says it without a doubt about the time zone.
    pub modified: Option<i64>,
    /// How it is protected.
    pub protection: Protection,
}

/// Adds up what members claim, and refuses what is too much.
struct Claims {
    archive: u64,
    members: usize,
    total: u64,
}

impl Claims {
    fn new(archive: u64) -> Self {
        Self { archive, members: 0, total: 0 }
    }

    fn add(&mut self, size: u64) -> Result<(), ArchiveRefused> {
        self.members += 1;
        self.total = self.total.saturating_add(size);
        if self.members > MEMBERS_LIMIT {
            Err(ArchiveRefused::TooManyMembers)
        } else if self.total > TOTAL_LIMIT {
            Err(ArchiveRefused::TooLong)
        } else if self.total > RATIO_FREE && self.total / RATIO_LIMIT > self.archive {
            Err(ArchiveRefused::Ratio)
        } else {
            Ok(())
        }
    }
}

/// An archive whose password was found.
pub struct Archive<R>(Kind<R>);

enum Kind<R> {
    Zip(zip::Opened<R>),
    #[cfg(feature = "7z")]
    Seven(Box<seven::Opened<R>>),
}

/// Why the members were not all read.
#[derive(Debug)]
pub enum Stopped<E> {
    /// The archive is the reason.
    Refused(Refused),
    /// Whoever took the members is.
    Taker(E),
}

impl<E> From<Refused> for Stopped<E> {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// Finds the password of an archive, and checks what its members claim.
///
/// # Errors
/// [`Refused`]; [`Refused::Wrong`] if the password is wrong or the archive is damaged.
pub fn open_archive<R: Read + Seek>(file: R, request: &Request, keys: &mut Keys) -> Result<Archive<R>, Refused> {
    match request.scheme {
        Scheme::Zip => Ok(Archive(Kind::Zip(zip::open(file, request, keys)?))),
        #[cfg(feature = "7z")]
        Scheme::SevenZip => Ok(Archive(Kind::Seven(Box::new(seven::open(file, request, keys)?)))),
        _ => Err(Refused::NOT_BUILT),
    }
}

impl<R: Read + Seek> Archive<R> {
    /// Lists the members.
    pub fn members(&self) -> &[Member] {
        match &self.0 {
            Kind::Zip(opened) => opened.members(),
            #[cfg(feature = "7z")]
            Kind::Seven(opened) => opened.members(),
        }
    }

    /// Says in words how the key was made of the password. Nothing of the password is in them.
    pub fn how(&self) -> &str {
        match &self.0 {
            Kind::Zip(opened) => opened.how(),
            #[cfg(feature = "7z")]
            Kind::Seven(opened) => opened.how(),
        }
    }

    /// Hands out each member once, in any order. What was read of it is worth nothing before [`Plain::finish`].
    ///
    /// # Errors
    /// That of the archive, or that of `take`.
    pub fn each<E>(
        &mut self,
        take: &mut dyn FnMut(&Member, &mut Plain<'_>) -> Result<(), E>,
    ) -> Result<(), Stopped<E>> {
        match &mut self.0 {
            Kind::Zip(opened) => opened.each(take),
            #[cfg(feature = "7z")]
            Kind::Seven(opened) => opened.each(take),
        }
    }
}

/// The plaintext of a member.
pub struct Plain<'a> {
    inner: &'a mut dyn Read,
    left: u64,
    running: Running,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    Over,
    Failed,
}

impl<'a> Plain<'a> {
    fn new(inner: &'a mut dyn Read, size: u64) -> Self {
        Self { inner, left: size, running: Running::new(None), state: State::Reading }
    }

    /// Reads what is left, and says what was read.
    ///
    /// # Errors
    /// [`Refused::Wrong`] if the member does not hold.
    pub fn finish(&mut self) -> Result<Summary, Refused> {
        io::copy(self, &mut io::sink())?;
        self.running.whole()
    }

    fn next(&mut self, into: &mut [u8]) -> Result<usize, Refused> {
        let read = self.inner.read(into).map_err(refusal)?;
        if read == 0 {
            return if self.left == 0 { Ok(0) } else { Err(Refused::Wrong) };
        }
        self.left = self.left.checked_sub(read as u64).ok_or(Refused::Wrong)?;
        self.running.add(&into[..read]);
        Ok(read)
    }
}

impl Read for Plain<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() || self.state == State::Over {
            return Ok(0);
        }
        if self.state == State::Failed {
            return Err(Refused::Wrong.into());
        }
        match self.next(into) {
            Ok(read) => {
                if read == 0 {
                    self.state = State::Over;
                }
                Ok(read)
            }
            Err(refused) => {
                self.state = State::Failed;
                Err(refused.into())
            }
        }
    }
}

#[cfg(test)]
mod tests;
