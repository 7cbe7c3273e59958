//! The XML of a KeePass file, in which protected values are still encrypted. It is read for two things: values that are
//! not protected, exactly as they are written, and the order of those that are. They are decrypted by one stream, each
//! where the one before it ended, and the crate `keepass` decrypts them in the order of its own types: fields of an entry
//! before its history, and nothing that it does not know. In a file of another order every later password would be a
//! wrong one, and nothing would show that, so such a file is refused.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::opening::Refused;

/// The deepest that elements may be in each other.
const DEPTH: usize = 128;

/// What is read of the XML.
#[derive(Default)]
pub(super) struct Document {
    /// The digest of the header in version 3, in base64.
    pub header_digest: String,
    /// Each after the group that it is in. The first is the whole.
    pub groups: Vec<Group>,
    /// Those of all groups.
    pub entries: Vec<Entry>,
    bin: String,
}

#[derive(Default)]
pub(super) struct Group {
    /// The number of the group that it is in.
    pub parent: Option<usize>,
    pub name: String,
    /// Whether it is the recycle bin.
    pub is_bin: bool,
}

#[derive(Default)]
pub(super) struct Entry {
    pub id: [u8; 16],
    pub group: usize,
    pub strings: Vec<(String, Written)>,
    pub tags: String,
    /// The names of its attachments.
    pub files: Vec<String>,
    /// Whether it has an expiry date, past or to come.
    pub expires: bool,
    pub history: usize,
    strings_ended: bool,
}

/// A value as it is written.
pub(super) enum Written {
    /// Its text.
    Plain(String),
    /// Encrypted.
    Protected,
}

/// Where in the XML something is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Document,
    Meta,
    Binaries,
    Root,
    Group,
    Entry,
    Times,
    History,
    String,
    File,
    /// Something with a text that is read.
    Leaf(Leaf),
    Other,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Leaf {
    HeaderDigest,
    Bin,
    GroupId,
    GroupName,
    EntryId,
    Expires,
    FileName,
    Tags,
    Key,
    Value { is_protected: bool },
}

impl Document {
    /// Reads a document.
    pub fn read(xml: &[u8]) -> Result<Self, Refused> {
        let text = std::str::from_utf8(xml).map_err(|_| Refused::Form)?;
        let mut reader = Reader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
        reader.config_mut().expand_empty_elements = true;
        let mut reading = Reading::default();
        loop {
            match reader.read_event().map_err(|_| Refused::Form)? {
                Event::Start(start) => reading.start(&start)?,
                Event::End(_) => reading.end()?,
                Event::Text(text) => reading.text(&text.xml10_content()),
                Event::CData(text) => reading.text(&text.xml10_content()),
                Event::GeneralRef(reference) => reading.text(resolved(&reference)?.encode_utf8(&mut [0; 4])),
                Event::Eof => break,
                // What it declares could stand for anything.
                Event::DocType(_) => return Err(Refused::Form),
                _ => {}
            }
        }
        let is_whole = reading.places.is_empty() && reading.seen_root && !reading.document.groups.is_empty();
        if is_whole { Ok(reading.document) } else { Err(Refused::Form) }
    }
}

fn resolved(reference: &BytesRef<'_>) -> Result<char, Refused> {
    if let Some(c) = reference.resolve_char_ref().map_err(|_| Refused::Form)? {
        return Ok(c);
    }
    match &*reference.xml10_content() {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err(Refused::Form),
    }
}

#[derive(Default)]
struct Reading {
    document: Document,
    places: Vec<Place>,
    /// The groups that are open.
    groups: Vec<usize>,
    /// The entries that are open: one, and those of its history inside it.
    entries: Vec<Entry>,
    key: Option<String>,
    value: Option<Written>,
    text: String,
    seen_meta: bool,
    seen_root: bool,
    seen_binaries: bool,
}

impl Reading {
    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), Refused> {
        let is_protected = is_protected(start)?;
        let parent = self.places.last().copied();
        let place = self.place(parent, start.name().as_ref(), is_protected)?;
        // A value that the crate does not decrypt, but that the stream counts.
        let is_decrypted = matches!(place, Place::Leaf(Leaf::Value { .. })) || parent == Some(Place::Binaries);
        if (is_protected && !is_decrypted) || self.places.len() >= DEPTH {
            return Err(Refused::Form);
        }
        self.text.clear();
        self.places.push(place);
        Ok(())
    }

    /// Returns what an element of that name is there, and begins it.
    fn place(&mut self, parent: Option<Place>, name: &str, is_protected: bool) -> Result<Place, Refused> {
        let once = |seen: &mut bool| if std::mem::replace(seen, true) { Err(Refused::Form) } else { Ok(()) };
        Ok(match (parent, name) {
            (None, "KeePassFile") if !self.seen_meta => Place::Document,
            (Some(Place::Document), "Meta") if !self.seen_root => {
                once(&mut self.seen_meta)?;
                Place::Meta
            }
            (Some(Place::Document), "Root") if self.seen_meta => {
                once(&mut self.seen_root)?;
                Place::Root
            }
            (None | Some(Place::Document | Place::Leaf(_)), _) => return Err(Refused::Form),
            (Some(Place::Meta), "Binaries") => {
                once(&mut self.seen_binaries)?;
                Place::Binaries
            }
            (Some(Place::Meta), "HeaderHash") => Place::Leaf(Leaf::HeaderDigest),
            (Some(Place::Meta), "RecycleBinUUID") => Place::Leaf(Leaf::Bin),
            (Some(Place::Root), "Group") if !self.document.groups.is_empty() => return Err(Refused::Form),
            (Some(Place::Root | Place::Group), "Group") => {
                self.document.groups.push(Group { parent: self.groups.last().copied(), ..Group::default() });
                self.groups.push(self.document.groups.len() - 1);
                Place::Group
            }
            (Some(Place::Group), "UUID") => Place::Leaf(Leaf::GroupId),
            (Some(Place::Group), "Name") => Place::Leaf(Leaf::GroupName),
            (Some(Place::Group | Place::History), "Entry") => {
                let group = self.groups.last().copied().ok_or(Refused::Form)?;
                self.entries.push(Entry { group, ..Entry::default() });
                Place::Entry
            }
            (Some(Place::Entry), name) => {
                let entry = self.entries.last_mut().ok_or(Refused::Form)?;
                if name == "String" {
                    if entry.strings_ended {
                        return Err(Refused::Form);
                    }
                    return Ok(Place::String);
                }
                // The fields are one run, and before the history.
                entry.strings_ended |= name == "History" || !entry.strings.is_empty();
                match name {
                    "UUID" => Place::Leaf(Leaf::EntryId),
                    "Tags" => Place::Leaf(Leaf::Tags),
                    "History" => Place::History,
                    "Binary" => {
                        entry.files.push(String::new());
                        Place::File
                    }
                    "Times" => Place::Times,
                    _ => Place::Other,
                }
            }
            (Some(Place::String), "Key") if self.key.is_none() => Place::Leaf(Leaf::Key),
            (Some(Place::String), "Value") if self.value.is_none() => Place::Leaf(Leaf::Value { is_protected }),
            (Some(Place::String), _) => return Err(Refused::Form),
            (Some(Place::File), "Key") => Place::Leaf(Leaf::FileName),
            (Some(Place::Times), "Expires") => Place::Leaf(Leaf::Expires),
            _ => Place::Other,
        })
    }

    fn text(&mut self, text: &str) {
        if matches!(self.places.last(), Some(Place::Leaf(_))) {
            self.text.push_str(text);
        }
    }

    fn end(&mut self) -> Result<(), Refused> {
        let place = self.places.pop().ok_or(Refused::Form)?;
        match place {
            Place::Leaf(leaf) => self.leaf(leaf)?,
            Place::String => {
                let (key, value) = self.key.take().zip(self.value.take()).ok_or(Refused::Form)?;
                let entry = self.entries.last_mut().ok_or(Refused::Form)?;
                if entry.strings.iter().any(|(known, _)| *known == key) {
                    return Err(Refused::Form);
                }
                entry.strings.push((key, value));
            }
            Place::Entry => {
                let entry = self.entries.pop().ok_or(Refused::Form)?;
                match self.entries.last_mut() {
                    Some(current) => current.history += 1,
                    None => self.document.entries.push(entry),
                }
            }
            Place::Group => {
                self.groups.pop();
            }
            _ => {}
        }
        Ok(())
    }

    fn leaf(&mut self, leaf: Leaf) -> Result<(), Refused> {
        let text = std::mem::take(&mut self.text);
        let group = self.groups.last().and_then(|number| self.document.groups.get_mut(*number));
        match (leaf, group, self.entries.last_mut()) {
            (Leaf::HeaderDigest, ..) => self.document.header_digest = text,
            (Leaf::Bin, ..) => self.document.bin = text,
            (Leaf::GroupId, Some(group), _) => {
                // A file without a bin names a group of zeros.
                group.is_bin = group.parent.is_some() && text == self.document.bin;
            }
            (Leaf::GroupName, Some(group), _) => group.name = text,
            (Leaf::EntryId, _, Some(entry)) => {
                let id = STANDARD.decode(text).map_err(|_| Refused::Form)?;
                entry.id = id.try_into().map_err(|_| Refused::Form)?;
            }
            (Leaf::Tags, _, Some(entry)) => entry.tags = text,
            (Leaf::Expires, _, Some(entry)) => entry.expires = text.eq_ignore_ascii_case("true"),
            (Leaf::FileName, _, Some(entry)) => *entry.files.last_mut().ok_or(Refused::Form)? = text,
            (Leaf::Key, ..) => self.key = Some(text),
            (Leaf::Value { is_protected: true }, ..) => self.value = Some(Written::Protected),
            (Leaf::Value { is_protected: false }, ..) => self.value = Some(Written::Plain(text)),
            _ => return Err(Refused::Form),
        }
        Ok(())
    }
}

/// Tells whether an element's value is encrypted, as the crate reads it.
fn is_protected(start: &BytesStart<'_>) -> Result<bool, Refused> {
    let mut is_protected = false;
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|_| Refused::Form)?;
        if attribute.key.as_ref() == "Protected" {
            is_protected = match &*attribute.value.to_lowercase() {
                "true" | "1" => true,
                "false" | "0" => false,
                _ => return Err(Refused::Form),
            };
        }
    }
    Ok(is_protected)
}
