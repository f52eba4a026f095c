//! What people read: blocks of lines that fit the terminal. A block begins with words of fixed width, so that columns
//! stand under each other; names and texts, which may be of any width, come last or on lines of their own. Texts of
//! others cannot steer the terminal.

use beistand_core::protocol::{
    Assignee, AttachmentId, Author, Fields, Priority, Status, UnixMillis, fields::FieldValue,
};
use beistand_core::{Conversation, Message, MessageBody, OutboxItem, OutboxState};
use textwrap::core::display_width;

use crate::{harmless, json};

/// A minute in UTC; the wire and the local store know no other time zone.
pub fn time(at: UnixMillis) -> String {
    match at.to_rfc3339() {
        Some(text) => format!("{} {} UTC", &text[..10], &text[11..16]),
        None => "at an unknown time".to_owned(),
    }
}

/// The word for a priority.
pub fn priority(priority: Priority) -> &'static str {
    match priority {
        Priority::Low => "low",
        Priority::Normal => "normal",
        Priority::High => "high",
        Priority::Urgent => "urgent",
    }
}

/// The word for a status.
pub fn status(status: Status) -> &'static str {
    match status {
        Status::Open => "open",
        Status::Pending => "pending",
        Status::Solved => "solved",
        Status::Closed => "closed",
    }
}

/// How texts are folded, named in full: the library's defaults depend on features that any other package of the workspace
/// may switch on.
pub fn folding(width: usize) -> textwrap::Options<'static> {
    textwrap::Options::new(width)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .wrap_algorithm(textwrap::WrapAlgorithm::FirstFit)
}

/// A text on lines of at most `width` columns, each indented by two.
pub fn wrapped(text: &str, width: usize) -> String {
    let options = folding(width).initial_indent("  ").subsequent_indent("  ");
    let text = harmless::lines(text);
    let lines = textwrap::wrap(&text, options).into_iter();
    lines.map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// A text on one line of at most `width` columns; what does not fit is cut off, visibly.
pub fn one_line(text: &str, width: usize) -> String {
    let text = harmless::line(text);
    if display_width(&text) <= width {
        return text;
    }
    let mut cut = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += display_width(c.encode_utf8(&mut [0; 4]));
        if used > width {
            break;
        }
        cut.push(c);
    }
    format!("{}…", cut.trim_end())
}

/// Parts with a dot between them, on as few lines as they need; the empty ones are left out.
pub fn parts(parts: &[String], width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for part in parts.iter().filter(|part| !part.is_empty()) {
        match lines.last_mut() {
            Some(line) if display_width(line) + 3 + display_width(part) <= width => {
                line.push_str(" · ");
                line.push_str(part);
            }
            _ => lines.push(format!("  {part}")),
        }
    }
    lines.join("\n")
}

fn assigned(assignee: Option<&Assignee>) -> String {
    assignee.map_or_else(|| "nobody yet".to_owned(), |assignee| one_line(&assignee.name, 30))
}

/// What a conversation is filed under, without what is usual.
pub fn filed(category: Option<&str>, urgency: Priority, fields: &Fields) -> Vec<String> {
    let mut filed = vec![
        if urgency == Priority::Normal { String::new() } else { priority(urgency).to_owned() },
        one_line(category.unwrap_or_default(), 30),
    ];
    filed.extend(fields.iter().map(|(key, value)| {
        let value = match value {
            FieldValue::Bool(true) => "yes".to_owned(),
            FieldValue::Bool(false) => "no".to_owned(),
            FieldValue::Number(number) => number.to_string(),
            FieldValue::Text(text) => one_line(text, 40),
        };
        format!("{}: {value}", one_line(key, 30))
    }));
    filed
}

/// The first line of a conversation: its id, where it stands, and what is special about it.
pub fn head(id: &str, state: Status, remark: &str) -> String {
    format!("{id}  {:<7}  {remark}", status(state)).trim_end().to_owned()
}

fn remark(conversation: &Conversation) -> String {
    match (conversation.at_server, conversation.unread) {
        (false, _) => "not sent yet".to_owned(),
        (true, 0) => String::new(),
        (true, unread) => format!("{unread} unread"),
    }
}

/// A conversation in a list.
pub fn conversation(conversation: &Conversation, width: usize) -> String {
    let mut about = vec![time(conversation.updated_at), assigned(conversation.assignee.as_ref())];
    about.extend(filed(conversation.category.as_deref(), conversation.priority, &Fields::new()));
    [
        head(&conversation.id.to_string(), conversation.status, &remark(conversation)),
        format!("  {}", one_line(&conversation.subject, width.saturating_sub(2))),
        parts(&about, width),
        format!("  {}", one_line(&conversation.preview, width.saturating_sub(2))),
    ]
    .join("\n")
        + "\n"
}

/// A conversation above its messages.
pub fn title(conversation: &Conversation, width: usize) -> String {
    let mut about = vec![format!("opened {}", time(conversation.created_at)), assigned(conversation.assignee.as_ref())];
    about.extend(filed(conversation.category.as_deref(), conversation.priority, &conversation.fields));
    let head = head(&conversation.id.to_string(), conversation.status, &remark(conversation));
    format!("{head}\n{}\n{}", wrapped(&conversation.subject, width), parts(&about, width))
}

/// The name that stands above a message.
pub fn author(author: &Author, person: &str) -> String {
    match author {
        Author::Person => person.to_owned(),
        Author::Agent { name, .. } => one_line(name, 40),
        Author::System => "support".to_owned(),
        Author::Unknown => "somebody".to_owned(),
    }
}

/// A message in a timeline.
pub fn message(message: &Message, wedge_code: Option<&str>, width: usize) -> String {
    let own = message.author == Author::Person;
    let state = match json::wedge_code(message.state, wedge_code) {
        Some(code) => format!("wedged: {code}"),
        None if own => message.state.as_str().to_owned(),
        None => String::new(),
    };
    let mark = match (message.change_pending, message.edited) {
        (true, _) => "change not sent yet",
        (false, true) => "edited",
        (false, false) => "",
    };
    let about = [author(&message.author, "you"), time(message.created_at), state, mark.to_owned()];
    // Only an own message can be changed, and only its id is ever needed.
    let about = if own { [&about[..], &[message.id.to_string()]].concat() } else { about.to_vec() };
    let words = match &message.body {
        MessageBody::Text(text) => wrapped(text, width),
        MessageBody::Retracted => "  (taken back)".to_owned(),
        MessageBody::Unsupported { .. } => "  (a kind of message that this version cannot show)".to_owned(),
    };
    let files =
        message.attachments.iter().map(|file| attachment(&file.name, file.size, file.state.as_str(), &file.id, width));
    let said = with_files(words, files);
    format!("\n{}\n{said}", outdented(&parts(&about, width)))
}

/// Words with the files below them; only the files if there are no words.
pub fn with_files(words: String, files: impl Iterator<Item = String>) -> String {
    Some(words).into_iter().filter(|words| !words.trim().is_empty()).chain(files).collect::<Vec<_>>().join("\n")
}

/// A file of a message, with the id that fetches it.
pub fn attachment(name: &str, size: u64, state: &str, id: &AttachmentId, width: usize) -> String {
    parts(
        &[format!("[{}]", one_line(name, width.saturating_sub(4))), bytes(size), state.to_owned(), id.to_string()],
        width,
    )
}

/// A number of bytes as people count them.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let (mut value, mut unit) = (count as f64 / 1000.0, 0);
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// The first of indented lines begins at the left edge.
pub fn outdented(lines: &str) -> String {
    lines.strip_prefix("  ").unwrap_or(lines).to_owned()
}

/// A row of the outbox.
pub fn outbox_item(item: &OutboxItem, width: usize) -> String {
    let (state, why) = match &item.state {
        OutboxState::Wedged { code, detail } => (format!("wedged: {code}"), one_line(detail, 200)),
        state => (json::outbox_state(state).to_owned(), String::new()),
    };
    let tries = match item.attempts {
        0 => String::new(),
        1 => "1 failed try".to_owned(),
        tries => format!("{tries} failed tries"),
    };
    let mut lines = vec![
        format!("{}  {:<8}  {state}", item.id, item.kind.as_str()),
        parts(&[time(item.created_at), tries], width),
        format!("  conversation {}", item.conversation_id),
    ];
    if let Some(message) = item.message_id {
        lines.push(format!("  message      {message}"));
    }
    if !why.is_empty() {
        lines.push(wrapped(&why, width));
        lines.push("  retry, edit or discard it".to_owned());
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_by_columns_not_by_characters() {
        assert_eq!(one_line("kurz", 10), "kurz");
        assert_eq!(one_line("eins\nzwei\tdrei", 20), "eins zwei drei");
        assert_eq!(one_line("Donaudampfschifffahrtsgesellschaft", 10), "Donaudamp…");
        assert_eq!(one_line("返品をお願いします", 10), "返品をお…");
        assert!(display_width(&one_line("返品をお願いします", 10)) <= 10);
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let text = "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz 返品をお願いします返品をお願いします返品\n\nEnde";
        for width in [20, 60] {
            for line in wrapped(text, width).lines() {
                assert!(display_width(line) <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn nobody_steers_the_terminal() {
        assert_eq!(one_line("a\u{1b}[2Jb", 20), "a▯[2Jb");
        assert!(!wrapped("x\u{9b}31m\r", 40).chars().any(char::is_control));
    }

    #[test]
    fn a_time_says_its_zone() {
        assert_eq!(time(UnixMillis(1_795_253_400_123)), "2026-11-21 09:30 UTC");
        assert_eq!(time(UnixMillis(i64::MAX)), "at an unknown time");
    }

    #[test]
    fn bytes_are_counted_as_people_count_them() {
        for (count, text) in
            [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_999, "1.0 MB"), (100_000_000, "100.0 MB")]
        {
            assert_eq!(bytes(count), text);
        }
        assert!(bytes(u64::MAX).ends_with(" TB"));
    }

    #[test]
    fn parts_break_between_parts() {
        let many = ["2026-11-21 09:30 UTC".to_owned(), String::new(), "Deniz".into(), "read".into()];
        assert_eq!(parts(&many, 60), "  2026-11-21 09:30 UTC · Deniz · read");
        assert_eq!(parts(&many, 24), "  2026-11-21 09:30 UTC\n  Deniz · read");
    }
}
