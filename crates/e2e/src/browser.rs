//! Chromium with hls.js, as `web/test` drives it.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Plays `FOLDER/index.m3u8` until the picture has advanced by so many seconds; what was seen. Panics where it does not.
pub fn plays(folder: &str, seconds: u32) -> Value {
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web");
    assert!(web.join("node_modules").is_dir(), "the browser's pages are missing: run `npm ci` in web");
    let output = Command::new("timeout")
        .args(["150", "node", "test/plays.mjs", folder, &seconds.to_string()])
        .current_dir(web)
        .output()
        .expect("timeout runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{folder} does not play in Chromium: {said}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|fault| panic!("{fault}: {said}"))
}
