//! Finds the key and the layout that open a file, and says what proves that they are right.

use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use crate::candidates::{Candidate, HEAD, Key, Place, keys, layouts};
use crate::cipher::{BLOCK, Setting, engine};
use crate::content::{Content, Look, look};
use crate::error::Refused;
use crate::json;
use crate::plaintext::{Checks, Plaintext, Summary, WHOLE_LIMIT, filling};
use crate::request::{Mode, Padding, Request, Scheme};
use crate::source::Source;
use crate::spelling::Spelling;

/// What proves that a file opened with the right key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Evidence {
    /// The file's own tag.
    Tag,
    /// A value in the file that opens with the right password alone. It is no proof of the data.
    Verifier,
    /// The SHA-256 that the caller gave.
    Digest,
    /// What the plaintext is, after right padding if the mode has any.
    Content(Content),
    /// Nothing: the plaintext is too short to tell, or nothing that is known. The user has to say that it is right.
    Nothing,
}

/// A file whose key was found.
pub struct Opening<R> {
    source: Source<R>,
    candidate: Candidate,
    nonce: Vec<u8>,
    aad: Vec<u8>,
    checks: Checks,
    evidence: Evidence,
}

impl<R: Read + Seek> Opening<R> {
    /// Is a file whose key another reader has found.
    pub(crate) fn of(
        source: Source<R>,
        candidate: Candidate,
        nonce: &[u8],
        checks: Checks,
        evidence: Evidence,
    ) -> Self {
        Self { source, candidate, nonce: nonce.to_vec(), aad: Vec::new(), checks, evidence }
    }

    /// Says in words how the key was made of the old secret. Nothing of the secret is in them.
    pub fn how(&self) -> String {
        self.candidate.key.how()
    }

    /// Returns what proves, once all of the plaintext was read, that the key is right.
    pub fn evidence(&self) -> Evidence {
        self.evidence
    }

    /// Tells whether the file proves by itself that it was not altered.
    pub fn is_authenticated(&self) -> bool {
        self.candidate.is_authenticated()
    }

    /// Returns the layout that fits.
    pub fn layout(&self) -> &str {
        &self.candidate.place.layout
    }

    /// Returns the mode.
    pub fn mode(&self) -> Mode {
        self.candidate.mode
    }

    /// Takes the plaintext as it is, whatever it looks like. Tags and a SHA-256 are checked all the same.
    pub fn accept_any_content(&mut self) {
        self.checks.content = None;
    }

    /// Begins to read the plaintext, from its first byte.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn plaintext(&mut self) -> Result<Plaintext<'_, R>, Refused> {
        Plaintext::new(&mut self.source, &self.candidate, &self.nonce, &self.aad, self.checks)
    }

    /// Reads all of the plaintext, only to see whether it is right: of several candidates one.
    ///
    /// # Errors
    /// [`Refused::Wrong`], or if the file cannot be read.
    fn prove(&mut self) -> Result<Summary, Refused> {
        self.plaintext()?.prove()
    }
}

/// Finds the key and the layout that open a file. `keys` has those that were made for other files of the same request.
///
/// # Errors
/// [`Refused`]; one and the same for whatever does not open.
pub fn open<R: Read + Seek>(file: R, request: &Request, keys: &mut Keys) -> Result<Opening<R>, Refused> {
    let options = &request.options;
    let (mut source, parts, salt_before) = source(file, request)?;
    let default_mode = match (&parts, options.cipher) {
        (_, Some(cipher)) if request.scheme == Scheme::Openssl => cipher.parts().0,
        (Some(parts), _) if parts.layout.has(crate::layout::Part::Tag) => Mode::Gcm,
        _ => Mode::Cbc,
    };
    let mode = match request.scheme {
        Scheme::Fernet | Scheme::Openssl => default_mode,
        _ => options.mode.unwrap_or(default_mode),
    };
    let padding = match request.scheme {
        Scheme::Fernet | Scheme::Openssl => Padding::Pkcs7,
        _ => options.padding.unwrap_or(Padding::Pkcs7),
    };
    let (layouts, aad) = match parts {
        Some(parts) if options.layout.is_none() => {
            (vec![parts.layout], if options.aad.is_empty() { parts.header } else { options.aad.clone() })
        }
        _ => (layouts(request.scheme, mode, options), options.aad.clone()),
    };
    if matches!(mode, Mode::Gcm | Mode::Eax | Mode::Ocb) && !layouts.iter().any(|it| it.has(crate::layout::Part::Tag)) {
        return Err(Refused::Parameters("the mode has a tag, and the layout has none"));
    }
    let mut places = Vec::new();
    for layout in &layouts {
        places.extend(Place::of(&mut source, layout)?.map(Arc::new));
    }
    let mut looks = Vec::new();
    keys.forget_tried();
    if places.is_empty() {
        // What is missing or out of range is said all the same.
        keys.of(request, mode, options.salt.as_deref().or(Some(&[])))?;
    }
    for place in &places {
        let salt = options.salt.as_deref().or(place.salt.as_deref()).or(salt_before.as_deref());
        let keys = keys.of(request, mode, salt)?;
        for key in keys {
            let candidate = Candidate { place: place.clone(), key, mode, padding };
            let nonce = nonce_of(&candidate, options.iv.as_deref());
            if let Some((look, content)) = judge(&candidate, &nonce, &aad) {
                looks.push(Possible { candidate, nonce, look, content });
            }
        }
    }
    choose(source, looks, &aad, options.sha256)
}

/// A source, what JSON says of it, and the salt before a text.
type Found<R> = (Source<R>, Option<json::Parts>, Option<Vec<u8>>);

/// Finds the ciphertext: in the file, in base64, or in JSON.
fn source<R: Read + Seek>(mut file: R, request: &Request) -> Result<Found<R>, Refused> {
    let in_file = request.options.salt_in_file.unwrap_or_default();
    let start = if request.scheme == Scheme::Fernet { in_file as u64 } else { 0 };
    let mut head = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    (&mut file).take(HEAD).read_to_end(&mut head)?;
    if !matches!(request.scheme, Scheme::Fernet | Scheme::Openssl) && json::begins(&head) {
        file.seek(SeekFrom::Start(0))?;
        let mut text = Vec::new();
        (&mut file).take(WHOLE_LIMIT + 1).read_to_end(&mut text)?;
        let mut parts = json::parse(&text).ok_or(Refused::Wrong)?;
        let bytes = std::mem::take(&mut parts.bytes);
        return Ok((Source::Memory(std::io::Cursor::new(bytes)), Some(parts), None));
    }
    let salt = head.get(..in_file).filter(|salt| !salt.is_empty() && start > 0).map(<[u8]>::to_vec);
    let mut source = Source::of(file, start)?;
    let magic: &[u8] = match request.scheme {
        Scheme::Fernet => &[0x80],
        Scheme::Openssl => b"Salted__",
        _ => b"",
    };
    if source.length() < magic.len() as u64 || source.read_at(0, magic.len())? != magic {
        return Err(Refused::Wrong);
    }
    Ok((source, None, salt))
}

/// The keys that were made for the files of one request. To make one may take seconds, and files often have their salt in
/// common.
#[derive(Default)]
pub struct Keys {
    salt: Option<Vec<u8>>,
    made: Vec<Arc<Key>>,
    tried: Vec<String>,
    spellings: Vec<String>,
    ways: Vec<String>,
}

impl Keys {
    /// Lists the keys that were tried on the last file, each in words. Nothing of the secret is in them.
    pub fn tried(&self) -> &[String] {
        &self.tried
    }

    /// Says in few words what was tried on the last file: the spellings of the secret, and the ways to make a key of each.
    pub fn tried_in_short(&self) -> Vec<String> {
        let mut short = Vec::new();
        if !self.spellings.is_empty() {
            short.push(format!("the secret {}", self.spellings.join(" | ")));
        }
        if !self.ways.is_empty() {
            short.push(format!("keys by {}", self.ways.join(" | ")));
        }
        short
    }

    /// Notes the one key that is tried on a file whose reader is not this crate's.
    pub fn note(&mut self, spelling: &str, way: &str) {
        self.forget_tried();
        self.add_tried(spelling, way);
    }

    /// Notes all keys that a reader may try which makes them itself.
    pub(crate) fn note_spellings(&mut self, spellings: &[Spelling], scheme: Scheme) {
        self.forget_tried();
        for spelling in spellings {
            scheme.usual_ways().iter().for_each(|way| self.add_tried(&spelling.how, way));
        }
    }

    /// Begins with another file.
    pub(crate) fn forget_tried(&mut self) {
        (self.tried, self.spellings, self.ways) = Default::default();
    }

    /// Notes a key that is tried: what was done to the secret, and how the key was made of that.
    pub(crate) fn add_tried(&mut self, spelling: &str, way: &str) {
        fn add(list: &mut Vec<String>, what: &str) {
            if !what.is_empty() && list.iter().all(|there| there != what) {
                list.push(what.to_owned());
            }
        }
        add(&mut self.tried, &[spelling, if way.is_empty() { "" } else { ", " }, way].concat());
        add(&mut self.spellings, spelling);
        add(&mut self.ways, way);
    }

    /// Returns the keys with this salt.
    fn of(&mut self, request: &Request, mode: Mode, salt: Option<&[u8]>) -> Result<Vec<Arc<Key>>, Refused> {
        if self.made.is_empty() || self.salt.as_deref() != salt {
            self.made = keys(request, mode, salt)?.into_iter().map(Arc::new).collect();
            self.salt = salt.map(<[u8]>::to_vec);
        }
        let made = self.made.clone();
        for key in &made {
            self.add_tried(&key.spelling, &key.way);
        }
        Ok(made)
    }
}

/// A candidate that nothing at both ends of the file speaks against.
struct Possible {
    candidate: Candidate,
    nonce: Vec<u8>,
    look: Look,
    content: Option<Content>,
}

fn nonce_of(candidate: &Candidate, given: Option<&[u8]>) -> Vec<u8> {
    let of_file = || candidate.place.nonce.clone().or_else(|| candidate.key.nonce.clone());
    given.map(<[u8]>::to_vec).or_else(of_file).unwrap_or_default()
}

/// Looks at the beginning and the end of what a candidate makes of a file; `None` if it is wrong.
fn judge(candidate: &Candidate, nonce: &[u8], aad: &[u8]) -> Option<(Look, Option<Content>)> {
    let Candidate { place, key, mode, .. } = candidate;
    let length = place.length();
    let setting = Setting { nonce, aad, length };
    let whole = engine(*mode, key.key.expose(), &setting)?;
    if *mode == Mode::Ocb {
        return Some((Look::Unknown, None));
    }
    let mut cut = 0;
    if *mode == Mode::Cbc {
        let before = place.tail.len().checked_sub(BLOCK)?;
        let (before, last) = place.tail.split_at(before);
        let nonce = if before.is_empty() { nonce } else { before };
        let mut last = zeroize::Zeroizing::new(last.to_vec());
        let is_decrypted =
            engine(*mode, key.key.expose(), &Setting { nonce, aad, length: BLOCK as u64 })?.finish(&mut last, &[]);
        if !is_decrypted {
            return None;
        }
        cut = filling(candidate, &last)?;
    } else if place.size.is_some() {
        cut = filling(candidate, &[])?;
    }
    let plain = length - cut as u64;
    let mut head = zeroize::Zeroizing::new(place.head.clone());
    // Its tag, if there is one, is of more than these bytes.
    let _ = whole.finish(&mut head, &[]);
    head.truncate(usize::try_from(plain).unwrap_or(usize::MAX));
    Some(look(&head, plain))
}

/// Chooses among what may be right. Where bytes at both ends do not decide, each is read as a whole.
fn choose<R: Read + Seek>(
    source: Source<R>,
    mut possible: Vec<Possible>,
    aad: &[u8],
    sha256: Option<[u8; 32]>,
) -> Result<Opening<R>, Refused> {
    // The better look first; among equals, the order in which they were tried.
    possible.sort_by_key(|possible| std::cmp::Reverse(possible.look));
    let Some(first) = possible.first() else { return Err(Refused::Wrong) };
    let best = first.look;
    let is_authenticated = first.candidate.is_authenticated();
    let proof = match (first.candidate.proves_key(), sha256) {
        (true, _) => Some(Evidence::Tag),
        (false, Some(_)) => Some(Evidence::Digest),
        (false, None) => None,
    };
    if proof.is_none() {
        possible.retain(|other| other.look == best);
        // What is nothing known is taken at its user's word, if there is one way alone to read it.
        if !is_authenticated && possible.len() > 1 && best != Look::Known {
            return Err(Refused::Wrong);
        }
        // Where there is a tag, it decides among them.
        if !is_authenticated {
            possible.truncate(1);
        }
    }
    let is_read = possible.len() > 1;
    let mut source = source;
    for Possible { candidate, nonce, look, content } in possible {
        let evidence = proof.unwrap_or(match content {
            Some(content) if look == Look::Known => Evidence::Content(content),
            _ => Evidence::Nothing,
        });
        let checks = Checks { sha256, content: content.filter(|_| proof.is_none()) };
        let mut opening = Opening { source, candidate, nonce, aad: aad.to_vec(), checks, evidence };
        match if is_read { opening.prove().map(drop) } else { Ok(()) } {
            Ok(()) => return Ok(opening),
            Err(Refused::Wrong) => source = opening.source,
            Err(refused) => return Err(refused),
        }
    }
    Err(Refused::Wrong)
}
