//! Files that nobody would export: each ends in an error or in a part of what is there, in little time and memory.

use std::collections::HashSet;
use std::io::Write;
use std::time::Duration;

use super::*;
use crate::format::name::project_name;
use crate::imports::json::Json;
use crate::imports::{ColumnMap, HtmlEntities, json, limits};

/// What each of the files here may take, in a build that is hardly optimized.
const TIME: Duration = Duration::from_secs(20);

fn in_time<T>(work: impl FnOnce() -> T) -> T {
    let start = spent();
    let result = work();
    let spent = spent() - start;
    assert!(spent < TIME, "{spent:?}");
    result
}

/// The time for which a processor has worked for this thread: the computer may have other work to do.
#[cfg(unix)]
fn spent() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[cfg(not(unix))]
fn spent() -> Duration {
    static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed()
}

fn options() -> Options {
    Options {
        password: Some(SecretText::new("password".to_owned())),
        html_entities: Some(HtmlEntities::Decode),
        columns: Some(ColumnMap::parse("name=name,user=username,password=password,url=url").unwrap()),
    }
}

fn bitwarden(items: &str) -> String {
    format!(r#"{{"encrypted":false,"items":[{items}]}}"#)
}

#[test]
fn json_is_bounded_in_depth_values_and_texts() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    assert!(matches!(json::parse(nested(64).as_bytes()), Ok(Json::List(_))));
    assert_eq!(json::parse(nested(65).as_bytes()).err(), Some(ImportError::JsonTooDeep));
    assert_eq!(refused("[".repeat(60 << 20), Format::ProtonPass), ImportError::JsonTooDeep);
    assert_eq!(refused("{\"a\":".repeat(5 << 20), Format::Bitwarden), ImportError::JsonTooDeep);
    // Brackets within texts are no depth.
    assert!(json::parse(format!("\"\\\"{}\"", "[".repeat(100)).as_bytes()).is_ok());
    let escaped = format!("\"\\n{}\"", "x".repeat(limits::JSON_ESCAPED_TEXT));
    assert_eq!(json::parse(escaped.as_bytes()).err(), Some(ImportError::JsonTextTooLong));
    let texts = bitwarden(&format!(
        r#"{{"type":1,"name":"a","notes":"\n{long}","login":{{"password":"{long}","username":"{long}"}}}}"#,
        long = "x".repeat(limits::FIELD + 1)
    ));
    let imported = taken(texts, Format::Bitwarden);
    assert!(imported.items[0].note.is_empty() && imported.items[0].password.is_empty());
    assert_eq!(
        imported.report(),
        [
            "a, note: it is longer than 1 MiB",
            "a, user: it is longer than 4096 characters",
            "a, password: it is longer than 1 MiB"
        ]
    );
}

#[test]
fn json_with_a_member_that_is_there_twice_is_refused() {
    for items in [
        r#"{"name":"a","name":"b"}"#,
        r#"{"name":"a","n\u0061me":"b"}"#,
        r#"{"login":{"password":"a","x":1,"password":"b"}}"#,
    ] {
        assert!(matches!(refused(bitwarden(items), Format::Bitwarden), ImportError::JsonTwice { .. }), "{items}");
    }
    for wrong in ["{\"items\":[}", "nulx", "{\"a\":1} x", "\"\\ud800\"", "{\"a\":01}", "\"\u{1}\""] {
        assert!(matches!(refused(wrong, Format::Bitwarden), ImportError::Json { .. }), "{wrong}");
    }
    assert_eq!(refused("", Format::Bitwarden), ImportError::Truncated);
}

#[test]
fn csv_without_line_ends_costs_no_more_than_a_row() {
    let long = |byte: &str| byte.repeat(limits::FILE - 100);
    for (text, row) in [
        (long("a"), 1),
        (long(","), 1),
        (format!("name,url,username,password\na,{}", long(",")), 2),
        (format!("name,url,username,password\na,\"{}\",u,p", long("\n")), 2),
    ] {
        assert_eq!(in_time(|| refused(text, Format::Chrome)), ImportError::RowTooLong { row });
    }
    let open = format!("name,url,username,password\na,\"{}", long("x"));
    assert_eq!(in_time(|| refused(open, Format::Chrome)), ImportError::Truncated);
    assert_eq!(in_time(|| Format::detect(long(",").as_bytes(), "x.csv")), None);
    // Exactly as long as a row may be, and a byte longer.
    let row = |length: usize| format!("name,url,username,password\na,b,c,{}\n", "x".repeat(length - 3));
    assert_eq!(taken(row(limits::CSV_ROW), Format::Chrome).items[0].password.expose().len(), limits::CSV_ROW - 3);
    assert_eq!(refused(row(limits::CSV_ROW + 1), Format::Chrome), ImportError::RowTooLong { row: 2 });
}

#[test]
fn a_file_has_only_so_many_bytes_and_items() {
    let long = vec![b' '; limits::FILE + 1];
    for format in Format::ALL {
        assert_eq!(refused(&long, *format), ImportError::FileTooLong);
    }
    assert_eq!(Format::detect(&long, "x.json"), None);
    let rows = |count| format!("name,url,username,password\n{}", "same,,,\n".repeat(count));
    let imported = in_time(|| taken(rows(limits::ITEMS), Format::Chrome));
    assert_eq!(imported.names().iter().collect::<HashSet<_>>().len(), limits::ITEMS);
    assert_eq!(refused(rows(limits::ITEMS + 1), Format::Chrome), ImportError::TooManyItems);
    let items = vec![r#"{"deletedDate":"x"}"#; limits::ITEMS + 1].join(",");
    assert_eq!(refused(bitwarden(&items), Format::Bitwarden), ImportError::TooManyItems);
}

#[test]
fn what_is_written_once_does_not_fill_the_memory_many_times() {
    // One long name of a collection, that every item names as often as it can.
    let name = "\u{1f511}".repeat(limits::FOLDER);
    let items = vec![format!(r#"{{"type":1,"collectionIds":[{}]}}"#, ["\"c\""; 200].join(",")); 19_000].join(",");
    let export = format!(r#"{{"encrypted":false,"collections":[{{"id":"c","name":"{name}"}}],"items":[{items}]}}"#);
    assert_eq!(in_time(|| refused(export, Format::Bitwarden)), ImportError::TooMuch);
    // Longer yet, it is left out.
    let export = format!(
        r#"{{"encrypted":false,"folders":[{{"id":"f","name":"{}"}}],"items":[{{"name":"a","folderId":"f"}}]}}"#,
        "x".repeat(10 << 20)
    );
    assert_eq!(taken(export, Format::Bitwarden).report(), ["a, folder: it is longer than 512 characters"]);
    let fields = vec![r#"{"type":3}"#; limits::REPORT + 1].join(",");
    let export = bitwarden(&format!(r#"{{"name":"a","fields":[{fields}]}}"#));
    assert_eq!(in_time(|| refused(export, Format::Bitwarden)), ImportError::TooMuchSkipped);
    let tags = vec!["\"t\""; 200].join(",");
    let export = format!(
        r#"{{"accounts":[{{"vaults":[{{"attrs":{{}},"items":[{{"overview":{{"title":"a","tags":[{tags}]}}}}]}}]}}]}}"#
    );
    let imported = taken(export, Format::OnePassword);
    assert_eq!(imported.items[0].tags.len(), limits::TAGS);
    assert_eq!(imported.report(), ["a, tags: an item has at most 100"]);
    // A section's title is a part of the name of each of its fields.
    let fields = vec![r#"{"value":{"string":"x"}}"#; 100_000].join(",");
    let export = format!(
        r#"{{"accounts":[{{"vaults":[{{"items":[{{"details":{{"sections":[{{"title":"{}","fields":[{fields}]}}]}}}}]}}]}}]}}"#,
        "x".repeat(40 << 20)
    );
    assert_eq!(in_time(|| taken(export, Format::OnePassword)).items[0].fields.len(), 100_000);
}

/// Deflates zeros, as fast as that can be done.
fn packed_zeros(length: usize) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    writer.start_file("export.data", options.compression_level(Some(1))).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..length >> 20 {
        writer.write_all(&zeros).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn a_zip_file_is_bounded_in_what_it_unpacks_to_and_in_its_entries() {
    let too_large = ImportError::ZipTooLarge { entry: "export.data" };
    let bomb = packed_zeros(1 << 30);
    assert!(bomb.len() < 8 << 20);
    assert_eq!(in_time(|| refused(&bomb, Format::OnePassword)), too_large);
    // Its directory says that it is small.
    let mut lying = bomb;
    let directory = lying.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
    for at in [22, directory + 24] {
        assert_eq!(lying[at..at + 4], (1u32 << 30).to_le_bytes());
        lying[at..at + 4].copy_from_slice(&100u32.to_le_bytes());
    }
    let error = in_time(|| refused(&lying, Format::OnePassword));
    assert!(error == too_large || error == ImportError::Zip, "{error:?}");
    // Below the ratio, more than 256 MiB: packed without being made smaller would be over the limit of the file.
    assert_eq!(refused(packed_zeros(2 << 20), Format::OnePassword), too_large);
    let names: Vec<String> = (0..=limits::ZIP_ENTRIES).map(|number| number.to_string()).collect();
    let entries: Vec<(&str, &[u8])> = names.iter().map(|name| (&**name, &b""[..])).collect();
    assert_eq!(in_time(|| refused(zipped(&entries), Format::OnePassword)), ImportError::ZipTooManyEntries);
    assert_eq!(Format::detect(&zipped(&entries[1..]), "x.zip"), None);
}

/// A small export of each format.
fn samples() -> Vec<(Format, Vec<u8>)> {
    let csv = [
        (Format::Chrome, "name,url,username,password,note\nm,https://m.example,u,canary-1,\"a\nb\"\n"),
        (
            Format::Firefox,
            "url,username,password,httpRealm,formActionOrigin,guid\nhttps://m.example,u,canary-1,r,,{1}\n",
        ),
        (Format::Apple, "Title,URL,Username,Password,Notes,OTPAuth\nm,https://m.example,u,canary-1,n,otpauth://x\n"),
        (
            Format::LastPass,
            "url,username,password,totp,extra,name,grouping,fav\nhttp://sn,,,,\"NoteType:Server\nUsername:u\n\
             Password:canary-1\nNotes:n\",m,a\\b,0\nhttps://m.example,u,a&lt;canary-1,,,m,,0\n",
        ),
        (
            Format::KeePassXc,
            "\"Group\",\"Title\",\"Username\",\"Password\",\"URL\",\"Notes\"\n\"R/a\",\"m\",\"u\",\"canary-1\",\"\",\"{REF:\"\n",
        ),
        (Format::Csv, "name;username;password;url\nm;u;canary-1;x\n"),
    ];
    let mut samples: Vec<_> = csv.map(|(format, text)| (format, text.as_bytes().to_vec())).into();
    let protected = include_bytes!("../../../tests/vectors/imports/pbkdf2.json");
    samples.extend([
        (Format::Bitwarden, super::bitwarden::PLAIN.replace("p\\\"", "canary-1").into_bytes()),
        (Format::Bitwarden, protected.to_vec()),
        (Format::OnePassword, super::onepassword::DATA.replace("alone", "canary-1").into_bytes()),
        (Format::OnePassword, super::onepassword::export()),
        (Format::ProtonPass, super::proton::DATA.replace("p\\u", "canary-1\\u").into_bytes()),
        (Format::ProtonPass, zipped(&[("Proton Pass/data.json", super::proton::DATA.as_bytes())])),
    ]);
    samples
}

/// What holds whatever the bytes are.
fn check(bytes: &[u8], format: Format) -> bool {
    let _ = Format::detect(bytes, "export.1pux");
    match read(bytes, format, &options()) {
        Ok(imported) => {
            let names: HashSet<&str> = imported.names().into_iter().collect();
            assert_eq!(names.len(), imported.items.len());
            for item in &imported.items {
                assert_eq!(project_name(&item.name).as_ref(), Ok(&item.name));
                let fields: HashSet<&str> = item.fields.iter().map(|(name, ..)| &**name).collect();
                assert_eq!(fields.len(), item.fields.len());
                assert!(fields.iter().all(|name| project_name(name).is_ok()));
                let shown = [&item.user, &item.folder].into_iter().chain(&item.urls).chain(&item.tags);
                shown.for_each(|text| assert!(!text.chars().any(char::is_control), "{text:?}"));
            }
            for skipped in &imported.skipped {
                assert!(project_name(&skipped.item).is_ok() && !skipped.what.is_empty(), "{skipped:?}");
            }
            true
        }
        Err(error) => {
            let text = error.to_string();
            assert!(!text.contains("canary") && text.len() < 200, "{text}");
            false
        }
    }
}

#[test]
fn a_file_that_was_cut_is_an_error_unless_it_ends_with_a_row() {
    for (format, sample) in samples() {
        assert!(check(&sample, format) || sample.starts_with(b"{\n \"encrypted\": true"), "{format:?}");
        for length in 0..sample.len() {
            let is_taken = check(&sample[..length], format);
            let is_csv = !sample.starts_with(b"{") && !sample.starts_with(b"PK");
            // Of JSON and of a zip file a part is nothing; of JSON only white space may be missing.
            assert!(is_csv || !is_taken || sample[length..].iter().all(u8::is_ascii_whitespace), "{format:?} {length}");
        }
    }
}

#[test]
fn mutations_of_exports_cause_no_panic() {
    const TOKENS: [&[u8]; 16] = [
        b"\0",
        b"\"",
        b"\"\"",
        b",",
        b"\n",
        b"\\",
        b"\\u0000",
        b"\\ud800",
        b"[[[[",
        b"{\"a\":",
        b"null",
        b"1e999",
        b"-1",
        b"\xff\xff\xff\xff",
        b"&#38;",
        b"\xe2\x80\xae",
    ];
    let mut random = fastrand::Rng::with_seed(14);
    let samples = samples();
    let mut taken = 0;
    for _ in 0..6000 {
        let (format, sample) = &samples[random.usize(..samples.len())];
        // A cost that the mutation has made large is not spent.
        let mut bytes = sample.clone();
        for _ in 0..random.usize(1..5) {
            let at = random.usize(..=bytes.len());
            match random.u8(..5) {
                0 if at < bytes.len() => bytes[at] ^= 1 << random.u8(..8),
                1 if at < bytes.len() => bytes[at] = random.u8(..),
                2 => drop(bytes.splice(at..at, TOKENS[random.usize(..TOKENS.len())].iter().copied())),
                3 => drop(bytes.drain(at..(at + random.usize(..64)).min(bytes.len()))),
                _ => {
                    let copied = bytes[at..(at + random.usize(..64)).min(bytes.len())].to_vec();
                    let to = random.usize(..=bytes.len());
                    drop(bytes.splice(to..to, copied));
                }
            }
        }
        taken += usize::from(check(&bytes, *format));
    }
    assert!(taken > 500, "{taken} of 6000 were taken: the mutations are too rough to reach anything");
}

/// Files that take the most memory for their length, read in a process that may have no more than 1.5 GiB.
#[cfg(target_os = "linux")]
#[test]
fn the_most_expensive_files_are_read_in_bounded_memory() {
    const LIMITED: &str = "STRONGROOM_TEST_LIMITED_IMPORTS";
    if std::env::var_os(LIMITED).is_none() {
        let this = "imports::tests::hostile::the_most_expensive_files_are_read_in_bounded_memory";
        let output = std::process::Command::new("sh")
            .args(["-c", "ulimit -v 1572864 && exec \"$0\" --exact \"$1\""])
            .arg(std::env::current_exe().unwrap())
            .arg(this)
            .env(LIMITED, "1")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
        return;
    }
    assert!(size_of::<Json<'_>>() <= 32);
    for part in ["0", "{}", "[0]", "{\"a\":0}", "[[[[[[[[0]]]]]]]]", "\"\\n\"", "{\"name\":\"x\"}"] {
        // Long enough for all the values that there may be.
        let parts = [part].repeat((limits::FILE / 2) / (part.len() + 1)).join(",");
        let error = in_time(|| refused(bitwarden(&parts), Format::Bitwarden));
        assert!(matches!(error, ImportError::JsonTooManyValues | ImportError::TooManyItems), "{part} {error:?}");
    }
    // As many values as there may be, all in fields of one item.
    let field = r#"{"name":"x","value":"\u0041"}"#;
    let fields = vec![field; limits::JSON_VALUES / 3 - 10].join(",");
    let imported = in_time(|| taken(bitwarden(&format!("{{\"fields\":[{fields}]}}")), Format::Bitwarden));
    assert_eq!(imported.items[0].fields.len(), limits::JSON_VALUES / 3 - 10);
}
