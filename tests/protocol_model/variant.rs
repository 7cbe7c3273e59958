//! The points in which a protocol may be wrong.

use super::state::MACHINES;

/// The protocol as it is, or one that is wrong in the points named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variant {
    /// No flaw: whether a computer's keychain is a file, which is on the disk when a write returns.
    pub at_once: [bool; MACHINES],
    /// The vault moves without waiting for the item to settle.
    pub no_wait: bool,
    /// The item's earlier wraps go before the vault moves.
    pub keychain_first: bool,
    /// The item is written with the new wrap alone when the rotation begins.
    pub new_wrap_alone: bool,
    /// Wraps of other data keys go though the vault's is not the last.
    pub drops_strangers: bool,
    /// The time is noted before the item is written.
    pub mark_first: bool,
    /// A password change leaves the next data key under the old password.
    pub old_password_stays: bool,
    /// A password change goes by the vault as it was unlocked, whatever has become of that.
    pub password_of_unsynced: bool,
    /// A rotation keeps the wraps of a password change that was cut short.
    pub keeps_both_passwords: bool,
    /// A computer begins another's rotation anew.
    pub takes_over: bool,
    /// All machines share one note of the time, so that a computer finishes on the strength of another's.
    pub others_note_counts: bool,
    /// A rotation is known by the wrap that opened the vault when it began, and not by what gave the computer its item.
    pub known_by_wrap: bool,
    /// A rotation that was lost begins anew though that ends kits.
    pub ends_kits_unasked: bool,
    /// The kits' earlier wraps stay in the header when the vault moves.
    pub stale_kits: bool,
    /// A recovery with a kit that cannot follow leaves the rotation as it is.
    pub recovers_over_pending: bool,
    /// A kit that cannot follow a rotation under way is added all the same, and ends with it.
    pub adds_ending_kits: bool,
    /// A recovery takes the next data key of a rotation that is no longer the one under way.
    pub recovers_stale_key: bool,
    /// A rotation ends a kit that was made since the vault was unlocked.
    pub ends_unknown_kits: bool,
    /// A vault that does not descend from what the anchor remembers is taken as it is.
    pub no_anchor: bool,
    /// Each data key verifies anchors of its own, and one of another data key counts as none, whatever it says.
    pub foreign_anchor_is_none: bool,
    /// The vault that was read before the lock is not read again under it.
    pub no_reload: bool,
    /// The item is written though it is not the one that was read before the lock.
    pub item_not_compared: bool,
    /// A copy is put back though the item has changed since it opened the copy.
    pub restores_unchecked: bool,
    /// A rotation is finished though another vault stands there by then.
    pub finishes_unchecked: bool,
    /// A rename counts before it is synced.
    pub rename_not_synced: bool,
    /// A vault that was not synced is adopted, and the keychain follows it.
    pub adopts_unsynced: bool,
    /// The previous file stays when the rotation is over.
    pub previous_stays: bool,
    /// The previous file is removed when the rotation is over, and nothing takes its place.
    pub second_copy_left_out: bool,
    /// The previous file goes after the item.
    pub previous_last: bool,
    /// A merge takes the other file's changes in place of its own.
    pub merge_drops: bool,
    /// No unlock goes on with a rotation.
    pub never_goes_on: bool,
    /// An agent takes whatever vault file is under its data key.
    pub agent_takes_anything: bool,
}

impl Variant {
    /// No flaw.
    pub const TRUE: Self = Self {
        at_once: [false; MACHINES],
        no_wait: false,
        keychain_first: false,
        new_wrap_alone: false,
        drops_strangers: false,
        mark_first: false,
        old_password_stays: false,
        password_of_unsynced: false,
        keeps_both_passwords: false,
        takes_over: false,
        others_note_counts: false,
        known_by_wrap: false,
        ends_kits_unasked: false,
        stale_kits: false,
        recovers_over_pending: false,
        adds_ending_kits: false,
        recovers_stale_key: false,
        ends_unknown_kits: false,
        no_anchor: false,
        foreign_anchor_is_none: false,
        no_reload: false,
        item_not_compared: false,
        restores_unchecked: false,
        finishes_unchecked: false,
        rename_not_synced: false,
        adopts_unsynced: false,
        previous_stays: false,
        second_copy_left_out: false,
        previous_last: false,
        merge_drops: false,
        never_goes_on: false,
        agent_takes_anything: false,
    };
}
