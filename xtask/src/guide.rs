//! The code of the guide, taken out so that the language packages compile it: a block that does not compile is a fault
//! of the tests, not of whoever copied it.
//!
//! A block is a file of its own. Its imports come first. One that declares something at its left margin stands as it is;
//! any other is the body of a function that has a client and a conversation at hand, as the text around it has. What
//! needs a screen's framework goes into a folder of its own, since not every machine has that.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::process;

/// A language of the guide.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language {
    /// `kotlin`.
    Kotlin,
    /// `swift`.
    Swift,
}

/// A file made of a block, and the kind of project that can compile it.
#[derive(PartialEq, Eq, Debug)]
struct Made {
    needs: Needs,
    name: String,
    text: String,
}

/// What a block needs besides the client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Needs {
    /// Nothing.
    Nothing,
    /// The fake and a test framework.
    Tests,
    /// Android, or a framework of Apple's.
    Platform,
}

impl Needs {
    fn folder(self) -> &'static str {
        match self {
            Self::Nothing => "main",
            Self::Tests => "test",
            Self::Platform => "platform",
        }
    }
}

/// Where code for app developers stands.
const PAGES: [&str; 4] = ["README.md", "docs/guide", "bindings/kotlin/README.md", "bindings/swift/README.md"];

impl Language {
    fn fence(self) -> &'static str {
        match self {
            Self::Kotlin => "kotlin",
            Self::Swift => "swift",
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Kotlin => "kt",
            Self::Swift => "swift",
        }
    }

    fn declares(self, line: &str) -> bool {
        let words: &[&str] = match self {
            Self::Kotlin => &["class ", "fun ", "suspend fun ", "object ", "interface ", "internal ", "private ", "@"],
            Self::Swift => &["struct ", "final class ", "class ", "actor ", "enum ", "func ", "extension ", "@"],
        };
        words.iter().any(|word| line.starts_with(word))
    }

    fn needs(self, imports: &[&str]) -> Needs {
        let any = |names: &[&str]| imports.iter().any(|import| names.iter().any(|name| import.contains(name)));
        match self {
            Self::Kotlin if any(&["import android"]) => Needs::Platform,
            Self::Swift if any(&["SwiftUI", "UIKit"]) => Needs::Platform,
            Self::Kotlin if any(&["dev.beistand.testing", "kotlin.test", "org.junit"]) => Needs::Tests,
            Self::Swift if any(&["BeistandTesting", "import Testing", "XCTest"]) => Needs::Tests,
            _ => Needs::Nothing,
        }
    }

    fn file(self, name: &str, block: &str) -> Made {
        let (imports, rest): (Vec<&str>, Vec<&str>) = block.lines().partition(|line| line.starts_with("import "));
        let needs = self.needs(&imports);
        let body = rest.join("\n");
        let stands = rest.iter().any(|line| self.declares(line));
        let head = match self {
            Self::Kotlin => format!("package guide.{name}\n\nimport dev.beistand.*\n{}\n", imports.join("\n")),
            Self::Swift => format!("import Beistand\nimport Foundation\n{}\n", imports.join("\n")),
        };
        let text = match self {
            _ if stands => format!("{head}\n{}\n", body.trim()),
            Self::Kotlin => {
                let begin = "suspend fun block(support: SupportClient, ticket: Conversation) {";
                format!("{head}\n@Suppress(\"NAME_SHADOWING\", \"UNUSED_VARIABLE\")\n{begin}\n{}\n}}\n", body.trim())
            }
            Self::Swift => {
                let begin =
                    format!("func {name}(support: any SupportClient, ticket: any Conversation) async throws {{");
                format!("{head}\n{begin}\n{}\n}}\n", body.trim())
            }
        };
        Made { needs, name: name.to_owned(), text }
    }
}

/// The blocks of a language in a page, in their order.
fn blocks(page: &str, language: Language) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<Vec<&str>> = None;
    for line in page.lines() {
        match (&mut open, line.trim_end()) {
            (Some(_), "```") => found.extend(open.take().map(|lines| lines.join("\n"))),
            (Some(lines), _) => lines.push(line),
            (None, fence) if fence.strip_prefix("```") == Some(language.fence()) => open = Some(Vec::new()),
            (None, _) => {}
        }
    }
    found
}

/// A word that both languages take as a name.
fn word(path: &Path) -> String {
    let text = path.with_extension("").to_string_lossy().to_lowercase();
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

fn pages() -> Result<Vec<PathBuf>, String> {
    let root = process::root();
    let mut pages = Vec::new();
    for page in PAGES {
        let path = root.join(page);
        if path.is_dir() {
            let entries = fs::read_dir(&path).map_err(|error| format!("{page}: {error}"))?;
            pages.extend(
                entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "md")),
            );
        } else if path.exists() {
            pages.push(path);
        }
    }
    pages.sort();
    Ok(pages)
}

/// Writes every block of a language below `out`: `main` needs the client alone, `test` the fake as well, `platform` what
/// only a phone has. What was there before is removed. Tells how many there are of each.
pub fn write(language: Language, out: &Path) -> Result<[usize; 3], String> {
    let failed = |error: std::io::Error| format!("{}: {error}", out.display());
    let all = [Needs::Nothing, Needs::Tests, Needs::Platform];
    for needs in all {
        let folder = out.join(needs.folder());
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(failed)?;
        }
        fs::create_dir_all(&folder).map_err(failed)?;
    }
    let mut counts = [0; 3];
    for page in pages()? {
        let text = fs::read_to_string(&page).map_err(|error| format!("{}: {error}", page.display()))?;
        let name = word(page.strip_prefix(process::root()).unwrap_or(&page));
        for (number, block) in blocks(&text, language).iter().enumerate() {
            let made = language.file(&format!("{name}_{number}"), block);
            let place = all.iter().position(|needs| *needs == made.needs).unwrap_or_default();
            counts[place] += 1;
            let file = out.join(made.needs.folder()).join(format!("{}.{}", made.name, language.extension()));
            fs::write(file, made.text).map_err(failed)?;
        }
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "text\n```kotlin\nimport a.b\nsupport.wake()\n```\n\n```sh\nno\n```\n```kotlin\nclass A\n```\n";

    #[test]
    fn blocks_of_one_language_are_found() {
        assert_eq!(blocks(PAGE, Language::Kotlin), ["import a.b\nsupport.wake()", "class A"]);
        assert!(blocks(PAGE, Language::Swift).is_empty());
    }

    #[test]
    fn statements_become_the_body_of_a_function_and_declarations_stand() {
        let body = Language::Kotlin.file("x", "import a.b\nsupport.wake()").text;
        assert!(body.contains("import a.b\n\n") && body.contains("suspend fun block"), "{body}");
        assert!(!Language::Kotlin.file("x", "class A").text.contains("fun block"));
        assert!(Language::Swift.file("x", "support.wake()").text.contains("func x(support"));
    }

    #[test]
    fn what_a_block_needs_is_seen_from_its_imports() {
        assert_eq!(Language::Kotlin.file("x", "import android.app.Application").needs, Needs::Platform);
        assert_eq!(Language::Kotlin.file("x", "import dev.beistand.testing.FakeSupport").needs, Needs::Tests);
        assert_eq!(Language::Swift.file("x", "import SwiftUI").needs, Needs::Platform);
    }
}
