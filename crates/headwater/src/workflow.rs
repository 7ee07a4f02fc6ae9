//! Finds and reads the workflow file.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use spec::{Certificate, FileItem, Input, Slate, Workflow};

/// Far above any real workflow; keeps a mistaken path to a video from being read whole.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// A workflow, its text, and where it came from.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The valid values.
    pub(crate) workflow: Workflow,
    /// The text they were read from, which role processes read again.
    pub(crate) text: String,
    /// What the paths in it are relative to.
    pub(crate) folder: PathBuf,
    /// For messages: the file's path, or `demo`.
    pub(crate) origin: String,
}

/// Reads `path`. The files it names become absolute, relative to `folder`, or else to the workflow file's own.
pub(crate) fn from_file(path: &Path, folder: Option<&Path>) -> anyhow::Result<Loaded> {
    let shown = path.display();
    let size = fs::metadata(path).with_context(|| format!("workflow file `{shown}`"))?.len();
    if size > MAX_FILE_BYTES {
        bail!("workflow file `{shown}` has {size} bytes; a workflow is TOML of at most {MAX_FILE_BYTES}");
    }
    let text = fs::read_to_string(path).with_context(|| format!("workflow file `{shown}`"))?;
    let mut workflow = Workflow::parse(&text).map_err(|fault| anyhow::anyhow!("{shown}: {fault}"))?;
    let own_folder = || path.canonicalize().ok().and_then(|path| path.parent().map(PathBuf::from));
    let folder = folder.map(PathBuf::from).or_else(own_folder).unwrap_or_default();
    for channel in &mut workflow.channels {
        let backup = channel.backup.as_mut().map(|backup| &mut backup.input);
        for input in std::iter::once(&mut channel.input).chain(backup) {
            let Input::Files(files) = input else { continue };
            for item in &mut files.items {
                if let FileItem::Path(path) = item {
                    *path = folder.join(&*path);
                }
            }
        }
        if let Slate::File(file) = &mut channel.fill.slate {
            *file = folder.join(&*file);
        }
    }
    if let Some(file) = &mut workflow.edge.origin_ca {
        *file = folder.join(&*file);
    }
    if let Some(disk) = &mut workflow.edge.disk {
        disk.path = folder.join(&disk.path);
    }
    for key in workflow.edge.access.iter_mut().flat_map(|access| &mut access.keys) {
        *key.file.path_mut() = folder.join(key.file.path());
    }
    if let Some((_, file)) = workflow.control.mail.as_mut().and_then(|mail| mail.login.as_mut()) {
        *file = folder.join(&*file);
    }
    match &mut workflow.edge.tls.certificate {
        Certificate::Files { certificate, key } => {
            *certificate = folder.join(&*certificate);
            *key = folder.join(&*key);
        }
        Certificate::Acme(acme) => {
            acme.directory_ca = acme.directory_ca.as_ref().map(|file| folder.join(file))
        }
        Certificate::SelfMade => {}
    }
    Ok(Loaded { workflow, text, folder, origin: shown.to_string() })
}
