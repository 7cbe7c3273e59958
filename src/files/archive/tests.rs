use super::*;
use crate::disk::create_private_folder;
use crate::failure::Failure;
use crate::files::Silent;

fn archive(entries: &[(&str, tar::EntryType, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, kind, data) in entries {
        let mut header = tar::Header::new_gnu();
        // Past the builder's own checks: what a hostile archive would hold.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(data.len() as u64);
        header.set_mode(0o644);
        if kind.is_symlink() {
            header.set_link_name("/etc").unwrap();
        }
        header.set_cksum();
        builder.append(&header, *data).unwrap();
    }
    builder.into_inner().unwrap()
}

fn unpacked(bytes: &[u8]) -> (tempfile::TempDir, Result<Extracted, Failure>) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    create_private_folder(&root).unwrap();
    let result = unpacked_into(&root, &mut &bytes[..]);
    (folder, result)
}

fn unpacked_into(root: &Path, reader: &mut impl Read) -> Result<Extracted, Failure> {
    let (input, target) = (Path::new("x.tar.sealed"), Path::new("x"));
    let refused = Refused::default();
    let how = How { any_tar: true, permissions: Permissions::OwnerAlone, sparse: Sparse::Auto, refused: &refused };
    Unpacking { input, target, root, how: &how, observer: &Silent }.unpack(reader).map_err(Failure::from)
}

#[test]
fn names_that_lead_out_of_the_folder_are_refused() {
    for name in ["../evil", "/tmp/evil", "a/../../evil", "a/.."] {
        let (folder, result) = unpacked(&archive(&[(name, tar::EntryType::Regular, b"evil")]));
        let failure = result.err().unwrap();
        assert_eq!(failure.kind, "bad-archive", "{name}");
        assert_eq!(failure.cause.unwrap(), format!("the name \"{name}\" in it cannot be used here"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "{name}");
    }
}

#[test]
fn links_and_devices_are_refused() {
    use tar::EntryType;
    for kind in [EntryType::Symlink, EntryType::Link, EntryType::Char, EntryType::Block, EntryType::Fifo] {
        let (folder, result) = unpacked(&archive(&[("x", kind, b"")]));
        assert_eq!(result.err().unwrap().kind, "bad-archive");
        assert_eq!(fs::read_dir(folder.path().join("root")).unwrap().count(), 0);
    }
}

#[test]
fn a_time_that_no_clock_holds_is_no_crash() {
    let mut bytes = archive(&[("a", tar::EntryType::Regular, b"1")]);
    // The field as a binary number (GNU tar), and the checksum that goes with it.
    bytes[136..148].copy_from_slice(&[0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    bytes[148..156].fill(b' ');
    let sum: u32 = bytes[..512].iter().map(|byte| u32::from(*byte)).sum();
    bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    assert_eq!(unpacked(&bytes).1.unwrap().files, 1);
}

#[test]
fn a_name_that_comes_twice_is_refused() {
    let twice = archive(&[("a", tar::EntryType::Regular, b"1"), ("a", tar::EntryType::Regular, b"2")]);
    assert!(unpacked(&twice).1.is_err());
}

/// An archive with all that is read: a folder, files, a long name, an extended header.
fn telling() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let header = |kind, length| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(length);
        header.set_mode(0o644);
        header
    };
    let long = format!("d/{}", "n".repeat(200));
    builder.append_data(&mut header(tar::EntryType::Directory, 0), "d/", &[][..]).unwrap();
    builder.append_data(&mut header(tar::EntryType::Regular, 700), long, &[1; 700][..]).unwrap();
    let records = [("path", &b"d/b"[..]), ("mtime", b"-5.5"), ("SCHILY.xattr.user.x", b"\n=\n"), ("size", b"6")];
    builder.append_pax_extensions(records).unwrap();
    let mut sized = header(tar::EntryType::Regular, 0);
    sized.set_path("b").unwrap();
    sized.set_cksum();
    builder.append(&sized, &b""[..]).unwrap();
    builder.get_mut().extend([b"sealed", &[0; 506][..]].concat());
    builder.into_inner().unwrap()
}

#[test]
fn an_archive_that_is_cut_short_is_refused() {
    let whole = telling();
    let (folder, extracted) = unpacked(&whole);
    assert_eq!(extracted.unwrap().bytes, 706);
    let named = folder.path().join("root/d/b");
    assert_eq!(fs::read(&named).unwrap(), b"sealed");
    let modified = fs::metadata(&named).unwrap().modified().unwrap();
    assert_eq!(Timestamp::from(modified).as_unix(), -5);
    // One block of zeros marks the end, and writers add another.
    let end = whole.len() - 512;
    for length in (0..end).step_by(128).chain([1, end - 1]) {
        assert_eq!(unpacked(&whole[..length]).1.err().unwrap().kind, "damaged", "{length}");
    }
    assert!(unpacked(&whole[..end]).1.is_ok());
}

/// One block, given out so many times.
struct Repeated {
    block: [u8; 512],
    left: u64,
}

impl Read for Repeated {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let at = (self.left % 512) as usize;
        let from = &self.block[(512 - at) % 512..];
        let read = from.len().min(bytes.len()).min(usize::try_from(self.left).unwrap());
        bytes[..read].copy_from_slice(&from[..read]);
        self.left -= read as u64;
        Ok(read)
    }
}

fn block(name: &str, kind: tar::EntryType, size: u64) -> [u8; 512] {
    let mut header = tar::Header::new_gnu();
    header.set_path(name).unwrap();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    *header.as_bytes()
}

#[test]
fn what_describes_an_entry_is_bounded() {
    use tar::EntryType;
    let folder = tempfile::tempdir().unwrap();
    for (kind, size) in [
        (EntryType::GNULongName, 3 << 30),
        (EntryType::GNULongLink, 65_537),
        (EntryType::XHeader, 1 << 60),
        (EntryType::XGlobalHeader, u64::MAX),
    ] {
        let head = block("x", kind, size);
        let mut bomb = head.chain(Repeated { block: [0; 512], left: 3 << 30 });
        let failure = unpacked_into(folder.path(), &mut bomb).err().unwrap();
        assert_eq!(failure.kind, "bad-archive", "{kind:?}");
        let expected = format!("x in it says that {size} bytes describe one entry; 65536 are read at most");
        assert_eq!(failure.cause.unwrap(), expected);
        assert_eq!(bomb.into_inner().1.left, 3 << 30, "{kind:?} is not even read");
    }
    // Each is small, and there is no end to them.
    for (kind, cause) in [
        (EntryType::XHeader, "two extended headers follow each other in it"),
        (EntryType::GNULongName, "two long names follow each other in it"),
    ] {
        let mut endless = Repeated { block: block("x", kind, 0), left: u64::MAX / 512 * 512 };
        assert_eq!(unpacked_into(folder.path(), &mut endless).err().unwrap().cause.unwrap(), cause);
    }
    let endless = Repeated { block: block("x", EntryType::XGlobalHeader, 0), left: u64::MAX / 512 * 512 };
    let mut entries = Entries::new(endless);
    entries.headers = entries::ENTRY_LIMIT - 1000;
    let Err(Refusal::Refused(cause)) = entries.next() else { panic!("it is not refused") };
    assert_eq!(cause.to_string(), "it has more than 10000000 entries");
}

#[test]
fn paths_are_bounded_in_length_and_depth() {
    for (name, cause) in [
        ("n/".repeat(2048) + "n", "is longer than 4096 bytes"),
        ("n/".repeat(512) + "n", "is more than 512 folders deep"),
    ] {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(0);
        builder.append_data(&mut header, name, &[][..]).unwrap();
        let said = unpacked(&builder.into_inner().unwrap()).1.err().unwrap().cause.unwrap();
        assert!(said.ends_with(cause) && said.len() < 500, "{said}");
    }
}

#[test]
fn a_sparse_file_is_refused_and_the_folder_itself_is_passed_over() {
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_pax_extensions([("GNU.sparse.major", &b"1"[..])]).unwrap();
    let sparse = [&builder.into_inner().unwrap()[..1024], &archive(&[("a", tar::EntryType::Regular, b"1")])].concat();
    assert_eq!(unpacked(&sparse).1.err().unwrap().cause.unwrap(), "a in it is neither a file nor a folder");
    let (folder, extracted) =
        unpacked(&archive(&[("./", tar::EntryType::Directory, b""), ("./a", tar::EntryType::Regular, b"1")]));
    assert_eq!(extracted.unwrap().files, 1);
    assert!(folder.path().join("root/a").is_file());
}
