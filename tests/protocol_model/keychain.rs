//! What a keychain holds: an item of wraps, an anchor, and the values that a power cut may bring back.

use super::state::NONE;

/// Up to four wraps, the newest data key's last: each a byte of the key plus one, the password and the enrolment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Item(pub [u8; 4]);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wrap {
    pub key: u8,
    pub password: u8,
    /// What gave the computer its item, by a number of the computer's own.
    pub enrolment: u8,
}

impl Item {
    /// `None` where they are too many.
    pub fn of(wraps: impl IntoIterator<Item = Wrap>) -> Option<Self> {
        let mut item = Self::default();
        for (place, wrap) in wraps.into_iter().enumerate() {
            *item.0.get_mut(place)? = (wrap.key + 1) << 4 | wrap.password << 2 | wrap.enrolment;
        }
        Some(item)
    }

    pub fn wraps(self) -> impl DoubleEndedIterator<Item = Wrap> + Clone {
        let wraps = self.0.into_iter().filter(|byte| *byte != 0);
        wraps.map(|byte| Wrap { key: (byte >> 4) - 1, password: byte >> 2 & 3, enrolment: byte & 3 })
    }

    pub fn holds(self, key: u8) -> bool {
        self.wraps().any(|wrap| wrap.key == key)
    }

    pub fn opens(self, key: u8, password: u8) -> bool {
        self.wraps().any(|wrap| (wrap.key, wrap.password) == (key, password))
    }

    /// The passwords that open this data key, as bits.
    pub fn passwords(self, key: u8) -> u8 {
        self.wraps().filter(|wrap| wrap.key == key).fold(0, |all, wrap| all | 1 << wrap.password)
    }

    pub fn last_key(self) -> u8 {
        self.wraps().next_back().map_or(NONE, |wrap| wrap.key)
    }
}

impl std::fmt::Debug for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.wraps().map(|wrap| format!("k{}/p{}", wrap.key, wrap.password))).finish()
    }
}

/// The document it remembers, and the data key that was of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Anchor {
    pub key: u8,
    pub id: u8,
}

pub const NO_ANCHOR: Anchor = Anchor { key: NONE, id: NONE };

/// A value in a keychain, with those that a power cut may bring back.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slot<T, const N: usize> {
    pub value: T,
    earlier: [Option<T>; N],
}

impl<T: Copy + PartialEq + Ord, const N: usize> Slot<T, N> {
    pub fn new(value: T) -> Self {
        Self { value, earlier: [None; N] }
    }

    pub fn set(&mut self, value: T, at_once: bool) {
        if at_once {
            *self = Self::new(value);
        } else if value != self.value {
            let old = std::mem::replace(&mut self.value, value);
            self.add(old);
        }
    }

    fn add(&mut self, old: T) {
        if self.earlier.contains(&Some(old)) {
            return;
        }
        let free = self.earlier.iter().position(Option::is_none).expect("room for every value that is not settled");
        self.earlier[free] = Some(old);
    }

    pub fn earlier(&self) -> impl Iterator<Item = T> + '_ {
        self.earlier.iter().flatten().copied()
    }

    pub fn settle(&mut self) {
        self.earlier = [None; N];
    }

    /// Changes every value, drops those that have become the one that stands, and sorts.
    pub fn map(&mut self, change: impl Fn(T) -> T) {
        self.value = change(self.value);
        let old = std::mem::replace(&mut self.earlier, [None; N]);
        for value in old.into_iter().flatten() {
            let value = change(value);
            if value != self.value {
                self.add(value);
            }
        }
        self.earlier.sort_unstable_by(|a, b| b.cmp(a));
    }
}

impl<T: std::fmt::Debug, const N: usize> std::fmt::Debug for Slot<T, N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let earlier: Vec<&T> = self.earlier.iter().flatten().collect();
        write!(f, "{:?} (earlier {earlier:?})", self.value)
    }
}
