use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::access::sign::{Claims, Signer, new_key};

const NOW: u64 = 1_800_000_000;
const VIEWER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
const SECRET: &[u8] = b"a secret of no less than 32 bytes";

/// Whoever makes tokens, and what the edge knows: `ec`, `ed` and `hs`, a key of each kind.
struct Issuer {
    signers: [(&'static str, Signer); 3],
    keys: Vec<(&'static str, Key)>,
    /// The public half of `ec` as everybody has it.
    public_pem: String,
}

static ISSUER: LazyLock<Issuer> = LazyLock::new(|| {
    let (private, public_pem) = new_key().unwrap();
    let ed = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    Issuer {
        signers: [
            ("ec", Signer::from_pem(private.as_bytes()).unwrap()),
            ("ed", Signer::from_pem(ed.serialize_pem().as_bytes()).unwrap()),
            ("hs", Signer::from_secret(SECRET).unwrap()),
        ],
        keys: vec![
            ("ec", Key::from_pem(public_pem.as_bytes()).unwrap()),
            ("ed", Key::from_pem(ed.public_key_pem().as_bytes()).unwrap()),
            ("hs", Key::from_secret(SECRET).unwrap()),
        ],
        public_pem,
    }
});

fn claims(path: &str) -> Claims<'_> {
    Claims { exp: NOW + 3600, nbf: None, path, ip: None }
}

fn token(signer: usize, claims: &Claims<'_>) -> String {
    let (id, signer) = &ISSUER.signers[signer];
    signer.sign(Some(id), claims).unwrap()
}

/// What the edge says to who asks for `target` with this token.
fn ask(token: &str, target: &str) -> Result<(), Refusal> {
    ask_at(token, target, NOW)
}

/// The gate goes first: what it refuses nobody gets.
fn ask_at(token: &str, target: &str, now_s: u64) -> Result<(), Refusal> {
    let Ok(canonical) = KeyRules::hls().canonical(target) else { return Err(Refusal::Path) };
    verify(token, &ISSUER.keys)?.judge(&canonical, VIEWER, now_s)
}

fn signed(header: &str, claims: &str, signer: usize) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = ISSUER.signers[signer].1.signature(signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[test]
fn a_valid_token_of_every_kind_of_key_lets_in() {
    for signer in 0..3 {
        for path in ["/main/*", "/main/", "/*", "/main/720p30/1.m4s", "/%6dain/*"] {
            assert_eq!(ask(&token(signer, &claims(path)), "/main/720p30/1.m4s"), Ok(()), "{path}");
        }
    }
}

#[test]
fn it_binds_the_path_and_nothing_else() {
    let below = token(0, &claims("/main/*"));
    let exact = token(0, &claims("/main/index.m3u8"));
    for target in ["/main/", "/main/a", "/m%61in/a", "/main/a/b?_HLS_msn=7", "/main/a?token=x"] {
        assert_eq!(ask(&below, target), Ok(()), "{target}");
    }
    for target in ["/main/index.m3u8", "/main/index.m3u8?_HLS_msn=7&_HLS_part=1"] {
        assert_eq!(ask(&exact, target), Ok(()), "{target}");
    }
    for target in [
        "/",
        "/main",
        "/main2/a",
        "/mainx",
        "/Main/a",
        "/other/a",
        "/other/main/a",
        "/main/../other/a",
        "/main/%2e%2e/other/a",
        "/main/%2E%2e/",
        "/main/%252e%252e/../a",
        "/main//a",
        "//main/a",
        "/main%2fa",
        "/main%2Fa",
        "/main%5ca",
        "/x/../main/a",
        "/other?/main/a",
        "/other?path=/main/",
        "/%2Fmain/a",
        "/main%00/a",
        "/./main/a",
        "/main;/a",
        "/*",
        "/main*",
    ] {
        assert_eq!(ask(&below, target), Err(Refusal::Path), "{target}");
    }
    // Encoded twice it is a name of its own, below `/main/` as it is spelled.
    assert_eq!(ask(&below, "/main/%252e%252e/a"), Ok(()));
    for target in ["/main/index.m3u8/", "/main/index.m3u8x", "/main/index", "/main/", "/main/index.m3u8%20"] {
        assert_eq!(ask(&exact, target), Err(Refusal::Path), "{target}");
    }
}

#[test]
fn only_a_whole_element_at_the_end_is_a_wildcard() {
    for path in [
        "",
        "*",
        "/main*",
        "/*/main",
        "/ma*n/*",
        "/main/**",
        "/main/*/",
        "/main/*.m3u8",
        "main/*",
        "/main/?*",
        "/main/x?y",
        "/main/../*",
        "//*",
        "/main/./*",
        "http://x/*",
    ] {
        let token = token(0, &claims(path));
        assert_eq!(ask(&token, "/main/index.m3u8"), Err(Refusal::Malformed), "{path:?}");
    }
    let literal = token(0, &claims("/main/%2A"));
    assert_eq!(ask(&literal, "/main/*"), Ok(()));
    assert_eq!(ask(&literal, "/main/a"), Err(Refusal::Path));
}

#[test]
fn clocks_may_be_half_a_minute_apart() {
    let token = token(1, &Claims { exp: NOW, nbf: Some(NOW - 100), path: "/", ip: None });
    for (now_s, judged) in [
        (NOW - 131, Err(Refusal::NotYet)),
        (NOW - 130, Ok(())),
        (NOW, Ok(())),
        (NOW + 29, Ok(())),
        (NOW + 30, Err(Refusal::Expired)),
        (u64::MAX / 2, Err(Refusal::Expired)),
    ] {
        assert_eq!(ask_at(&token, "/a", now_s), judged, "{now_s}");
    }
}

#[test]
fn a_token_may_be_for_one_viewer() {
    let of = |ip: &str| Claims { ip: Some(ip.parse().unwrap()), ..claims("/") };
    assert_eq!(ask(&token(0, &of("192.0.2.7")), "/a"), Ok(()));
    assert_eq!(ask(&token(0, &of("::ffff:192.0.2.7")), "/a"), Ok(()));
    assert_eq!(ask(&token(0, &of("192.0.2.8")), "/a"), Err(Refusal::Address));
}

#[test]
fn the_algorithm_is_the_keys_and_not_the_tokens() {
    let body = format!(r#"{{"exp":{},"path":"/"}}"#, NOW + 60);
    assert_eq!(ask(&signed(r#"{"alg":"ES256","kid":"ec"}"#, &body, 0), "/a"), Ok(()));
    for header in [
        r#"{"alg":"none","kid":"ec"}"#,
        r#"{"alg":"None","kid":"ec"}"#,
        r#"{"alg":"","kid":"ec"}"#,
        r#"{"alg":"HS256","kid":"ec"}"#,
        r#"{"alg":"RS256","kid":"ec"}"#,
        r#"{"alg":"es256","kid":"ec"}"#,
        r#"{"alg":"EdDSA","kid":"ec"}"#,
        r#"{"alg":"ES256","kid":"ed"}"#,
        r#"{"alg":"ES256","kid":"no"}"#,
        r#"{"alg":"ES256"}"#,
        r#"{"alg":"ES256","kid":""}"#,
    ] {
        assert_eq!(ask(&signed(header, &body, 0), "/a"), Err(Refusal::Key), "{header}");
        let unsigned = format!("{}.{}.", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(&body));
        assert_eq!(ask(&unsigned, "/a"), Err(Refusal::Key), "{header}");
    }
    // The public key, which everybody has, as the secret of an HMAC.
    let public = &ISSUER.public_pem;
    for secret in [public.as_bytes(), public.trim_end().as_bytes()] {
        let forged = Signer::from_secret(secret).unwrap().sign(Some("ec"), &claims("/")).unwrap();
        assert_eq!(ask(&forged, "/a"), Err(Refusal::Key));
    }
    let other = Signer::from_pem(new_key().unwrap().0.as_bytes()).unwrap();
    assert_eq!(ask(&other.sign(Some("ec"), &claims("/")).unwrap(), "/a"), Err(Refusal::Signature));
    assert_eq!(ask(&signed(r#"{"alg":"ES256","kid":"ec"}"#, &body, 1), "/a"), Err(Refusal::Signature));
}

#[test]
fn what_could_be_read_in_two_ways_or_asks_for_more_is_refused() {
    let body = format!(r#"{{"exp":{},"path":"/"}}"#, NOW + 60);
    let header = r#"{"alg":"ES256","kid":"ec"}"#;
    for odd in [
        r#"{"alg":"ES256","kid":"ec","crit":["exp"]}"#,
        r#"{"alg":"ES256","kid":"ec","kid":"ec"}"#,
        r#"{"alg":["ES256"],"kid":"ec"}"#,
        r#"{"kid":"ec"}"#,
        "[]",
        "",
    ] {
        assert_eq!(ask(&signed(odd, &body, 0), "/a"), Err(Refusal::Malformed), "{odd}");
    }
    for odd in [
        r#"{"path":"/"}"#.to_owned(),
        format!(r#"{{"exp":{}}}"#, NOW + 60),
        r#"{"exp":"9999999999","path":"/"}"#.to_owned(),
        r#"{"exp":1e999,"path":"/"}"#.to_owned(),
        format!(r#"{{"exp":1,"exp":{},"path":"/"}}"#, NOW + 60),
        format!(r#"{{"exp":{},"path":["/"]}}"#, NOW + 60),
        format!(r#"{{"exp":{},"path":"/","ip":"x"}}"#, NOW + 60),
        format!(r#"{{"exp":{},"path":"/a/","path":"/"}}"#, NOW + 60),
        format!("{body}{body}"),
    ] {
        assert_eq!(ask(&signed(header, &odd, 0), "/a"), Err(Refusal::Malformed), "{odd}");
    }
    let valid = signed(header, &body, 0);
    for odd in [
        format!("{valid}="),
        format!("{valid}."),
        format!(".{valid}"),
        valid.replacen('.', "..", 1),
        valid.replace('.', ""),
        String::new(),
    ] {
        assert!(ask(&odd, "/a").is_err(), "{odd}");
    }
    let long =
        signed(header, &format!(r#"{{"exp":{},"path":"/","x":"{}"}}"#, NOW + 60, "x".repeat(MAX_LEN)), 0);
    assert_eq!(ask(&long, "/a"), Err(Refusal::Malformed));
}

#[test]
fn a_token_that_names_no_key_is_taken_where_there_is_but_one() {
    let secret = || Key::from_secret(SECRET).unwrap();
    let token = ISSUER.signers[2].1.sign(None, &claims("/")).unwrap();
    assert!(verify(&token, &[("hs", secret())]).is_ok());
    assert_eq!(verify(&token, &[("hs", secret()), ("h2", secret())]), Err(Refusal::Key));
    assert_eq!(verify::<&str>(&token, &[]), Err(Refusal::Key));
}

proptest! {
    #[test]
    fn whatever_is_changed_in_a_token_it_lets_nobody_in(signer in 0usize..3, at in any::<prop::sample::Index>(), with in "[A-Za-z0-9_.=%/+ -]", how in 0..4) {
        let valid = token(signer, &claims("/main/*"));
        prop_assert_eq!(ask(&valid, "/main/a"), Ok(()));
        let at = at.index(valid.len());
        let (before, after) = valid.split_at(at);
        let changed = match how {
            0 => format!("{before}{with}{}", &after[1..]),
            1 => format!("{before}{with}{after}"),
            2 => format!("{before}{}", &after[1..]),
            _ => before.to_owned(),
        };
        prop_assume!(changed != valid);
        prop_assert!(ask(&changed, "/main/a").is_err(), "{}", changed);
    }

    #[test]
    fn any_bit_that_is_changed_below_the_text_lets_nobody_in(signer in 0usize..3, part in 0usize..3, bit in any::<prop::sample::Index>()) {
        let valid = token(signer, &claims("/main/*"));
        let mut parts: Vec<Vec<u8>> = valid.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
        let bit = bit.index(parts[part].len() * 8);
        parts[part][bit / 8] ^= 1 << (bit % 8);
        let changed = parts.iter().map(|part| URL_SAFE_NO_PAD.encode(part)).collect::<Vec<_>>().join(".");
        prop_assert!(ask(&changed, "/main/a").is_err());
    }

    #[test]
    fn parts_of_two_tokens_are_no_token(signers in (0usize..3, 0usize..3), from in prop::array::uniform3(0usize..2)) {
        prop_assume!(from != [0, 0, 0] && from != [1, 1, 1]);
        let both = [token(signers.0, &claims("/main/*")), token(signers.1, &claims("/*"))];
        let parts = both.each_ref().map(|token| token.split('.').collect::<Vec<_>>());
        let mixed: Vec<_> = (0..3).map(|at| parts[from[at]][at]).collect();
        let mixed = mixed.join(".");
        prop_assume!(!both.contains(&mixed));
        prop_assert!(ask(&mixed, "/main/a").is_err());
    }

    #[test]
    fn a_token_lets_in_where_its_path_says_so_and_nowhere_else(
        path in "(/(a|b|ab|A|%61|\\.|\\.\\.|\\*)){1,3}(/\\*|/)?",
        target in "(/{1,2}(a|b|ab|A|%61|\\.\\.|%2e%2e|%252e|%2f)){1,4}/?(\\?_HLS_msn=1)?",
    ) {
        let judged = ask(&token(2, &claims(&path)), &target);
        let plain = |text: &str| text.replace("%61", "a");
        let asked = plain(target.split('?').next().unwrap());
        let open = match plain(&path) {
            path if path.strip_suffix("/*").unwrap_or(&path).contains(['*']) || path.contains("/.") => false,
            _ if asked.contains("//") || asked.contains("/..") || asked.contains("%2e%2e") || asked.contains("%2f") => false,
            path if path.ends_with("/*") || path.ends_with('/') => asked.starts_with(path.trim_end_matches('*')),
            path => asked == path,
        };
        prop_assert_eq!(judged.is_ok(), open, "{} {} {:?}", path, target, judged);
    }

    #[test]
    fn no_token_outlives_its_time(lives_s in 0u64..100_000, later_s in 0u64..200_000) {
        let token = token(2, &Claims { exp: NOW + lives_s, ..claims("/") });
        let judged = ask_at(&token, "/a", NOW + later_s);
        prop_assert_eq!(judged, if later_s < lives_s + SLACK_S { Ok(()) } else { Err(Refusal::Expired) });
    }

    #[test]
    fn any_bytes_are_a_token_or_a_named_refusal(text in "\\PC{0,80}", bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = verify(&text, &ISSUER.keys);
        read_all(&bytes);
    }
}
