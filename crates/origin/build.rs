//! Embeds the built watch page, `web/dist`, whatever files it has.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?);
    let web = root.join("../../web");
    let dist = web.join("dist");
    // A path that is not there counts as changed at every build, so watch what is there and will hold it.
    let watched = if dist.is_dir() { &dist } else { &web };
    println!("cargo::rerun-if-changed={}", watched.display());

    let mut files = Vec::new();
    if dist.is_dir() {
        collect(&dist, &dist, &mut files)?;
    }
    files.sort();
    let mut code = String::from("pub(super) const FILES: &[(&str, &[u8])] = &[\n");
    for (name, path) in files {
        writeln!(code, "    ({name:?}, include_bytes!({path:?})),").map_err(io::Error::other)?;
    }
    code.push_str("];\n");
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    fs::write(out.join("web_files.rs"), code)
}

/// Files under `folder` as (path below `root` with `/`, absolute path).
fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
            continue;
        }
        let below = path.strip_prefix(root).map_err(io::Error::other)?;
        let name: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
        files.push((name.join("/"), path.canonicalize()?));
    }
    Ok(())
}
