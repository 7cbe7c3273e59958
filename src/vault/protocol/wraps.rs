//! The wraps of a computer's data-key item. In which order they stand is decided here and nowhere else: those of the
//! newest data key last, so that a reader can tell which one that is.

use crate::crypto::cobblestone;
use crate::crypto::hmac::sha512;
use crate::crypto::kdf::{KdfCost, KdfParams, PEPPER_LEN, derive_kek};
use crate::crypto::secret::{DataKey, Kek, Password};
use crate::error::{Error, Subject};
use crate::format::item::{DataKeyItem, WRAP_LIMIT, Wrap, WrapHeader};
use crate::format::{DataKeyId, EnrolmentId, VaultId, label};
use crate::vault::Edges;

/// One to four wraps of one vault, in their order.
#[derive(Debug, Clone)]
pub struct Wraps(DataKeyItem);

impl From<DataKeyItem> for Wraps {
    /// Takes an item as it was read: whoever wrote it has decided on the order.
    fn from(item: DataKeyItem) -> Self {
        Self(item)
    }
}

impl Wraps {
    /// Returns those of a new vault.
    pub fn first(wrap: Wrap) -> Self {
        Self::of([wrap])
    }

    /// Returns those of a rotation under way: the wrap that opened the vault alone, and the one of the next data key.
    /// Where a password change was cut short, the password that was typed is the one that stays: another would open the
    /// vault and not its next data key.
    pub fn rotating(opened: Wrap, next: Wrap) -> Self {
        Self::of([opened, next])
    }

    /// Returns those that are left when a rotation is over.
    pub fn rotated(&self, own: DataKeyId) -> Self {
        Self::of(self.of_key(own).cloned())
    }

    /// Returns those of a password change, first with both passwords and then with the new one alone. `own` and `next`
    /// are the new password's wraps, `next` of the data key that a rotation under way moves to. Without one, wraps of
    /// another data key stay as they are: they belong to another copy of the vault.
    pub fn changing(&self, opened: &Wrap, own: Wrap, next: Option<Wrap>) -> (Self, Self) {
        let of_next = |wrap: &&Wrap| next.as_ref().is_some_and(|next| wrap.header.data_key == next.header.data_key);
        let foreign = |wrap: &&Wrap| wrap.header.data_key != own.header.data_key && next.is_none();
        let others = || self.iter().filter(foreign).cloned();
        let before = self.0.wraps.iter().rfind(of_next).cloned();
        let both = [opened.clone(), own.clone()].into_iter().chain(others()).chain(before).chain(next.clone());
        let new = std::iter::once(own.clone()).chain(others()).chain(next.clone());
        (Self::of(both), Self::of(new))
    }

    /// Returns those of a computer that a kit gives a key of its own. `before` and `after` are those of other data keys
    /// that stood before the last one that goes, and after it.
    pub fn enrolled(before: Vec<Wrap>, own: Wrap, after: Vec<Wrap>, next: Option<Wrap>) -> Self {
        Self::of(before.into_iter().chain([own]).chain(after).chain(next))
    }

    fn of(wraps: impl IntoIterator<Item = Wrap>) -> Self {
        Self(DataKeyItem { wraps: wraps.into_iter().collect() })
    }

    /// Tells whether an item can hold these.
    pub fn fit(&self) -> bool {
        self.0.wraps.len() <= WRAP_LIMIT
    }

    /// Returns each, the newest last.
    pub fn iter(&self) -> std::slice::Iter<'_, Wrap> {
        self.0.wraps.iter()
    }

    /// Returns those of one data key.
    pub fn of_key(&self, id: DataKeyId) -> impl DoubleEndedIterator<Item = &Wrap> {
        self.iter().filter(move |wrap| wrap.header.data_key == id)
    }

    /// Tells whether there are wraps of other data keys than this one.
    pub fn has_others(&self, id: DataKeyId) -> bool {
        self.iter().any(|wrap| wrap.header.data_key != id)
    }

    /// Tells which data key is the newest.
    pub fn newest_key(&self) -> Option<DataKeyId> {
        self.0.wraps.last().map(|wrap| wrap.header.data_key)
    }

    /// Returns the place of the newest wrap of a data key.
    pub fn place_of(&self, id: DataKeyId) -> Option<usize> {
        self.0.wraps.iter().rposition(|wrap| wrap.header.data_key == id)
    }

    /// Returns the wrap at a place, which an item keeps until it is written anew.
    pub fn at(&self, place: usize) -> &Wrap {
        &self.0.wraps[place]
    }

    /// Returns the item's bytes.
    ///
    /// # Errors
    /// [`Error::Damaged`] where an item cannot hold these.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        self.0.to_bytes().map_err(|error| Error::from_format(Subject::Item("data-key item"), error))
    }
}

/// What a wrap is of, and whose.
#[derive(Clone, Copy)]
pub struct WrapNames {
    pub vault: VaultId,
    pub data_key: DataKeyId,
    pub enrolment: EnrolmentId,
}

/// Wraps the data key under a password with a fresh salt.
pub fn new_wrap(
    edges: &Edges,
    names: WrapNames,
    data_key: &DataKey,
    password: &Password,
    pepper: &[u8; PEPPER_LEN],
    cost: KdfCost,
) -> Result<(Wrap, Kek), Error> {
    let kdf = KdfParams::generate(cost)?;
    let kek = derive_kek(password, pepper, &kdf, edges.host.available_memory())?;
    let WrapNames { vault, data_key: data_key_id, enrolment } = names;
    let header = WrapHeader { vault, data_key: data_key_id, enrolment, at: edges.host.now(), kdf };
    let protected = header.to_protected().map_err(|error| Error::from_format(Subject::Item("data-key item"), error))?;
    let context: [&[u8]; 2] = [label::DATA_KEY, &sha512(&protected)];
    let wrapped = cobblestone::seal(kek.expose(), &context, data_key.expose())?;
    Ok((Wrap { header, protected, wrapped }, kek))
}

/// Opens one wrap; `None` for a wrong key and for an altered wrap alike.
pub fn unwrap_data_key(wrap: &Wrap, kek: &Kek) -> Option<DataKey> {
    let context: [&[u8]; 2] = [label::DATA_KEY, &sha512(&wrap.protected)];
    DataKey::fill_with(|key| cobblestone::open_key(kek.expose(), &context, &wrap.wrapped, key)).ok()
}
