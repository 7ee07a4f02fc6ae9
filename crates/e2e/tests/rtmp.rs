//! RTMP streams that are fetched from servers of others, and RTMP by TLS both ways.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use certificate::{Pair, Shown};
use e2e::{Peer, Stack, eventually, ffmpeg, free_port};
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;

const RATE: u32 = 30;

/// An nginx that plays what is published to it: one process, so that none is left when it is killed.
struct Nginx {
    folder: TempDir,
    port: u16,
}

impl Nginx {
    fn new() -> Self {
        let (folder, port) = (tempfile::tempdir().expect("a temporary folder"), free_port());
        let at = folder.path().display();
        let text = format!(
            "load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;\n\
             user root; master_process off; daemon off; pid {at}/nginx.pid; error_log {at}/error.log warn;\n\
             events {{ worker_connections 64; }}\n\
             rtmp {{ access_log off; server {{ listen 127.0.0.1:{port}; application live {{ live on; }} }} }}\n"
        );
        fs::write(folder.path().join("nginx.conf"), text).expect("the settings are written");
        Self { folder, port }
    }

    fn start(&self) -> Peer {
        let at = self.folder.path().to_str().expect("a path in UTF-8");
        let peer = Peer::start(
            "nginx",
            &["-p", at, "-c", &format!("{at}/nginx.conf"), "-e", &format!("{at}/early.log")],
        );
        eventually("nginx listens", || std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok());
        peer
    }

    fn url(&self) -> String {
        format!("rtmp://127.0.0.1:{}/live/s3cret", self.port)
    }
}

fn plays_cleanly(stack: &Stack, channel: &str) {
    let watched = stack.url(&format!("/{channel}/index.m3u8"));
    let (_, said) =
        ffmpeg("ffmpeg", &["-v", "error", "-xerror", "-i", &watched, "-t", "4", "-f", "null", "-"]);
    assert_eq!(said, "");
}

#[test]
fn a_channel_that_asks_an_nginx_to_play_is_watched_and_asks_again_when_that_was_away() {
    let nginx = Nginx::new();
    let server = nginx.start();
    let publisher = Peer::publish(&nginx.url(), RATE);
    let input = format!("{{ rtmp_call = \"{}\", allow_private = true }}", nginx.url());
    let stack = Stack::start(&format!(
        "[[channel]]\nname = \"plain\"\ninput = {input}\nladder = \"passthrough\"\nsegment = 1\n\
         [[channel]]\nname = \"ladder\"\ninput = {input}\nladder = [\"240p30\"]\npreset = \"ultrafast\"\nsegment = 1\n"
    ));
    for channel in ["plain", "ladder"] {
        let multivariant = stack.wait_for_segments(channel, 4);
        assert!(multivariant.contains("avc1.") && multivariant.contains("mp4a.40.2"), "{multivariant}");
        plays_cleanly(&stack, channel);
    }
    server.kill();
    publisher.kill();
    let gone = || stack.log().matches("RTMP stream gone").count() == 2;
    eventually("both see that it is gone", || gone().then_some(()));
    let fetched = || stack.log().matches("fetching by RTMP").count();
    let before = fetched();
    let _server = nginx.start();
    let _publisher = Peer::publish(&nginx.url(), RATE);
    eventually("both ask again", || (fetched() >= before + 2).then_some(()));
    eventually("the source is shown again", || {
        (stack.metric(&["headwater_encoder_input_lost", "ladder"]) == 0.0).then_some(())
    });
    assert!(!stack.log().contains("s3cret"), "{}", stack.log());
}

#[test]
fn a_private_server_is_asked_only_where_that_is_allowed() {
    let stack = Stack::start(
        "[[channel]]\nname = \"news\"\ninput = { rtmp_call = \"rtmp://127.0.0.1:9/live/a\" }\nladder = \"passthrough\"\n",
    );
    eventually("the call is refused", || {
        stack.log().contains("set `allow_private = true` on this input").then_some(())
    });
}

/// Takes TLS away in front of `behind`, with the self-made certificate in `folder`.
fn tls_in_front_of(behind: u16, folder: &std::path::Path) -> SocketAddr {
    let pair = Pair::self_made(folder);
    pair.make_once().expect("a certificate is made");
    let shown = std::sync::Arc::new(Shown::new(pair.read().expect("it is read")));
    let server = ServerConfig::builder_with_provider(std::sync::Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has them")
        .with_no_client_auth()
        .with_cert_resolver(shown);
    let acceptor = TlsAcceptor::from(std::sync::Arc::new(server));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.set_nonblocking(true).expect("can be set");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut near) = acceptor.accept(stream).await else { return };
                    let Ok(mut far) = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, behind)).await
                    else {
                        return;
                    };
                    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                });
            }
        });
    });
    address
}

#[test]
fn publishers_push_by_tls_and_a_server_behind_tls_is_asked_where_its_authority_is_known() {
    let port = free_port();
    // The text begins inside `[listen]`.
    let pushed = Stack::start(&format!(
        "rtmps = \"127.0.0.1:{port}\"\n\n[[channel]]\nname = \"main\"\ninput = {{ rtmp = \"live/k3y\" }}\nladder = \"passthrough\"\nsegment = 1\n"
    ));
    let _publisher = Peer::publish(&format!("rtmps://127.0.0.1:{port}/live/k3y"), RATE);
    pushed.wait_for_segments("main", 4);
    plays_cleanly(&pushed, "main");
    assert!(pushed.log().contains("RTMPS with a certificate of our own making"), "{}", pushed.log());

    let nginx = Nginx::new();
    let _server = nginx.start();
    let _relayed = Peer::publish(&nginx.url(), RATE);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let front = tls_in_front_of(nginx.port, folder.path());
    let channel = format!(
        "[[channel]]\nname = \"main\"\ninput = {{ rtmp_call = \"rtmps://localhost:{}/live/s3cret\", allow_private = true }}\n\
         ladder = \"passthrough\"\nsegment = 1\n",
        front.port()
    );
    let stranger = Stack::start(&channel);
    eventually("an unknown authority is refused", || {
        (stranger.log().contains("RTMP call failed") && stranger.log().contains("certificate")).then_some(())
    });
    drop(stranger);
    let authority = Pair::self_made(folder.path()).certificate;
    let known = [("SSL_CERT_FILE", authority.to_str().expect("a path in UTF-8"))];
    let stack = Stack::start_with(&channel, &known);
    stack.wait_for_segments("main", 4);
    plays_cleanly(&stack, "main");
}
