//! Peers that are turned away, and the others who must not notice.

use std::io::{Read, Write};
use std::net::TcpStream;

use rtmp::amf::Value;

use crate::client::Client;
use crate::harness::*;

#[test]
fn an_unknown_key_is_refused_with_a_reason_that_does_not_tell_the_key() {
    let role = Role::start(0);
    for (app, key) in [("live", "wrong-key-canary"), ("canary", "sesame"), ("live", "")] {
        let (client, code, description) = Client::try_publish(role.rtmp, app, key);
        assert_eq!(code, "NetStream.Publish.BadName");
        assert_eq!(description, "This application and stream key are not known here.");
        assert!(client.ends_closed());
    }
    role.wait_for_log("is not known for application `live`");
    role.wait_for_log("no channel has its application");
    role.wait_for_metric("headwater_ingest_refused_total{reason=\"unknown_key\"}", 2.0);
    role.wait_for_metric("headwater_ingest_refused_total{reason=\"unknown_app\"}", 1.0);
    assert!(!role.log().contains("canary"), "{}", role.log());
}

#[test]
fn a_second_publisher_on_a_busy_key_is_refused_and_the_first_goes_on() {
    let role = Role::start(0);
    let mut subscriber = role.subscribe("main", None);
    let mut first = Client::publish(role.rtmp, "sesame");
    let (second, code, description) = Client::try_publish(role.rtmp, "live/", "sesame?again");
    assert_eq!(code, "NetStream.Publish.BadName");
    assert_eq!(description, "This stream has a publisher already.");
    assert!(second.ends_closed());
    role.wait_for_log("channel `main` has a publisher already");
    first.send(1);
    first.goodbye();
    assert_eq!(subscriber.session().of(VIDEO).len(), 30);
}

#[test]
fn garbage_ends_its_own_connection_and_no_other() {
    let role = Role::start(0);
    let mut subscriber = role.subscribe("main", None);
    let mut publisher = Client::publish(role.rtmp, "sesame");

    let mut http = TcpStream::connect(role.rtmp).expect("connects");
    http.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").expect("writes");
    let mut answer = Vec::new();
    // Closed or reset, but with nothing said.
    let _ = http.read_to_end(&mut answer);
    assert_eq!(answer, b"");
    role.wait_for_log("handshake version 71");

    // Garbage behind a handshake, and garbage from a publisher.
    let mut noise = Client::connect(role.rtmp);
    noise.command("connect", 1.0, &[Value::Null]);
    assert!(noise.ends_closed());
    role.wait_for_log("connect without an application name");
    let mut broken = Client::publish(role.rtmp, "other-key");
    broken.command("publish", 9.0, &[Value::Null, "other-key".into()]);
    assert!(broken.ends_closed());
    role.wait_for_log("a second publish on one connection");

    role.wait_for_metric("headwater_ingest_refused_total{reason=\"protocol\"}", 3.0);
    publisher.send(1);
    publisher.goodbye();
    assert_eq!(subscriber.session().of(VIDEO).len(), 30);
}

#[test]
fn a_stranger_cannot_fill_memory_before_it_publishes() {
    let role = Role::start(0);
    let mut client = Client::connect(role.rtmp);
    client.try_video(vec![0; 1 << 20]);
    assert!(client.ends_closed());
    role.wait_for_log("over 65536 bytes before a publish request");
}

#[test]
fn handshakes_broken_off_leave_nothing_running() {
    let role = Role::start(0);
    for length in [0, 1, 4, 1_536, 1_537, 3_000] {
        let mut stream = TcpStream::connect(role.rtmp).expect("connects");
        let mut bytes = vec![3_u8];
        bytes.resize(length.max(1), 0);
        stream.write_all(&bytes[..length]).expect("writes");
    }
    role.wait_for_metric("headwater_ingest_refused_total{reason=\"lost\"}", 6.0);
    role.wait_for_metric("headwater_ingest_connections", 0.0);
}

#[test]
fn a_player_is_told_that_nothing_plays_here() {
    let role = Role::start(0);
    let mut client = Client::connect(role.rtmp);
    client.command("connect", 1.0, &[Value::Object(vec![("app".into(), "live".into())])]);
    client.command("createStream", 2.0, &[Value::Null]);
    client.command("play", 3.0, &[Value::Null, "sesame".into()]);
    assert!(client.ends_closed());
    role.wait_for_log("it wanted to play");
    role.wait_for_metric("headwater_ingest_refused_total{reason=\"play\"}", 1.0);
}
