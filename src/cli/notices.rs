//! What an unlocked vault has to say, as warnings: a stable word for scripts, and a sentence.

use super::output::Output;
use crate::error::Difference;
use crate::vault::{CancelReason, Notice};

/// Warns of these.
pub fn show(output: &Output, notices: &[Notice]) {
    // That there was no memory and that there is none now is one thing to say.
    let has_none = notices.iter().any(|notice| matches!(notice, Notice::AnchorNotWritten { .. }));
    let told = |notice: &&Notice| !has_none || !matches!(notice, Notice::AnchorMissing { .. });
    for notice in notices.iter().filter(told) {
        let (kind, text) = notice_text(notice);
        output.warn(kind, &text);
    }
}

/// Returns a notice's word and its text.
fn notice_text(notice: &Notice) -> (&'static str, String) {
    match notice {
        Notice::AnchorMissing { generation } => (
            "anchor-missing",
            format!(
                "this computer had no record of the vault, so an older copy of it could not be detected; generation \
                 {generation} is now on record"
            ),
        ),
        Notice::AnchorNotWritten { reason } => (
            "anchor-not-written",
            format!(
                "this computer could not record which vault file it opened last ({reason}); the vault itself is safe, \
                 but an older copy of it would not be noticed"
            ),
        ),
        Notice::NoSecondCopy { reason } => (
            "no-second-copy",
            format!(
                "the second copy of the vault file beside it could not be written ({reason}); the vault itself is \
                 safe, and the next change leaves a copy"
            ),
        ),
        Notice::RolledBack(rolled_back) => (
            rolled_back.difference.kind(),
            format!(
                "{rolled_back}; nothing is encrypted or changed until you {} or give --accept-rollback",
                if rolled_back.difference == Difference::TooFarAhead {
                    "have compared its generation with what `strongroom status` shows on the computer that changed it last,"
                } else if rolled_back.generation < rolled_back.seen {
                    "put the newer file back, or, if two computers changed the vault separately, merge the two files \
                     (`strongroom vault merge`),"
                } else {
                    "merge it with the other file (`strongroom vault merge`)"
                }
            ),
        ),
        Notice::ReadPrevious { reason, generation, other_key } => (
            "read-previous",
            format!(
                "the vault file cannot be used ({reason}); reading the previous one, generation {generation}{}",
                if *other_key {
                    ". If another computer rotated the data key, get the new key with a recovery kit: `strongroom \
                     recover`"
                } else {
                    ""
                }
            ),
        ),
        Notice::SeveralItems { count } => (
            "ambiguous",
            format!(
                "the keychain holds {count} items for this vault; one of them opened. `strongroom doctor \
                 --remove-duplicates` removes the others"
            ),
        ),
        Notice::TwoPasswords => (
            "two-passwords",
            "a password change was interrupted: the old and the new password both open the vault. Run `strongroom \
             passwd` so that only one password opens it"
                .into(),
        ),
        Notice::RotationFinished => (
            "rotation-finished",
            "the rotation of the data key is finished: vault files from before no longer open with this computer's \
             keychain"
                .into(),
        ),
        Notice::RotationRestarted => (
            "rotation-restarted",
            "a rotation of the data key was interrupted before the keychain had stored the new key; it was restarted"
                .into(),
        ),
        Notice::RotationCancelled(CancelReason::KeyLost) => (
            "rotation-cancelled",
            "a rotation of the data key was interrupted before the keychain had stored the new key, and was cancelled \
             so that no recovery kit ends: older vault files still open. Start another with `strongroom vault rotate`"
                .into(),
        ),
        Notice::RotationCancelled(CancelReason::Earlier { since }) => (
            "rotation-cancelled",
            format!(
                "a rotation of the data key was cancelled on {since}, and none has been started since: older vault \
                 files still open here, with the keys of projects that were destroyed since, if any. Start another \
                 with `strongroom vault rotate`"
            ),
        ),
        Notice::RotationElsewhere => (
            "rotation-elsewhere",
            "another computer is rotating the data key; once it is done, this one may open the vault with a recovery \
             kit alone (`strongroom recover`)"
                .into(),
        ),
        Notice::Accepted { generation, aside } => {
            let kept =
                aside.as_ref().map(|name| format!(", and the replaced file is kept as {name}")).unwrap_or_default();
            ("accepted", format!("accepted; the vault continues as generation {generation}{kept}"))
        }
        Notice::OtherDataKey => (
            "other-data-key",
            "the keychain holds a data key that this vault does not use: a rotation was cancelled on another \
             computer, or this vault file is older than a rotation. Vault files under that key still open here; to \
             shut them out, run `strongroom vault rotate`"
                .into(),
        ),
        Notice::RotationStuck { reason } => (
            "rotation-stuck",
            format!("the rotation of the data key could not continue ({reason}); the next unlock tries again"),
        ),
        Notice::RotationCancelled(CancelReason::OtherKit) => (
            "rotation-cancelled",
            "a rotation of the data key was under way that this kit is not part of; it was cancelled: start another \
             with `strongroom vault rotate`"
                .into(),
        ),
    }
}
