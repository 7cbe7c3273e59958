//! The vectors of tests/vectors as bytes: the seeds that a fuzzer starts from, and what must come out of them.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// One vector: its name, its lines `NAME: VALUE`, and what follows the empty line.
pub struct Vector {
    pub name: String,
    header: String,
    body: String,
}

impl Vector {
    /// Reads every vector of a kind.
    pub fn all(kind: &str) -> Vec<Self> {
        // Found from the folder of either package that this file is compiled into.
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        let folder = here.map(|folder| folder.join("tests/vectors").join(kind)).find(|folder| folder.is_dir());
        let entries = fs::read_dir(folder.expect("tests/vectors")).expect("the vectors");
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("a vector").path()).collect();
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("a vector");
        let (header, body) = text.split_once("\n\n").expect("an empty line");
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        Self { name, header: header.into(), body: body.into() }
    }

    /// Returns the value of a line, where there is such a line.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.header.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// Returns a value of 32 bytes in hexadecimal.
    pub fn bytes32(&self, name: &str) -> Option<[u8; 32]> {
        hex::decode(self.get(name)?).ok()?.try_into().ok()
    }

    /// Returns a sealed file: base64, in which `*N` stands for N lines of 57 zero bytes.
    pub fn sealed(&self) -> Vec<u8> {
        let lines = self.body.lines().map(|line| match line.strip_prefix('*') {
            Some(count) => "A".repeat(76 * count.parse::<usize>().expect("a number")),
            None => line.to_owned(),
        });
        STANDARD.decode(lines.collect::<String>()).expect("base64")
    }

    /// Returns a section of a vault vector, where it has one.
    pub fn section(&self, name: &str) -> Option<Vec<u8>> {
        let mut lines = self.body.lines().skip_while(|line| *line != format!("[{name}]"));
        lines.next()?;
        let is_heading = |line: &&str| ["[data-key]", "[anchor]"].contains(line) || line.starts_with("[segment ");
        Some(lines.take_while(|line| !is_heading(line)).collect::<String>().into_bytes())
    }
}
