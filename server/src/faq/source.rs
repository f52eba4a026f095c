//! Where the files of an import come from: a folder of the disk, or one that is compiled in. Nothing outside the root is
//! read: a path is made of plain names, and a symbolic link on the way is refused.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use include_dir::Dir;

use super::fault::Fault;

/// What a folder holds.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Whether it is a folder.
    pub is_folder: bool,
}

/// Files of an import. Paths are relative to the root, with `/` between names; the root is the empty path.
pub trait Source {
    /// What stands in a folder, by name; names that begin with a dot are left out.
    fn list(&self, path: &str) -> Result<Vec<Entry>, Fault>;
    /// The bytes of a file; `None` if there is none. One of more than `most` bytes is a fault.
    fn read(&self, path: &str, most: u64) -> Result<Option<Vec<u8>>, Fault>;
}

fn too_large(path: &str, most: u64) -> Fault {
    Fault::new(path, format!("larger than {most} bytes"))
}

/// A folder of the disk.
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The folder below which everything lies.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The place of a path, if every step of it below the root is what it seems to be.
    fn place(&self, path: &str) -> Result<Option<PathBuf>, Fault> {
        let mut place = self.root.clone();
        for name in path.split('/').filter(|name| !name.is_empty()) {
            // Callers have taken `..` out of it; what is left of such a kind must not leave the root.
            if matches!(Path::new(name).components().next(), Some(std::path::Component::Normal(plain)) if plain == name)
            {
                place.push(name);
            } else {
                return Err(Fault::new(path, "not a path inside the folder"));
            }
            match fs::symlink_metadata(&place) {
                Ok(found) if found.is_symlink() => {
                    return Err(Fault::new(path, "a symbolic link: these are not followed"));
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(Fault::new(path, error.to_string())),
            }
        }
        Ok(Some(place))
    }
}

impl Source for Folder {
    fn list(&self, path: &str) -> Result<Vec<Entry>, Fault> {
        let unreadable = |error: io::Error| Fault::new(if path.is_empty() { "." } else { path }, error.to_string());
        let place = self.place(path)?.unwrap_or_else(|| self.root.join(path));
        let mut entries = Vec::new();
        for found in fs::read_dir(place).map_err(unreadable)? {
            let found = found.map_err(unreadable)?;
            let name = found.file_name();
            let Some(name) = name.to_str() else {
                return Err(Fault::new(&join(path, &name.to_string_lossy()), "the name is not UTF-8"));
            };
            if name.starts_with('.') {
                continue;
            }
            let kind = found.file_type().map_err(unreadable)?;
            // What a link leads to is looked at only to say the right thing about it.
            let is_folder = kind.is_dir() || (kind.is_symlink() && found.path().is_dir());
            entries.push(Entry { name: name.to_owned(), is_folder });
        }
        entries.sort();
        Ok(entries)
    }

    fn read(&self, path: &str, most: u64) -> Result<Option<Vec<u8>>, Fault> {
        let Some(place) = self.place(path)? else { return Ok(None) };
        let unreadable = |error: io::Error| Fault::new(path, error.to_string());
        // A named pipe would be waited for.
        if !fs::metadata(&place).map_err(unreadable)?.is_file() {
            return Err(Fault::new(path, "not a file"));
        }
        let mut bytes = Vec::new();
        fs::File::open(place).map_err(unreadable)?.take(most + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > most { Err(too_large(path, most)) } else { Ok(Some(bytes)) }
    }
}

/// A folder that is compiled in.
pub struct Embedded(pub &'static Dir<'static>);

impl Source for Embedded {
    fn list(&self, path: &str) -> Result<Vec<Entry>, Fault> {
        let folder = if path.is_empty() { Some(self.0) } else { self.0.get_dir(path) };
        let entries = folder.map(Dir::entries).unwrap_or_default().iter().filter_map(|entry| {
            let name = entry.path().file_name()?.to_str()?;
            (!name.starts_with('.')).then(|| Entry { name: name.to_owned(), is_folder: entry.as_dir().is_some() })
        });
        let mut entries: Vec<_> = entries.collect();
        entries.sort();
        Ok(entries)
    }

    fn read(&self, path: &str, most: u64) -> Result<Option<Vec<u8>>, Fault> {
        match self.0.get_file(path).map(include_dir::File::contents) {
            Some(bytes) if bytes.len() as u64 > most => Err(too_large(path, most)),
            bytes => Ok(bytes.map(<[u8]>::to_vec)),
        }
    }
}

/// A path below another.
pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The path that a relative one means, seen from a folder; `None` if it leaves the root.
pub(super) fn resolve(folder: &str, relative: &str) -> Option<String> {
    let mut names: Vec<&str> = folder.split('/').filter(|name| !name.is_empty()).collect();
    for name in relative.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop()?;
            }
            name => names.push(name),
        }
    }
    Some(names.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_stays_below_the_root_or_is_none() {
        assert_eq!(resolve("de/returns", "../../images/a.png").as_deref(), Some("images/a.png"));
        assert_eq!(resolve("de", "./x.md").as_deref(), Some("de/x.md"));
        assert_eq!(resolve("de", "../../etc/passwd"), None);
        assert_eq!(resolve("", ".."), None);
    }
}
