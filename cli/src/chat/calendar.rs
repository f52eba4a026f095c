//! Days and times as a person at this machine reads them: in its time zone, with the words of their language.

use beistand_core::protocol::UnixMillis;
use jiff::{Timestamp, Zoned, civil::Date, tz::TimeZone};

use super::words::Words;

/// Turns moments into days and times.
#[derive(Clone, Debug)]
pub struct Calendar {
    zone: TimeZone,
}

impl Calendar {
    /// By the time zone of this machine.
    pub fn of_this_machine() -> Self {
        Self { zone: TimeZone::system() }
    }

    #[cfg(test)]
    pub fn utc() -> Self {
        Self { zone: TimeZone::UTC }
    }

    fn at(&self, at: UnixMillis) -> Option<Zoned> {
        Some(Timestamp::from_millisecond(at.0).ok()?.to_zoned(self.zone.clone()))
    }

    /// The day of a moment; `None` if it lies outside the calendar.
    pub fn day(&self, at: UnixMillis) -> Option<Date> {
        self.at(at).map(|at| at.date())
    }

    /// Hours and minutes.
    pub fn time(&self, at: UnixMillis) -> String {
        self.at(at).map_or_else(String::new, |at| format!("{:02}:{:02}", at.hour(), at.minute()))
    }

    /// A day for a line of its own: today, yesterday, or its date.
    pub fn day_line(&self, day: Date, now: UnixMillis, words: &Words) -> String {
        let today = self.day(now);
        if today == Some(day) {
            return words.today.to_owned();
        }
        if today.and_then(|today| today.yesterday().ok()) == Some(day) {
            return words.yesterday.to_owned();
        }
        let weekday = words.weekdays[day.weekday().to_monday_zero_offset() as usize];
        let month = words.months[(day.month() - 1) as usize];
        (words.date)(weekday, day.day(), month, day.year())
    }

    /// A moment for a list: the time today, else the day in digits.
    pub fn short(&self, at: UnixMillis, now: UnixMillis, words: &Words) -> String {
        match (self.day(at), self.day(now)) {
            (Some(day), Some(today)) if day == today => self.time(at),
            (Some(day), _) => (words.short_date)(day.day(), day.month(), day.year()),
            (None, _) => String::new(),
        }
    }

    /// How long until the next day begins: what is called today changes then.
    pub fn until_midnight(&self, now: UnixMillis) -> Option<std::time::Duration> {
        let here = self.at(now)?;
        let midnight = here.tomorrow().ok()?.start_of_day().ok()?;
        std::time::Duration::try_from(here.duration_until(&midnight)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::words::{DE, EN};

    /// Saturday, 21 November 2026, 09:30.
    const NOW: UnixMillis = UnixMillis(1_795_253_400_123);
    const DAY: i64 = 24 * 3600 * 1000;

    #[test]
    fn days_are_named_as_people_name_them() {
        let calendar = Calendar::utc();
        let line = |back: i64, words| {
            let day = calendar.day(NOW.plus(-back * DAY)).unwrap();
            calendar.day_line(day, NOW, words)
        };
        assert_eq!((line(0, &DE), line(1, &DE)), ("Heute".into(), "Gestern".into()));
        assert_eq!(line(2, &DE), "Donnerstag, 19. November 2026");
        assert_eq!(line(2, &EN), "Thursday, 19 November 2026");
        assert_eq!(calendar.short(NOW, NOW, &DE), "09:30");
        assert_eq!(calendar.short(NOW.plus(-2 * DAY), NOW, &DE), "19.11.2026");
        assert_eq!(calendar.short(NOW.plus(-2 * DAY), NOW, &EN), "2026-11-19");
    }

    #[test]
    fn an_impossible_time_is_left_out() {
        let calendar = Calendar::utc();
        assert_eq!(calendar.time(UnixMillis(i64::MAX)), "");
        assert_eq!(calendar.short(UnixMillis(i64::MAX), NOW, &EN), "");
    }

    #[test]
    fn the_next_day_begins_at_midnight() {
        let left = Calendar::utc().until_midnight(NOW).unwrap();
        assert_eq!(left.as_secs(), 14 * 3600 + 30 * 60 - 1);
    }
}
