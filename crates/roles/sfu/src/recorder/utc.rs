//! Times of day, as people and machines read them.

use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Of the proleptic Gregorian calendar, in UTC.
struct Parts {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
    milli: u32,
}

/// RFC 3339 with milliseconds: `2026-11-29T12:34:56.789Z`.
pub(super) fn rfc3339(time: SystemTime) -> String {
    let Parts { year, month, day, hour, minute, second, milli } = Parts::of(time);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// The same for the name of a file, where it sorts by time: `20261129T123456.789Z`.
pub(super) fn file_name(time: SystemTime) -> String {
    let Parts { year, month, day, hour, minute, second, milli } = Parts::of(time);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}.{milli:03}Z")
}

/// Reads what [`rfc3339`] wrote.
pub(super) fn parse(text: &str) -> Option<SystemTime> {
    let number = |range: Range<usize>| {
        let digits = text.get(range)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u64>().ok())?
    };
    let days = days(number(0..4)?, number(5..7)?, number(8..10)?)?;
    let seconds = ((days * 24 + number(11..13)?) * 60 + number(14..16)?) * 60 + number(17..19)?;
    let time = UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_millis(number(20..23)?);
    (rfc3339(time) == text).then_some(time)
}

/// Days from 1970-01-01 to that day.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    // As in `date`: a year that begins in March.
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let from_march = (month + 9) % 12;
    let day_of_year = (153 * from_march + 2) / 5 + day.checked_sub(1)?;
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).checked_sub(719_468)
}

impl Parts {
    fn of(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
        let (year, month, day) = date(days);
        Self {
            year,
            month,
            day,
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
            milli: since.subsec_millis(),
        }
    }
}

/// Year, month and day so many days after 1970-01-01.
fn date(days: u64) -> (u64, u64, u64) {
    // A year that begins in March has its leap day at the end: 400 of them have always 146,097 days.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        let at = |seconds, millis| UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_millis(millis);
        assert_eq!(rfc3339(UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(at(951_782_399, 999)), "2000-02-28T23:59:59.999Z");
        assert_eq!(rfc3339(at(951_782_400, 0)), "2000-02-29T00:00:00.000Z");
        assert_eq!(rfc3339(at(1_709_251_199, 7)), "2024-02-29T23:59:59.007Z");
        for seconds in (0..4_000_000_000).step_by(86_399 * 7) {
            assert_eq!(parse(&rfc3339(at(seconds, 123))), Some(at(seconds, 123)));
        }
        for no_time in ["", "2026-02-29T00:00:00.000Z", "2026-11-29T12:34:56Z", "1969-12-31T23:59:59.999Z"] {
            assert_eq!(parse(no_time), None, "{no_time}");
        }
        assert_eq!(file_name(at(1_795_955_947, 120)), "20261129T123907.120Z");
    }
}
