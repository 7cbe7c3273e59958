//! CSV from anyone: rows of bounded length, with column names in the first row.

use std::io::{self, Read};

use csv::{Reader, ReaderBuilder, StringRecord};

use super::json::without_mark;
use super::{ImportError, limits};

/// What the reader may hold of later rows while it looks for the end of one.
const BUFFER: usize = 8 << 10;

/// The columns of a product's export, in lower case.
pub(super) struct Columns {
    /// What every export has.
    pub needed: &'static [&'static str],
    /// What some exports have, and what is not taken: times, icons, marks.
    pub others: &'static [&'static str],
}

impl Columns {
    /// Tells whether all that every export has is there.
    pub fn are_in(&self, columns: &[String]) -> bool {
        self.needed.iter().all(|name| columns.iter().any(|column| column == name))
    }

    /// Tells whether a column is one of these.
    pub fn have(&self, column: &str) -> bool {
        self.needed.contains(&column) || self.others.contains(&column)
    }
}

/// A table, row by row.
pub(super) struct Table<'a> {
    reader: Reader<Rationed<'a>>,
    columns: Vec<String>,
    record: StringRecord,
    row: usize,
}

/// Bytes of which only so many are given for each row, so that a row without end costs no more than the longest row.
struct Rationed<'a> {
    bytes: &'a [u8],
    left: usize,
}

impl Read for Rationed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.bytes.is_empty() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let length = buffer.len().min(self.left);
        let read = self.bytes.read(&mut buffer[..length])?;
        self.left -= read;
        Ok(read)
    }
}

/// One row: the values of its columns.
#[derive(Clone, Copy)]
pub(super) struct Row<'t>(&'t StringRecord);

impl<'t> Row<'t> {
    /// Returns the value of a column; nothing if the table has no such column.
    pub fn at(self, column: Option<usize>) -> &'t str {
        column.and_then(|column| self.0.get(column)).unwrap_or_default()
    }
}

/// The next row, or what is wrong with it.
pub(super) enum Next<'t> {
    Row(Row<'t>),
    /// It has another number of values than there are columns. How the row is called in the report.
    Uneven(String),
    End,
}

impl<'a> Table<'a> {
    /// Reads the names of the columns.
    pub fn open(bytes: &'a [u8], delimiter: u8) -> Result<Self, ImportError> {
        let bytes = without_mark(bytes);
        if std::str::from_utf8(bytes).is_err() {
            return Err(ImportError::NotText);
        }
        check_quotes(bytes, delimiter)?;
        let mut table = Self::over(bytes, delimiter);
        table.read()?;
        // The names of columns are compared without regard to case.
        table.columns = table.record.iter().map(|name| name.trim().to_lowercase()).collect();
        Ok(table)
    }

    /// Returns the names of the columns of what may be no table at all.
    pub fn columns_of(bytes: &'a [u8]) -> Vec<String> {
        let mut table = Self::over(without_mark(bytes), b',');
        match table.read() {
            Ok(true) => table.record.iter().map(|name| name.trim().to_lowercase()).collect(),
            _ => Vec::new(),
        }
    }

    fn over(bytes: &'a [u8], delimiter: u8) -> Self {
        let rationed = Rationed { bytes, left: 0 };
        let mut options = ReaderBuilder::new();
        options.has_headers(false).flexible(true).delimiter(delimiter).buffer_capacity(BUFFER);
        let reader = options.from_reader(rationed);
        Self { reader, columns: Vec::new(), record: StringRecord::new(), row: 0 }
    }

    fn read(&mut self) -> Result<bool, ImportError> {
        self.row += 1;
        let row = self.row;
        self.reader.get_mut().left = limits::CSV_ROW + BUFFER;
        let read = self.reader.read_record(&mut self.record).map_err(|error| match error.kind() {
            csv::ErrorKind::Utf8 { .. } => ImportError::NotText,
            _ => ImportError::RowTooLong { row },
        })?;
        if self.record.as_slice().len() > limits::CSV_ROW { Err(ImportError::RowTooLong { row }) } else { Ok(read) }
    }

    /// Returns where a column is, by its name in lower case.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// Returns the names of the columns, in lower case.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Returns the next row.
    pub fn next(&mut self) -> Result<Next<'_>, ImportError> {
        if !self.read()? {
            return Ok(Next::End);
        }
        if self.record.len() != self.columns.len() {
            return Ok(Next::Uneven(format!("row {}", self.row)));
        }
        Ok(Next::Row(Row(&self.record)))
    }
}

/// Refuses quotation marks that the reader of CSV would forgive: a value whose last mark is missing, which is what is
/// left of a file that was cut, and text after the last mark.
fn check_quotes(bytes: &[u8], delimiter: u8) -> Result<(), ImportError> {
    enum At {
        Start,
        Plain,
        Quoted,
        Mark,
    }
    let mut row = 1;
    let mut at = At::Start;
    for byte in bytes {
        let is_line_end = matches!(byte, b'\n' | b'\r');
        at = match (at, *byte) {
            (At::Quoted, b'"') => At::Mark,
            (At::Quoted, _) | (At::Mark, b'"') => At::Quoted,
            (At::Start, b'"') => At::Quoted,
            (_, end) if end == delimiter || is_line_end => {
                row += usize::from(end == b'\n');
                At::Start
            }
            (At::Mark, _) => return Err(ImportError::WrongQuotes { row }),
            _ => At::Plain,
        };
    }
    if matches!(at, At::Quoted) { Err(ImportError::Truncated) } else { Ok(()) }
}
