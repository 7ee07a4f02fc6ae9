//! Finds the system's libsrt and makes Rust declarations of its header.

use std::path::PathBuf;

/// Where rejection codes of one's own came in, and the access control guidelines with them.
const OLDEST: &str = "1.4.2";

fn main() {
    let library = pkg_config::Config::new().atleast_version(OLDEST).probe("srt").unwrap_or_else(|fault| {
        panic!("libsrt {OLDEST} or newer is needed (Debian: libsrt-gnutls-dev, the one FFmpeg uses): {fault}")
    });
    let include = library.include_paths.iter().map(|path| format!("-I{}", path.display()));
    let bindings = bindgen::Builder::default()
        .header_contents(
            "wrapper.h",
            "#include <netinet/in.h>\n#include <srt/srt.h>\n#include <srt/access_control.h>\n",
        )
        .clang_args(include)
        .allowlist_function("srt_.*")
        .allowlist_type("SRT_(SOCKOPT|SOCKSTATUS|REJECT_REASON|KM_STATE|ERRNO|TRACEBSTATS)|sockaddr_in6?")
        .allowlist_var("SRT_.*")
        // Numbers, so that a newer library may answer with one this header does not know.
        .default_enum_style(bindgen::EnumVariation::Consts)
        .prepend_enum_name(false)
        .derive_default(true)
        .generate_comments(false)
        .layout_tests(false)
        .generate()
        .expect("libsrt's header is C");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    bindings.write_to_file(out.join("bindings.rs")).expect("OUT_DIR can be written");
}
