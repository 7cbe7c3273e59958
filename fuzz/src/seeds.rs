//! What a fuzzer and the tests start from: the vectors, and what earlier runs found worth keeping.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use strongroom::crypto::cobblestone;
use strongroom::crypto::hmac::sha512;
use strongroom::format::sealed::{Block, PROJECT_STANZA_LEN, Prelude, STANZA_LIMIT, Stanza, stanza};
use strongroom::format::vault::Document;
use strongroom::format::{FileId, label};

use super::vectors::Vector;

/// Returns the seeds of a target: those made from the vectors, then the lines of `corpus`, which are base64.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut seeds = made(target);
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let file = here.map(|folder| folder.join(format!("fuzz/corpus/{target}.txt"))).find(|file| file.is_file());
    if let Some(text) = file.map(|file| fs::read_to_string(file).expect("the corpus")) {
        seeds.extend(text.lines().map(|line| STANDARD.decode(line).expect("base64")));
    }
    seeds
}

fn made(target: &str) -> Vec<Vec<u8>> {
    let sealed = || Vector::all("sealed");
    let sections = |name| Vector::all("vault").into_iter().filter_map(|vector| vector.section(name)).collect();
    let texts = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    match target {
        "header" => {
            let block = |bytes: &[u8]| Some(bytes.get(..4096)?.to_vec());
            sealed().iter().filter_map(|vector| block(&vector.sealed())).chain(recipients_of_all_lengths()).collect()
        }
        "sealed" => sealed().iter().map(Vector::sealed).collect(),
        // The two files as they are, and the parts of each with the other's.
        "body" => {
            [&[0, 0, 0, 0, 0, 0, 2, 0, 0][..], &[1, 0, 0, 1, 0, 0, 3, 0, 0, 5, 0, 0], &[0, 0, 0, 1, 0, 0, 3, 1, 7]]
                .map(<[u8]>::to_vec)
                .into()
        }
        "metadata" => texts(&[
            r#"{"name":"clients.csv","modified":"2026-11-21T08:30:00Z","modified_ns":999999999,"mode":416}"#,
            r#"{"path":"a/b","path_bytes":"YS9i","media":"application/x-tar","sealed":"2026-11-21T08:30:00Z"}"#,
            r#"{"name":"\u202e\u0000","later":{"deep":[1,-2,0.1,null,true,{"x":"y"}]}}"#,
        ]),
        "vault" => sections("vault"),
        "payload" => Vector::all("vault").iter().filter_map(opened_payload).collect(),
        "data_key_item" => sections("data-key"),
        "anchor_item" => sections("anchor"),
        "log" => {
            let of = |vector: &Vector| {
                let segment = STANDARD.decode(vector.section("segment 1")?).ok()?;
                Some(vec![segment.get(..512)?.to_vec(), segment.get(512..1024)?.to_vec()])
            };
            let mut seeds: Vec<Vec<u8>> = Vector::all("log").iter().filter_map(of).flatten().collect();
            seeds.extend(texts(&[
                r#"{"seq":2,"at":"2026-11-21T08:31:02Z","phase":"begin","open":[{"seq":2,"pid":1}],"later":[1,2.5]}"#,
                r#"{"seq":1,"at":"2026-11-21T08:31:02Z","phase":"note","log":{"from":1,"to":2},"files":[]}"#,
            ]));
            seeds
        }
        "kdf" => [
            (65_536, 3, 4),
            (65_535, 3, 4),
            (4_194_304, 8, 16),
            (4_194_304, 9, 16),
            (524_288, 64, 4),
            (u32::MAX, u32::MAX, 0),
        ]
        .map(|(m, t, p): (u32, u32, u32)| [&m.to_be_bytes()[..], &t.to_be_bytes(), &p.to_be_bytes(), &[7; 32]].concat())
        .into(),
        "kit" => texts(&[
            "000G-40R4-0M30-E209-185G-R38E-1W81-24GK-2GAH-C5RR-34D1-P70X-3RFH-RC7R",
            "oOog 40r4\r\n0M30 E209 i85G R38E LW81 24GK 2GAH C5RR 34D1 P70X 3RFH RC7R\u{feff}",
            "000G-40R4-0M30-E209-185G-R38E-1W81-24GK-2GAH-C5RR-34D1-P70X-3RFH-RC7U",
        ]),
        "name" => {
            texts(&["acme-2026", "../etc/passwd", "COM1.txt", "caf\u{e9} \u{202e}\u{1b}[2J", "con", "a\\b:c", "-x"])
        }
        "password" => texts(&["correct horse battery staple", "caf\u{e9} \u{fb01}le", "\u{fdfa}\u{fdfa}"]),
        "imports" => texts(&[
            "name,url,username,password,note\nm,https://m.example,u,p,\"a\nb\"\n,android://x@com.example/,u,p,\n",
            "url,username,password,httpRealm,formActionOrigin,guid\nhttps://m.example,u,p,r,,{1}\n",
            "Title,URL,Username,Password,Notes,OTPAuth\nm,https://m.example,u,p,n,otpauth://x\n",
            "url,username,password,totp,extra,name,grouping,fav\nhttp://sn,,,,\"NoteType:Server\nUsername:u\nNotes:n\",m,a\\b,0\n",
            "\"Group\",\"Title\",\"Username\",\"Password\",\"URL\",\"Notes\"\n\"R/a\",\"m\",\"u\",\"{REF:\",\"\",\"n\"\n",
            "name;username;password;url;tags;x\nm;u;p;https://x;a,b;y\n",
            r#"{"encrypted":false,"folders":[{"id":"f","name":"a/b"}],"items":[{"id":"1","folderId":"f","type":1,"name":"m",
            "fields":[{"name":"x","value":"y","type":1}],"login":{"uris":[{"uri":"https://m.example"}],"username":"u",
            "password":"p","totp":"T","fido2Credentials":[{}]}},{"type":3,"card":{"number":"4"},"deletedDate":null}]}"#,
            r#"{"accounts":[{"attrs":{"accountName":"a"},"vaults":[{"attrs":{"name":"v"},"items":[{"uuid":"1","state":"active",
            "categoryUuid":"001","overview":{"title":"m","url":"https://m.example","tags":["t"]},"details":{"loginFields":[
            {"designation":"username","value":"u"}],"sections":[{"title":"s","fields":[{"title":"f","value":{"date":1}},
            {"title":"g","value":{"monthYear":203001}},{"id":"h","value":{"address":{"city":"c"}}}]}]}}]}]}]}"#,
            r#"{"version":"1","encrypted":false,"vaults":{"s":{"name":"v","items":[{"itemId":"1","state":1,"data":{"metadata":
            {"name":"m","note":"n"},"type":"login","content":{"itemEmail":"e","password":"p","urls":["https://m.example"],
            "passkeys":[{}]},"extraFields":[{"fieldName":"x","type":"totp","data":{"totpUri":"T"}}]}}]}}}"#,
            include_str!("../../tests/vectors/imports/argon2id.json"),
            "-----BEGIN PGP MESSAGE-----\n\nwy4=",
        ]),
        // Lines of every kind, and a file of every scheme, are in the corpus.
        "agent_line" | "legacy" | "aescrypt" | "age" | "office" | "zip" | "sevenz" => Vec::new(),
        other => panic!("no seeds are made for {other}"),
    }
}

/// Header blocks with as many recipients as there may be, of a project and of none.
fn recipients_of_all_lengths() -> impl Iterator<Item = Vec<u8>> {
    let stanza = |kind, length| Stanza { kind, body: vec![kind; length] };
    let others = move || (2..STANZA_LIMIT).map(move |length| stanza(stanza::RECIPIENT, length));
    [(stanza::PROJECT, PROJECT_STANZA_LEN), (stanza::RECIPIENT, 232)].into_iter().map(move |(kind, length)| {
        let mut stanzas = vec![stanza(kind, length), stanza(stanza::METADATA, 328)];
        stanzas.extend(others());
        let prelude = Prelude { block_len: 4096, file: FileId::from_bytes([7; 16]) };
        Block { prelude, sequence: 0, stanzas }.to_bytes(|_| [0; 32]).expect("they fit")
    })
}

fn opened_payload(vector: &Vector) -> Option<Vec<u8>> {
    let document = Document::parse(&vector.section("vault")?).ok()?;
    let context: [&[u8]; 2] = [label::VAULT, &sha512(&document.protected)];
    let opened = cobblestone::open(&vector.bytes32("data-key")?, &context, &document.payload).ok()?;
    Some(opened.to_vec())
}
