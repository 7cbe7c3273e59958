//! Numbers, sizes and times in words.

use super::day::Day;
use crate::format::Timestamp;

/// Writes a number in groups of three digits.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes how many of a thing there are.
pub fn counted(count: usize, one: &str) -> String {
    let many = match one.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ if one.ends_with('s') => format!("{one}es"),
        _ => format!("{one}s"),
    };
    format!("{} {}", grouped(count as u64), if count == 1 { one } else { &many })
}

/// Writes a size in decimal units, as makers of disks count.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return counted(bytes as usize, "byte");
    }
    let mut unit = 0;
    // In tenths, rounded to the nearest.
    let mut tenths = (bytes + 50) / 100;
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths = (tenths + 500) / 1000;
        unit += 1;
    }
    let whole = tenths / 10;
    if whole >= 100 {
        format!("{} {}", grouped(whole), UNITS[unit])
    } else {
        format!("{whole}.{} {}", tenths % 10, UNITS[unit])
    }
}

/// Writes a moment as seen from another one: only its time if both are of a day.
pub fn moment(time: Timestamp, seen_from: Timestamp) -> String {
    let text = time.to_string();
    let clock = text.get(11..16).unwrap_or_default();
    if Day::of(time) == Day::of(seen_from) {
        format!("today, {clock}")
    } else {
        format!("on {}, {clock}", Day::of(time).short())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_people_write_them() {
        assert_eq!([0, 999, 1000, 1_284_000].map(grouped), ["0", "999", "1,000", "1,284,000"]);
        assert_eq!(
            [(1, "entry"), (2, "entry"), (3, "day"), (3, "pass")].map(|(n, one)| counted(n, one)),
            ["1 entry", "2 entries", "3 days", "3 passes"]
        );
        assert_eq!(
            [0, 1, 999, 1000, 38_640_000_000, 412_000_000, 999_950].map(size),
            ["0 bytes", "1 byte", "999 bytes", "1.0 kB", "38.6 GB", "412 MB", "1.0 MB"]
        );
    }
}
