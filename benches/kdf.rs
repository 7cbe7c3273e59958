//! Derives a key for every line on standard input and prints the nanoseconds it took, and the key.
//!
//! benches/kdf.py sends the lines and has the C reference derive the same keys in turn. A line holds memory in KiB,
//! passes, lanes, the password as text, salt and pepper in hexadecimal.

use std::error::Error;
use std::io::{BufRead, IsTerminal, Write, stdin, stdout};
use std::time::Instant;

use strongroom::crypto::kdf::{KdfCost, KdfParams, derive_kek};
use strongroom::crypto::secret::Password;

fn main() -> Result<(), Box<dyn Error>> {
    if stdin().is_terminal() {
        println!("python3 benches/kdf.py runs this against the C reference");
        return Ok(());
    }
    for line in stdin().lock().lines() {
        let line = line?;
        let [memory_kib, passes, lanes, password, salt, pepper] = line.split(' ').collect::<Vec<_>>()[..] else {
            return Err(format!("not six fields: {line}").into());
        };
        let cost = KdfCost { memory_kib: memory_kib.parse()?, passes: passes.parse()?, lanes: lanes.parse()? };
        let params = KdfParams { cost, salt: hex::decode(salt)? };
        let pepper = hex::decode(pepper)?.try_into().map_err(|_| "the pepper is not 32 bytes")?;
        let password = Password::new(password.as_bytes())?;
        let start = Instant::now();
        let kek = derive_kek(&password, &pepper, &params, None)?;
        let took = start.elapsed();
        writeln!(stdout(), "{} {}", took.as_nanos(), hex::encode(kek.expose()))?;
    }
    Ok(())
}
