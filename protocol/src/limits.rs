//! Every limit that both sides hold, with its reason. A server may announce others in `GET /v1/config`; these are the
//! defaults, and what a phone assumes before it has heard from its server.

use serde::{Deserialize, Serialize};

/// What a server accepts. Sizes are in the unit that each field names.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Limits {
    /// Unicode scalar values in one message. 10,000 is about four printed pages: more belongs into a file.
    pub text_chars: u32,
    /// Unicode scalar values in a subject. One line on a phone is 40; twice a mail client's habit of 100 leaves room.
    pub subject_chars: u32,
    /// Unicode scalar values in one text field, unless its definition says less.
    pub field_chars: u32,
    /// Custom fields in one conversation: no form on a phone is longer.
    pub fields: u32,
    /// Files in one message: a handful of photos and a receipt; more is a matter for an archive.
    pub attachments: u32,
    /// Bytes of one file: a minute of a phone's video, in decimal megabytes as people count them.
    pub attachment_bytes: u64,
    /// Pixels of one photo. The largest sensor in a phone has 200 million; what claims more is made to burst a decoder.
    pub image_pixels: u64,
    /// Writes that a person may send at once: a phone back from a weekend drains in one go.
    pub burst: u32,
    /// Writes a minute after the burst is spent: faster than anybody types.
    pub writes_per_minute: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            text_chars: 10_000,
            subject_chars: 200,
            field_chars: 1_000,
            fields: 50,
            attachments: 10,
            attachment_bytes: 100_000_000,
            image_pixels: 250_000_000,
            burst: 300,
            writes_per_minute: 60,
        }
    }
}

/// The largest request body in bytes. A message of 10,000 scalars takes at most 120 KB even when every one of them is
/// written as a surrogate pair of JSON escapes; 256 KiB leaves room for fields.
pub const BODY_BYTES: usize = 256 * 1024;

/// The longest name of a file in bytes: below the 255 of every file system, with room for what a download appends.
pub const FILE_NAME_BYTES: usize = 200;

/// An upload that nobody goes on with is forgotten after this long (milliseconds): a phone back from a weekend goes on
/// where it stopped.
pub const UPLOAD_EXPIRES_MS: i64 = 7 * 24 * 3600 * 1000;

/// The longer side of a thumbnail in pixels: a bubble of a phone at three pixels a point.
pub const THUMBNAIL_SIDE: u32 = 640;

/// The longest push token in bytes. Those of today have some 200; web push addresses are the longest.
pub const PUSH_TOKEN_BYTES: usize = 4096;

/// The longest token of a login in bytes. One with name and subject at their longest stays below 2 KB.
pub const TOKEN_BYTES: usize = 8 * 1024;

/// Unicode scalar values in the subject of a login, and in the name that agents see: an address or a name, not a text.
pub const SUBJECT_CHARS: usize = 200;

/// How long a token of a login may be good (seconds): long enough for a bad network, short enough to be stolen in vain.
pub const TOKEN_LIFETIME_S: i64 = 3600;

/// How far the clock of whoever signs a token may be off (seconds).
pub const TOKEN_LEEWAY_S: i64 = 60;

/// The most changes in one page of sync, and what a page holds if nothing is asked.
pub const SYNC_PAGE: u32 = 200;

/// The newest messages of a conversation that a snapshot carries; older ones come through history.
pub const SNAPSHOT_MESSAGES: u32 = 30;

/// The most messages in one page of history.
pub const HISTORY_PAGE: u32 = 100;

/// A socket that was silent for this long is closed, by either side (milliseconds).
pub const SOCKET_SILENCE_MS: u64 = 30_000;

/// Both sides ping after this much silence (milliseconds): two tries before the other side gives up.
pub const SOCKET_PING_MS: u64 = 12_000;

/// A typing sign is shown for this long unless it is renewed or taken back (milliseconds).
pub const TYPING_MS: u64 = 6_000;

/// The earliest `sent_at` that is believed, 2000-01-01: older is a phone whose clock was never set.
pub const SENT_AT_EARLIEST: i64 = 946_684_800_000;

/// How far ahead of the server's own time a `sent_at` may be: a year, so that a wrong time zone or a test device does
/// not wedge, while the year 9999 does not sort a conversation to the top for ever.
pub const SENT_AT_AHEAD_MS: i64 = 366 * 24 * 3600 * 1000;

/// Unicode scalar values in the title of an article or in one of its phrases: a question of several lines.
pub const FAQ_TITLE_CHARS: u32 = 400;

/// Unicode scalar values in the body of an article: forty printed pages; nobody reads more on a phone.
pub const FAQ_BODY_CHARS: u32 = 100_000;

/// *Also asked as* phrases of one article.
pub const FAQ_PHRASES: usize = 50;

/// Tags of one article, and the Unicode scalar values of one.
pub const FAQ_TAGS: usize = 20;
/// See [`FAQ_TAGS`].
pub const FAQ_TAG_CHARS: u32 = 60;

/// Pictures of one article.
pub const FAQ_ARTICLE_IMAGES: usize = 50;

/// Bytes of one picture: a screenshot at three pixels a point is a tenth of it.
pub const FAQ_IMAGE_BYTES: u64 = 4 * 1024 * 1024;

/// Bytes of a whole publication, uncompressed: 5,000 articles take about 4 MB. What is larger is not read.
pub const FAQ_BUNDLE_BYTES: usize = 16 * 1024 * 1024;

/// Unicode scalar values in what a person says about an article: a paragraph. More is a matter for a ticket.
pub const FAQ_COMMENT_CHARS: u32 = 1_000;

/// Articles that one report counts, and that a phone counts between two reports: more than anybody reads in a day.
pub const FAQ_REPORT_VIEWS: usize = 200;

/// Searches without a result that one report counts, and that a phone counts between two reports.
pub const FAQ_REPORT_SEARCHES: usize = 100;

/// The highest count in a report: of one article or search, from one phone, since the report before. A phone that has been
/// offline for a year stays below; what is higher was made up.
pub const FAQ_REPORT_COUNT: u32 = 10_000;

/// Unicode scalar values in a search that is counted with its words. What is longer is a letter, not a search.
pub const FAQ_QUERY_CHARS: usize = 100;

/// Words in a search that is counted with its words; see [`FAQ_QUERY_CHARS`].
pub const FAQ_QUERY_WORDS: usize = 12;

/// Articles, and searches, in one answer to editors: more than a person reads.
pub const FAQ_COUNTS_PAGE: u32 = 1_000;
