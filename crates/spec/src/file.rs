//! Inputs that are files.

use std::fmt;
use std::path::PathBuf;

use playlist::Url;

use crate::fault::Fault;
use crate::fields::{Field, Fields};

/// Most files of one input.
const MAX_FILES: usize = 100;

/// Files that are played one after the other: `{ file = "clip.mp4" }`, `{ files = ["a.mp4", "https://example.org/b.ts"], … }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// `file`, or `files`: 1 to 100, in whatever FFmpeg can take apart: MP4, transport streams, …
    pub items: Vec<FileItem>,
    /// `at_end = "loop"`, the default: the first again. `"continue"`: the channel goes on as it does when a source goes away, with its
    /// backup where it has one.
    pub is_looped: bool,
    /// `allow_private`: URLs may lead into private networks or to this machine, default false.
    pub allow_private: bool,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileItem {
    /// Of this machine; relative to the workflow file.
    Path(PathBuf),
    /// Fetched before it is played.
    Url(Url),
}

impl Files {
    /// One file, for ever.
    pub fn looped(path: PathBuf) -> Self {
        Self { items: vec![FileItem::Path(path)], is_looped: true, allow_private: false }
    }

    /// Reads the input whose `file` is `field`; the other settings are in `fields`.
    pub(crate) fn read_one(field: &Field<'_>, fields: &mut Fields<'_>) -> Result<Self, Fault> {
        let item = FileItem::read(field)?;
        Self::read(vec![item], fields)
    }

    /// Reads the input whose `files` is `field`.
    pub(crate) fn read_list(field: Field<'_>, fields: &mut Fields<'_>) -> Result<Self, Fault> {
        let count =
            field.fault(format!("1 to {MAX_FILES} files, such as [\"a.mp4\", \"https://example.org/b.ts\"]"));
        let list = field.list()?;
        if list.is_empty() || list.len() > MAX_FILES {
            return Err(count);
        }
        let items = list.iter().map(FileItem::read).collect::<Result<_, _>>()?;
        Self::read(items, fields)
    }

    fn read(items: Vec<FileItem>, fields: &mut Fields<'_>) -> Result<Self, Fault> {
        let is_looped = match fields.take("at_end") {
            None => true,
            Some(field) => field.choice(&[("loop", true), ("continue", false)])?,
        };
        let allow_private = fields.flag("allow_private")?;
        Ok(Self { items, is_looped, allow_private })
    }
}

impl FileItem {
    fn read(field: &Field<'_>) -> Result<Self, Fault> {
        match field.string()? {
            "" => Err(field.fault("a path or a URL is wanted here")),
            text if text.contains("://") => {
                text.parse().map(Self::Url).map_err(|fault| field.fault(format!("{fault}")))
            }
            path => Ok(Self::Path(path.into())),
        }
    }
}

impl fmt::Display for FileItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Url(url) => url.fmt(f),
        }
    }
}

impl fmt::Display for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.items.as_slice() {
            [only] => write!(f, "file {only}")?,
            [first, rest @ ..] => write!(f, "file {first} and {} more in turn", rest.len())?,
            [] => {}
        }
        f.write_str(if self.is_looped { ", repeated" } else { ", once" })
    }
}

#[cfg(test)]
mod tests {
    use crate::channel::read_input as read;
    use crate::{FileItem, Files, Input};

    #[test]
    fn files_are_paths_and_urls_whose_secrets_nobody_is_shown() {
        assert_eq!(read("{ file = \"a.mp4\" }"), Ok(Input::Files(Files::looped("a.mp4".into()))));
        let input =
            read("{ files = [\"https://u:s3cret@h/a.ts?t=t0ken\", \"b.mp4\"], at_end = \"continue\" }")
                .expect("valid");
        assert_eq!(input.to_string(), "file https://h/a.ts and 1 more in turn, once");
        let Input::Files(files) = &input else { panic!("files") };
        assert!(matches!(files.items[..], [FileItem::Url(_), FileItem::Path(_)]) && !files.is_looped);
        assert!(!format!("{input:?}").contains("s3cret") && !format!("{input:?}").contains("t0ken"));
    }

    #[test]
    fn what_is_no_file_is_refused() {
        assert!(read("{ file = \"\" }").expect_err("empty").contains("a path or a URL"));
        assert!(read("{ files = [] }").expect_err("none").contains("1 to 100 files"));
        assert!(read("{ file = \"ftp://h/a\" }").expect_err("no HTTP").contains("http:// or https://"));
        assert!(read("{ file = \"a\", at_end = \"wait\" }").is_err());
    }
}
