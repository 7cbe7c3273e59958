//! What an unlocked vault has to say, as warnings: a stable word for scripts, and a sentence.

use super::output::Output;
use crate::error::Difference;
use crate::vault::{CancelReason, Notice};
use crate::words::{Words, command, words};

/// Warns of these.
pub fn show(output: &Output, notices: &[Notice]) {
    for (kind, text) in texts(notices) {
        output.warn(kind, text);
    }
}

/// Returns the word and the text of each.
pub fn texts(notices: &[Notice]) -> impl Iterator<Item = (&'static str, Words)> {
    // That there was no memory and that there is none now is one thing to say.
    let has_none = notices.iter().any(|notice| matches!(notice, Notice::AnchorNotWritten { .. }));
    let told = move |notice: &&Notice| !has_none || !matches!(notice, Notice::AnchorMissing { .. });
    notices.iter().filter(told).map(notice_text)
}

/// Returns a notice's word and its text.
fn notice_text(notice: &Notice) -> (&'static str, Words) {
    match notice {
        Notice::AnchorMissing { generation } => (
            "anchor-missing",
            format!(
                "this computer had no record of the vault, so an older copy of it could not be detected; generation \
                 {generation} is now on record"
            )
            .into(),
        ),
        Notice::AnchorNotWritten { reason } => (
            "anchor-not-written",
            format!(
                "this computer could not record which vault file it opened last ({reason}); the vault itself is safe, \
                 but an older copy of it would not be noticed"
            )
            .into(),
        ),
        Notice::NoSecondCopy { reason } => (
            "no-second-copy",
            format!(
                "the second copy of the vault file beside it could not be written ({reason}); the vault itself is \
                 safe, and the next change leaves a copy"
            )
            .into(),
        ),
        Notice::RolledBack(rolled_back) => (
            rolled_back.difference.kind(),
            Words::from(format!("{rolled_back}; nothing is encrypted or changed until you "))
                + if rolled_back.difference == Difference::TooFarAhead {
                    words![
                        "have compared its generation with what ",
                        command("status"),
                        " shows on the computer that changed it last,"
                    ]
                } else if rolled_back.generation < rolled_back.seen {
                    words![
                        "put the newer file back, or, if two computers changed the vault separately, merge the two \
                         files (",
                        command("vault merge"),
                        "),"
                    ]
                } else {
                    words!["merge it with the other file (", command("vault merge"), ")"]
                }
                + " or give --accept-rollback",
        ),
        Notice::ReadPrevious { reason, generation, other_key } => (
            "read-previous",
            Words::from(format!(
                "the vault file cannot be used ({reason}); reading the previous one, generation {generation}"
            )) + if *other_key {
                words![
                    ". If another computer rotated the data key, get the new key with a recovery kit: ",
                    command("recover")
                ]
            } else {
                Words::default()
            },
        ),
        Notice::SeveralItems { count } => (
            "ambiguous",
            words![
                format!("the keychain holds {count} items for this vault; one of them opened. "),
                command("doctor --remove-duplicates"),
                " removes the others"
            ],
        ),
        Notice::TwoPasswords => (
            "two-passwords",
            words![
                "a password change was interrupted: the old and the new password both open the vault. Run ",
                command("passwd"),
                " so that only one password opens it"
            ],
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
            words![
                "a rotation of the data key was interrupted before the keychain had stored the new key, and was \
                 cancelled so that no recovery kit ends: older vault files still open. Start another with ",
                command("vault rotate")
            ],
        ),
        Notice::RotationCancelled(CancelReason::Earlier { since }) => (
            "rotation-cancelled",
            words![
                format!(
                    "a rotation of the data key was cancelled on {since}, and none has been started since: older \
                     vault files still open here, with the keys of projects that were destroyed since, if any. Start \
                     another with "
                ),
                command("vault rotate")
            ],
        ),
        Notice::RotationElsewhere => (
            "rotation-elsewhere",
            words![
                "another computer is rotating the data key; once it is done, this one may open the vault with a \
                 recovery kit alone (",
                command("recover"),
                ")"
            ],
        ),
        Notice::Accepted { generation, aside } => {
            let kept =
                aside.as_ref().map(|name| format!(", and the replaced file is kept as {name}")).unwrap_or_default();
            ("accepted", format!("accepted; the vault continues as generation {generation}{kept}").into())
        }
        Notice::OtherDataKey => (
            "other-data-key",
            words![
                "the keychain holds a data key that this vault does not use: a rotation was cancelled on another \
                 computer, or this vault file is older than a rotation. Vault files under that key still open here; \
                 to shut them out, run ",
                command("vault rotate")
            ],
        ),
        Notice::NoLogKey { reason } => (
            "no-log-key",
            format!("the vault has no key for an access log yet, and could not be given one: {reason}").into(),
        ),
        Notice::RotationStuck { reason } => (
            "rotation-stuck",
            format!("the rotation of the data key could not continue ({reason}); the next unlock tries again").into(),
        ),
        Notice::RotationCancelled(CancelReason::OtherKit) => (
            "rotation-cancelled",
            words![
                "a rotation of the data key was under way that this kit is not part of; it was cancelled: start \
                 another with ",
                command("vault rotate")
            ],
        ),
    }
}
