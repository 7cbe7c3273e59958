use proptest::prelude::*;

use super::*;

/// A seed of 20 bytes, and the URI for it.
const SEED: &str = "MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U";

fn uri(parameters: &str) -> String {
    format!("otpauth://totp/Example:ada%40example.com?secret={SEED}{parameters}")
}

#[track_caller]
fn code(text: &str, unix_seconds: u64) -> String {
    Otp::parse(text).unwrap().code_at(unix_seconds).0.to_string()
}

#[track_caller]
fn refusal(text: &str) -> OtpError {
    Otp::parse(text).expect_err(text)
}

#[test]
fn the_codes_are_those_of_rfc_6238() {
    // Appendix B, with the seeds of its reference implementation: 20, 32 and 64 bytes.
    let digits = b"1234567890";
    let seed = |length| data_encoding::BASE32.encode(&digits.iter().copied().cycle().take(length).collect::<Vec<_>>());
    let vectors = [
        (59, ["94287082", "46119246", "90693936"]),
        (1_111_111_109, ["07081804", "68084774", "25091201"]),
        (1_111_111_111, ["14050471", "67062674", "99943326"]),
        (1_234_567_890, ["89005924", "91819424", "93441116"]),
        (2_000_000_000, ["69279037", "90698825", "38618901"]),
        (20_000_000_000, ["65353130", "77737706", "47863826"]),
    ];
    for (algorithm, length, place) in [("SHA1", 20, 0), ("SHA256", 32, 1), ("SHA512", 64, 2)] {
        let secret = seed(length).replace('=', "%3D");
        let uri = format!("otpauth://totp/x?secret={secret}&algorithm={algorithm}&digits=8&period=30");
        for (time, codes) in vectors {
            assert_eq!(code(&uri, time), codes[place], "{algorithm} at {time}");
        }
    }
}

#[test]
fn the_codes_are_those_of_rfc_4226() {
    // Appendix D counts from 0: one count is one period.
    let codes = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
    let seed = data_encoding::BASE32.encode(b"12345678901234567890");
    for (count, expected) in (0..).zip(codes) {
        assert_eq!(code(&seed, count * 30), expected);
        assert_eq!(code(&seed, count * 30 + 29), expected);
    }
}

#[test]
fn the_codes_are_those_of_another_implementation() {
    // Made with pyotp 2.9.0.
    for (seed, algorithm, digits, period, time, expected, seconds_left) in [
        ("JBSWY3DPEHPK3PXP", "SHA1", 6, 30, 0, "282760", 30),
        ("JBSWY3DPEHPK3PXP", "SHA1", 6, 30, 1_700_000_000, "324550", 10),
        ("jbsw+y3dp%20ehpk-3pxp", "sha1", 6, 30, 1_764_229_000, "469897", 20),
        (SEED, "SHA256", 7, 60, 1_764_229_000, "3325392", 20),
        ("MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43UOV3HO6DZPI", "SHA512", 8, 3600, 1_764_229_001, "15626792", 1399),
        ("GEZDGNBVGY3TQOJQ", "SHA1", 8, 1, 20_000_000_000, "44006730", 1),
        ("KRSXG5CTMVRXEZLUKN2XAZLSKNSWG4TF", "SHA256", 6, 30, 1_234_567_890, "574744", 30),
        // The last symbol holds bits that belong to no byte.
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "SHA1", 6, 30, 1_700_000_000, "378645", 10),
        ("2345672345672345672345672F", "SHA1", 6, 30, 1_700_000_029, "318701", 11),
        ("MFRGGZDF", "SHA1", 6, 30, 59, "106998", 1),
    ] {
        let uri = format!(
            "otpauth://totp/x?secret={seed}&algorithm={algorithm}&digits={digits}&period={period}&issuer=Example"
        );
        let (code, left) = Otp::parse(&uri).unwrap().code_at(time);
        assert_eq!((code.as_str(), left), (expected, seconds_left), "{uri}");
    }
}

#[test]
fn a_seed_is_read_as_services_show_it() {
    let expected = code(SEED, 1_764_229_000);
    for text in [
        SEED.to_lowercase(),
        format!(" \t{SEED}\n"),
        "MFRG GZDF MZTW Q2LK NNWG 23TP OBYX E43U".into(),
        "mfrg-gzdf-mztw-q2lk-nnwg-23tp-obyx-e43u".into(),
        format!("{SEED}======"),
        uri(""),
        uri("&issuer=Example&image=https%3A%2F%2Fexample.com%2Fx.png&color=red"),
        uri("&algorithm=SHA1&digits=6&period=30"),
        format!("OTPAUTH://TOTP/x?secret={SEED}"),
        format!("otpauth://totp?issuer=Example&secret={SEED}"),
    ] {
        assert_eq!(code(&text, 1_764_229_000), expected, "{text}");
    }
}

#[test]
fn what_would_make_other_codes_is_refused() {
    use OtpError::*;
    for (text, why) in [
        (uri("&secret=JBSWY3DPEHPK3PXP"), Twice { name: "secret" }),
        (uri("&digits=6&digits=6"), Twice { name: "digits" }),
        (uri("&period=30&period=60"), Twice { name: "period" }),
        (uri("&algorithm=SHA1&algorithm=SHA256"), Twice { name: "algorithm" }),
        (uri("&counter=0"), UnknownParameter { place: 2 }),
        (uri("&issuer=x&epoch=100"), UnknownParameter { place: 3 }),
        (uri("&Digits=8"), UnknownParameter { place: 2 }),
        (uri("&encoder=other"), UnknownParameter { place: 2 }),
        (uri("&"), NotAParameter { place: 2 }),
        (uri("&digits"), NotAParameter { place: 2 }),
        (uri("&algorithm=MD5"), Algorithm),
        (uri("&algorithm="), Algorithm),
        (uri("&digits=5"), Digits),
        (uri("&digits=9"), Digits),
        (uri("&digits=262"), Digits),
        (uri("&digits=%2B6"), Digits),
        (uri("&digits=+6"), Digits),
        (uri("&period=0"), Period),
        (uri("&period=3601"), Period),
        (uri("&period=18446744073709551646"), Period),
        (uri("&encoder=steam"), Steam),
        (format!("otpauth://steam/x?secret={SEED}"), Steam),
        (format!("steam://{SEED}"), Steam),
        (format!("otpauth://hotp/x?secret={SEED}&counter=1"), Counted),
        ("otpauth-migration://offline?data=CjEKCkhlbGxvId6tvu8".into(), Export),
        (format!("https://example.com/?secret={SEED}"), OtherUri),
        (format!("otpauth://totp2/x?secret={SEED}"), OtherUri),
        (format!("otpauth://{SEED}"), OtherUri),
        (format!("{SEED}://"), OtherUri),
    ] {
        assert_eq!(refusal(&text), why, "{text}");
    }
}

#[test]
fn what_is_no_seed_is_refused() {
    use OtpError::*;
    for (text, why) in [
        ("", NoSeed),
        (" \n", NoSeed),
        ("====", NoSeed),
        ("otpauth://totp/x", NoSeed),
        ("otpauth://totp/x?", NoSeed),
        ("otpauth://totp/x?issuer=Example", NoSeed),
        ("otpauth://totp/x?secret=", NoSeed),
        ("JBSWY3DPEHPK3PX0", NotBase32 { place: 16 }),
        ("JBSW Y3DP 1HPK", NotBase32 { place: 11 }),
        ("JBSWY3DPé", NotBase32 { place: 9 }),
        ("JBSW=Y3DP", NotBase32 { place: 6 }),
        ("JBSW\nY3DP", NotBase32 { place: 5 }),
        ("otpauth://totp/x?secret=JBSW%zzDP", NotBase32 { place: 5 }),
        ("otpauth://totp/x?secret=JBSWY3DPEHPK3PXP#x", NotBase32 { place: 17 }),
        ("JBSWY3DPEHPK3PXPA", Incomplete),
        ("JBSWY3DPEHP", Incomplete),
        ("JBSWY3D", ShortSeed),
        ("aa", ShortSeed),
    ] {
        assert_eq!(refusal(text), why, "{text}");
    }
    assert_eq!(refusal(&"A".repeat(4097)), TooLong);
    assert!(Otp::parse(&"A".repeat(4096)).is_ok());
}

#[test]
fn the_time_that_is_left_ends_with_the_code() {
    let otp = Otp::parse(SEED).unwrap();
    assert_eq!(otp.code_at(0).1, 30);
    for time in 1_764_229_000..1_764_229_090 {
        let (code, left) = otp.code_at(time);
        assert!((1..=30).contains(&left));
        assert_eq!(*otp.code_at(time + left - 1).0, *code);
        assert_ne!(*otp.code_at(time + left).0, *code);
    }
    assert_eq!(otp.code_at(u64::MAX).0.len(), 6);
}

#[test]
fn debug_shows_no_byte() {
    assert_eq!(format!("{:?}", Otp::parse(SEED).unwrap()), "Otp(..)");
}

/// Fails if a refusal shows a part of a seed.
#[track_caller]
fn assert_silent(seed: &str, error: OtpError) {
    let said = [error.to_string(), format!("{error:?}")];
    for part in seed.as_bytes().windows(4).map(|part| std::str::from_utf8(part).unwrap()) {
        assert!(said.iter().all(|said| !said.contains(part)), "{said:?} has {part:?} of {seed:?}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,80}") {
        let _ = Otp::parse(&text);
        let _ = Otp::parse(&format!("otpauth://totp/{text}"));
        let _ = Otp::parse(&format!("otpauth://totp/x?secret={text}"));
        let _ = Otp::parse(&uri(&format!("&{text}")));
    }

    #[test]
    fn no_refusal_shows_the_seed(seed in "[2-7]{8,40}", noise in "[0189!]") {
        for text in [
            format!("{seed}{noise}"),
            format!("{seed}{noise}{seed}"),
            format!("otpauth://{seed}"),
            format!("otpauth://totp/x?{seed}"),
            format!("otpauth://totp/x?{seed}=x"),
            format!("otpauth://totp/x?secret={seed}{noise}"),
            format!("otpauth://totp/x?secret={seed}&secret={seed}"),
            format!("otpauth://totp/x?secret={seed}&digits={seed}"),
            format!("otpauth://totp/x?secret={seed}&period={seed}"),
            format!("otpauth://totp/x?secret={seed}&algorithm={seed}"),
            format!("otpauth://hotp/x?secret={seed}"),
            format!("steam://{seed}"),
            format!("{seed}://{seed}"),
        ] {
            assert_silent(&seed, refusal(&text));
        }
    }

    #[test]
    fn a_seed_is_the_same_in_every_way_of_writing_it(
        bytes in proptest::collection::vec(any::<u8>(), 5..64),
        time in any::<u64>(),
    ) {
        let padded = data_encoding::BASE32.encode(&bytes);
        let expected = code(&padded, time);
        let bare = padded.trim_end_matches('=');
        let spaced: Vec<&str> = bare.as_bytes().chunks(4).map(|part| std::str::from_utf8(part).unwrap()).collect();
        prop_assert_eq!(code(&spaced.join(" ").to_lowercase(), time), expected.clone());
        let escaped = padded.replace('=', "%3d");
        prop_assert_eq!(code(&format!("otpauth://totp/x?secret={escaped}"), time), expected.clone());
        prop_assert_eq!(code(&format!("otpauth://totp/x?secret={bare}"), time), expected);
    }
}
