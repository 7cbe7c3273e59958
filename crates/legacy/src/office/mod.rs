//! Workbooks and documents of Office 2007 and later with a password ([MS-OFFCRYPTO]). What is inside is the file as it
//! would be without one.

mod hashes;
mod info;
mod keys;

use std::io::{self, Read, Seek, SeekFrom};

use cfb::CompoundFile;

use crate::error::Refused;
use crate::meter::{Meter, refusal};
use crate::opening::{self, Evidence};
use crate::pieces::{Piece, Pieces};
use crate::plaintext::{Running, Summary};
use crate::request::{Encoding, Request};
use crate::spelling::{self, Spelling};
use hashes::Integrity;
use info::Info;
use keys::Keys;

/// What a compound file begins with ([MS-CFB], 2.2).
pub const MAGIC: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
/// The longest stream `EncryptionInfo` that is read, in bytes.
const INFO_LIMIT: u64 = 64 * 1024;
/// Of the tables of a compound file, so many bytes are read besides the share of the file that they usually take.
const TABLES_LIMIT: u64 = 1 << 20;
/// The share: one of so many bytes. An entry of the allocation table is 4 bytes for 512.
const TABLES_SHARE: u64 = 64;
/// A segment of agile encryption, in bytes.
const SEGMENT: usize = 4096;
/// A piece, in bytes: whole segments, and many, for to find a place in a compound file its tables are followed from
/// their beginning.
const PIECE: usize = 256 * SEGMENT;
/// The plaintext's length, at the beginning of the stream.
const SIZE_LENGTH: u64 = 8;

/// What a compound file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file of Office with a password.
    Encrypted,
    /// A workbook or document of before 2007.
    Older,
    /// Something else.
    Other,
}

/// A file of Office whose key was found.
pub struct Opened<R> {
    file: CompoundFile<Meter<R>>,
    info: Info,
    keys: Keys,
    size: u64,
    how: String,
    layout: String,
    sha256: Option<[u8; 32]>,
}

/// Tells what a compound file is.
///
/// # Errors
/// The system's error.
pub fn kind<R: Read + Seek>(file: R) -> io::Result<Kind> {
    let file = match container(file) {
        Ok(file) => file,
        Err(Refused::Read(error)) => return Err(error),
        Err(_) => return Ok(Kind::Other),
    };
    Ok(kind_of(&file))
}

fn kind_of<R>(file: &CompoundFile<R>) -> Kind {
    if file.is_stream("/EncryptionInfo") && file.is_stream("/EncryptedPackage") {
        Kind::Encrypted
    } else if ["/Workbook", "/Book", "/WordDocument", "/PowerPoint Document"].iter().any(|name| file.is_stream(name)) {
        Kind::Older
    } else {
        Kind::Other
    }
}

/// Reads the tables of a compound file.
fn container<R: Read + Seek>(mut file: R) -> Result<CompoundFile<Meter<R>>, Refused> {
    let length = file.seek(SeekFrom::End(0))?;
    let most = TABLES_LIMIT + length / TABLES_SHARE;
    let (file, limit) = Meter::new(file, most, "the tables of the Office file are too long for its size");
    let file = CompoundFile::open(file).map_err(refusal)?;
    limit.lift();
    Ok(file)
}

/// Finds the key of a file.
///
/// # Errors
/// [`Refused`]; [`Refused::Wrong`] if the password is wrong or the file is damaged.
pub fn open<R: Read + Seek>(mut file: R, request: &Request, tried: &mut opening::Keys) -> Result<Opened<R>, Refused> {
    let password = request.password.as_ref().ok_or(Refused::Parameters("the old password is needed"))?;
    let mut head = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    (&mut file).take(MAGIC.len() as u64).read_to_end(&mut head)?;
    if head.starts_with(b"PK\x03\x04") {
        return Err(Refused::NotEncrypted);
    }
    if head != MAGIC {
        return Err(Refused::Wrong);
    }
    let mut file = container(file)?;
    match kind_of(&file) {
        Kind::Encrypted => {}
        Kind::Older => return Err(Refused::OLDER_OFFICE),
        Kind::Other => return Err(Refused::Wrong),
    }
    let mut described = Vec::new();
    file.open_stream("/EncryptionInfo")
        .map_err(refusal)?
        .take(INFO_LIMIT)
        .read_to_end(&mut described)
        .map_err(refusal)?;
    let info = Info::parse(&described, request.options.iterations.unwrap_or(u64::MAX))?;
    let mut package = file.open_stream("/EncryptedPackage").map_err(refusal)?;
    let mut size = [0; SIZE_LENGTH as usize];
    package.read_exact(&mut size).map_err(refusal)?;
    let size = u64::from_le_bytes(size);
    if size.checked_next_multiple_of(16).is_none_or(|padded| padded > package.len() - SIZE_LENGTH) {
        return Err(Refused::Wrong);
    }
    drop(package);
    let spellings = spelling::of_password(password.expose(), Some(Encoding::Utf16Le));
    tried.note_spellings(&spellings, request.scheme);
    let opened = |Spelling { how, bytes }| {
        let keys = match &info {
            Info::Agile(info) => keys::agile(info, bytes.expose()),
            Info::Standard(info) => keys::standard(info, bytes.expose()),
        };
        Some((how, keys?))
    };
    let (how, keys) = spellings.into_iter().find_map(opened).ok_or(Refused::Wrong)?;
    let layout = match &info {
        Info::Agile(info) => format!("agile encryption, {}, {} rounds", info.password.hash.name(), info.spins),
        Info::Standard(_) => format!("standard encryption, {} rounds", info::STANDARD_SPINS),
    };
    Ok(Opened { file, info, keys, size, how, layout, sha256: request.options.sha256 })
}

impl<R> Opened<R> {
    /// Says in words how the key was made.
    pub fn how(&self) -> &str {
        &self.how
    }

    /// Returns what proves, once all was read, that the key is right.
    pub fn evidence(&self) -> Evidence {
        if self.is_authenticated() { Evidence::Tag } else { Evidence::Verifier }
    }

    /// Tells whether the file proves by itself that it was not altered.
    pub fn is_authenticated(&self) -> bool {
        matches!(&self.info, Info::Agile(info) if info.integrity.is_some())
    }

    /// Returns the mode of AES.
    pub fn mode_name(&self) -> &'static str {
        match self.info {
            Info::Agile(_) => "cbc",
            Info::Standard(_) => "ecb",
        }
    }

    /// Says how the file is encrypted.
    pub fn layout(&self) -> &str {
        &self.layout
    }
}

/// The file as it was before it got its password, read forwards. Whoever reads it must not use it before it was read to
/// its end without an error.
pub struct Plaintext<'a, R> {
    file: &'a mut CompoundFile<Meter<R>>,
    info: &'a Info,
    key: &'a [u8],
    integrity: Option<(Box<dyn Integrity>, &'a [u8])>,
    running: Running,
    size: u64,
    /// How many bytes were decrypted.
    done: u64,
    piece: Piece,
}

impl<R: Read + Seek> Opened<R> {
    /// Begins to read.
    ///
    /// # Errors
    /// [`Refused::Wrong`].
    pub fn plaintext(&mut self) -> Result<Plaintext<'_, R>, Refused> {
        let integrity = match (&self.keys.integrity, &self.info) {
            (Some((key, expected)), Info::Agile(info)) => {
                let mut integrity = info.data.hash.hmac(key).ok_or(Refused::Wrong)?;
                integrity.add(&self.size.to_le_bytes());
                Some((integrity, expected.as_slice()))
            }
            _ => None,
        };
        Ok(Plaintext {
            file: &mut self.file,
            info: &self.info,
            key: &self.keys.data,
            integrity,
            running: Running::new(self.sha256),
            size: self.size,
            done: 0,
            piece: Piece::new(),
        })
    }
}

impl<R: Read + Seek> Plaintext<'_, R> {
    /// Says what was read, once it was read to its end.
    ///
    /// # Errors
    /// [`Refused::Wrong`] if it was not.
    pub fn finish(self) -> Result<Summary, Refused> {
        if !self.piece.is_used_up() {
            return Err(Refused::Wrong);
        }
        self.running.whole()
    }

    /// Reads all that is left, only to see whether it is right.
    pub fn prove(mut self) -> Result<Summary, Refused> {
        self.use_up()?;
        self.finish()
    }

    /// Checks what can be checked at the end. The HMAC is of what fills up the stream, too.
    fn check_end(&mut self, start: u64, end: u64) -> Result<(), Refused> {
        if let Some((mut integrity, expected)) = self.integrity.take() {
            let mut at = start;
            let mut rest = vec![0; SEGMENT];
            while at < end {
                let mut package = self.file.open_stream("/EncryptedPackage").map_err(refusal)?;
                rest.resize((end - at).min(PIECE as u64) as usize, 0);
                package.seek(SeekFrom::Start(at)).map_err(refusal)?;
                package.read_exact(&mut rest).map_err(refusal)?;
                integrity.add(&rest);
                at += rest.len() as u64;
            }
            if !integrity.is(expected) {
                return Err(Refused::Wrong);
            }
        }
        self.running.whole().map(drop)
    }
}

impl<R: Read + Seek> Pieces for Plaintext<'_, R> {
    fn piece(&mut self) -> &mut Piece {
        &mut self.piece
    }

    fn open_next(&mut self) -> Result<bool, Refused> {
        let left = self.size - self.done;
        let kept = left.min(PIECE as u64) as usize;
        let length = kept.next_multiple_of(16);
        self.piece.make_room(length);
        let piece = &mut self.piece.bytes;
        let mut package = self.file.open_stream("/EncryptedPackage").map_err(refusal)?;
        let start = SIZE_LENGTH + self.done;
        package.seek(SeekFrom::Start(start)).map_err(refusal)?;
        package.read_exact(piece).map_err(refusal)?;
        let end = package.len();
        drop(package);
        if let Some((integrity, _)) = &mut self.integrity {
            integrity.add(piece);
        }
        let decrypted = match self.info {
            Info::Standard(_) => keys::ecb(self.key, piece),
            Info::Agile(info) => {
                let first = self.done / SEGMENT as u64;
                piece.chunks_mut(SEGMENT).zip(first..).try_for_each(|(segment, number)| {
                    let number = u32::try_from(number).ok()?.to_le_bytes();
                    keys::cbc(self.key, &keys::agile_iv(&info.data, &number), segment)
                })
            }
        };
        decrypted.ok_or(Refused::Wrong)?;
        // What is inside is a ZIP file. Where no HMAC proves it, that alone shows that something was decrypted.
        if self.done == 0 && !piece.starts_with(b"PK") {
            return Err(Refused::Wrong);
        }
        piece.truncate(kept);
        self.done += kept as u64;
        self.running.add(piece);
        let is_last = self.done == self.size;
        if is_last {
            self.check_end(start + length as u64, end)?;
        }
        Ok(is_last)
    }
}

impl<R: Read + Seek> Read for Plaintext<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.hand_out(into)
    }
}

#[cfg(test)]
mod tests;
