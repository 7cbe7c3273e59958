//! The secrets of a home, recomputed from its files and a password, and the forms they can have in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;
use strongroom::crypto::cobblestone;
use strongroom::crypto::hmac::sha512;
use strongroom::crypto::kdf::derive_kek;
use strongroom::crypto::secret::Password;
use strongroom::format::item::DataKeyItem;
use strongroom::format::kit;
use strongroom::format::label;
use strongroom::format::sealed::Block;
use strongroom::format::vault::{Document, Payload, SIZE_LIMIT};
use strongroom::host::ThisHost;
use strongroom::keychain::FileKeychain;
use strongroom::store::FolderStore;
use strongroom::vault::Vault;

use crate::prompts::terminal::Home;

/// Secrets by what they are called.
#[derive(Debug, Clone, Default)]
pub struct Secrets(BTreeMap<String, Vec<u8>>);

impl Secrets {
    /// A password that was typed or read.
    pub fn password(name: &str, typed: &str) -> Self {
        Self(BTreeMap::from([(name.to_owned(), typed.as_bytes().to_vec())]))
    }

    /// What a password of this home derives and opens: KEK, data key, all file keys, the content keys of these sealed
    /// files, and the keys that the cipher and the MACs are given in their place.
    pub fn of(home: &Home, password: &str, sealed: &[PathBuf]) -> Self {
        let mut all = Self::password("password", password);
        let password = Password::new(password.as_bytes()).unwrap();
        let folder = home.path(".local/share/strongroom");
        let document = Document::parse(&fs::read(folder.join("vault.json")).unwrap()).unwrap();
        let item_path = item(home);
        let wraps = DataKeyItem::parse(&fs::read(&item_path).unwrap()).unwrap().wraps;
        let wrap = wraps.last().unwrap();
        let kek = derive_kek(&password, &document.header.pepper.0, &wrap.header.kdf, None).unwrap();
        let context = [label::DATA_KEY, &sha512(&wrap.protected)];
        let data_key = cobblestone::open(kek.expose(), &context, &wrap.wrapped).expect("the password of this item");
        all.add("KEK", kek.expose());
        all.add_cipher("KEK's cipher", kek.expose(), &wrap.wrapped, &context);
        all.add("data key", &data_key);
        all.add_cipher("payload's cipher", &data_key, &document.payload, &[label::VAULT, &sha512(&document.protected)]);
        let vault_id = document.header.vault;
        let data_key_bytes = data_key[..].try_into().unwrap();
        let payload = [label::VAULT, &sha512(&document.protected)];
        let payload = cobblestone::open(data_key_bytes, &payload, &document.payload).unwrap();
        let payload = Payload::parse(&payload).unwrap();
        let context: [&[u8]; 2] = [label::ANCHOR_KEY, vault_id.as_bytes()];
        let anchor_key = cobblestone::open(data_key_bytes, &context, &payload.anchor_key.0).unwrap();
        all.add("anchor key", &anchor_key);
        all.add_cipher("anchor key's wrap", &data_key, &payload.anchor_key.0, &context);
        all.add("anchor's MAC key", &expand(&anchor_key, &[label::ANCHOR])[..32]);
        let store = Arc::new(FolderStore::new(&folder, SIZE_LIMIT).unwrap());
        let keychain = Arc::new(FileKeychain::new(item_path));
        let vault =
            Vault::open(store.clone()).unwrap().unlock(&password, keychain.clone(), Arc::new(ThisHost)).unwrap();
        for key in vault.candidate_keys(None).map(Result::unwrap) {
            all.add(&format!("file key {}", key.version), key.key.expose());
            for path in sealed {
                all.add_sealed(path, key.key.expose());
            }
        }
        all
    }

    /// A recovery kit: its code with and without hyphens, and what the code stands for.
    pub fn kit(file: &Path) -> Self {
        let code = fs::read_to_string(file).unwrap().trim().to_owned();
        let mut all = Self::default();
        all.add("kit's secret", kit::read(&code).unwrap().expose());
        all.add("kit's text", code.as_bytes());
        all.add("kit's text without hyphens", code.replace('-', "").as_bytes());
        all
    }

    fn add_sealed(&mut self, path: &Path, file_key: &[u8]) {
        let bytes = fs::read(path).unwrap();
        let block = Block::parse(&bytes[..4096]).unwrap();
        let prelude = block.prelude.to_bytes();
        let context = [label::CONTENT_KEY, &prelude];
        let project = block.project().unwrap();
        let Ok(content_key) = cobblestone::open(file_key.try_into().unwrap(), &context, project) else {
            return;
        };
        self.add("content key", &content_key);
        self.add_cipher("content key's wrap", file_key, project, &context);
        self.add_cipher("metadata's cipher", &content_key, block.metadata(), &[label::METADATA, &prelude]);
        self.add("header's MAC key", &expand(&content_key, &[label::HEADER_MAC])[..32]);
        self.add_cipher("body's cipher", &content_key, &bytes[2 * 4096..], &[&prelude]);
    }

    fn add(&mut self, name: &str, secret: &[u8]) {
        // A secret that is all zeros, or nothing, would be found anywhere.
        assert!(secret.iter().any(|byte| *byte != secret[0]), "{name}");
        self.0.insert(name.to_owned(), secret.to_vec());
    }

    /// The key of AES-256-GCM that a sealed message's key derives (docs/format.md, section 2).
    fn add_cipher(&mut self, name: &str, key: &[u8], message: &[u8], context: &[&[u8]]) {
        const INFO: &[u8] = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";
        let info = [&[INFO, &message[..24]], context].concat();
        let okm = expand(key, &info);
        assert_eq!(okm[44..], message[24..44], "{name}: the commitment begins otherwise");
        self.add(name, &okm[..32]);
    }

    /// Returns these and those of `other` that are not among them, which are called `prefix` and their name.
    pub fn and(mut self, prefix: &str, other: Self) -> Self {
        let held: BTreeSet<Vec<u8>> = self.0.values().cloned().collect();
        let new = other.0.into_iter().filter(|(_, secret)| !held.contains(secret));
        self.0.extend(new.map(|(name, secret)| (format!("{prefix}{name}"), secret)));
        self
    }

    /// Returns the keys alone. What people read and type, passwords and codes, passes through buffers on its way.
    pub fn keys(&self) -> Self {
        Self(self.0.iter().filter(|(name, _)| !is_text(name)).map(|(name, key)| (name.clone(), key.clone())).collect())
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns every form of every secret.
    pub fn forms(&self) -> BTreeMap<String, Vec<(&'static str, Vec<u8>)>> {
        self.0.iter().map(|(name, secret)| (name.clone(), forms(name, secret))).collect()
    }
}

fn is_text(name: &str) -> bool {
    name.contains("password") || name.contains("text")
}

fn forms(name: &str, secret: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = vec![
        ("hexadecimal", hex::encode(secret).into_bytes()),
        ("hexadecimal", hex::encode_upper(secret).into_bytes()),
        ("a list of numbers", format!("{secret:?}").trim_matches(['[', ']']).as_bytes().to_vec()),
    ];
    for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        for before in 0..3 {
            let shifted = [&[0; 3][..before], secret].concat();
            // The characters at the ends also carry bits of the neighbours.
            let range = (before * 8).div_ceil(6)..shifted.len() * 8 / 6;
            forms.push(("base64", engine.encode(&shifted).as_bytes()[range].to_vec()));
        }
    }
    if is_text(name) {
        let text = std::str::from_utf8(secret).unwrap();
        let middle = text.char_indices().nth(text.chars().count() / 2).unwrap().0;
        let lower = text.to_lowercase();
        for text in [text, &text[..middle], &text[middle..], &lower, &lower.chars().rev().collect::<String>()] {
            forms.push(("text, whole or half or turned", text.as_bytes().to_vec()));
            forms.push(("characters", text.chars().flat_map(|c| u32::from(c).to_ne_bytes()).collect()));
            forms.push(("UTF-16", text.encode_utf16().flat_map(u16::to_ne_bytes).collect()));
        }
    } else {
        // A half is a round key of AES-256. Its words are turned on the way into SHA-512 and into a key schedule.
        for half in secret.chunks(16) {
            forms.push(("raw", half.to_vec()));
            forms.push(("turned words", half.chunks(4).flat_map(|word| word.iter().rev().copied()).collect()));
        }
        // What HMAC hashes first (RFC 2104).
        for pad in [0x36, 0x5c] {
            let padded: Vec<u8> = secret.iter().map(|byte| byte ^ pad).collect();
            forms.push((
                "padded for HMAC, turned",
                padded.chunks(8).flat_map(|word| word.iter().rev().copied()).collect(),
            ));
            forms.push(("padded for HMAC", padded));
        }
    }
    forms
}

/// HKDF-Expand-SHA512, its first block.
fn expand(key: &[u8], info: &[&[u8]]) -> [u8; 64] {
    let mut mac = Hmac::<Sha512>::new_from_slice(key).unwrap();
    info.iter().for_each(|part| mac.update(part));
    mac.update(&[1]);
    mac.finalize().into_bytes().into()
}

fn item(home: &Home) -> PathBuf {
    let files = fs::read_dir(home.path(".local/state/strongroom/keychain")).unwrap();
    files.map(|file| file.unwrap().path()).find(|path| path.extension().is_none()).unwrap()
}
