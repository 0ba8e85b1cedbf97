//! Purpose: the files of one folder, out of an image's layers. Pure, but for reading what it is given.
//!
//! By the OCI image specification 1.1, "Image Layer Filesystem Changeset": layers are tar archives, each changes what the ones below it
//! made. Read from the top, the first that says anything of a path is right: a file there hides what is below, `.wh.name` says that `name`
//! is gone, `.wh..wh..opq` that all is gone that a folder had. Nothing is unpacked: what is not wanted is passed over, and no name leads
//! anywhere.

use std::{
    collections::{BTreeMap, HashSet},
    io::{self, Read},
};
use tar::{Archive, EntryType};

/// The largest file that is taken, in bytes.
const LARGEST_FILE: u64 = 4 * 1024 * 1024;
/// So many bytes of files are taken in all.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// So many files are taken.
const MOST_FILES: usize = 20_000;
/// So many bytes a layer may have when it is unpacked: more is no image that anybody runs.
const LARGEST_LAYER: u64 = 16 * 1024 * 1024 * 1024;

/// A file of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFile {
    /// Its path below the folder that was asked for.
    pub path: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Why a layer is not read to its end.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It is not what it should be, or has what cannot be taken; a sentence without its end.
    Wrong(String),
    /// It did not come whole.
    Cut(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Cut(error)
    }
}

/// Which files are taken, by their paths below the folder.
pub type Wanted = fn(&str) -> bool;

/// The files of a folder, as far as the layers that were read say; from the top layer down.
#[derive(Debug)]
pub(crate) struct Folder {
    /// The folder's path, in pieces.
    path: Vec<String>,
    wanted: Wanted,
    files: BTreeMap<String, Vec<u8>>,
    bytes: u64,
    /// Paths of which a layer further up has said what is there.
    decided: HashSet<Vec<String>>,
    /// Folders of which a layer further up has said that nothing below is left.
    opaque: HashSet<Vec<String>>,
    seen: bool,
}

impl Folder {
    /// The folder at an absolute path of the image.
    pub(crate) fn new(path: &str, wanted: Wanted) -> Self {
        Self {
            path: pieces(path.as_bytes()).unwrap_or_default(),
            wanted,
            files: BTreeMap::new(),
            bytes: 0,
            decided: HashSet::new(),
            opaque: HashSet::new(),
            seen: false,
        }
    }

    /// Reads the next layer below, unpacked.
    pub(crate) fn layer(&mut self, from: impl Read) -> Result<(), Trouble> {
        let mut archive = Archive::new(from.take(LARGEST_LAYER));
        // What a layer says goes for the layers below it, not for itself.
        let (mut decided, mut opaque) = (Vec::new(), Vec::new());
        for entry in archive.entries()? {
            let mut entry = entry?;
            let kind = entry.header().entry_type();
            if matches!(kind, EntryType::XGlobalHeader) {
                continue;
            }
            let Some(path) = pieces(&entry.path_bytes()) else {
                continue;
            };
            let Some((name, parent)) = path.split_last() else {
                continue;
            };
            if name == ".wh..wh..opq" {
                opaque.push(parent.to_vec());
                continue;
            }
            if let Some(gone) = name.strip_prefix(".wh.") {
                decided.push([parent, &[gone.to_owned()]].concat());
                continue;
            }
            if self.path.starts_with(&path) {
                // The folder, or one above it.
                match kind {
                    EntryType::Directory => self.seen |= path == self.path,
                    EntryType::Symlink if !self.hidden(&path) => {
                        let to = entry.link_name_bytes().unwrap_or_default();
                        return Err(Trouble::Wrong(format!(
                            "`/{}` is a symbolic link there, to `{}`; name the folder it leads to",
                            path.join("/"),
                            String::from_utf8_lossy(&to)
                        )));
                    }
                    _ => decided.push(path),
                }
                continue;
            }
            let Some(inner) = path.strip_prefix(self.path.as_slice()) else {
                continue;
            };
            if kind == EntryType::Directory {
                self.seen = true;
                continue;
            }
            let inner = inner.join("/");
            if (self.wanted)(&inner) && !self.hidden(&path) {
                if !kind.is_file() {
                    return Err(Trouble::Wrong(format!(
                        "`/{}` is a link there, and only files are read",
                        path.join("/")
                    )));
                }
                let size = entry.size();
                self.take(inner, size, &mut entry)?;
            }
            decided.push(path);
        }
        // Behind the archive's end there can be more, which belongs to what the digest is of.
        io::copy(&mut archive.into_inner(), &mut io::sink())?;
        self.decided.extend(decided);
        self.opaque.extend(opaque);
        Ok(())
    }

    fn take(&mut self, path: String, size: u64, from: &mut impl Read) -> Result<(), Trouble> {
        self.bytes = self.bytes.saturating_add(size);
        if size > LARGEST_FILE || self.bytes > MOST_BYTES || self.files.len() >= MOST_FILES {
            return Err(Trouble::Wrong(format!(
                "`{path}` is too much: at most {MOST_FILES} files, of {} MiB each and {} MiB in all, are read",
                LARGEST_FILE >> 20,
                MOST_BYTES >> 20
            )));
        }
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes)?;
        self.seen = true;
        self.files.insert(path, bytes);
        Ok(())
    }

    /// Whether a layer further up has said what is at a path.
    fn hidden(&self, path: &[String]) -> bool {
        (1..=path.len()).any(|end| self.decided.contains(&path[..end]))
            || (0..path.len()).any(|end| self.opaque.contains(&path[..end]))
    }

    /// What was found; nothing when no layer has the folder.
    pub(crate) fn files(self) -> Option<Vec<ImageFile>> {
        let files = self.files.into_iter();
        self.seen
            .then(|| files.map(|(path, bytes)| ImageFile { path, bytes }).collect())
    }
}

/// A path in pieces: without `.` and a first `/`; none that leads upwards or is no text.
fn pieces(path: &[u8]) -> Option<Vec<String>> {
    let path = std::str::from_utf8(path).ok()?;
    let pieces = path.split('/').filter(|piece| !piece.is_empty() && *piece != ".");
    pieces
        .map(|piece| (piece != "..").then(|| piece.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    enum Is<'a> {
        File(&'a str),
        Folder,
        Link(&'a str),
    }

    fn layer(entries: &[(&str, Is)]) -> Vec<u8> {
        let mut archive = tar::Builder::new(Vec::new());
        for (path, is) in entries {
            let mut header = tar::Header::new_ustar();
            header.set_mode(0o644);
            // Names that no tool would write, too.
            let name = path.as_bytes();
            header.as_mut_bytes()[..name.len()].copy_from_slice(name);
            let text = match is {
                Is::File(text) => {
                    header.set_entry_type(EntryType::Regular);
                    *text
                }
                Is::Folder => {
                    header.set_entry_type(EntryType::Directory);
                    ""
                }
                Is::Link(to) => {
                    header.set_entry_type(EntryType::Symlink);
                    header.set_link_name(to).unwrap();
                    ""
                }
            };
            header.set_size(text.len() as u64);
            header.set_cksum();
            archive.append(&header, text.as_bytes()).unwrap();
        }
        archive.into_inner().unwrap()
    }

    /// The layers as an image lists them, the lowest first.
    fn read(layers: &[Vec<u8>]) -> Result<Option<Vec<(String, String)>>, String> {
        let mut folder = Folder::new("/app/db/", |name| name.ends_with(".sql"));
        for layer in layers.iter().rev() {
            folder.layer(layer.as_slice()).map_err(|trouble| match trouble {
                Trouble::Wrong(why) => why,
                Trouble::Cut(error) => error.to_string(),
            })?;
        }
        Ok(folder.files().map(|files| {
            let text = |file: ImageFile| (file.path, String::from_utf8(file.bytes).unwrap());
            files.into_iter().map(text).collect()
        }))
    }

    fn is(files: &[(&str, &str)]) -> Result<Option<Vec<(String, String)>>, String> {
        let files = files.iter().map(|(path, text)| ((*path).into(), (*text).into()));
        Ok(Some(files.collect()))
    }

    #[test]
    fn the_top_layer_is_right() {
        let below = layer(&[
            ("app/db/1.sql", Is::File("one")),
            ("app/db/2.sql", Is::File("two")),
            ("app/db/README", Is::File("no")),
            ("app/db/old/3.sql", Is::File("three")),
            ("etc/1.sql", Is::File("no")),
        ]);
        assert_eq!(
            read(std::slice::from_ref(&below)),
            is(&[("1.sql", "one"), ("2.sql", "two"), ("old/3.sql", "three")])
        );
        let changed = layer(&[
            ("./app/db/2.sql", Is::File("TWO")),
            ("/app/db/.wh.old", Is::File("")),
        ]);
        assert_eq!(
            read(&[below.clone(), changed]),
            is(&[("1.sql", "one"), ("2.sql", "TWO")])
        );
        // A whiteout does not go for its own layer.
        let anew = layer(&[
            ("app/db/4.sql", Is::File("four")),
            ("app/db/.wh..wh..opq", Is::File("")),
        ]);
        assert_eq!(read(&[below.clone(), anew]), is(&[("4.sql", "four")]));
        let gone = layer(&[(".wh.app", Is::File(""))]);
        assert_eq!(read(&[below.clone(), gone]), Ok(None));
        let empty = layer(&[(".wh.app", Is::File("")), ("app/db", Is::Folder)]);
        assert_eq!(read(&[below.clone(), empty]), is(&[]));
        // What was a folder is a file now.
        let file = layer(&[("app/db", Is::File("x"))]);
        assert_eq!(read(&[below, file]), Ok(None));
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        let link = layer(&[("app/db", Is::Link("/srv/db"))]);
        let why = read(&[link]).unwrap_err();
        assert!(
            why.contains("`/app/db` is a symbolic link there, to `/srv/db`"),
            "{why}"
        );
        let link = layer(&[("app/db/1.sql", Is::Link("/etc/passwd"))]);
        assert!(read(&[link]).unwrap_err().contains("only files are read"));
        let up = layer(&[
            ("app/db/../../etc/x.sql", Is::File("no")),
            ("app/db/1.sql", Is::File("one")),
        ]);
        assert_eq!(read(&[up]), is(&[("1.sql", "one")]));
    }

    #[test]
    fn too_much_and_too_little_is_refused() {
        let mut header = tar::Header::new_ustar();
        header.set_path("app/db/1.sql").unwrap();
        header.set_size(LARGEST_FILE + 1);
        header.set_cksum();
        let why = read(&[header.as_bytes().to_vec()]).unwrap_err();
        assert!(why.contains("too much"), "{why}");
        let whole = layer(&[("app/db/1.sql", Is::File("one"))]);
        assert!(read(&[whole[..600].to_vec()]).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
            let _ = read(&[bytes]);
        }
    }
}
