//! Time on the wire: RFC 3339, UTC, milliseconds. In memory and in databases: milliseconds since 1970.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::{OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};

/// Milliseconds since 1970-01-01T00:00:00Z, leap seconds ignored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime, examples("2026-11-21T09:30:00.000Z")))]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// This moment plus `millis` (negative goes back), without overflow.
    pub fn plus(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to here; negative if `earlier` is later.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// RFC 3339 text, or `None` outside the years 0 to 9999, which have no such text.
    pub fn to_rfc3339(self) -> Option<String> {
        let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
        let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000).ok()?;
        (0..=9999).contains(&moment.year()).then(|| moment.format(&format).ok())?
    }

    /// Reads any RFC 3339 text of the years 0 to 9999 in UTC, whatever its offset or number of digits; digits past the millisecond are cut off.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        let millis = i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000_000)).ok()?;
        // An offset may carry the moment over the edge of the years that can be written again.
        (YEAR_0..YEAR_10000).contains(&millis).then_some(Self(millis))
    }
}

/// 0000-01-01T00:00:00Z.
const YEAR_0: i64 = -62_167_219_200_000;
/// 10000-01-01T00:00:00Z.
const YEAR_10000: i64 = 253_402_300_800_000;

impl Serialize for UnixMillis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.to_rfc3339().ok_or_else(|| serde::ser::Error::custom("time outside the years 0 to 9999"))?;
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for UnixMillis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::from_rfc3339(&text).ok_or_else(|| de::Error::custom("not an RFC 3339 time"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_survives_the_wire_to_the_millisecond() {
        let moment = UnixMillis(1_795_253_400_123);
        let json = serde_json::to_string(&moment).unwrap();
        assert_eq!(json, "\"2026-11-21T09:30:00.123Z\"");
        assert_eq!(serde_json::from_str::<UnixMillis>(&json).unwrap(), moment);
    }

    #[test]
    fn another_offset_is_the_same_moment() {
        assert_eq!(
            UnixMillis::from_rfc3339("2026-11-21T10:30:00.1239+01:00"),
            UnixMillis::from_rfc3339("2026-11-21T09:30:00.123Z")
        );
    }

    #[test]
    fn a_time_that_could_not_be_written_again_is_not_read() {
        assert_eq!(UnixMillis::from_rfc3339("9999-12-31T23:59:59.999Z"), Some(UnixMillis(YEAR_10000 - 1)));
        assert_eq!(UnixMillis::from_rfc3339("0000-01-01T00:00:00Z"), Some(UnixMillis(YEAR_0)));
        assert_eq!(UnixMillis::from_rfc3339("9999-12-31T23:59:59-01:00"), None);
        assert_eq!(UnixMillis::from_rfc3339("0000-01-01T00:00:00+01:00"), None);
    }

    #[test]
    fn a_time_without_text_is_an_error_not_a_panic() {
        assert!(serde_json::to_string(&UnixMillis(i64::MAX)).is_err());
        assert!(UnixMillis::from_rfc3339("yesterday").is_none());
    }
}
