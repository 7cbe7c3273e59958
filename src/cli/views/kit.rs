//! Recovery kits.

use serde::Serialize;

use crate::cli::layout::table;
use crate::format::{KitId, Timestamp};
use crate::vault::{KitInfo, Unlocked};
use crate::words::{Words, command, counted, words};

/// A recovery kit.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Kit {
    /// What it is called on its paper, such as `3-KT`.
    pub kit: String,
    /// Its number.
    pub number: u32,
    /// Its id.
    pub id: KitId,
    /// When it was made.
    pub created: Timestamp,
    /// Whether it opens the vault as it is now.
    pub valid: bool,
    /// When it was revoked, or a rotation of the data key ended it.
    pub ended: Option<Timestamp>,
    /// When the user said that its paper was destroyed.
    pub paper_destroyed: Option<Timestamp>,
}

impl From<&KitInfo> for Kit {
    fn from(kit: &KitInfo) -> Self {
        Self {
            kit: kit.name.to_string(),
            number: kit.name.number,
            id: kit.name.id,
            created: kit.created,
            valid: kit.valid,
            ended: kit.ended,
            paper_destroyed: kit.destroyed,
        }
    }
}

impl Kit {
    /// Tells its state in words.
    pub fn state(&self) -> String {
        match (self.valid, self.ended, self.paper_destroyed) {
            (true, _, _) => "valid".into(),
            (false, Some(at), Some(destroyed)) => format!("ended {at}; paper destroyed {destroyed}"),
            (false, Some(at), None) => format!("ended {at}; destroy its paper"),
            (false, None, _) => "does not open the vault".into(),
        }
    }
}

/// Returns the list of kits.
pub fn kits_text(kits: &[Kit]) -> Words {
    if kits.is_empty() {
        return words!["no recovery kit: make one with ", command("kit new")];
    }
    let rows = kits.iter().map(|kit| vec![kit.kit.clone(), kit.created.to_string(), kit.state()]);
    table(&["KIT", "MADE", "STATE"], rows.collect()).into()
}

/// A recovery kit that was made. It borrows the code, which is copied into wiped memory alone.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NewKit<'a> {
    /// What it is called on its paper, such as `3-KT`.
    pub kit: String,
    /// When it was made.
    pub created: Timestamp,
    /// Its code in groups, unless it went to a file.
    pub code: Option<&'a str>,
    /// The file that the code was written to; left out if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// A recovery kit that was tested, and opens the vault.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TestedKit {
    /// What it is called on its paper, such as `3-KT`.
    pub kit: String,
    /// How many projects the vault has.
    pub projects: usize,
    /// Whether the rotation of the data key that is under way will end it.
    pub ends_with_rotation: bool,
    /// Whether it opens the previous vault file alone, the vault file being damaged.
    pub previous: bool,
}

impl TestedKit {
    /// Says which file it opens.
    pub fn text(&self, place: &str) -> String {
        let note = if self.ends_with_rotation {
            "\nnote: a rotation of the data key is under way, which ends this kit"
        } else {
            ""
        };
        format!("kit {} opens {place}: {}{note}", self.kit, counted(self.projects, "project"))
    }
}

/// Says so if no kit is left.
pub fn valid_left(vault: &Unlocked) -> Words {
    if vault.kits().iter().any(|kit| kit.valid) {
        Words::default()
    } else {
        words!["\nno valid recovery kit is left: make one with ", command("kit new")]
    }
}

/// Says that the paper of a kit is to be destroyed.
pub fn destroy_paper(kit: impl std::fmt::Display) -> Words {
    words![
        format!("\ndestroy the paper of kit {kit}: older vault files still open with it. Then: "),
        command("kit revoke").arg(kit.to_string()).then("--paper-destroyed")
    ]
}

/// Says which papers are to be destroyed.
pub fn papers(vault: &Unlocked) -> Words {
    let ended = vault.kits().into_iter().filter(|kit| !kit.valid && kit.destroyed.is_none());
    ended.map(|kit| destroy_paper(kit.name)).fold(Words::default(), |papers, paper| papers + paper)
}
