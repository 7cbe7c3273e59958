//! ZIP files whose members have a password: AES as WinZip does it, or the cipher of PKZIP.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use ::zip::result::ZipError;
use ::zip::{AesMode, CompressionMethod, ExtraField, HasZipMetadata, ZipArchive, ZipReadOptions};

use super::names::{Names, shown};
use super::{ArchiveRefused, Claims, MEMBERS_LIMIT, Member, Plain, Protection, Stopped};
use crate::error::Refused;
use crate::meter::{Meter, refusal};
use crate::opening::Keys;
use crate::request::Request;
use crate::secret::SecretBytes;
use crate::spelling::{self, Spelling};

/// So many bytes are read before the members are known: the table of contents, and what is searched for it.
const CONTENTS_LIMIT: u64 = 20 << 20;
/// Of so many members it is looked whether a password can be theirs, which takes a derivation of a key for each.
const LOOKED_AT: usize = 16;

type Zip<R> = ZipArchive<BufReader<Meter<R>>>;

/// An archive whose password was found.
pub struct Opened<R> {
    zip: Zip<R>,
    members: Vec<Member>,
    password: SecretBytes,
    how: String,
}

/// Tells whether a member has a password; `None` if it is no ZIP file that can be read.
///
/// # Errors
/// The system's error.
pub fn is_encrypted<R: Read + Seek>(file: R) -> io::Result<Option<bool>> {
    match archive(file) {
        Ok((zip, _)) => Ok(Some((0..zip.len()).any(|index| zip.by_index_data(index).is_ok_and(|it| it.encrypted())))),
        Err(Refused::Read(error)) => Err(error),
        Err(_) => Ok(None),
    }
}

/// Tells whether a ZIP file is one of Office, which has no password then.
pub fn is_office<R: Read + Seek>(file: R) -> bool {
    archive(file).is_ok_and(|(zip, _)| zip.index_for_name("[Content_Types].xml").is_some())
}

fn archive<R: Read + Seek>(mut file: R) -> Result<(Zip<R>, u64), Refused> {
    let length = file.seek(SeekFrom::End(0))?;
    let (file, limit) = Meter::new(file, CONTENTS_LIMIT, "the table of contents of the ZIP file is too long");
    let zip = ZipArchive::new(BufReader::new(file)).map_err(refused)?;
    limit.lift();
    Ok((zip, length))
}

fn refused(error: ZipError) -> Refused {
    match error {
        ZipError::Io(error) => refusal(error),
        _ => Refused::Wrong,
    }
}

/// Finds the password, and checks what the members claim.
///
/// # Errors
/// [`Refused`].
pub fn open<R: Read + Seek>(file: R, request: &Request, keys: &mut Keys) -> Result<Opened<R>, Refused> {
    let password = request.password.as_ref().ok_or(Refused::Parameters("the old password is needed"))?;
    let (mut zip, length) = archive(file)?;
    let members = members(&mut zip, length)?;
    if members.iter().all(|member| member.protection == Protection::None) {
        return Err(Refused::NotEncrypted);
    }
    let spellings = spelling::of_password(password.expose(), request.options.encoding);
    keys.note_spellings(&spellings, request.scheme);
    let mut possible = Vec::new();
    for spelling in spellings {
        if may_be(&mut zip, &members, spelling.bytes.expose())? {
            possible.push(spelling);
        }
    }
    let Spelling { how, bytes } = choose(&mut zip, &members, possible)?;
    Ok(Opened { zip, members, password: bytes, how })
}

/// Reads the table of contents.
fn members<R: Read + Seek>(zip: &mut Zip<R>, length: u64) -> Result<Vec<Member>, Refused> {
    if zip.len() > MEMBERS_LIMIT {
        return Err(ArchiveRefused::TooManyMembers.into());
    }
    // Which of two members of one name is meant, nobody knows.
    if zip.has_duplicate_names() {
        return Err(ArchiveRefused::Twice.into());
    }
    if zip.has_overlapping_entries().map_err(refused)? {
        return Err(ArchiveRefused::Overlap.into());
    }
    let (mut names, mut claims, mut members) = (Names::default(), Claims::new(length), Vec::new());
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index).map_err(refused)?;
        let name = entry.name().map_err(refused)?.into_owned();
        let is_folder = entry.is_dir();
        // The kind of a file on Unix, if its maker was one.
        let kind = entry.unix_mode().map_or(0, |mode| mode & 0o170_000);
        if entry.is_symlink() || !matches!(kind, 0 | 0o100_000 | 0o040_000) {
            return Err(ArchiveRefused::NotAFile(shown(&name)).into());
        }
        if !matches!(entry.compression(), CompressionMethod::Stored | CompressionMethod::Deflated) {
            return Err(ArchiveRefused::Method(shown(&name)).into());
        }
        let protection = match entry.get_metadata().aes_settings() {
            // Its bytes would be taken for a file without a password, and its CRC is none.
            Some(_) if !entry.encrypted() => return Err(Refused::Wrong),
            None if !entry.encrypted() => Protection::None,
            None => Protection::ZipCrypto,
            Some((AesMode::Aes128, _)) => Protection::WinZipAes(128),
            Some((AesMode::Aes192, _)) => Protection::WinZipAes(192),
            Some((AesMode::Aes256, _)) => Protection::WinZipAes(256),
        };
        let modified = entry.extra_data_fields().find_map(modified);
        let size = entry.size();
        // What it has would be left out.
        if is_folder && size > 0 {
            return Err(ArchiveRefused::NotAFile(shown(&name)).into());
        }
        claims.add(size)?;
        let path = names.add(&name, is_folder)?;
        members.push(Member { path, is_folder, size, modified, protection });
    }
    Ok(members)
}

/// Returns a time that does not depend on where the archive was made, which the one that every member has does.
fn modified(field: &ExtraField) -> Option<i64> {
    const FROM_1601: i64 = 11_644_473_600;
    match field {
        ExtraField::ExtendedTimestamp(times) => times.mod_time().map(i64::from),
        ExtraField::Ntfs(times) => Some(i64::try_from(times.mtime() / 10_000_000).ok()? - FROM_1601),
        _ => None,
    }
}

/// Tells whether a password can be that of the archive. AES has two bytes to tell by for each member, the cipher of PKZIP
/// one.
fn may_be<R: Read + Seek>(zip: &mut Zip<R>, members: &[Member], password: &[u8]) -> Result<bool, Refused> {
    let encrypted = members.iter().enumerate().filter(|(_, member)| member.protection != Protection::None);
    for (index, _) in encrypted.take(LOOKED_AT) {
        match zip.by_index_with_options(index, ZipReadOptions::new().password(Some(password))) {
            Ok(_) => {}
            Err(ZipError::InvalidPassword) => return Ok(false),
            Err(error) => return Err(refused(error)),
        }
    }
    Ok(true)
}

/// Chooses among passwords that may be right, of which there is hardly ever more than one: by all of a short member.
fn choose<R: Read + Seek>(zip: &mut Zip<R>, members: &[Member], possible: Vec<Spelling>) -> Result<Spelling, Refused> {
    let encrypted = members.iter().enumerate().filter(|(_, member)| member.protection != Protection::None);
    let shortest = encrypted.min_by_key(|(_, member)| (member.size == 0, member.size)).map(|(index, _)| index);
    let is_read = possible.len() > 1;
    for spelling in possible {
        let Some(index) = shortest.filter(|_| is_read) else { return Ok(spelling) };
        match read(zip, index, members[index].size, spelling.bytes.expose(), &mut |plain| plain.finish().map(drop)) {
            Ok(()) => return Ok(spelling),
            Err(Refused::Wrong) => {}
            Err(refused) => return Err(refused),
        }
    }
    Err(Refused::Wrong)
}

fn read<R: Read + Seek, E: From<Refused>>(
    zip: &mut Zip<R>,
    index: usize,
    size: u64,
    password: &[u8],
    take: &mut dyn FnMut(&mut Plain<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let options = ZipReadOptions::new().password(Some(password));
    let mut file = zip.by_index_with_options(index, options).map_err(refused)?;
    let mut plain = Plain::new(&mut file, size);
    take(&mut plain)?;
    plain.finish()?;
    Ok(())
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
    /// Hands out each member once.
    ///
    /// # Errors
    /// That of the archive, or that of `take`.
    pub fn each<E>(
        &mut self,
        take: &mut dyn FnMut(&Member, &mut Plain<'_>) -> Result<(), E>,
    ) -> Result<(), Stopped<E>> {
        for (index, member) in self.members.iter().enumerate() {
            if member.is_folder {
                take(member, &mut Plain::new(&mut io::empty(), 0)).map_err(Stopped::Taker)?;
                continue;
            }
            read(&mut self.zip, index, member.size, self.password.expose(), &mut |plain| {
                take(member, plain).map_err(Stopped::Taker)
            })?;
        }
        Ok(())
    }
}
