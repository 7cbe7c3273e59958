//! A file that opens to one plaintext, whichever reader its scheme has.

use std::io::{self, Read, Seek};

use crate::error::Refused;
use crate::office;
use crate::opening::{self, Evidence, Keys};
use crate::plaintext::{self, Summary};
use crate::request::{Mode, Request, Scheme};
use crate::{aescrypt, age};

/// A file whose key was found.
pub struct Opening<R>(Reader<R>);

enum Reader<R> {
    Plain(Box<opening::Opening<R>>),
    Age(Box<age::Opened<R>>),
    Office(Box<office::Opened<R>>),
}

/// Finds the key that opens a file. `keys` has those that were made for other files of the same request.
///
/// # Errors
/// [`Refused`]; one and the same for whatever does not open.
pub fn open<R: Read + Seek>(file: R, request: &Request, keys: &mut Keys) -> Result<Opening<R>, Refused> {
    Ok(Opening(match request.scheme {
        Scheme::Aescrypt => Reader::Plain(Box::new(aescrypt::open(file, request, keys)?)),
        Scheme::Age => Reader::Age(Box::new(age::open(file, request, keys)?)),
        Scheme::Office => Reader::Office(Box::new(office::open(file, request, keys)?)),
        Scheme::Zip | Scheme::SevenZip => return Err(Refused::Parameters("an archive becomes a folder")),
        Scheme::Gpg => return Err(Refused::Parameters("files of OpenPGP are opened by the program gpg")),
        _ => Reader::Plain(Box::new(opening::open(file, request, keys)?)),
    }))
}

impl<R: Read + Seek> Opening<R> {
    /// Says in words how the key was made of the old secret. Nothing of the secret is in them.
    pub fn how(&self) -> String {
        match &self.0 {
            Reader::Plain(opening) => opening.how(),
            Reader::Age(opened) => opened.how().to_owned(),
            Reader::Office(opened) => opened.how().to_owned(),
        }
    }

    /// Returns what proves, once all of the plaintext was read, that the key is right.
    pub fn evidence(&self) -> Evidence {
        match &self.0 {
            Reader::Plain(opening) => opening.evidence(),
            Reader::Age(_) => Evidence::Tag,
            Reader::Office(opened) => opened.evidence(),
        }
    }

    /// Tells whether the file proves by itself that it was not altered.
    pub fn is_authenticated(&self) -> bool {
        match &self.0 {
            Reader::Plain(opening) => opening.is_authenticated(),
            Reader::Age(_) => true,
            Reader::Office(opened) => opened.is_authenticated(),
        }
    }

    /// Returns the layout that fits, or the name of how the file is encrypted.
    pub fn layout(&self) -> &str {
        match &self.0 {
            Reader::Plain(opening) => opening.layout(),
            Reader::Age(opened) => opened.layout(),
            Reader::Office(opened) => opened.layout(),
        }
    }

    /// Returns the mode; `None` if the scheme alone says it.
    pub fn mode(&self) -> Option<Mode> {
        match &self.0 {
            Reader::Plain(opening) => Some(opening.mode()),
            Reader::Age(_) => None,
            Reader::Office(_) => None,
        }
    }

    /// Returns the mode's name.
    pub fn mode_name(&self) -> &'static str {
        match &self.0 {
            Reader::Plain(opening) => opening.mode().name(),
            Reader::Age(_) => "chacha20-poly1305",
            Reader::Office(opened) => opened.mode_name(),
        }
    }

    /// Takes the plaintext as it is, whatever it looks like. Tags and a SHA-256 are checked all the same.
    pub fn accept_any_content(&mut self) {
        match &mut self.0 {
            Reader::Plain(opening) => opening.accept_any_content(),
            Reader::Age(_) => {}
            Reader::Office(_) => {}
        }
    }

    /// Begins to read the plaintext, from its first byte.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn plaintext(&mut self) -> Result<Plaintext<'_, R>, Refused> {
        Ok(match &mut self.0 {
            Reader::Plain(opening) => Plaintext::Plain(opening.plaintext()?),
            Reader::Age(opened) => Plaintext::Age(opened.plaintext()?),
            Reader::Office(opened) => Plaintext::Office(opened.plaintext()?),
        })
    }

    /// Reads all of the plaintext, only to see whether it is right.
    ///
    /// # Errors
    /// [`Refused::Wrong`], or if the file cannot be read.
    pub fn prove(&mut self) -> Result<Summary, Refused> {
        match self.plaintext()? {
            Plaintext::Plain(plaintext) => plaintext.prove(),
            Plaintext::Age(plaintext) => plaintext.prove(),
            Plaintext::Office(plaintext) => plaintext.prove(),
        }
    }
}

/// The plaintext of one file, read forwards in bounded memory. Whoever reads it must not use it before it was read to its
/// end without an error.
#[non_exhaustive]
pub enum Plaintext<'a, R> {
    /// That of most schemes.
    Plain(plaintext::Plaintext<'a, R>),
    /// That of age.
    Age(age::Plaintext<'a, R>),
    /// That of an Office file.
    Office(office::Plaintext<'a, R>),
}

impl<R: Read + Seek> Plaintext<'_, R> {
    /// Says what was read, once it was read to its end.
    ///
    /// # Errors
    /// [`Refused::Wrong`] if it was not.
    pub fn finish(self) -> Result<Summary, Refused> {
        match self {
            Self::Plain(plaintext) => plaintext.finish(),
            Self::Age(plaintext) => plaintext.finish(),
            Self::Office(plaintext) => plaintext.finish(),
        }
    }
}

impl<R: Read + Seek> Read for Plaintext<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(plaintext) => plaintext.read(into),
            Self::Age(plaintext) => plaintext.read(into),
            Self::Office(plaintext) => plaintext.read(into),
        }
    }
}
