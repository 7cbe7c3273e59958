//! `strongroom secret import` of KeePass files: what KeePassXC itself writes comes over exactly, what pykeepass writes
//! comes over exactly or not at all, and no file makes the program abort, hang or take a wrong value.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use strongroom::crypto::secret::SecretText;
use strongroom::imports::keepass::{Key, check, open};

use crate::support::home::Home;
use crate::support::proof;
use crate::support::python::interpreter;

const PASSWORD: &str = "pw one";
const URI: &str = "otpauth://totp/Mail:ada?secret=JBSWY3DPEHPK3PXP&period=30&digits=6&issuer=Mail";

/// The folder with the files that the programs have made, once for all tests.
static MADE: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("keepass");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("key"), [7; 200]).unwrap();
    let xml = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/imports/keepass.xml");
    // It makes the key file, too. Its key takes a tenth of a second at least.
    keepassxc(&folder, &["import", "-q", "-p", "--set-key-file", "made.keyx", "-t", "100", xml, "keyed.kdbx"]);
    keepassxc(&folder, &["import", "-q", "-p", "-t", "100", xml, "plain.kdbx"]);
    pykeepass(&folder, MAKER);
    folder
});

/// Makes of `plain.kdbx`, which is of version 3.1, one whose key is cheap, and files of version 4.
const MAKER: &str = r#"
import base64, hashlib, pykeepass.kdbx_parsing.kdbx3, pykeepass.pykeepass as module
from Cryptodome.Cipher import AES
from pykeepass import PyKeePass, create_database
def aes_kdf(key, rounds, halves):
    # Its own takes a step of Python for each round. In this mode a block of zeros encrypts the block before it again.
    ends = []
    for half in (halves[:16], halves[16:]):
        mode = AES.new(key, AES.MODE_CBC, half)
        for size in [1 << 16] * (rounds >> 16) + [rounds & 0xffff]:
            half = mode.encrypt(bytes(16 * size))[-16:] or half
        ends.append(half)
    return hashlib.sha256(b''.join(ends)).digest()
pykeepass.kdbx_parsing.kdbx3.aes_kdf = aes_kdf
def cheap(name, **key):
    made = create_database(name, **key)
    kdf = made.kdbx.header.value.dynamic_header.kdf_parameters.data.dict
    kdf.M.value, kdf.I.value, kdf.P.value = 16384, 1, 1
    return made
for name, key in {'both': {'password': 'pw one', 'keyfile': 'key'}, 'key': {'keyfile': 'key'}}.items():
    made = cheap(name + '.kdbx', **key)
    made.add_entry(made.root_group, 'Mail', 'ada', 'p')
    made.save()
for name in ('four', 'custom'):
    made = cheap(name + '.kdbx', password='pw one')
    mail = made.add_entry(made.root_group, 'Mail', 'ada', ' first ', notes='  n\nm')
    if name == 'custom':
        # It puts that behind what is not a field.
        mail.set_custom_property('PIN', '0042', protect=True)
    made.add_entry(made.add_group(made.root_group, 'Work'), 'Server', 'bo', 'second')
    made.save()
three = PyKeePass('plain.kdbx', password='pw one')
three.kdbx.header.value.dynamic_header.transform_rounds.data = 3
three.save('three.kdbx')
# It makes another header at each save, and leaves the digest of the one before.
module.rotate_seeds = lambda *_, **__: None
three = PyKeePass('three.kdbx', password='pw one')
digest = hashlib.sha256(three.kdbx.header.data).digest()
three.tree.find('Meta/HeaderHash').text = base64.b64encode(digest).decode()
three.save()
"#;

/// Runs `keepassxc-cli`, which asks for the file's password, twice if it makes one.
fn keepassxc(folder: &Path, arguments: &[&str]) {
    let mut child = Command::new("keepassxc-cli")
        .args(arguments)
        .current_dir(folder)
        .env("HOME", folder)
        .env("QT_QPA_PLATFORM", "offscreen")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("./test installs keepassxc");
    write!(child.stdin.take().unwrap(), "{PASSWORD}\n{PASSWORD}\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn pykeepass(folder: &Path, script: &str) {
    let output = interpreter().args(["-c", script]).current_dir(folder).output();
    let output = output.expect("./test makes the virtual environment");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Makes a home with some of the files that the programs have made, and their password.
fn home(files: &[&str]) -> Home {
    let home = Home::with_project();
    home.write("kp", format!("{PASSWORD}\n"));
    for file in files {
        home.write(file, made(file));
    }
    home
}

fn made(file: &str) -> Vec<u8> {
    fs::read(MADE.join(file)).unwrap()
}

/// The form of the file: its major version.
fn version(home: &Home, file: &str) -> u16 {
    check(&home.read(file)).unwrap().version
}

/// Every secret with its user, password, note, key for one-time passwords, and fields.
fn values(home: &Home) -> Value {
    home.run("secret export values.json --all --unencrypted --force").succeeds();
    let exported: Value = serde_json::from_slice(&home.read("values.json")).unwrap();
    let one = |item: &Value| {
        let login = &item["login"];
        let fields = item["fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|field| json!([field["name"], field["value"], field["type"]]));
        json!([
            item["name"],
            login["username"],
            login["password"],
            item["notes"],
            login["totp"],
            fields.collect::<Value>()
        ])
    };
    exported["items"].as_array().unwrap().iter().map(one).collect()
}

/// What the file that KeePassXC makes has.
fn expected() -> Value {
    let totp = "otpauth://totp/KeePass?secret=jbswy3dpehpk3pxp&period=60&digits=8";
    let reference = "{REF:U@I:00000000000000000000000000000011}";
    json!([
        [
            "Mail",
            "ada & bo",
            " p\u{e4}ss <1> ",
            "  first\nsecond & last\n",
            URI,
            [["Colour", " red ", 0], ["PIN", "0042", 1]]
        ],
        ["Work/Deep/Note", null, null, "only this", null, []],
        ["Work/Server", reference, "second", null, totp, []],
    ])
}

#[test]
fn what_keepassxc_writes_comes_over_exactly() {
    let home = home(&["plain.kdbx"]);
    assert_eq!(version(&home, "plain.kdbx"), 3);
    let run = "secret import plain.kdbx --yes --json -p acme --export-password-file kp";
    let json = home.run(run).succeeds().json();
    assert_eq!(
        (&json["format"], &json["added"]),
        (&json!("keepass"), &json!(["Mail", "Work/Server", "Work/Deep/Note"]))
    );
    assert_eq!(
        json["skipped"],
        json!([
            {"item": "Mail", "what": "attachment hello.txt",
             "reason": "files are not kept with secrets; encrypt them as files"},
            {"item": "Mail", "what": "earlier version", "reason": "only the current one is taken"},
            {"item": "Server", "what": "user",
             "reason": "it refers to another entry; the reference is taken as text, and not resolved"},
            {"item": "Server", "what": "expiry date", "reason": "secrets have no expiry date here"},
            {"item": "Gone", "what": "the item", "reason": "it is in the trash"},
        ])
    );
    assert_eq!(values(&home), expected());
    let list = home.run("secret list --json").succeeds().json();
    assert_eq!(list[0]["from"], "keepass:00000000000000000000000000000011");
    assert_eq!(home.run("secret otp Mail").succeeds().text().len(), 7);
    assert_eq!(home.run("secret otp Work/Server").succeeds().text().len(), 9);
    let shown = home.run("secret show Mail --json").succeeds().json();
    assert_eq!(shown["urls"], json!(["https://mail.example", "https://second.example"]));
    let again = home.run(run).succeeds().changed_nothing().json();
    assert_eq!((&again["added"], &again["known"]), (&json!([]), &json!(["Mail", "Work/Server", "Work/Deep/Note"])));
}

#[test]
fn a_key_file_opens_it_with_the_password_or_alone_and_nothing_else_does() {
    let home = home(&["keyed.kdbx", "made.keyx", "both.kdbx", "key.kdbx", "four.kdbx", "key"]);
    home.write("wrong", "pw two\n");
    for refused in [
        "four.kdbx --export-password-file wrong",
        "four.kdbx --export-password-file kp --export-key-file key",
        "four.kdbx",
        "both.kdbx --export-password-file kp",
        "both.kdbx --export-key-file key",
        "key.kdbx --export-password-file kp",
        "keyed.kdbx --export-password-file kp --export-key-file key",
    ] {
        let (message, hint) = home.run(&format!("secret import {refused} --yes --json")).fails_in_json(3, "bad-export");
        assert!(hint.contains("--export-key-file"), "{refused}: {message} {hint}");
    }
    for (opened, added) in [
        ("both.kdbx --export-password-file kp --export-key-file key", json!(["Mail"])),
        ("key.kdbx --export-key-file key", json!(["Mail"])),
        (
            "keyed.kdbx --export-password-file kp --export-key-file made.keyx",
            json!(["Mail", "Work/Server", "Work/Deep/Note"]),
        ),
    ] {
        let json = home.run(&format!("secret import {opened} --dry-run --json")).succeeds().changed_nothing().json();
        assert_eq!(json["added"], added, "{opened}");
    }
    home.run("secret import four.kdbx --format csv --export-key-file key --yes --json").fails_in_json(2, "usage");
}

#[test]
fn what_pykeepass_writes_is_right_or_refused_and_right_once_keepassxc_has_saved_it() {
    let home = home(&["four.kdbx", "custom.kdbx"]);
    let right = |fields: Value| {
        json!([["Mail", "ada", " first ", "  n\nm", null, fields], ["Work/Server", "bo", "second", null, null, []],])
    };
    let run = |file: &str| home.run(&format!("secret import {file} --yes --json --export-password-file kp"));
    assert_eq!((version(&home, "four.kdbx"), version(&home, "custom.kdbx")), (4, 4));
    run("four.kdbx").succeeds();
    assert_eq!(values(&home), right(json!([])));
    let (_, hint) = run("custom.kdbx").fails_in_json(1, "bad-export");
    assert!(hint.starts_with("export it as CSV from KeePassXC"), "{hint}");
    keepassxc(home.work(), &["edit", "-q", "-u", "ada", "custom.kdbx", "Mail"]);
    keepassxc(home.work(), &["mkdir", "-q", "custom.kdbx", "New"]);
    // Which makes it one of version 4.1.
    keepassxc(home.work(), &["mv", "-q", "custom.kdbx", "Work/Server", "New"]);
    assert_eq!(version(&home, "custom.kdbx"), 4);
    let other = self::home(&[]);
    other.write("custom.kdbx", home.read("custom.kdbx"));
    other.run("secret import custom.kdbx --yes --json --export-password-file kp").succeeds();
    let mut moved = right(json!([["PIN", "0042", 1]]));
    moved[1][0] = json!("New/Server");
    assert_eq!(values(&other), moved);
}

/// Puts a number in place of the one behind a name in the header.
fn with_number(bytes: &[u8], name: &[u8], number: &[u8]) -> Vec<u8> {
    let at = bytes.windows(name.len()).position(|window| window == name).expect("the field is there") + name.len();
    let mut bytes = bytes.to_vec();
    bytes[at..at + number.len()].copy_from_slice(number);
    bytes
}

#[test]
fn a_header_that_asks_for_too_much_is_refused_at_once() {
    let home = home(&[]);
    let (three, four) = (made("three.kdbx"), made("four.kdbx"));
    let memory = b"\x05\x01\0\0\0M\x08\0\0\0";
    let passes = b"\x05\x01\0\0\0I\x08\0\0\0";
    let lanes = b"\x04\x01\0\0\0P\x04\0\0\0";
    for (name, bytes, says) in [
        (
            "a.kdbx",
            with_number(&four, memory, &(1u64 << 40).to_le_bytes()),
            "the memory of Argon2 in KiB is 1073741824",
        ),
        ("b.kdbx", with_number(&four, memory, &(12u64 << 30).to_le_bytes()), "the memory of Argon2 in KiB is 12582912"),
        ("c.kdbx", with_number(&four, passes, &(1u64 << 63).to_le_bytes()), "the number of Argon2 passes is"),
        ("d.kdbx", with_number(&four, lanes, &u32::MAX.to_le_bytes()), "the number of Argon2 lanes is 4294967295"),
        (
            "e.kdbx",
            with_number(&three, b"\x06\x08\0", &(1u64 << 63).to_le_bytes()),
            "AES-KDF rounds is 9223372036854775808",
        ),
        ("f.kdbx", [&three[..8], &[0, 0, 9, 0], &three[12..]].concat(), "another version"),
        ("g.kdbx", [&three[..4], &[0x65], &three[5..]].concat(), "another version"),
    ] {
        home.write(name, bytes);
        let begun = Instant::now();
        // No password is asked for.
        let (message, hint) = home.run(&format!("secret import {name} --yes --json")).fails_in_json(1, "bad-export");
        assert!(begun.elapsed() < Duration::from_secs(5), "{name} took {:?}", begun.elapsed());
        assert!(
            message.contains(says) && hint.starts_with("export it as CSV from KeePassXC"),
            "{name}: {message} {hint}"
        );
    }
}

#[test]
fn a_flipped_byte_or_a_cut_gives_an_error_or_the_same_entries() {
    let opened = |bytes: &[u8]| open(bytes, &Key { password: Some(SecretText::new(PASSWORD.to_owned())), file: None });
    let (mut tried, mut refused) = (0, 0);
    for name in ["three.kdbx", "four.kdbx"] {
        let whole = made(name);
        let right = opened(&whole);
        assert!(right.starts_with(b"{\"opened\":") && right.windows(6).any(|part| part == b"second"), "{name}");
        let header = check(&whole).unwrap().length;
        let flipped = (0..whole.len()).map(|at| {
            let mut bytes = whole.clone();
            // In the header always the same bit, which is none that asks for much.
            bytes[at] ^= if at < header { 0x40 } else { 1 << (at % 8) };
            bytes
        });
        let cut = (0..whole.len()).step_by(5).map(|length| whole[..length].to_vec());
        for (number, bytes) in flipped.chain(cut).enumerate() {
            let answer = opened(&bytes);
            tried += 1;
            if *answer != *right {
                refused += 1;
                assert!(answer.starts_with(b"{\"refused\":"), "{name}, {number}");
            }
        }
    }
    // The few that are not are in what nobody reads: the number of a block, the padding, a comment.
    assert!(refused * 100 > tried * 97 && refused < tried, "{refused} of {tried} were refused");
    proof::record(
        "hostile-keepass",
        "KeePass files with a flipped byte or cut short: refused, or the same entries",
        &format!("{tried} files, {refused} refused, 0 wrong values"),
    );
}

/// Writes a KDBX 3.1 file of whatever XML, compressed or not.
const WRITER: &str = r#"
import base64, gzip, hashlib, os, struct, zlib
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
sha = lambda *parts: hashlib.sha256(b''.join(parts)).digest()
def bomb(size):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2)]
    return parts[0] + parts[1] * size
def write(name, xml, data=None):
    fields = {2: bytes.fromhex('31c1f2e6bf714350be5805216afc5aff'), 3: struct.pack('<I', 1), 4: os.urandom(32),
              5: os.urandom(32), 6: struct.pack('<Q', 1), 7: os.urandom(16), 8: os.urandom(32), 9: os.urandom(32),
              10: struct.pack('<I', 2), 0: b''}
    header = bytes.fromhex('03d9a29a67fb4bb501000300')
    header += b''.join(struct.pack('<BH', kind, len(value)) + value for kind, value in fields.items())
    ecb = Cipher(algorithms.AES(fields[5]), modes.ECB()).encryptor()
    key = sha(fields[4], sha(ecb.update(sha(sha(b'pw one')))))
    data = data or gzip.compress(xml.replace(b'DIGEST', base64.b64encode(sha(header)), 1), 1)
    body = fields[9] + struct.pack('<I', 0) + sha(data) + struct.pack('<I', len(data)) + data
    body += struct.pack('<I', 1) + bytes(36)
    body += bytes([16 - len(body) % 16]) * (16 - len(body) % 16)
    cbc = Cipher(algorithms.AES(key), modes.CBC(fields[7])).encryptor()
    open(name, 'wb').write(header + cbc.update(body) + cbc.finalize())
xml = b'<KeePassFile><Meta><HeaderHash>DIGEST</HeaderHash></Meta><Root><Group><UUID>AAAAAAAAAAAAAAAAAAAAAQ==</UUID>' \
      b'<Name>x</Name>%s</Group></Root></KeePassFile>'
entry = b'<Entry><UUID>AAAAAAAAAAAAAAAAAAAAEQ==</UUID><String><Key>Title</Key><Value>t</Value></String></Entry>'
entities = b'<!DOCTYPE x [<!ENTITY a "%s">' % (b'x' * 1000)
entities += b''.join(b'<!ENTITY %c "%s">' % (c, b'&%c;' % (c - 1) * 10) for c in range(98, 106)) + b']>'
"#;

#[test]
fn a_file_that_unpacks_to_more_than_all_memory_ends_its_process_alone() {
    let home = home(&[]);
    let files = format!(
        "{WRITER}\nwrite('good.kdbx', xml % entry)\nwrite('bomb.kdbx', b'', bomb(1300))\n\
         write('deep.kdbx', xml % (b'<Group>' * 100000))\n\
         write('lost.kdbx', (xml % entry).replace(b'DIGEST', b'AAAA'))\n\
         write('entities.kdbx', entities + (xml % entry).replace(b'>t<', b'>&i;<'))\n"
    );
    pykeepass(home.work(), &files);
    let import = |name: &str| home.run(&format!("secret import {name} --yes --json --export-password-file kp"));
    let begun = Instant::now();
    let (message, hint) = import("bomb.kdbx").fails_in_json(1, "bad-export");
    assert!(message.contains("took too much memory or time"), "{message}");
    assert!(hint.starts_with("export it as CSV from KeePassXC"), "{hint}");
    for name in ["deep.kdbx", "entities.kdbx"] {
        let (message, _) = import(name).fails_in_json(1, "bad-export");
        assert!(message.contains("cannot be read for certain"), "{name}: {message}");
    }
    // Its header is proven by nothing.
    import("lost.kdbx").fails_in_json(5, "bad-export");
    assert_eq!(import("good.kdbx").succeeds().json()["added"], json!(["t"]));
    // A gigabyte of zeros, as such and behind what is no more than the start of a file.
    let folder = tempfile::TempDir::new().unwrap();
    for (name, start) in [("zeros", vec![]), ("zeros.kdbx", made("four.kdbx"))] {
        let path = folder.path().join(name);
        fs::write(&path, start).unwrap();
        File::options().write(true).open(&path).unwrap().set_len(1 << 30).unwrap();
        let (message, _) =
            home.typed("secret import").arg(&path).arg("--yes").arg("--json").run().fails_in_json(1, "bad-export");
        assert!(message.contains("longer than 64 MiB"), "{message}");
    }
    assert!(begun.elapsed() < Duration::from_secs(60), "it took {:?}", begun.elapsed());
}

#[test]
fn the_process_has_limits_and_says_nothing_of_nonsense() {
    let home = Home::with_project();
    let begin = |input: &[u8]| {
        let mut command = home.typed("keepass-process").command();
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let _ = stdin.write_all(input);
        drop(stdin);
        child.wait_with_output().unwrap()
    };
    for input in [&b""[..], b"nonsense", &[0xff; 64]] {
        let output = begin(input);
        assert!(output.stdout.is_empty() && !output.status.success() && output.status.signal().is_none(), "{output:?}");
    }
    // 16 MiB in all, which no program has.
    let mut input = (16u64 << 20).to_le_bytes().to_vec();
    input.extend(u32::MAX.to_le_bytes());
    input.extend((16u32 << 20).to_le_bytes());
    let output = begin(&input);
    assert!(output.stdout.is_empty() && !output.status.success(), "{output:?}");
}
