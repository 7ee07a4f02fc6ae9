//! A channel fed by RTP over two legs that are cut in turn, with a plain UDP stream behind it.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use e2e::{Peer, Stack, eventually, free_port, tracks};

/// Relays datagrams to two legs, of which one can be cut.
struct Legs {
    address: SocketAddr,
    cut: Arc<AtomicU8>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Legs {
    fn start(to: [SocketAddr; 2]) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("can be set");
        let address = socket.local_addr().expect("bound");
        let (cut, over) = (Arc::new(AtomicU8::new(0)), Arc::new(AtomicBool::new(false)));
        let (cut_now, stop) = (cut.clone(), over.clone());
        let thread = std::thread::spawn(move || {
            let mut datagram = [0; 2_048];
            while !stop.load(Ordering::Relaxed) {
                let Ok(length) = socket.recv(&mut datagram) else { continue };
                for (leg, to) in (1..).zip(to) {
                    if cut_now.load(Ordering::Relaxed) != leg {
                        let _ = socket.send_to(&datagram[..length], to);
                    }
                }
            }
        });
        Self { address, cut, over, thread: Some(thread) }
    }

    /// Cuts leg 1 or 2; 0: none.
    fn cut(&self, leg: u8) {
        self.cut.store(leg, Ordering::Relaxed);
    }
}

impl Drop for Legs {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn free_address() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, free_port()).into()
}

#[test]
fn a_channel_plays_on_while_either_leg_is_cut_and_falls_back_to_udp_without_both() {
    let [first, second, backup] = [(); 3].map(|()| free_address());
    let stack = Stack::start(&format!(
        "[[channel]]\nname = \"field\"\ninput = {{ rtp = \"{first}\", second = \"{second}\", from = \"127.0.0.0/8\", latency = 1 }}\n\
         backup = {{ udp = \"{backup}\" }}\npreset = \"ultrafast\"\nladder = [\"360p30\"]\nsegment = 1\nwindow = 300\n"
    ));
    let legs = Legs::start([first, second]);
    let rtp = Peer::publish(&format!("rtp://{}?pkt_size=1328", legs.address), 30);
    let _udp = Peer::publish(&format!("udp://{backup}?pkt_size=1316"), 30);
    let up = |leg: u8| stack.metric(&["headwater_ingest_rtp_leg_up{", &format!("leg=\"{leg}\"")]) == 1.0;
    let active = |input: &str| {
        stack.metric(&["headwater_encoder_input_active", &format!("input=\"{input}\"")]) == 1.0
            && stack.metric(&["headwater_encoder_input_lost"]) == 0.0
    };
    eventually("both legs bring packets", || (up(1) && up(2)).then_some(()));
    eventually("the channel shows its primary", || active("primary").then_some(()));
    eventually("both inputs publish", || {
        (stack.metric(&["headwater_ingest_publishers{"]) == 2.0).then_some(())
    });
    let filled = || stack.metric(&["headwater_encoder_fill_frames_total"]);
    let lost = || stack.metric(&["headwater_ingest_rtp_lost_packets_total"]);
    let before = (filled(), stack.metric(&["headwater_encoder_failovers_total"]));
    for (cut, other) in [(1, 2), (2, 1)] {
        legs.cut(cut);
        eventually("the cut is seen", || (!up(cut) && up(other)).then_some(()));
        std::thread::sleep(Duration::from_secs(2));
        legs.cut(0);
        eventually("the leg is back", || up(cut).then_some(()));
    }
    assert_eq!(lost(), 0.0);
    assert_eq!(
        (filled(), stack.metric(&["headwater_encoder_failovers_total"])),
        before,
        "nobody saw anything"
    );
    assert!(stack.log().contains("a leg brings no packets"));

    rtp.kill();
    eventually("the backup is shown", || active("backup").then_some(()));

    let tracks = tracks::read_all(&stack, "field");
    for track in &tracks {
        for pair in tracks::chunks(track).windows(2) {
            assert_eq!(pair[0].decode_time + pair[0].duration, pair[1].decode_time, "{}", track.uri);
        }
        assert!(track.playlist.segments.iter().all(|segment| segment.discontinuities == 0), "{}", track.uri);
    }
}

#[test]
fn a_passthrough_channel_takes_plain_datagrams_and_ingest_may_be_killed() {
    let to = free_address();
    let stack = Stack::start(&format!(
        "[[channel]]\nname = \"field\"\ninput = {{ udp = \"{to}\" }}\nladder = \"passthrough\"\nsegment = 1\n"
    ));
    let _udp = Peer::publish(&format!("udp://{to}?pkt_size=1316"), 30);
    stack.wait_for_segments("field", 3);
    stack.kill_child("ingest");
    let publishes = || stack.metric(&["headwater_ingest_publishers{"]) == 1.0;
    eventually("ingest is back and receives on the same socket", || publishes().then_some(()));
    stack.wait_for_segments("field", 6);
}
