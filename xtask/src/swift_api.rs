//! The public names of the Swift package as text in the repository, so that a change of them shows in a diff. Read from the
//! sources, which `swift format` keeps in one shape: everything that says `public`, and the members of public enums and
//! protocols, which are public without saying so.

use std::{fs, path::Path};

/// The targets that an app sees.
const TARGETS: [&str; 3] = ["BeistandAPI", "Beistand", "BeistandTesting"];

/// What opens a type whose members are public by themselves.
const OPEN: [&str; 3] = ["public enum ", "public indirect enum ", "public protocol "];

/// What such a member begins with.
const MEMBERS: [&str; 5] = ["case ", "func ", "var ", "init(", "static func "];

/// The names of the package in a folder, in the order of files and lines.
pub fn names(package: &Path) -> Result<String, String> {
    let mut names = String::new();
    for target in TARGETS {
        let folder = package.join("Sources").join(target);
        let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        files.sort();
        for file in files.iter().filter(|file| file.extension().is_some_and(|end| end == "swift")) {
            let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
            let found = of(&text);
            if !found.is_empty() {
                names.push_str(&format!("# {target}\n{}\n", found.join("\n")));
            }
        }
    }
    Ok(names)
}

/// The names of one file.
fn of(text: &str) -> Vec<String> {
    let (mut found, mut owner, mut lines) = (Vec::new(), None, text.lines());
    while let Some(line) = lines.next() {
        let word = line.trim_start();
        let depth = line.len() - word.len();
        if let Some(open) = owner {
            if depth == open && word.starts_with('}') {
                owner = None;
            } else if depth == open + 4 && MEMBERS.iter().any(|member| word.starts_with(member)) {
                found.push(format!("    {}", whole(word, &mut lines)));
                continue;
            }
        }
        if word.starts_with("public ") {
            let said = whole(word, &mut lines);
            if OPEN.iter().any(|open| word.starts_with(open)) && said.ends_with('{') {
                owner = Some(depth);
            }
            found.push(format!("{}{}", " ".repeat(depth), said.trim_end_matches('{').trim_end()));
        }
    }
    found
}

/// A declaration that may go over several lines, without its body.
fn whole<'a>(first: &str, rest: &mut impl Iterator<Item = &'a str>) -> String {
    let mut said = first.to_owned();
    let open = |text: &str| text.matches(['(', '[']).count() > text.matches([')', ']']).count();
    while open(&said) {
        let Some(next) = rest.next() else { break };
        said.push(' ');
        said.push_str(next.trim());
    }
    match said.split_once(" { ") {
        Some((declared, body)) if !body.trim_start().starts_with("get") => declared.to_owned(),
        _ => said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_app_sees_is_found_and_nothing_else() {
        let text = "public enum A: Sendable {\n    case one\n    func of(\n        x: Int\n    )\n}\nstruct B {\n    var y: Int\n}\n\
                    extension A {\n    public var z: Int { 1 }\n    var hidden: Int { 2 }\n}\n";
        assert_eq!(
            of(text),
            ["public enum A: Sendable", "    case one", "    func of( x: Int )", "    public var z: Int"]
        );
    }
}
