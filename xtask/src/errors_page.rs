//! `docs/errors.md` has one section for each problem code, and no other: a code that a developer meets is explained.
//!
//! The codes are read from the source of the protocol, so that this program can be built before anything else; a test
//! holds that reading against the real list. The codes that never travel stand in a table of the same page.

use std::collections::BTreeSet;

use crate::{links, process};

const PAGE: &str = "docs/errors.md";
const SOURCE: &str = "protocol/src/problem.rs";
/// Where the core names its own codes.
const PHONE: &str = "core/src/error.rs";

/// Compares both lists; tells how many codes there are.
pub fn check() -> Result<String, String> {
    let read = |name: &str| std::fs::read_to_string(process::root().join(name)).map_err(|e| format!("{name}: {e}"));
    let codes = codes(&read(SOURCE)?);
    let page = read(PAGE)?;
    let explained: BTreeSet<String> = links::code_headings(&page).into_iter().collect();
    let mut faults: Vec<String> =
        codes.iter().filter(|code| !explained.contains(*code)).map(|code| format!("{PAGE} lacks `{code}`")).collect();
    let known: BTreeSet<&String> = codes.iter().collect();
    faults.extend(explained.iter().filter(|c| !known.contains(c)).map(|c| format!("{PAGE} explains unknown `{c}`")));
    let in_tables = links::first_column(&page);
    let own = phone_codes(&read(PHONE)?);
    faults.extend(own.iter().filter(|code| !in_tables.contains(*code)).map(|code| format!("{PAGE} lacks `{code}`")));
    if codes.is_empty() || own.is_empty() {
        faults.push(format!("{SOURCE} or {PHONE} holds no codes in the form that is expected"));
    }
    let number = codes.len() + own.len();
    if faults.is_empty() { Ok(format!("{number} error codes explained")) } else { Err(faults.join("\n")) }
}

/// The wire forms, from lines like `IdReused = 409 "id-reused" "…";`.
fn codes(source: &str) -> Vec<String> {
    let lines = source.lines().map(str::trim).filter(|line| line.ends_with("\";") && !line.starts_with('/'));
    lines
        .filter_map(|line| {
            let (_, value) = line.split_once(" = ")?;
            let (status, rest) = value.split_once(" \"")?;
            status.parse::<u16>().ok()?;
            Some(rest.split_once('"')?.0.to_owned())
        })
        .collect()
}

/// The core's own, from lines like `Self::TooLate => "too-late",`.
fn phone_codes(source: &str) -> Vec<String> {
    let lines = source.lines().map(str::trim).filter(|line| line.starts_with("Self::"));
    lines.filter_map(|line| Some(line.split_once(" => \"")?.1.strip_suffix("\",")?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_in_the_source_are_the_codes_of_the_protocol() {
        let source = std::fs::read_to_string(process::root().join(SOURCE)).unwrap();
        let real: Vec<&str> = beistand_protocol::Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(codes(&source), real);
    }
}
