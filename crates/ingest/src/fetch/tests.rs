use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A server that answers each path with these bytes, and remembers what it was asked.
pub(crate) struct Server {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

pub(crate) async fn server(answers: &'static [(&'static str, &'static str)]) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let heard = heard.clone();
            tokio::spawn(async move {
                let mut buffer = vec![0; 8 << 10];
                while let Ok(length) = stream.read(&mut buffer).await
                    && length > 0
                {
                    let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
                    let path = request.split(' ').nth(1).unwrap_or("").to_owned();
                    heard.lock().expect("no panic").push(request);
                    let answer = answers.iter().find(|(known, _)| *known == path);
                    let answer =
                        answer.map_or("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", |(_, a)| a);
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    Server { port, asked }
}

impl Server {
    pub(crate) fn url(&self, rest: &str) -> Url {
        format!("http://127.0.0.1:{}{rest}", self.port).parse().expect("a URL")
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic").clone()
    }
}

pub(crate) const ANSWERS: &[(&str, &str)] = &[
    ("/a", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789"),
    // The rest never comes.
    ("/half", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n01234"),
    ("/part", "HTTP/1.1 206 Partial Content\r\ncontent-length: 3\r\n\r\n345"),
    ("/to-a", "HTTP/1.1 302 Found\r\nlocation: /a?x#y\r\ncontent-length: 0\r\n\r\n"),
    ("/a?x", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx"),
    ("/loop", "HTTP/1.1 302 Found\r\nlocation: /loop\r\ncontent-length: 0\r\n\r\n"),
    ("/file", "HTTP/1.1 302 Found\r\nlocation: file:///etc/passwd\r\ncontent-length: 0\r\n\r\n"),
    ("/gigabyte", "HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n#EXTM3U"),
    (
        "/chunks",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\n01234567\r\n8\r\n01234567\r\n0\r\n\r\n",
    ),
    ("/zip", "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 1\r\n\r\nx"),
];

#[tokio::test]
async fn answers_are_read_over_one_connection_and_redirects_are_followed() {
    let server = server(ANSWERS).await;
    let mut client = Client::new(Reach::Private);
    let whole = client.get(&server.url("/a"), None, 10).await.expect("an answer");
    assert_eq!(whole.body, "0123456789");
    let moved = client.get(&server.url("/to-a"), None, 10).await.expect("an answer");
    assert_eq!((moved.body.as_ref(), moved.url.target().as_str()), (b"x".as_slice(), "/a?x"));
    let asked = server.asked();
    assert!(asked[0].contains("\r\nuser-agent: headwater/"), "{asked:?}");
    assert!(!asked[0].contains("cookie") && !asked[0].contains("authorization"), "{asked:?}");
}

#[tokio::test]
async fn ranges_are_asked_for_and_cut_out_where_the_whole_file_comes() {
    let server = server(ANSWERS).await;
    let mut client = Client::new(Reach::Private);
    let range = Some(ByteRange { start: 3, length: 3 });
    for path in ["/a", "/part"] {
        assert_eq!(client.get(&server.url(path), range, 10).await.expect("an answer").body, "345");
    }
    assert!(server.asked()[0].contains("\r\nrange: bytes=3-5\r\n"));
    let beyond = Some(ByteRange { start: 8, length: 3 });
    assert!(matches!(client.get(&server.url("/a"), beyond, 10).await, Err(Fault::WrongRange)));
}

#[tokio::test]
async fn what_leads_nowhere_or_has_no_end_is_broken_off() {
    let server = server(ANSWERS).await;
    let mut client = Client::new(Reach::Private);
    for (path, label) in [
        ("/loop", "redirect"),
        ("/file", "redirect"),
        ("/gigabyte", "too_large"),
        ("/chunks", "too_large"),
        ("/zip", "broken_answer"),
        ("/none", "not_found"),
    ] {
        let fault = client.get(&server.url(path), None, 10).await.expect_err(path);
        assert_eq!(fault.label(), label, "{path}: {fault}");
    }
    let redirects = server.asked().iter().filter(|request| request.starts_with("GET /loop")).count();
    assert_eq!(redirects, MAX_REDIRECTS + 1);
    // And it goes on.
    assert!(client.get(&server.url("/a"), None, 10).await.is_ok());
}

#[tokio::test]
async fn nothing_in_private_networks_is_asked_unless_that_is_allowed() {
    let server = server(ANSWERS).await;
    let mut client = Client::new(Reach::Public);
    let port = server.port;
    for host in
        ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254", "10.0.0.1"]
    {
        let url: Url = format!("http://{host}:{port}/a").parse().expect("a URL");
        let fault = client.get(&url, None, 10).await.expect_err(host);
        assert_eq!(fault.label(), "forbidden_address", "{host}: {fault}");
    }
    // The system reads such names as addresses, and they are checked as those.
    for host in ["127.1", "2130706433", "0x7f.1", "0177.0.0.1"] {
        let url: Url = format!("http://{host}:{port}/a").parse().expect("a URL");
        assert!(client.get(&url, None, 10).await.is_err(), "{host}");
    }
    assert_eq!(server.asked().len(), 0);
}

#[tokio::test]
async fn user_and_password_are_sent_to_their_server() {
    let server = server(ANSWERS).await;
    let url: Url = format!("http://anna:s3cret@127.0.0.1:{}/a", server.port).parse().expect("a URL");
    Client::new(Reach::Private).get(&url, None, 10).await.expect("an answer");
    assert!(server.asked()[0].contains("\r\nauthorization: Basic YW5uYTpzM2NyZXQ=\r\n"));
}

#[tokio::test]
async fn a_file_that_is_too_large_is_broken_off() {
    let server = server(ANSWERS).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut file = File::create(folder.path().join("part")).await.expect("made");
    for path in ["/gigabyte", "/chunks"] {
        let saved = Client::new(Reach::Private).save(&server.url(path), &mut file, 10, |_| Ok(())).await;
        assert!(matches!(saved, Err(Fault::TooLarge(10))), "{path}");
    }
}
