//! `headwater token`: makes what viewers show to an edge whose paths take tokens, and keys to make it with.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail, ensure};
use edge::access::sign::{Claims, Signer, new_key};
use edge::access::token::{MAX_LEN, paths};
use http_cache::purge::Pattern;

use crate::cli::Token;

/// Largest file that is read as a key, in bytes.
const LARGEST_FILE: u64 = 64 * 1024;

/// Prints a token and an example of its use, or writes a new pair of keys.
pub(crate) fn token(options: &Token) -> anyhow::Result<()> {
    if let Some(name) = &options.new_key {
        return write_keys(name);
    }
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).context("read the clock")?.as_secs();
    let path = options.path.as_deref().context("give --path")?;
    let signer = signer(options)?;
    let token = make(options, path, &signer, now_s)?;
    println!("{token}");
    let example = match paths(path) {
        Some(Pattern::Prefix(start)) => format!("{start}index.m3u8"),
        _ => path.to_owned(),
    };
    eprintln!("\nhttp://localhost:8080/~{token}{example}");
    Ok(())
}

fn make(options: &Token, path: &str, signer: &Signer, now_s: u64) -> anyhow::Result<String> {
    ensure!(
        paths(path).is_some(),
        "--path {path}: write it as viewers ask for it: /main/index.m3u8 is that alone, /main/* all below /main/"
    );
    let lifetime = options.lifetime.context("give --for")?;
    let claims = Claims { exp: now_s + lifetime.as_secs(), nbf: None, path, ip: options.ip };
    let token = signer.sign(options.id.as_deref(), &claims)?;
    ensure!(
        token.len() <= MAX_LEN,
        "the token has {} bytes, and an edge takes {MAX_LEN}: shorten --path",
        token.len()
    );
    Ok(token)
}

fn signer(options: &Token) -> anyhow::Result<Signer> {
    let (file, read): (_, fn(&[u8]) -> _) = match (&options.key, &options.secret_file) {
        (Some(file), None) => (file, Signer::from_pem),
        (None, Some(file)) => (file, Signer::from_secret),
        _ => bail!("give --key, or --secret-file"),
    };
    let shown = file.display();
    let size = std::fs::metadata(file).with_context(|| format!("key `{shown}`"))?.len();
    ensure!(size <= LARGEST_FILE, "`{shown}` has {size} bytes; a key has {LARGEST_FILE} at most");
    let bytes = std::fs::read(file).with_context(|| format!("key `{shown}`"))?;
    read(&bytes).with_context(|| format!("key `{shown}`"))
}

/// Writes `NAME.key.pem` for its owner alone and `NAME.pub.pem`; never over a key that is there.
fn write_keys(name: &Path) -> anyhow::Result<()> {
    let beside = |end: &str| PathBuf::from(format!("{}{end}", name.display()));
    let (private, public) = (beside(".key.pem"), beside(".pub.pem"));
    let write = |path: &Path, mode: u32, text: &str| {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(path)
            .with_context(|| format!("write `{}`", path.display()))?;
        file.write_all(text.as_bytes()).with_context(|| format!("write `{}`", path.display()))
    };
    let (private_pem, public_pem) = new_key().context("make a key")?;
    write(&private, 0o600, &private_pem)?;
    write(&public, 0o644, &public_pem)?;
    println!(
        "{} signs tokens: keep it where they are made\n{} verifies them; in the edge's workflow file:\n\n\
         [[edge.access]]\npaths = [\"/main/*\"]\nkeys  = [{{ id = \"k1\", file = \"{}\" }}]\n\n\
         headwater token --key {} --id k1 --path '/main/*' --for 4h",
        private.display(),
        public.display(),
        public.display(),
        private.display(),
    );
    Ok(())
}

/// `90s`, `15m`, `4h` or `7d`.
pub(crate) fn lifetime(text: &str) -> Result<Duration, String> {
    let fault = || format!("\"{text}\" is no time: write 90s, 15m, 4h or 7d, at most 3650d");
    let unit_s = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        Some('d') => 86_400,
        _ => return Err(fault()),
    };
    let count: u32 = text[..text.len() - 1].parse().map_err(|_| fault())?;
    let seconds = u64::from(count) * unit_s;
    if (1..=3_650 * 86_400).contains(&seconds) { Ok(Duration::from_secs(seconds)) } else { Err(fault()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;
    use edge::access::key::Key;
    use edge::access::token::verify;

    fn options(line: &[&str]) -> Token {
        let words = ["headwater", "token"].iter().chain(line);
        let Command::Token(options) = Cli::try_parse_from(words).expect("valid").command else {
            panic!("the token's options")
        };
        options
    }

    #[test]
    fn a_new_key_signs_what_its_public_half_verifies_and_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("viewers");
        token(&options(&["--new-key", name.to_str().unwrap()])).unwrap();
        let (private, public) =
            (folder.path().join("viewers.key.pem"), folder.path().join("viewers.pub.pem"));
        assert_eq!(std::fs::metadata(&private).unwrap().permissions().mode() & 0o777, 0o600);
        let key = [("k1", Key::from_pem(&std::fs::read(&public).unwrap()).unwrap())];

        let given =
            options(&["--key", private.to_str().unwrap(), "--id", "k1", "--path", "/main/*", "--for", "4h"]);
        let made = make(&given, "/main/*", &signer(&given).unwrap(), 1_000).unwrap();
        let grant = verify(&made, &key).unwrap();
        assert_eq!(grant.expires_s, 15_400.0);
        assert!(grant.judge("/main/index.m3u8", [127, 0, 0, 1].into(), 1_000).is_ok());

        let again = token(&options(&["--new-key", name.to_str().unwrap()])).unwrap_err();
        assert!(format!("{again:#}").contains("viewers.key.pem"), "{again:#}");
    }

    #[test]
    fn what_no_edge_would_take_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "short\n").unwrap();
        let given =
            |path| options(&["--secret-file", secret.to_str().unwrap(), "--path", path, "--for", "1m"]);
        let said = format!("{:#}", token(&given("/main/*")).unwrap_err());
        assert!(said.contains("at least 32 bytes"), "{said}");
        std::fs::write(&secret, "0123456789abcdef0123456789abcdef\n").unwrap();
        token(&given("/main/*")).unwrap();
        for path in ["/main*", "main/", "/main/../x", "/main/?a"] {
            let said = token(&given(path)).unwrap_err().to_string();
            assert!(said.contains("write it as viewers ask for it"), "{said}");
        }
    }

    #[test]
    fn times_are_told_with_their_unit() {
        assert_eq!(lifetime("4h"), Ok(Duration::from_secs(14_400)));
        assert_eq!(lifetime("90s"), Ok(Duration::from_secs(90)));
        for text in ["", "4", "0s", "-1h", "4 h", "1w", "3651d", "h", "4é"] {
            assert!(lifetime(text).is_err(), "{text}");
        }
    }
}
