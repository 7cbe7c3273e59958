//! 7z files with a password, whose names may be hidden, too.

use std::io::{self, Read, Seek, SeekFrom};

use sevenz_rust2::{Archive, ArchiveEntry, Block, BlockDecoder, EncoderMethod, Error, Password};

use super::names::{Names, shown};
use super::{ArchiveRefused, Claims, Member, Plain, Protection, Stopped};
use crate::error::Refused;
use crate::meter::refusal;
use crate::opening::Keys;
use crate::request::{Encoding, Request};
use crate::spelling;

/// What a 7z file begins with.
pub const MAGIC: &[u8] = b"7z\xbc\xaf\x27\x1c";
/// What lists the members may be so long, in KiB: each byte of it can claim a member, which takes a hundred bytes.
const CONTENTS_KIB: usize = 2 << 10;
/// So much memory a member's decoder may take, in KiB. 7-Zip's best compression takes a quarter of it.
const MEMORY_KIB: usize = 1 << 20;
/// A key that is made by more than 2 to the power of this many rounds is refused; 7-Zip makes 2 to the power of 19.
const ROUNDS_POWER_LIMIT: u8 = 24;
/// What stands for a key that is not hashed at all.
const NO_ROUNDS: u8 = 0x3f;
/// So much of a member is read to see whether a password is right, in bytes.
const LOOKED_AT: u64 = 1 << 20;

/// An archive whose password was found.
pub struct Opened<R> {
    file: R,
    archive: Archive,
    members: Vec<Member>,
    password: Password,
    how: String,
}

/// Tells whether a file has a password; `None` if it is no 7z file that can be read.
///
/// # Errors
/// The system's error.
pub fn is_encrypted<R: Read + Seek>(mut file: R) -> io::Result<Option<bool>> {
    match Archive::read_with_memory_limit(&mut file, &Password::empty(), CONTENTS_KIB) {
        Ok(archive) => Ok(Some(archive.blocks.iter().any(|block| rounds(block).is_some()))),
        Err(Error::PasswordRequired) => Ok(Some(true)),
        Err(error) => match refused(error) {
            Refused::Read(error) => Err(error),
            _ => Ok(None),
        },
    }
}

fn refused(error: Error) -> Refused {
    match error {
        Error::Io(error, _) | Error::MaybeBadPassword(error) => refusal(error),
        Error::UnsupportedCompressionMethod(method) => ArchiveRefused::Method(shown(&method)).into(),
        Error::MaxMemLimited { .. } => Refused::Bounds("the 7z file needs more memory than it may have"),
        _ => Refused::Wrong,
    }
}

/// Returns the power of 2 that says how many rounds a block's key takes; `None` if it has no key.
fn rounds(block: &Block) -> Option<u8> {
    let is_aes = |method: &[u8]| method == EncoderMethod::ID_AES256_SHA256;
    let coder = block.coders.iter().find(|coder| is_aes(coder.encoder_method_id()))?;
    Some(coder.properties().first().map_or(0, |first| first & 0x3f))
}

/// Finds the password, and checks what the members claim.
///
/// # Errors
/// [`Refused`].
pub fn open<R: Read + Seek>(mut file: R, request: &Request, keys: &mut Keys) -> Result<Opened<R>, Refused> {
    let password = request.password.as_ref().ok_or(Refused::Parameters("the old password is needed"))?;
    let length = file.seek(SeekFrom::End(0))?;
    let most =
        request.options.iterations.map_or(ROUNDS_POWER_LIMIT, |most| most.checked_ilog2().unwrap_or_default() as u8);
    let is_hidden = match Archive::read_with_memory_limit(&mut file, &Password::empty(), CONTENTS_KIB) {
        Ok(archive) if archive.blocks.iter().all(|block| rounds(block).is_none()) => return Err(Refused::NotEncrypted),
        Ok(_) => false,
        Err(Error::PasswordRequired) => true,
        Err(error) => return Err(refused(error)),
    };
    let spellings = spelling::of_password(password.expose(), Some(Encoding::Utf16Le));
    keys.note_spellings(&spellings, request.scheme);
    for spelling in spellings {
        let secret = Password::from_raw(spelling.bytes.expose());
        let archive = match Archive::read_with_memory_limit(&mut file, &secret, CONTENTS_KIB).map_err(refused) {
            Ok(archive) => archive,
            Err(refused @ Refused::Read(_)) => return Err(refused),
            Err(_) => continue,
        };
        let is_too_much = |block| rounds(block).is_some_and(|power| power > most && power != NO_ROUNDS);
        if archive.blocks.iter().any(is_too_much) {
            return Err(Refused::Bounds("a 7z file is refused if its key takes more than 2 to the power of 24 rounds"));
        }
        let members = members(&archive, length)?;
        if is_hidden || is_right(&mut file, &archive, &secret)? {
            return Ok(Opened { file, archive, members, password: secret, how: spelling.how });
        }
    }
    Err(Refused::Wrong)
}

/// Reads the list of members.
fn members(archive: &Archive, length: u64) -> Result<Vec<Member>, Refused> {
    const LINKS: u32 = 0x400;
    const OF_UNIX: u32 = 0x8000;
    let (mut names, mut claims, mut members) = (Names::default(), Claims::new(length), Vec::new());
    for (index, entry) in archive.files.iter().enumerate() {
        let attributes = if entry.has_windows_attributes { entry.windows_attributes } else { 0 };
        let kind = if attributes & OF_UNIX == 0 { 0 } else { attributes >> 16 & 0o170_000 };
        let is_other = attributes & LINKS != 0 || !matches!(kind, 0 | 0o100_000 | 0o040_000);
        // What a folder has would be left out.
        if entry.is_anti_item || is_other || (entry.is_directory && entry.size > 0) {
            return Err(ArchiveRefused::NotAFile(shown(&entry.name)).into());
        }
        claims.add(entry.size)?;
        let is_encrypted = archive.is_file_encrypted(index);
        // Without one, nothing would show that the password is wrong.
        if is_encrypted && entry.size > 0 && !entry.has_crc {
            return Err(Refused::Wrong);
        }
        let path = names.add(&entry.name, entry.is_directory)?;
        let protection = if is_encrypted { Protection::SevenZip } else { Protection::None };
        members.push(Member {
            path,
            is_folder: entry.is_directory,
            size: entry.size,
            modified: modified(entry),
            protection,
        });
    }
    Ok(members)
}

fn modified(entry: &ArchiveEntry) -> Option<i64> {
    const FROM_1601: i64 = 11_644_473_600;
    let modified = entry.has_last_modified_date.then(|| u64::from(entry.last_modified_date))?;
    Some(i64::try_from(modified / 10_000_000).ok()? - FROM_1601)
}

/// Decodes the first member that has a password, or so much of it that a wrong password shows.
fn is_right<R: Read + Seek>(file: &mut R, archive: &Archive, secret: &Password) -> Result<bool, Refused> {
    let Some(block) = archive.blocks.iter().position(|block| rounds(block).is_some()) else { return Ok(true) };
    let decoder = BlockDecoder::new_with_memory_limit(1, MEMORY_KIB, block, archive, secret, file);
    let looked_at = decoder.for_each_entries(&mut |entry, reader| {
        if !entry.has_stream {
            return Ok(true);
        }
        io::copy(&mut reader.take(LOOKED_AT), &mut io::sink())?;
        // What follows is not drained.
        Ok(false)
    });
    match looked_at.map_err(refused) {
        Ok(_) => Ok(true),
        Err(Refused::Wrong) => Ok(false),
        Err(refused) => Err(refused),
    }
}

impl<R> Opened<R> {
    /// Lists the members.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Says in words how the key was made.
    pub fn how(&self) -> &str {
        &self.how
    }
}

impl<R: Read + Seek> Opened<R> {
    /// Hands out each member once, in the order in which they were compressed.
    ///
    /// # Errors
    /// That of the archive, or that of `take`.
    pub fn each<E>(
        &mut self,
        take: &mut dyn FnMut(&Member, &mut Plain<'_>) -> Result<(), E>,
    ) -> Result<(), Stopped<E>> {
        let (archive, members) = (&self.archive, &self.members);
        let mut is_taken = vec![false; members.len()];
        for block in 0..archive.blocks.len() {
            let mut next = archive.stream_map.block_first_file_index.get(block).copied().unwrap_or_default();
            let mut stopped = None;
            let decoder =
                BlockDecoder::new_with_memory_limit(1, MEMORY_KIB, block, archive, &self.password, &mut self.file);
            let outcome = decoder.for_each_entries(&mut |entry, reader| {
                // Each member is in one block at most, and the blocks' members follow each other.
                let (Some(member), Some(false)) = (members.get(next), is_taken.get(next)) else {
                    return Err(Error::FileNotFound);
                };
                is_taken[next] = true;
                next += 1;
                if member.is_folder {
                    return Ok(true);
                }
                let mut plain = Plain::new(reader, entry.size);
                let taken = take(member, &mut plain).map_err(Stopped::Taker);
                match taken.and_then(|()| plain.finish().map(drop).map_err(Stopped::Refused)) {
                    Ok(()) => Ok(true),
                    Err(reason) => {
                        stopped = Some(reason);
                        Err(Error::FileNotFound)
                    }
                }
            });
            match (stopped, outcome) {
                (Some(reason), _) => return Err(reason),
                (None, Err(error)) => return Err(refused(error).into()),
                (None, Ok(_)) => {}
            }
        }
        for (member, is_taken) in members.iter().zip(is_taken) {
            if member.is_folder || (!is_taken && member.size == 0) {
                take(member, &mut Plain::new(&mut io::empty(), 0)).map_err(Stopped::Taker)?;
            } else if !is_taken {
                return Err(Refused::Wrong.into());
            }
        }
        Ok(())
    }
}
