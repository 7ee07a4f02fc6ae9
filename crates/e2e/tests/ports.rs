//! A machine that has no local port left.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Command;

use e2e::{PATIENCE, Stack, eventually, hls};

const CHANNEL: &str = "[[channel]]\nname = \"cam\"\ninput = \"test\"\npreset = \"ultrafast\"\n\
                       ladder = [\"240p30\"]\nsegment = 1\nwindow = 300\n";

/// A viewer's connection, which is kept.
struct Viewer(TcpStream);

impl Viewer {
    fn of(stack: &Stack) -> Self {
        let stream = TcpStream::connect(stack.viewers_address()).expect("connects");
        stream.set_read_timeout(Some(PATIENCE)).expect("is set");
        Self(stream)
    }

    /// Status and body.
    fn get(&mut self, path: &str) -> (u16, String) {
        self.ask(path);
        self.hear()
    }

    fn ask(&mut self, path: &str) {
        write!(self.0, "GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").expect("is sent");
    }

    fn hear(&mut self) -> (u16, String) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).expect("is answered");
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).expect("text").to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.expect("a length")];
        self.0.read_exact(&mut body).expect("comes whole");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, String::from_utf8_lossy(&body).into_owned())
    }
}

#[test]
#[ignore = "started in a network of its own by the test below"]
fn viewers_of_an_edge_that_can_connect_no_more() {
    let stack = Stack::start(CHANNEL);
    stack.wait_for_segments("cam", 2);
    let uri = hls::media_playlists(stack.get("/cam/index.m3u8").text()).remove(0);
    let (folder, _) = uri.rsplit_once('/').expect("a folder");
    // Watches the newest segment, whose number it returns.
    let watch = |viewer: &mut Viewer| {
        let (status, text) = viewer.get(&format!("/cam/{uri}"));
        assert_eq!(status, 200);
        let newest = hls::media_playlist(&text).segments.pop().expect("some");
        assert_eq!(viewer.get(&format!("/cam/{folder}/{}", newest.uri)).0, 200);
        newest.number
    };
    let mut first = Viewer::of(&stack);
    watch(&mut first);
    let origin = stack.origin_url("").replace("http://", "");
    let mut held = Vec::new();
    let full = loop {
        match TcpStream::connect(&origin) {
            Ok(stream) => held.push(stream),
            Err(fault) => break fault,
        }
    };
    assert_eq!(full.kind(), ErrorKind::AddrNotAvailable, "after {} connections", held.len());

    let begun = watch(&mut first);
    let mut refused = 0;
    let mut looks = 0;
    // Others ask for what is not cached, all at once: more than there are connections to the origin. The rest are told to
    // come later.
    let mut others: Vec<_> = (0..32).map(|_| Viewer::of(&stack)).collect();
    eventually("the first goes on", || {
        for other in &mut others {
            looks += 1;
            other.ask(&format!("/cam/none-{looks}.m4s"));
        }
        for other in &mut others {
            let (status, _) = other.hear();
            assert!([404, 503].contains(&status), "{status}");
            refused += u32::from(status == 503);
        }
        (watch(&mut first) >= begun + 4 && refused > 0).then_some(())
    });
    assert!(stack.log().contains("ip_local_port_range"), "{}", stack.log());
    assert!(!stack.was_told("origin_down", "raised"), "it is none of the origin's doing");
    drop(held);
    eventually("all are served", || {
        looks += 1;
        let path = format!("/cam/none-again-{looks}.m4s");
        others.iter_mut().all(|other| other.get(&path).0 == 404).then_some(())
    });
    println!("\nrefused {refused}");
}

#[test]
fn viewers_go_on_while_no_port_is_left_to_connect_to_the_origin_by_and_the_next_ones_are_told_503() {
    let script = "ip link set lo up && echo 40000 40255 > /proc/sys/net/ipv4/ip_local_port_range && \
                  exec \"$0\" --exact viewers_of_an_edge_that_can_connect_no_more --ignored --nocapture";
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--net", "sh", "-c", script]);
    let run = unshare.arg(std::env::current_exe().expect("this test")).output().expect("unshare");
    let (said, warned) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    if !said.contains("running 1 test") {
        println!("passed over: this needs namespaces and `ip`: {warned}");
        return;
    }
    assert!(run.status.success() && said.contains("\nrefused "), "{said}\n{warned}");
}
