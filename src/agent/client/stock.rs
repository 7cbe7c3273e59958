//! Content keys that were wrapped ahead, for files that are about to be sealed.

use std::sync::{Mutex, PoisonError};

use crate::agent::limits::KEYS_AT_ONCE;
use crate::error::Error;
use crate::keys::Drawn;

/// What is drawn: the project, the version of its key, the length of a block.
type Kind<'a> = (&'a str, u32, usize);

/// Some content keys of one kind. What is left of them is wiped with it.
#[derive(Default)]
pub struct Stock(Mutex<Shelf>);

#[derive(Default)]
struct Shelf {
    of: Option<(String, u32, usize)>,
    drawn: Vec<Drawn>,
    /// How many the next question is for.
    next: usize,
}

impl Stock {
    /// Takes one. `refill` draws as many as it is told if there is none, or none of this kind: one at first, and twice
    /// as many each time after that.
    ///
    /// # Errors
    /// That of `refill`.
    pub fn take(
        &self,
        of: Kind<'_>,
        mut refill: impl FnMut(usize) -> Result<Vec<Drawn>, Error>,
    ) -> Result<Drawn, Error> {
        // Held while it is refilled: who comes meanwhile gets one of those.
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if shelf.of.as_ref().is_none_or(|(project, version, len)| (project.as_str(), *version, *len) != of) {
            *shelf = Shelf { of: Some((of.0.to_owned(), of.1, of.2)), drawn: Vec::new(), next: 1 };
        }
        loop {
            if let Some(drawn) = shelf.drawn.pop() {
                return Ok(drawn);
            }
            let count = shelf.next;
            shelf.drawn = refill(count)?;
            shelf.next = (count * 2).min(KEYS_AT_ONCE);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::crypto::secret::ContentKey;
    use crate::error::Refused;
    use crate::format::FileId;
    use crate::format::sealed::Prelude;

    #[test]
    fn more_and_more_are_drawn_at_once_and_each_is_taken_once() {
        let stock = Stock::default();
        let asked = RefCell::new(Vec::new());
        let take = |of: Kind<'_>| {
            stock.take(of, |count| {
                asked.borrow_mut().push(count);
                let draw = |_| {
                    let prelude = Prelude { block_len: of.2, file: FileId::generate()? };
                    Ok(Drawn { prelude, content_key: ContentKey::generate()?, stanza: Vec::new() })
                };
                (0..count).map(draw).collect()
            })
        };
        let mut files: Vec<_> = (0..300).map(|_| take(("acme", 1, 4096)).unwrap().prelude.file).collect();
        assert_eq!(*asked.borrow(), [1, 2, 4, 8, 16, 32, 64, 64, 64, 64]);
        files.sort();
        files.dedup();
        assert_eq!(files.len(), 300);
        // What is left is of no use for another kind.
        for other in [("bistro", 1, 4096), ("bistro", 2, 4096), ("bistro", 2, 8192)] {
            asked.borrow_mut().clear();
            assert_eq!(take(other).unwrap().prelude.block_len, other.2);
            assert_eq!(*asked.borrow(), [1]);
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_an_error_and_can_be_tried_again() {
        let stock = Stock::default();
        let failed = stock.take(("acme", 1, 4096), |_| Err(Refused::RotationUnderWay.into()));
        assert!(matches!(failed, Err(Error::Refused(Refused::RotationUnderWay))));
        let drawn = stock.take(("acme", 1, 4096), |count| {
            assert_eq!(count, 1);
            let prelude = Prelude { block_len: 4096, file: FileId::generate()? };
            Ok(vec![Drawn { prelude, content_key: ContentKey::generate()?, stanza: vec![7] }])
        });
        assert_eq!(drawn.unwrap().stanza, [7]);
    }
}
