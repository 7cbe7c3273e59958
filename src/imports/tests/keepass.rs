use crate::imports::keepass::{check, read_answer};
use crate::imports::{Format, ImportError, Imported};

fn answer(text: &str) -> Result<Imported, ImportError> {
    read_answer(text.as_bytes())
}

#[test]
fn a_file_is_known_by_its_first_bytes_and_a_cut_header_is_refused() {
    let start = b"\x03\xd9\xa2\x9a\x67\xfb\x4b\xb5\x01\x00\x03\x00";
    assert_eq!(Format::detect(start, "x"), Some(Format::KeePass));
    for length in 4..=start.len() {
        assert_eq!(check(&start[..length]), Err(ImportError::Truncated));
    }
    // The end of the header at once: it lacks everything.
    assert_eq!(check(&[&start[..], &[0, 0, 0]].concat()), Err(ImportError::UnsupportedEncryption));
    // A field that is there twice.
    let twice = [&start[..], &[4, 1, 0, 9], &[4, 1, 0, 9]].concat();
    assert_eq!(check(&twice), Err(ImportError::KeePassHeader));
    assert_eq!(check(b"\x03\xd9\xa2\x9a\x65\xfb\x4b\xb5"), Err(ImportError::KeePassVersion));
}

#[test]
fn an_answer_that_is_nonsense_gives_nothing() {
    for nonsense in [
        "",
        "{}",
        "[]",
        "{\"opened\":[]}",
        "{\"opened\":{}}",
        "{\"opened\":{\"groups\":[],\"entries\":[]}}",
        "{\"opened\":{\"groups\":[],\"entries\":[{\"group\":0}]}}",
        "{\"opened\":{\"groups\":[{\"parent\":0,\"name\":\"x\"}],\"entries\":[]}}",
        "{\"opened\":{\"groups\":[{\"name\":\"x\"},{\"parent\":1,\"name\":\"y\"}],\"entries\":[]}}",
        "{\"opened\":{\"groups\":[{\"name\":\"x\"},{\"name\":\"y\"}],\"entries\":[]}}",
        "{\"opened\":{\"groups\":[{\"name\":\"x\"}],\"entries\":[{\"group\":0,\"strings\":[[\"Title\",1,true]]}]}}",
        "{\"opened\":{\"groups\":[{\"name\":\"x\"}],\"entries\":[{\"group\":0,\"strings\":[[\"Title\",\"x\"]]}]}}",
    ] {
        assert_eq!(answer(nonsense).unwrap_err(), ImportError::KeePassEnded, "{nonsense}");
    }
    assert_eq!(answer("{\"refused\":\"key\"}").unwrap_err(), ImportError::KeePassKey);
    assert_eq!(answer("{\"refused\":\"damaged\"}").unwrap_err(), ImportError::Damaged);
    assert_eq!(answer("{\"refused\":\"form\"}").unwrap_err(), ImportError::KeePassForm);
}

/// The key for one-time passwords of an entry with these fields, and the names of those that stay fields.
fn one_time(strings: &[(&str, &str)]) -> (String, Vec<String>) {
    let strings = strings.iter().map(|(name, value)| serde_json::json!([name, value, true])).collect::<Vec<_>>();
    let entry = serde_json::json!({"id": "1", "group": 0, "strings": strings, "tags": "", "files": [], "history": 0});
    let opened = serde_json::json!({"opened": {"groups": [{"parent": null, "name": "x"}], "entries": [entry]}});
    let imported = answer(&opened.to_string()).unwrap();
    let item = &imported.items[0];
    assert!(item.fields.iter().all(|(_, _, is_hidden)| *is_hidden));
    (item.totp.expose().to_owned(), item.fields.iter().map(|(name, ..)| name.clone()).collect())
}

#[test]
fn keys_for_one_time_passwords_are_read_in_each_of_their_forms() {
    let key = "JBSWY3DPEHPK3PXP";
    let plain = (key.to_owned(), vec![]);
    let uri = |rest: &str| (format!("otpauth://totp/KeePass?secret={key}{rest}"), vec![]);
    assert_eq!(one_time(&[("TOTP Seed", key)]), plain);
    assert_eq!(one_time(&[("TOTP Seed", key), ("TOTP Settings", "30;6")]), plain);
    assert_eq!(one_time(&[("TOTP Seed", key), ("TOTP Settings", "60;8")]), uri("&period=60&digits=8"));
    assert_eq!(one_time(&[("otp", &format!("key={key}&step=60&size=8"))]), uri("&period=60&digits=8"));
    assert_eq!(
        one_time(&[("TimeOtp-Secret-Base32", key), ("TimeOtp-Algorithm", "HMAC-SHA-256")]),
        uri("&algorithm=SHA256")
    );
    assert_eq!(one_time(&[("TimeOtp-Secret-Hex", "48656c6c6f21deadbeef")]), plain);
    assert_eq!(
        one_time(&[("TimeOtp-Secret", "Hello"), ("TimeOtp-Length", "8")]).0,
        "otpauth://totp/KeePass?secret=JBSWY3DP&digits=8"
    );
    // What is of no such form stays what it is.
    let left = one_time(&[("TOTP Seed", key), ("TOTP Settings", "30;S")]);
    assert_eq!(left, (String::new(), vec!["TOTP Seed".into(), "TOTP Settings".into()]));
    assert_eq!(one_time(&[("otp", "key=%&x")]), (String::new(), vec!["otp".into()]));
}
