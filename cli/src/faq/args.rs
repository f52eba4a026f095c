//! The command line of `beistand faq`, and of the options that tell every command about the FAQ.

use std::path::{Path, PathBuf};

use base64::Engine;
use beistand_core::FaqSeed;
use beistand_core::protocol::faq::{ArticleId, CollectionId, Locale};
use clap::{ArgGroup, Args, Subcommand, value_parser};

use crate::{eval::Eval, exit::Failure};

/// What is done with the FAQ.
#[derive(Args, Debug)]
pub struct FaqArguments {
    #[command(subcommand)]
    pub command: FaqCommand,
}

/// The language to read.
#[derive(Args, Debug)]
pub struct Tongue {
    /// Language tag, such as de-AT [default: that of LC_ALL, LC_MESSAGES or LANG]
    #[arg(long, value_name = "TAG")]
    pub locale: Option<Locale>,
}

/// What is done with the FAQ.
#[derive(Subcommand, Debug)]
pub enum FaqCommand {
    /// Find articles, best first
    Search {
        /// What is looked for; - reads standard input
        #[arg(allow_hyphen_values = true)]
        query: String,
        #[command(flatten)]
        tongue: Tongue,
        /// The most articles, 1 to 200
        #[arg(long, value_name = "NUMBER", default_value_t = 5, value_parser = value_parser!(u8).range(1..=200))]
        limit: u8,
        /// Take the last word as one that is still being typed
        #[arg(long)]
        typing: bool,
    },
    /// Read an article
    Show {
        /// Its id, as `search` and `list` tell it
        article: ArticleId,
        #[command(flatten)]
        tongue: Tongue,
    },
    /// Find at most three articles that may answer a message; none if nothing is near
    Suggest {
        /// The message; - reads standard input
        #[arg(allow_hyphen_values = true)]
        text: String,
        #[command(flatten)]
        tongue: Tongue,
    },
    /// List the collections, or the articles of one
    List {
        /// Id of a collection
        collection: Option<CollectionId>,
        #[command(flatten)]
        tongue: Tongue,
    },
    /// Tell the editors whether an article helped, offline too
    Rate(Rate),
    /// Fetch what is new from the server
    Refresh {
        #[command(flatten)]
        tongue: Tongue,
    },
    /// Measure how good the search is, on questions whose answers are known
    Eval(Eval),
}

/// What a person thinks of an article.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("verdict").required(true).args(["helpful", "not_helpful"]))]
pub struct Rate {
    /// Its id
    pub article: ArticleId,
    /// It answered the question
    #[arg(long)]
    pub helpful: bool,
    /// It did not
    #[arg(long)]
    pub not_helpful: bool,
    /// What is missing or wrong; - reads standard input
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub comment: Option<String>,
    #[command(flatten)]
    pub tongue: Tongue,
}

/// The public key that publications must be signed with, as `beistand-server faq key` prints it.
///
/// # Errors
/// A sentence if it is not 32 bytes in Base64.
pub fn key(text: &str) -> Result<[u8; 32], String> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(text.trim()).ok();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| "a key is 32 bytes in Base64, see `beistand-server faq key`".to_owned())
}

/// A publication that the command line names.
///
/// # Errors
/// `Usage` if there is no such file: whoever names one relies on it.
pub fn seed(file: &Path) -> Result<FaqSeed, Failure> {
    match std::fs::File::open(file).and_then(|file| file.metadata()) {
        Ok(about) if about.is_file() => Ok(FaqSeed::path(PathBuf::from(file))),
        _ => Err(Failure::usage(
            "faq-seed",
            format!("{} cannot be read. Nothing was done; see --faq-seed.", file.display()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_32_bytes_in_base64() {
        let text = base64::engine::general_purpose::STANDARD.encode([7; 32]);
        assert_eq!(key(&format!("{text}\n")).unwrap(), [7; 32]);
        for wrong in ["", "AAAA", "no key at all", &text[..43]] {
            assert!(key(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_seed_that_is_not_there_is_bad_usage() {
        let folder = tempfile::tempdir().unwrap();
        assert!(seed(folder.path()).is_err());
        assert_eq!(seed(&folder.path().join("de.faq")).unwrap_err().code, "faq-seed");
    }
}
