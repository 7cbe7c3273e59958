//! Days, as contracts state them: without a time, and in one spelling.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{FormatError, Timestamp};

/// A day of the years 1 to 9999, written as in ISO 8601: `2027-03-31`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(time::Date);

impl Date {
    /// Returns the day of a moment in UTC.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        // The seconds of a `Timestamp` are of the years 1 to 9999.
        let moment = time::OffsetDateTime::from_unix_timestamp(at.as_unix());
        Self(moment.unwrap_or(time::OffsetDateTime::UNIX_EPOCH).date())
    }

    /// Returns how many days it is from this day to another one, negative if that is earlier.
    #[must_use]
    pub fn days_until(self, other: Self) -> i64 {
        i64::from(other.0.to_julian_day()) - i64::from(self.0.to_julian_day())
    }

    /// Returns how many whole months it is from this day to a later one.
    #[must_use]
    pub fn months_until(self, other: Self) -> i64 {
        let month = |date: time::Date| i64::from(date.year()) * 12 + i64::from(u8::from(date.month()));
        let is_short = other.0.day() < self.0.day();
        month(other.0) - month(self.0) - i64::from(is_short)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), u8::from(self.0.month()), self.0.day())
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Date {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        let parsed = || {
            let mut parts = text.split('-');
            let mut number = || parts.next()?.parse::<u16>().ok();
            let (year, month, day) = (number()?, number()?, number()?);
            let month = time::Month::try_from(u8::try_from(month).ok()?).ok()?;
            time::Date::from_calendar_date(year.into(), month, u8::try_from(day).ok()?).ok()
        };
        let date = parsed().filter(|date| date.year() >= 1).map(Self);
        // One spelling only.
        date.filter(|date| date.to_string() == text)
            .ok_or_else(|| FormatError::malformed("a date is not a day of the calendar, such as 2027-03-31"))
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn a_date_has_one_spelling() {
        for good in ["2027-03-31", "2028-02-29", "0001-01-01", "9999-12-31"] {
            assert_eq!(date(good).to_string(), good);
        }
        for bad in [
            "",
            "2027-3-31",
            "2027-02-29",
            "2027-13-01",
            "2027-00-10",
            "2027-01-00",
            "2027-04-31",
            "0000-01-01",
            "10000-01-01",
            "2027-03-31 ",
            "2027/03/31",
            "31.3.2027",
            "20270331",
            "+2027-03-31",
            "2027-03-31-",
            "2027-03-31T00:00:00Z",
        ] {
            assert!(bad.parse::<Date>().is_err(), "{bad}");
        }
    }

    #[test]
    fn days_and_months_are_counted_as_in_the_calendar() {
        for (from, to, days, months) in [
            ("2027-03-31", "2027-03-31", 0, 0),
            ("2028-02-28", "2028-03-01", 2, 0),
            ("2027-12-31", "2028-01-01", 1, 0),
            ("2026-11-27", "2028-09-27", 670, 22),
            ("2026-11-27", "2028-09-26", 669, 21),
            ("2026-11-30", "2028-11-30", 731, 24),
        ] {
            assert_eq!(date(from).days_until(date(to)), days, "{from} {to}");
            assert_eq!(date(to).days_until(date(from)), -days, "{from} {to}");
            assert_eq!(date(from).months_until(date(to)), months, "{from} {to}");
        }
        assert_eq!(Date::of(Timestamp::from_unix(951_782_400)), date("2000-02-29"));
        assert_eq!(Date::of(Timestamp::from_unix(i64::MAX)), date("9999-12-31"));
    }
}
