//! Days as people write them, and how far apart they are.

use std::fmt;

use time::{Date, Duration, Month};

use crate::format::Timestamp;

/// A day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(Date);

impl Day {
    /// Reads `2027-09-30`.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let mut number = |length: usize| {
            let part = parts.next().filter(|part| part.len() == length && part.bytes().all(|b| b.is_ascii_digit()))?;
            part.parse::<u16>().ok()
        };
        let (year, month, day) = (number(4)?, number(2)?, number(2)?);
        let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
        let day = Date::from_calendar_date(year.into(), month, u8::try_from(day).ok()?).ok()?;
        parts.next().is_none().then_some(Self(day))
    }

    /// Returns the day of a moment, in UTC.
    #[must_use]
    pub fn of(time: Timestamp) -> Self {
        Self::read(&time.date()).unwrap_or(Self(Date::MIN))
    }

    /// Returns how many days it is to another day; fewer than none if that is earlier.
    #[must_use]
    pub fn until(self, other: Self) -> i64 {
        (other.0 - self.0).whole_days()
    }

    /// Returns the same day some months later, or the last day of that month if it has none of that number.
    #[must_use]
    pub fn months_later(self, months: u32) -> Self {
        let all = self.0.year() * 12 + i32::from(u8::from(self.0.month())) - 1 + i32::try_from(months).unwrap_or(0);
        let month = u8::try_from(all.rem_euclid(12) + 1).ok().and_then(|month| Month::try_from(month).ok());
        let (year, month) = (all.div_euclid(12), month.unwrap_or(Month::January));
        let last = month.length(year);
        Self(Date::from_calendar_date(year, month, self.0.day().min(last)).unwrap_or(self.0))
    }

    /// Returns the day some days later, or earlier.
    #[must_use]
    pub fn plus(self, days: i64) -> Self {
        Self(self.0.checked_add(Duration::days(days)).unwrap_or(self.0))
    }

    /// Returns the first day of its year, and of the year after it.
    #[must_use]
    pub fn year(self) -> (i32, Option<Self>) {
        let year = self.0.year();
        (year, Date::from_calendar_date(year + 1, Month::January, 1).ok().map(Self))
    }

    /// Returns the day in few letters: `30 Sep 2027`.
    #[must_use]
    pub fn short(self) -> String {
        let month = self.0.month().to_string();
        format!("{} {} {}", self.0.day(), &month[..3], self.0.year())
    }
}

impl fmt::Display for Day {
    /// Writes `30 September 2027`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.0.day(), self.0.month(), self.0.year())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_counted_and_written() {
        let day = Day::read("2024-02-29").unwrap();
        assert_eq!((day.to_string(), day.short()), ("29 February 2024".into(), "29 Feb 2024".into()));
        assert_eq!(day.months_later(24), Day::read("2026-02-28").unwrap());
        assert_eq!(day.months_later(11), Day::read("2025-01-29").unwrap());
        assert_eq!(day.until(Day::read("2025-03-01").unwrap()), 366);
        assert_eq!(day.until(day.plus(-3)), -3);
        for bad in ["", "2024-2-29", "2023-02-29", "2024-13-01", "2024-02-29T", "+024-02-29", "2024-02-29-1"] {
            assert!(Day::read(bad).is_none(), "{bad}");
        }
    }
}
