//! Every word of the screen, in one place for each language. A language is a value of [`Words`]: one that lacks a word
//! does not compile.

mod de;
mod en;

use beistand_core::AttachmentState;
use beistand_core::protocol::{Author, Code, Status};

pub use de::DE;
pub use en::EN;

use super::keys::{Hint, Pressed};
use crate::harmless;

/// The words of a language.
pub struct Words {
    /// Its language tag.
    pub tag: &'static str,
    // Days and times.
    pub today: &'static str,
    pub yesterday: &'static str,
    /// From Monday on.
    pub weekdays: [&'static str; 7],
    pub months: [&'static str; 12],
    /// Weekday, day, month, year.
    pub date: fn(&str, i8, &str, i16) -> String,
    /// Day, month, year in digits.
    pub short_date: fn(i8, i8, i16) -> String,
    // Who.
    pub you: &'static str,
    pub support: &'static str,
    pub somebody: &'static str,
    pub nobody_yet: &'static str,
    pub types: fn(&str) -> String,
    // The list.
    pub conversations: &'static str,
    pub new_count: fn(u64) -> String,
    pub not_sent_yet: &'static str,
    pub status: [&'static str; 4],
    pub empty_list: &'static str,
    pub welcome: &'static str,
    pub nothing_chosen: &'static str,
    pub one_moment: &'static str,
    // The history.
    pub queued: &'static str,
    pub sending: &'static str,
    pub sent: &'static str,
    pub delivered: &'static str,
    pub read: &'static str,
    pub wedged: &'static str,
    pub edited: &'static str,
    pub change_waits: &'static str,
    pub taken_back: &'static str,
    pub unsupported: &'static str,
    pub new_messages: &'static str,
    pub newer_below: fn(usize) -> String,
    pub earlier_there: &'static str,
    pub earlier_loading: &'static str,
    pub earlier_unreachable: &'static str,
    // Banners.
    pub offline: &'static str,
    pub waiting: fn(usize) -> String,
    pub update_required: &'static str,
    pub unknown_app: &'static str,
    pub credential_refused: &'static str,
    // Notices.
    pub recovered: &'static str,
    pub history_changed: fn(u64) -> String,
    pub task_failed: &'static str,
    pub gone: &'static str,
    pub saved_draft: &'static str,
    // The input.
    pub message: &'static str,
    pub editing: &'static str,
    pub placeholder: &'static str,
    // Files.
    pub attach_title: &'static str,
    pub attach: &'static str,
    pub save_title: &'static str,
    pub save: &'static str,
    pub saved: fn(&str) -> String,
    pub fetching: &'static str,
    /// Waiting, uploading, here, remote, scanning, blocked.
    pub file_states: [&'static str; 6],
    /// A number of bytes.
    pub bytes: fn(u64) -> String,
    // The new ticket.
    pub new_ticket: &'static str,
    pub subject: &'static str,
    pub category: &'static str,
    pub text: &'static str,
    pub required: &'static str,
    pub optional: &'static str,
    pub no_choice: &'static str,
    pub yes: &'static str,
    pub no: &'static str,
    pub date_form: &'static str,
    // Questions.
    pub quit_title: &'static str,
    pub quit: &'static str,
    pub take_back_title: &'static str,
    pub take_back: &'static str,
    pub discard_title: &'static str,
    pub discard: &'static str,
    // Help.
    pub help_title: &'static str,
    pub help_intro: &'static str,
    pub everywhere: &'static str,
    pub in_list: &'static str,
    pub in_history: &'static str,
    pub in_input: &'static str,
    pub in_form: &'static str,
    pub too_small: fn(u16, u16) -> String,
    /// What a key does, in a word for the help line and a sentence for the help.
    pub hint: fn(Hint) -> (&'static str, &'static str),
    /// What stands on a key.
    pub key: fn(Pressed) -> &'static str,
    /// Why the server or this machine does not accept something.
    pub reason: fn(Code) -> &'static str,
    /// The same for what has no code of the server.
    pub local_reason: fn(&str) -> Option<&'static str>,
    pub unknown_reason: fn(&str) -> String,
}

impl Words {
    /// The words for the first of some language tags that there are words for; English if there is none.
    pub fn of(tag: Option<&str>) -> &'static Self {
        let language = tag.unwrap_or_default().split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        if language == DE.tag { &DE } else { &EN }
    }

    /// The word for a status.
    pub fn status(&self, status: Status) -> &'static str {
        let [open, pending, solved, closed] = self.status;
        match status {
            Status::Open => open,
            Status::Pending => pending,
            Status::Solved => solved,
            Status::Closed => closed,
        }
    }

    /// Where a file is.
    pub fn file_state(&self, state: AttachmentState) -> &'static str {
        let [waiting, uploading, here, remote, scanning, blocked] = self.file_states;
        match state {
            AttachmentState::Waiting => waiting,
            AttachmentState::Uploading => uploading,
            AttachmentState::Here => here,
            AttachmentState::Remote => remote,
            AttachmentState::Scanning => scanning,
            AttachmentState::Blocked => blocked,
        }
    }

    /// The name above a message.
    pub fn author(&self, author: &Author) -> String {
        match author {
            Author::Person => self.you.to_owned(),
            Author::Agent { name, .. } => harmless::line(name),
            Author::System => self.support.to_owned(),
            Author::Unknown => self.somebody.to_owned(),
        }
    }

    /// Why something was not accepted, in a sentence.
    pub fn why(&self, code: &str) -> String {
        match (Code::parse(code), (self.local_reason)(code)) {
            (_, Some(reason)) => reason.to_owned(),
            (Some(code), None) => (self.reason)(code).to_owned(),
            (None, None) => (self.unknown_reason)(&harmless::line(code)),
        }
    }

    /// A label of the server in this language, or in the next best one.
    pub fn label<'a>(&self, labels: &'a std::collections::BTreeMap<String, String>, key: &'a str) -> &'a str {
        let found = labels.get(self.tag).or_else(|| labels.get("en")).or_else(|| labels.values().next());
        found.map_or(key, String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::wrap;

    #[test]
    fn the_language_is_found_by_its_tag() {
        for (tag, expected) in
            [(Some("de"), "de"), (Some("de-AT"), "de"), (Some("DE_de"), "de"), (Some("fr"), "en"), (None, "en")]
        {
            assert_eq!(Words::of(tag).tag, expected);
        }
    }

    /// All words of a language that are plain, by their place.
    fn plain(words: &Words) -> Vec<&'static str> {
        let mut all = vec![
            words.today,
            words.yesterday,
            words.you,
            words.support,
            words.somebody,
            words.nobody_yet,
            words.conversations,
            words.not_sent_yet,
            words.empty_list,
            words.welcome,
            words.nothing_chosen,
            words.one_moment,
            words.queued,
            words.sending,
            words.sent,
            words.delivered,
            words.read,
            words.wedged,
            words.edited,
            words.change_waits,
            words.taken_back,
            words.unsupported,
            words.new_messages,
            words.earlier_there,
            words.earlier_loading,
            words.earlier_unreachable,
            words.offline,
            words.update_required,
            words.unknown_app,
            words.credential_refused,
            words.recovered,
            words.task_failed,
            words.gone,
            words.saved_draft,
            words.message,
            words.editing,
            words.placeholder,
            words.new_ticket,
            words.subject,
            words.category,
            words.text,
            words.required,
            words.optional,
            words.no_choice,
            words.yes,
            words.no,
            words.date_form,
            words.quit_title,
            words.quit,
            words.take_back_title,
            words.take_back,
            words.discard_title,
            words.discard,
            words.help_title,
            words.help_intro,
            words.everywhere,
            words.in_list,
            words.in_history,
            words.in_input,
            words.in_form,
        ];
        all.extend([words.attach_title, words.attach, words.save_title, words.save, words.fetching]);
        all.extend(words.file_states);
        all.extend(words.weekdays);
        all.extend(words.months);
        all.extend(words.status);
        all
    }

    #[test]
    fn both_languages_have_all_words() {
        let (german, english) = (plain(&DE), plain(&EN));
        assert!(german.iter().chain(&english).all(|word| !word.trim().is_empty()));
        let same: Vec<_> = german.iter().zip(&english).filter(|(german, english)| german == english).collect();
        // Names of months that are the same, and nothing else.
        assert!(same.iter().all(|(word, _)| DE.months.contains(word) || **word == "Text"), "{same:?}");
        for hint in Hint::ALL {
            let ((german, said), (english, told)) = ((DE.hint)(hint), (EN.hint)(hint));
            assert!([german, said, english, told].iter().all(|word| !word.is_empty()), "{hint:?}");
            assert_ne!(said, told, "{hint:?}");
        }
        for key in Pressed::ALL {
            assert!(!(DE.key)(key).is_empty() && !(EN.key)(key).is_empty(), "{key:?}");
        }
    }

    #[test]
    fn every_refusal_has_a_sentence_for_people() {
        for words in [&DE, &EN] {
            for code in Code::ALL {
                let sentence = words.why(code.as_str());
                assert!(sentence.ends_with('.') && !sentence.contains(code.as_str()), "{code}: {sentence}");
            }
            for code in [
                "expired",
                "poison",
                "outbox-full",
                "storage-full",
                "storage",
                "unreachable",
                "too-late",
                "unreadable",
                "location-remains",
                "unwritable",
                "exists",
            ] {
                assert!((words.local_reason)(code).is_some(), "{code}");
            }
            assert!(words.why("moon-phase").contains("moon-phase"));
            assert!(!words.why("\u{1b}[2J").contains('\u{1b}'));
        }
    }

    #[test]
    fn the_state_of_a_message_fits_beside_its_author_on_a_narrow_screen() {
        for words in [&DE, &EN] {
            for state in [words.queued, words.sending, words.sent, words.delivered, words.read, words.wedged] {
                assert!(wrap::width(state) <= 20, "{state}");
            }
        }
    }
}
