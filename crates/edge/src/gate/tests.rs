use super::*;
use proptest::prelude::*;

fn read_one(head: &str) -> Result<Option<(Request<'_>, usize)>, Violation> {
    read(head.as_bytes(), &RULES)
}

static RULES: std::sync::LazyLock<KeyRules> = std::sync::LazyLock::new(KeyRules::hls);

fn refused(head: impl AsRef<[u8]>, violation: Violation) {
    let head = head.as_ref();
    let found = read(head, &RULES);
    assert_eq!(found.as_ref().err(), Some(&violation), "{:?}: {found:?}", String::from_utf8_lossy(head));
}

fn accepted(head: &str) -> Request<'_> {
    match read_one(head) {
        Ok(Some((request, len))) => {
            assert_eq!(len, head.len());
            request
        }
        other => panic!("{head:?}: {other:?}"),
    }
}

#[test]
fn what_players_send_passes() {
    let head = "GET /demo/720p30/index.m3u8?_HLS_msn=4 HTTP/1.1\r\nHost: live.example:8080\r\nAccept: */*\r\n\
                range:bytes=0-9 \r\nIf-None-Match:\t\"a\"\r\nConnection: keep-alive, x\r\nX-Long: caf\u{e9}\r\n\r\n";
    let request = accepted(head);
    assert_eq!(request.method, Method::Get);
    assert_eq!(request.target, "/demo/720p30/index.m3u8?_HLS_msn=4");
    assert_eq!(request.persistence, Persistence::KeepAlive);
    assert_eq!(request.wants.range, Some("bytes=0-9"));
    assert_eq!(request.wants.if_none_match, Some("\"a\""));
    for host in ["x", "127.0.0.1", "[::1]:8080", "a_b.example", "x:"] {
        accepted(&format!("HEAD / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n"));
    }
}

#[test]
fn connections_persist_as_their_version_says() {
    let persistence = |version: &str, connection: &str| {
        accepted(&format!("GET / HTTP/{version}\r\nHost: x\r\n{connection}\r\n")).persistence
    };
    assert_eq!(persistence("1.1", ""), Persistence::KeepAlive);
    assert_eq!(persistence("1.1", "Connection: Close\r\n"), Persistence::Close);
    assert_eq!(persistence("1.1", "Connection: keep-alive\r\nConnection: close\r\n"), Persistence::Close);
    assert_eq!(persistence("1.0", ""), Persistence::Close);
    assert_eq!(persistence("1.0", "Connection: Keep-Alive\r\n"), Persistence::KeepAlive);
    accepted("GET / HTTP/1.0\r\n\r\n");
}

#[test]
fn every_violation_has_a_head_that_commits_it() {
    let get = |lines: &str| format!("GET / HTTP/1.1\r\nHost: x\r\n{lines}\r\n");
    for line in [
        "GET  / HTTP/1.1",
        "GET /",
        "",
        "GET / HTTP/1.1 ",
        "GET / http/1.1",
        "G(T / HTTP/1.1",
        " GET / HTTP/1.1",
    ] {
        refused(format!("{line}\r\nHost: x\r\n\r\n"), Violation::RequestLine);
    }
    for method in ["POST", "PUT", "DELETE", "TRACE", "CONNECT", "PATCH", "get", "PRI", "GETT"] {
        refused(format!("{method} / HTTP/1.1\r\nHost: x\r\n\r\n"), Violation::Method);
    }
    for version in ["2.0", "1.2", "0.9", "3.0"] {
        refused(format!("GET / HTTP/{version}\r\nHost: x\r\n\r\n"), Violation::Version);
    }
    refused(format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(MAX_TARGET)), Violation::TargetLength);
    refused("a".repeat(MAX_TARGET + 100), Violation::TargetLength);
    for target in ["http://x/", "*", "x:443", "a"] {
        refused(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"), Violation::TargetForm);
    }
    for target in ["/a\"", "/\u{e9}", "/%00", "/%zz", "/a%", "/a\tb", "/a#b", "/a?b<c"] {
        refused(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"), Violation::TargetByte);
    }
    for target in ["/../a", "/a/..", "/a/%2e%2e/b", "//a", "/a//b", "/a%2fb", "/a%5cb", "/./a"] {
        refused(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"), Violation::TargetPath);
    }
    refused("GET /?_HLS_msn=1&_HLS_msn=2 HTTP/1.1\r\nHost: x\r\n\r\n", Violation::TargetQuery);
    for head in [
        "GET / HTTP/1.1\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\n\r\n",
        "\n",
        "GET / HTTP/1.1\r\nHost: x\r\nA: b\rC: d\r\n\r\n",
    ] {
        refused(head, Violation::LineEnd);
    }
    refused(get(" folded\r\n"), Violation::Fold);
    refused(get("A: b\r\n\tfolded\r\n"), Violation::Fold);
    for line in
        ["Transfer-Encoding : chunked", "no colon", ": empty", "A b: c", "Content-Length\0: 5", "A\u{a0}: b"]
    {
        refused(get(&format!("{line}\r\n")), Violation::FieldName);
    }
    for value in ["a\0b", "a\x0bb", "\x7f", "a\x08"] {
        refused(get(&format!("A: {value}\r\n")), Violation::FieldValue);
    }
    refused(get(&"A: b\r\n".repeat(MAX_LINES)), Violation::Lines);
    refused(get(&format!("A: {}\r\n", "b".repeat(MAX_HEAD))), Violation::HeadLength);
    refused("GET / HTTP/1.1\r\n\r\n", Violation::Host);
    for line in ["Host: x", "Host: y", "hOST: x"] {
        refused(get(&format!("{line}\r\n")), Violation::Host);
    }
    for host in ["", "a b", "a/b", "a@b", "x:y", "[::1", "[]", "a,b", "x:123456", "[::1]x"] {
        refused(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"), Violation::Host);
    }
    for length in ["5", "00", "+0", "-0", "0, 0", "", "0x0", "18446744073709551616"] {
        refused(get(&format!("Content-Length: {length}\r\n")), Violation::Body);
    }
    refused(get("Content-Length: 0\r\nContent-Length: 0\r\n"), Violation::Body);
    for coding in ["chunked", "identity", "\tchunked", "chunked, identity", "x", ""] {
        refused(get(&format!("Transfer-Encoding: {coding}\r\n")), Violation::TransferEncoding);
    }
    refused(get("Range: bytes=0-1\r\nRange: bytes=2-3\r\n"), Violation::Repeated);
    refused(get("Expect: 100-continue\r\n"), Violation::Expect);
}

#[test]
fn a_head_is_awaited_until_its_last_byte_and_not_beyond() {
    let head = b"GET /a HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\nGET /b";
    let whole = head.len() - 6;
    for len in 0..whole {
        assert_eq!(read(&head[..len], &RULES), Ok(None), "{len}");
    }
    let (_, len) = read(head, &RULES).unwrap().unwrap();
    assert_eq!(len, whole);
}

/// Heads made of pieces that have opened holes between servers before.
fn hostile_head() -> impl Strategy<Value = Vec<u8>> {
    let line_end = prop::sample::select(vec!["\r\n", "\n", "\r", "\r\n ", "\r\r\n", "\0\r\n", "\r\n\r\n"]);
    let line = prop::sample::select(vec![
        "Host: x",
        "Host: x, y",
        "Content-Length: 0",
        "Content-Length: 4",
        "Content-Length: +0",
        "Content-Length : 0",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding:\x0bchunked",
        "Transfer-Encoding\t: chunked",
        "X: y",
        " X: y",
        "Connection: Content-Length",
        "Expect: 100-continue",
        "Range: bytes=0-",
        "0",
        "",
    ]);
    let request = prop::sample::select(vec![
        "GET / HTTP/1.1",
        "GET /a%2e HTTP/1.1",
        "GET http://x/ HTTP/1.1",
        "GET / HTTP/1.0",
        "GET /\tHTTP/1.1",
        "POST / HTTP/1.1",
        "GET / HTTP/1.1 GET / HTTP/1.1",
    ]);
    (request, prop::collection::vec((line, line_end.clone()), 0..8), line_end).prop_map(
        |(request, lines, end)| {
            let mut head = format!("{request}{end}").into_bytes();
            for (line, end) in lines {
                head.extend_from_slice(line.as_bytes());
                head.extend_from_slice(end.as_bytes());
            }
            head.extend_from_slice(b"\r\n");
            head
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_passes_reads_the_same_to_any_server(head in hostile_head()) {
        if let Ok(Some((_, len))) = read(&head, &RULES) {
            let text = std::str::from_utf8(&head[..len]).unwrap();
            let lines: Vec<&str> = text.strip_suffix("\r\n\r\n").unwrap().split("\r\n").collect();
            let named = |name: &str| lines[1..].iter().filter(|line| line.to_ascii_lowercase().starts_with(name)).count();
            prop_assert!(!text.replace("\r\n", "").contains(['\r', '\n', '\0']));
            prop_assert_eq!(named("transfer-encoding"), 0);
            prop_assert!(named("host") <= 1 && named("content-length") <= 1);
            prop_assert!(lines[1..].iter().all(|line| !line.starts_with([' ', '\t']) && line.contains(':')));
            prop_assert!(!text.contains("Content-Length: 4"));
        }
    }

    #[test]
    fn any_bytes_are_a_request_or_a_violation(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read_all(&bytes);
    }

    #[test]
    fn mutated_requests_never_panic(at in 0usize..120, byte: u8, cut in 0usize..120) {
        let mut head = b"GET /demo/a?_HLS_msn=1 HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\nHost: y\r\n\r\n".to_vec();
        let at = at % head.len();
        head[at] = byte;
        let cut = cut % head.len();
        read_all(&head);
        read_all(&head[cut..]);
    }

    /// A verdict on a prefix is not taken back when more bytes come.
    #[test]
    fn what_is_refused_early_stays_refused(head in hostile_head(), cut in 0usize..200) {
        let cut = cut.min(head.len());
        match read(&head[..cut], &RULES) {
            Err(violation) => prop_assert_eq!(read(&head, &RULES).err(), Some(violation)),
            Ok(Some((request, len))) => prop_assert_eq!(read(&head, &RULES), Ok(Some((request, len)))),
            Ok(None) => {}
        }
    }
}

fn checked<'a>(pseudo: Pseudo<'a>, regular: &[(&'a str, &'a str)]) -> Result<FieldRequest<'a>, Violation> {
    check(pseudo, regular.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())), &RULES)
}

const PSEUDO: Pseudo<'_> =
    Pseudo { method: b"GET", path: b"/a?_HLS_part=1&_HLS_msn=2", authority: Some(b"x") };

#[test]
fn a_request_of_fields_is_the_same_request_as_one_of_lines() {
    let lines = "GET /a?_HLS_part=1&_HLS_msn=2 HTTP/1.1\r\nHost: x\r\nRange: bytes=0-9\r\n\r\n";
    let of_lines = accepted(lines);
    let of_fields = checked(PSEUDO, &[("host", "x"), ("range", "bytes=0-9"), ("te", "trailers")]).unwrap();
    assert_eq!((of_fields.method, &of_fields.target), (of_lines.method, &of_lines.target));
    assert_eq!(of_fields.wants, of_lines.wants);
}

#[test]
fn a_request_of_fields_that_could_be_read_differently_is_refused() {
    use Violation as V;
    for (fields, violation) in [
        (vec![("host", "y")], V::Host),
        (vec![("host", "x"), ("host", "x")], V::Host),
        (vec![("Range", "bytes=0-9")], V::FieldName),
        (vec![("range", "bytes=0-9"), ("range", "bytes=0-9")], V::Repeated),
        (vec![("", "x")], V::FieldName),
        (vec![("a b", "x")], V::FieldName),
        (vec![("connection", "close")], V::FieldName),
        (vec![("upgrade", "h2c")], V::FieldName),
        (vec![("te", "gzip")], V::FieldValue),
        (vec![("a", "b\r\nc: d")], V::FieldValue),
        (vec![("a", "b\0")], V::FieldValue),
        (vec![("transfer-encoding", "chunked")], V::TransferEncoding),
        (vec![("content-length", "1")], V::Body),
        (vec![("expect", "100-continue")], V::Expect),
        (vec![("a", "b"); MAX_LINES + 1], V::Lines),
    ] {
        assert_eq!(checked(PSEUDO, &fields), Err(violation), "{fields:?}");
    }
    let long = "v".repeat(MAX_HEAD);
    assert_eq!(checked(PSEUDO, &[("a", &long)]), Err(V::HeadLength));
    for (pseudo, violation) in [
        (Pseudo { method: b"POST", ..PSEUDO }, V::Method),
        (Pseudo { path: b"*", ..PSEUDO }, V::TargetForm),
        (Pseudo { path: b"/a/../ingest/b", ..PSEUDO }, V::TargetPath),
        (Pseudo { authority: None, ..PSEUDO }, V::Host),
        (Pseudo { authority: Some(b"user@x"), ..PSEUDO }, V::Host),
    ] {
        assert_eq!(checked(pseudo, &[]), Err(violation), "{pseudo:?}");
    }
}

proptest! {
    #[test]
    fn no_fields_panic(
        path in proptest::collection::vec(any::<u8>(), 0..64),
        fields in proptest::collection::vec((".{0,16}", ".{0,32}"), 0..8),
    ) {
        let regular = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let _ = check(Pseudo { path: &path, ..PSEUDO }, regular, &RULES);
    }
}
