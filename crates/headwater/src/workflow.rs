//! Finds and reads the workflow file.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use spec::{Input, Workflow};

/// Far above any real workflow; keeps a mistaken path to a video from being read whole.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// A workflow, its text, and where it came from.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The valid values.
    pub(crate) workflow: Workflow,
    /// The text they were read from, which role processes read again.
    pub(crate) text: String,
    /// For messages: the file's path, or `demo`.
    pub(crate) origin: String,
}

/// Reads `path`. File inputs become absolute, relative to the workflow file's folder.
pub(crate) fn from_file(path: &Path) -> anyhow::Result<Loaded> {
    let shown = path.display();
    let size = fs::metadata(path).with_context(|| format!("workflow file `{shown}`"))?.len();
    if size > MAX_FILE_BYTES {
        bail!("workflow file `{shown}` has {size} bytes; a workflow is TOML of at most {MAX_FILE_BYTES}");
    }
    let text = fs::read_to_string(path).with_context(|| format!("workflow file `{shown}`"))?;
    let mut workflow = Workflow::parse(&text).map_err(|fault| anyhow::anyhow!("{shown}: {fault}"))?;
    let folder =
        path.canonicalize().ok().and_then(|path| path.parent().map(PathBuf::from)).unwrap_or_default();
    for channel in &mut workflow.channels {
        if let Input::File(file) = &mut channel.input {
            *file = folder.join(&*file);
        }
    }
    if let Some(file) = &mut workflow.edge.origin_ca {
        *file = folder.join(&*file);
    }
    Ok(Loaded { workflow, text, origin: shown.to_string() })
}
