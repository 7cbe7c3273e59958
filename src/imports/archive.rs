//! Zip files from anyone. One entry is read, by its name, into memory; nothing is ever extracted.

use std::io::{Cursor, Read};

use zeroize::Zeroizing;
use zip::ZipArchive;

use super::{ImportError, limits};

/// The first bytes of a zip file.
const MAGIC: &[u8] = b"PK\x03\x04";
/// What each entry of a zip file's directory begins with.
const ENTRY: &[u8] = b"PK\x01\x02";
/// How much is unpacked between two looks at the limits.
const STEP: usize = 64 << 10;

/// Tells whether these are the bytes of a zip file.
pub(super) fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// A zip file whose directory was read.
pub(super) struct Archive<'a>(ZipArchive<Cursor<&'a [u8]>>);

impl<'a> Archive<'a> {
    pub fn open(bytes: &'a [u8]) -> Result<Self, ImportError> {
        // Counted before the directory is read, which takes memory for each entry. Each begins so; that packed data
        // holds as many of these by chance cannot be.
        if bytes.windows(ENTRY.len()).filter(|window| *window == ENTRY).count() > limits::ZIP_ENTRIES {
            return Err(ImportError::ZipTooManyEntries);
        }
        ZipArchive::new(Cursor::new(bytes)).map(Self).map_err(|_| ImportError::Zip)
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.index_for_name(name).is_some()
    }

    /// Returns the names of the entries, which need not be text.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.0.file_names_raw()
    }

    /// Unpacks one entry, as far as the limits allow.
    pub fn read(&mut self, name: &'static str) -> Result<Zeroizing<Vec<u8>>, ImportError> {
        if !self.has(name) {
            return Err(ImportError::ZipEntryMissing { entry: name });
        }
        let too_large = ImportError::ZipTooLarge { entry: name };
        let mut entry = self.0.by_name(name).map_err(|_| ImportError::Zip)?;
        // What the directory says of its size may be a lie, so that it only settles what is set aside at first: a
        // buffer that need not grow leaves no copies behind.
        let packed = usize::try_from(entry.compressed_size()).map_err(|_| ImportError::Zip)?;
        let most = limits::ZIP_UNPACKED.min(packed.saturating_mul(limits::ZIP_RATIO).max(STEP));
        let said = usize::try_from(entry.size()).unwrap_or(usize::MAX);
        if said > most {
            return Err(too_large);
        }
        let mut unpacked = Zeroizing::new(Vec::with_capacity(said.min(packed.saturating_mul(limits::ZIP_RATIO))));
        loop {
            let read = (&mut entry).take(STEP as u64).read_to_end(&mut unpacked).map_err(|_| ImportError::Zip)?;
            if unpacked.len() > most {
                return Err(too_large);
            }
            if read == 0 {
                return Ok(unpacked);
            }
        }
    }
}
