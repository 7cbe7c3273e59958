//! Reads a tar stream entry by entry, in constant memory and linear time, whoever made it.
//!
//! The tar crate lays out headers and parses their fields. Its own walk reads long names and extended headers whole,
//! however long they are, so this one takes its place.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::format::name::shortened_to;

/// The longest long name or extended header that is read, in bytes.
const EXTENSION_LIMIT: u64 = 64 << 10;
/// The longest path of an entry, in bytes: PATH_MAX of Linux.
const PATH_LIMIT: usize = 4096;
/// How many folders deep an entry may be.
const DEPTH_LIMIT: usize = 512;
/// How many headers an archive may have.
pub(super) const ENTRY_LIMIT: u64 = 10_000_000;
/// How many files and folders are packed: a long name has a header of its own.
const FILES_LIMIT: u64 = ENTRY_LIMIT / 2;
/// How many characters of a name an error shows: whoever made the archive chose it.
const NAME_SHOWN: usize = 300;
const BLOCK: usize = 512;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A link, a device, a sparse file or something unknown.
    Other,
}

/// One entry's header, with what the headers before it said about it.
#[derive(Debug)]
pub struct Entry {
    /// Its path as it is in the archive; nobody has looked at where it leads.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// Its permission bits.
    pub mode: u32,
    /// When it was modified, in seconds since 1970.
    pub modified: i64,
}

/// Why an archive is not read any further.
#[derive(Debug)]
pub enum Refusal {
    /// Its source failed.
    Source(io::Error),
    /// It is no tar archive, or ends before its end mark.
    NotTar,
    /// It holds what is not unpacked.
    Refused(TarError),
}

/// What is not unpacked, and so not packed either. Names are shortened: whoever made the archive chose them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TarError {
    /// It has too many headers.
    #[error("it has more than {ENTRY_LIMIT} entries")]
    TooManyEntries,
    /// It would have too many headers.
    #[error("it has more than {FILES_LIMIT} files and folders")]
    TooManyFiles,
    /// Which of two names is meant nobody knows.
    #[error("two long names follow each other in it")]
    TwoLongNames,
    /// Which of two headers is meant nobody knows.
    #[error("two extended headers follow each other in it")]
    TwoExtendedHeaders,
    /// An extended header breaks its rules.
    #[error("an extended header in it cannot be read")]
    BadExtendedHeader,
    /// A name that is none on this system.
    #[error("{0} in it is no name here")]
    NoName(String),
    /// A long name or an extended header that is longer than is read.
    #[error("{name} in it says that {size} bytes describe one entry; {EXTENSION_LIMIT} are read at most")]
    LongExtension {
        /// The entry's name.
        name: String,
        /// The length in bytes.
        size: u64,
    },
    /// A path that is too long.
    #[error("{0} in it is longer than {PATH_LIMIT} bytes")]
    LongPath(String),
    /// A path that is too deep.
    #[error("{0} in it is more than {DEPTH_LIMIT} folders deep")]
    DeepPath(String),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::NotTar } else { Self::Source(error) }
    }
}

/// The entries of a tar stream, in their order.
pub struct Entries<R> {
    source: R,
    /// Bytes of the current entry that are not read yet.
    left: u64,
    /// Bytes of padding that follow them.
    padding: u64,
    /// How many headers were read.
    pub(super) headers: u64,
}

/// What extended headers say about the entry that follows them.
#[derive(Default)]
struct Extended {
    long_name: Option<Vec<u8>>,
    path: Option<Vec<u8>>,
    size: Option<u64>,
    modified: Option<i64>,
    is_seen: bool,
    is_sparse: bool,
}

impl<R: Read> Entries<R> {
    /// Begins at the start of a tar stream.
    pub fn new(source: R) -> Self {
        Self { source, left: 0, padding: 0, headers: 0 }
    }

    /// Goes to the next entry; `None` at the end mark.
    ///
    /// # Errors
    /// [`Refusal`], for what is no archive and for an archive beyond the limits.
    pub fn next(&mut self) -> Result<Option<Entry>, Refusal> {
        let mut extended = Extended::default();
        loop {
            self.skip_rest()?;
            let mut block = [0; BLOCK];
            self.source.read_exact(&mut block)?;
            if block.iter().all(|byte| *byte == 0) {
                return Ok(None);
            }
            self.headers += 1;
            if self.headers > ENTRY_LIMIT {
                return Err(Refusal::Refused(TarError::TooManyEntries));
            }
            let header = tar::Header::from_byte_slice(&block);
            if header.cksum().ok() != Some(checksum(&block)) {
                return Err(Refusal::NotTar);
            }
            let size = header.entry_size().map_err(|_| Refusal::NotTar)?;
            self.enter(size);
            match header.entry_type() {
                tar::EntryType::GNULongName => {
                    let mut name = self.extension(&header.path_bytes(), size)?;
                    name.truncate(name.iter().position(|byte| *byte == 0).unwrap_or(name.len()));
                    if extended.long_name.replace(name).is_some() {
                        return Err(Refusal::Refused(TarError::TwoLongNames));
                    }
                }
                // Of a link, which is refused itself; and of the whole archive, which is nothing that is unpacked.
                tar::EntryType::GNULongLink | tar::EntryType::XGlobalHeader => {
                    self.extension(&header.path_bytes(), size)?;
                }
                tar::EntryType::XHeader => {
                    let records = self.extension(&header.path_bytes(), size)?;
                    if std::mem::replace(&mut extended.is_seen, true) {
                        return Err(Refusal::Refused(TarError::TwoExtendedHeaders));
                    }
                    extended.read(&records)?;
                }
                kind => return self.entry(header, kind, extended).map(Some),
            }
        }
    }

    fn entry(&mut self, header: &tar::Header, kind: tar::EntryType, extended: Extended) -> Result<Entry, Refusal> {
        if let Some(size) = extended.size {
            self.enter(size);
        }
        let name = extended.long_name.or(extended.path).unwrap_or_else(|| header.path_bytes().into_owned());
        let path = path_of(&name).ok_or_else(|| Refusal::Refused(TarError::NoName(shown(&name))))?;
        check_path(&path).map_err(Refusal::Refused)?;
        let kind = match kind {
            _ if extended.is_sparse => Kind::Other,
            tar::EntryType::Directory => Kind::Folder,
            // So the oldest tar marks a folder.
            tar::EntryType::Regular if name.ends_with(b"/") => Kind::Folder,
            tar::EntryType::Regular | tar::EntryType::Continuous => Kind::File,
            _ => Kind::Other,
        };
        // A time before 1970 is written as the number that wraps round to it.
        let modified = extended.modified.unwrap_or_else(|| header.mtime().unwrap_or_default() as i64);
        Ok(Entry { path, kind, mode: header.mode().unwrap_or(0o600) & 0o777, modified })
    }

    fn enter(&mut self, size: u64) {
        self.left = size;
        self.padding = size.wrapping_neg() % BLOCK as u64;
    }

    /// Reads some of the current entry's data; 0 bytes at its end.
    ///
    /// # Errors
    /// The source's, and `UnexpectedEof` where it ends before the entry does.
    pub fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let wanted = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.source.read(&mut bytes[..wanted])?;
        if read == 0 && wanted > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= read as u64;
        Ok(read)
    }

    /// Reads a long name or an extended header, whose length anybody may have chosen.
    fn extension(&mut self, name: &[u8], size: u64) -> Result<Vec<u8>, Refusal> {
        if size > EXTENSION_LIMIT {
            return Err(Refusal::Refused(TarError::LongExtension { name: shown(name), size }));
        }
        let mut bytes = vec![0; size as usize];
        self.source.read_exact(&mut bytes)?;
        self.left = 0;
        Ok(bytes)
    }

    fn skip_rest(&mut self) -> Result<(), Refusal> {
        let rest = self.left.saturating_add(self.padding);
        if io::copy(&mut (&mut self.source).take(rest), &mut io::sink())? != rest {
            return Err(Refusal::NotTar);
        }
        (self.left, self.padding) = (0, 0);
        Ok(())
    }
}

impl Extended {
    /// Takes the records that matter here. Each is `LENGTH KEY=VALUE` and a line feed, the length counting all of it
    /// (POSIX.1-2017, pax, "pax Extended Header"). The tar crate splits them at line feeds, which a value may hold.
    fn read(&mut self, mut records: &[u8]) -> Result<(), Refusal> {
        let bad = || Refusal::Refused(TarError::BadExtendedHeader);
        let number = |bytes: &[u8]| -> Option<u64> { std::str::from_utf8(bytes).ok()?.parse().ok() };
        while !records.is_empty() {
            let space = records.iter().take(8).position(|byte| *byte == b' ').ok_or_else(bad)?;
            let length = number(&records[..space]).and_then(|length| usize::try_from(length).ok()).ok_or_else(bad)?;
            let record = records.get(space + 1..length).and_then(|record| record.strip_suffix(b"\n"));
            let record = record.ok_or_else(bad)?;
            let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(bad)?;
            let (key, value) = (&record[..equals], &record[equals + 1..]);
            match key {
                b"path" => self.path = Some(value.to_vec()),
                b"size" => self.size = Some(number(value).ok_or_else(bad)?),
                b"mtime" => {
                    let seconds = value.split(|byte| *byte == b'.').next().unwrap_or_default();
                    let seconds = std::str::from_utf8(seconds).ok().and_then(|text| text.parse().ok());
                    self.modified = Some(seconds.ok_or_else(bad)?);
                }
                _ if key.starts_with(b"GNU.sparse.") => self.is_sparse = true,
                _ => {}
            }
            records = &records[length..];
        }
        Ok(())
    }
}

/// Refuses a path that no entry of an archive may have, on the way in and on the way out.
///
/// # Errors
/// [`TarError::LongPath`] and [`TarError::DeepPath`].
pub fn check_path(path: &Path) -> Result<(), TarError> {
    let bytes = path.as_os_str().as_encoded_bytes();
    if bytes.len() > PATH_LIMIT {
        Err(TarError::LongPath(shown(bytes)))
    } else if path.components().count() > DEPTH_LIMIT {
        Err(TarError::DeepPath(shown(bytes)))
    } else {
        Ok(())
    }
}

/// Refuses more entries than are read again.
///
/// # Errors
/// [`TarError::TooManyFiles`].
pub fn check_count(entries: usize) -> Result<(), TarError> {
    if entries as u64 > FILES_LIMIT { Err(TarError::TooManyFiles) } else { Ok(()) }
}

fn shown(name: &[u8]) -> String {
    shortened_to(NAME_SHOWN, &String::from_utf8_lossy(name)).into_owned()
}

/// The sum of a header's bytes, its own field taken for spaces.
fn checksum(block: &[u8; BLOCK]) -> u32 {
    let field = 148..156;
    block.iter().enumerate().map(|(at, byte)| u32::from(if field.contains(&at) { b' ' } else { *byte })).sum()
}

#[cfg(unix)]
fn path_of(name: &[u8]) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    Some(PathBuf::from(std::ffi::OsStr::from_bytes(name)))
}

#[cfg(not(unix))]
fn path_of(name: &[u8]) -> Option<PathBuf> {
    std::str::from_utf8(name).ok().map(PathBuf::from)
}
