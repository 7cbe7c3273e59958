//! A master password that is typed into the screen. Pure.

use zeroize::Zeroizing;

use crate::crypto::secret::{PASSWORD_LIMIT, Password, PasswordError};

/// A master password that is being typed. It never grows, so that it leaves nothing behind where it was.
pub struct TypedPassword(Zeroizing<Vec<u8>>);

impl TypedPassword {
    /// Returns one of which nothing is typed yet.
    pub fn new() -> Self {
        Self(Zeroizing::new(Vec::with_capacity(PASSWORD_LIMIT * 4)))
    }

    /// Adds a character; one that makes it longer than any password is left out.
    pub fn push(&mut self, c: char) {
        let mut bytes = Zeroizing::new([0; 4]);
        let typed = c.encode_utf8(&mut *bytes).as_bytes();
        if self.0.len() + typed.len() <= self.0.capacity() {
            self.0.extend_from_slice(typed);
        }
    }

    /// Takes the last character away.
    pub fn pop(&mut self) {
        while let Some(byte) = self.0.pop() {
            if byte & 0xc0 != 0x80 {
                break;
            }
        }
    }

    /// Returns the password that was typed.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub fn finish(self) -> Result<Password, PasswordError> {
        Password::new(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_the_password_and_its_memory_never_moves() {
        let mut typed = TypedPassword::new();
        let place = typed.0.as_ptr();
        "ab\u{6771}".chars().for_each(|c| typed.push(c));
        typed.pop();
        typed.push('\u{e9}');
        (0..10_000).for_each(|_| typed.push('\u{6771}'));
        assert_eq!((typed.0.as_ptr(), typed.0.len() <= PASSWORD_LIMIT * 4), (place, true));
        (0..10_000).for_each(|_| typed.pop());
        assert!(matches!(TypedPassword::new().finish(), Err(PasswordError::Empty)));
        "ab\u{e9}".chars().for_each(|c| typed.push(c));
        assert_eq!(typed.finish().unwrap().expose(), "ab\u{e9}");
    }
}
