//! The master key's file: what seals secrets lies beside the store, not in it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use identity::seal::MasterKey;

use crate::random;

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyFault {
    /// The file or its folder cannot be handled.
    #[error("cannot {what} `{}`", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// How that failed.
        #[source]
        source: io::Error,
    },
    /// Others can read it.
    #[error("`{}` can be read by others: chmod 600 it, and make new access keys if anybody may have", .0.display())]
    Exposed(PathBuf),
    /// It holds something else.
    #[error("`{}` is no master key: 64 lower-case hexadecimal digits; restore it from where you keep it", .0.display())]
    Unreadable(PathBuf),
}

/// Where it lies.
pub(crate) fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("control").join("master.key")
}

/// The key that is there; `None` where there is no file.
pub(crate) fn read(data_dir: &Path) -> Result<Option<MasterKey>, MasterKeyFault> {
    let path = path(data_dir);
    let fault = |what| {
        let path = path.clone();
        move |source| MasterKeyFault::File { what, path, source }
    };
    let mut file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(fault("open"))?,
    };
    let mode = file.metadata().map_err(fault("look at"))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(MasterKeyFault::Exposed(path));
    }
    let mut text = Vec::new();
    (&mut file).take(1_024).read_to_end(&mut text).map_err(fault("read"))?;
    MasterKey::parse(&text).map(Some).map_err(|_| MasterKeyFault::Unreadable(path))
}

/// Makes a key where there is none. It is on disk when this returns; of two that start at once, both get the same.
pub(crate) fn read_or_make(data_dir: &Path) -> Result<MasterKey, MasterKeyFault> {
    if let Some(key) = read(data_dir)? {
        return Ok(key);
    }
    let path = path(data_dir);
    match write(&path, &MasterKey::from_random(random::bytes())) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(source) => return Err(MasterKeyFault::File { what: "write", path, source }),
    }
    read(data_dir)?.ok_or(MasterKeyFault::Unreadable(path))
}

/// On disk under another name first, then linked to its own: whoever finds the file finds all of it.
fn write(path: &Path, key: &MasterKey) -> io::Result<()> {
    let folder = path.parent().expect("it lies in a folder");
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    let draft = folder.join(format!(".master.key.{}", random::request_id()));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(key.to_text().expose().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::hard_link(&draft, path)
    })();
    let _ = fs::remove_file(&draft);
    written?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_for_its_owner_alone_and_refused_when_others_can_read_it() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(read(folder.path()).expect("no file").is_none());
        let made = read_or_make(folder.path()).expect("made");
        let again = read_or_make(folder.path()).expect("read");
        assert_eq!(made.to_text(), again.to_text());
        let path = path(folder.path());
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().expect("a folder"))), (0o600, 0o700));
        assert_eq!(fs::read_dir(path.parent().expect("a folder")).expect("read").count(), 1);

        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("set");
        assert!(matches!(read_or_make(folder.path()), Err(MasterKeyFault::Exposed(_))));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("set");
        fs::write(&path, "secret").expect("written");
        assert!(matches!(read_or_make(folder.path()), Err(MasterKeyFault::Unreadable(_))));
    }
}
