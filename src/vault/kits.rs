//! The recovery kits of an unlocked vault.

use super::Unlocked;
use super::contents::Effect;
use super::contents::change::{Change, NextDataKey};
use super::contents::kits::{KitInfo, NewKit};
use super::protocol::rotation::{NextKit, Rotation};
use super::protocol::write::second_copy;
use crate::crypto::secret::Password;
use crate::error::{Error, NotFound, Refused};
use crate::format::KitId;
use crate::format::vault::KitRecord;

impl Unlocked {
    /// Returns every kit there ever was, by number.
    #[must_use]
    pub fn kits(&self) -> Vec<KitInfo> {
        let info = |kit: &KitRecord| KitInfo {
            name: kit.name(),
            created: kit.created,
            valid: self.header().kits().any(|slot| slot.id == kit.id),
            ended: kit.ended,
            destroyed: kit.destroyed,
        };
        let mut kits: Vec<KitInfo> = self.payload.kits.iter().map(info).collect();
        kits.sort_by_key(|kit| (kit.name.number, kit.created));
        kits
    }

    /// Returns the kit that is meant by a number, a name or an id.
    ///
    /// # Errors
    /// [`NotFound::Kit`]; [`Refused::KitAmbiguous`] if two kits have the number, or even the name.
    pub fn find_kit(&self, text: &str) -> Result<KitInfo, Error> {
        let meant: Vec<KitInfo> = self.kits().into_iter().filter(|kit| kit.name.is_meant_by(text)).collect();
        match &meant[..] {
            [] => Err(Error::NotFound(NotFound::Kit { name: Some(text.into()) })),
            [kit] => Ok(*kit),
            several => {
                let names: Vec<String> = several.iter().map(|kit| kit.name.to_string()).collect();
                let same = names.iter().all(|name| *name == names[0]);
                let ids = || several.iter().map(|kit| kit.name.id.to_string()).collect();
                Err(Error::Refused(Refused::KitAmbiguous { kits: if same { ids() } else { names } }))
            }
        }
    }

    /// Makes the next kit's secret. The vault does not know it yet.
    ///
    /// # Errors
    /// Those of [`Unlocked::check_writable`], and where the system has no random bytes.
    pub fn make_kit(&self) -> Result<NewKit, Error> {
        self.check_writable()?;
        let recorded = self.payload.kits.iter().map(|kit| kit.number);
        let wrapped = self.header().kits().map(|slot| slot.number);
        let highest = recorded.chain(wrapped).max().unwrap_or(0);
        let number =
            highest.checked_add(1).ok_or(Error::NotFound(NotFound::Kit { name: Some(highest.to_string()) }))?;
        NewKit::generate(number, self.edges.host.now())
    }

    /// Makes a kit valid. `password` is the one that opened the vault: while a rotation of the data key is under way,
    /// the kit is made to open the vault after it, too.
    ///
    /// # Errors
    /// [`Refused::RotationUnderWay`] where a rotation of another computer would end the kit; those of a vault write.
    pub fn add_kit(&mut self, kit: &NewKit, password: &Password) -> Result<(), Error> {
        let pending = self.open_pending(password)?;
        let mut lock = self.lock()?;
        let next = pending.as_ref().map(|opened| NextDataKey { id: opened.id, key: &opened.key });
        self.change_under(&mut *lock, &Change::KitMade { kit, next })?;
        // The file from before does not open with this kit: were it the second one, damage to the vault file would shut
        // out whoever has the kit alone.
        self.notices.extend(self.standing.as_deref().and_then(|bytes| second_copy(&mut *lock, bytes)));
        Ok(())
    }

    /// Ends a kit. Vault copies from before still open with it, so its paper is to be destroyed; `paper_destroyed`
    /// remembers that it was. A kit that has ended already can be named to say just that.
    ///
    /// # Errors
    /// [`NotFound::Kit`]; those of a vault write.
    pub fn revoke_kit(&mut self, kit: KitId, paper_destroyed: bool) -> Result<Effect, Error> {
        let mut lock = self.lock()?;
        self.change_under(&mut *lock, &Change::KitRevoked { kit, paper_destroyed })
    }

    /// Ends a kit and begins a rotation of the data key, in one write: whoever has the kit's code and an older vault
    /// file has the data key that the vault has until then.
    ///
    /// # Errors
    /// [`NotFound::Kit`]; those of [`Unlocked::rotate_data_key`], where the kit that is revoked is none to keep.
    pub fn revoke_kit_and_rotate(
        &mut self,
        revoked: KitId,
        paper_destroyed: bool,
        password: &Password,
        kit: NextKit<'_>,
    ) -> Result<Rotation, Error> {
        self.begin(password, kit, Some(&Change::KitRevoked { kit: revoked, paper_destroyed }))
    }
}
