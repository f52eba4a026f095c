//! `cargo xtask size`: how much the library adds to an app, for each flavour. The tables of the documentation are written
//! by it.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use super::{LINKED, kit, link, look_at};
use crate::{parts::Fault, process};

/// What is built into apps; the root `Cargo.toml` says how it is optimised.
const PROFILE: &str = "mobile";

/// The pages with the table.
const PAGES: [&str; 2] = ["docs/size.md", "README.md"];

/// What stands around the table.
const BEGIN: &str = "<!-- size: begin -->\n";
const END: &str = "<!-- size: end -->";

/// The flavours, what cargo is told for them, and what they aim at: stripped and compressed, in bytes.
const FLAVOURS: [(&str, &[&str], u64, u64); 2] =
    [("chat", &[], 4_000_000, 1_800_000), ("calls", &["--features", "beistand-ffi/calls"], 8_000_000, 3_800_000)];

/// Builds both flavours, and writes the table.
pub fn measure() -> Result<(), String> {
    let mut table = String::from("| flavour | stripped | compressed | aim |\n|---|---|---|---|\n");
    for (flavour, features, most, most_compressed) in FLAVOURS {
        let begun = Instant::now();
        let library = link(PROFILE, features).map_err(Fault::said)?;
        let exports = look_at(&library).map_err(Fault::said)?;
        let stripped = library.with_file_name(format!("libbeistand_ffi-{flavour}.so"));
        process::run(Command::new(kit::LLVM_STRIP).arg("--strip-all").arg("-o").arg(&stripped).arg(&library))?;
        let size = fs::metadata(&stripped).map_err(|error| format!("{}: {error}", stripped.display()))?.len();
        let packed = compressed(&stripped)?;
        println!("{flavour}: {size} bytes, {packed} compressed, {exports} exports, {} s", begun.elapsed().as_secs());
        let missed = if size <= most && packed <= most_compressed { "" } else { " (missed)" };
        let (size, packed) = (megabytes(size), megabytes(packed));
        let (most, most_compressed) = (megabytes(most), megabytes(most_compressed));
        table += &format!("| {flavour} | {size} | {packed} | {most} / {most_compressed}{missed} |\n");
    }
    println!("{LINKED}, profile {PROFILE}:\n{table}");
    for page in PAGES {
        let path = process::root().join(page);
        let text = fs::read_to_string(&path).map_err(|error| format!("{page}: {error}"))?;
        let text = put(&text, &table).ok_or_else(|| format!("{page} has no place for the table"))?;
        fs::write(&path, text).map_err(|error| format!("{page}: {error}"))?;
    }
    Ok(())
}

/// As the store sends it and the app package holds it: deflate.
fn compressed(library: &Path) -> Result<u64, String> {
    let mut gzip = Command::new("gzip");
    let out = gzip.args(["-9", "-c"]).arg(library).stdin(Stdio::null()).output();
    let out = out.map_err(|error| format!("gzip does not start: {error}"))?;
    if out.status.success() { Ok(out.stdout.len() as u64) } else { Err("gzip has failed".into()) }
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{:02} MB", bytes / 1_000_000, bytes % 1_000_000 / 10_000)
}

/// The text with this table between the marks.
fn put(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{table}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_takes_the_place_of_the_one_before() {
        let once = put("a\n<!-- size: begin -->\nold\n<!-- size: end -->\nb\n", "new\n").unwrap();
        assert_eq!(once, "a\n<!-- size: begin -->\n\nnew\n\n<!-- size: end -->\nb\n");
        assert_eq!(put(&once, "new\n").unwrap(), once);
    }

    #[test]
    fn megabytes_are_decimal() {
        assert_eq!(megabytes(3_456_789), "3.45 MB");
    }
}
