//! Channels come and go while ingest runs.

use std::net::{SocketAddr, UdpSocket};

use ingest::Door;
use ingest::udp::{Endpoint, Source};

use crate::client::Client;
use crate::harness::*;

fn rtmp(key: &str) -> Door {
    Door::Rtmp { app: "live".to_owned(), key: key.to_owned() }
}

#[test]
fn a_channel_that_is_added_takes_publishers_and_one_that_is_there_goes_on_untouched() {
    let role = Role::start(0);
    let mut subscriber = role.subscribe("main", None);
    let mut stays = Client::publish(role.rtmp, "sesame");
    stays.send(1);
    let (_, code, _) = Client::try_publish(role.rtmp, "live", "news-key");
    assert_ne!(code, "NetStream.Publish.Start");

    role.set(&[("news", rtmp("news-key"))]).expect("it can be added");
    let mut news = role.subscribe("news", None);
    let mut comes = Client::publish(role.rtmp, "news-key");
    comes.send(1);
    comes.goodbye();
    assert_eq!(news.session().of(VIDEO).len(), 30);
    stays.goodbye();
    assert_eq!(subscriber.session().of(VIDEO).len(), 30);
    assert_eq!(role.metric("headwater_ingest_sessions_total{channel=\"main\"}"), 1.0);
}

#[test]
fn whoever_publishes_to_a_channel_that_is_taken_away_is_let_go_and_its_encoder_hears_it() {
    let role = Role::start_with(0, &[("news", rtmp("news-key"))]);
    let mut news = role.subscribe("news", None);
    let mut client = Client::publish(role.rtmp, "news-key");
    client.send(1);
    role.wait_for_metric("headwater_ingest_video_frames_total{channel=\"news\"}", 30.0);
    role.set(&[]).expect("it can be taken away");
    assert!(client.ends_closed());
    let heard = news.session();
    assert_eq!((heard.of(VIDEO).len(), heard.ended.as_str()), (30, "its channel is no more"));
    assert_eq!(news.next(), None, "nothing more will come");
    let (_, code, _) = Client::try_publish(role.rtmp, "live", "news-key");
    assert_ne!(code, "NetStream.Publish.Start");

    // The same name with another key is another channel.
    role.set(&[("news", rtmp("other-news-key"))]).expect("it can be added");
    Client::publish(role.rtmp, "other-news-key").goodbye();
}

#[test]
fn publishers_come_from_where_they_may_and_one_that_may_no_longer_is_let_go() {
    let mut role = Role::start(0);
    let mut subscriber = role.subscribe("main", None);
    let mut stays = Client::publish(role.rtmp, "sesame");
    stays.send(1);
    role.wait_for_metric("headwater_ingest_video_frames_total{channel=\"main\"}", 30.0);
    role.admit_from(&["127.0.0.0/8", "192.0.2.0/24"]);
    stays.send(1);
    role.wait_for_metric("headwater_ingest_video_frames_total{channel=\"main\"}", 60.0);

    role.admit_from(&["192.0.2.0/24"]);
    assert!(stays.ends_closed());
    let heard = subscriber.session();
    let reason = "its address is not among those that may publish";
    assert_eq!((heard.of(VIDEO).len(), heard.ended.as_str()), (60, reason));
    let (_, code, description) = Client::try_publish(role.rtmp, "live", "sesame");
    assert_eq!(
        (code.as_str(), description.as_str()),
        ("NetStream.Publish.BadName", "This application and stream key are not known here.")
    );
    // The one that was let go, and the one that was turned away.
    role.wait_for_metric("headwater_ingest_refused_total{reason=\"address\"}", 2.0);

    role.admit_from(&[]);
    Client::publish(role.rtmp, "sesame").goodbye();
}

#[test]
fn a_port_that_is_taken_costs_its_own_channel_only_and_is_free_when_the_channel_goes() {
    let role = Role::start(0);
    let taken = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("bound");
    let datagrams = |at: SocketAddr| Door::Datagrams {
        source: Source::Udp(Endpoint::open(at)),
        bound: None,
        select: ingest::Select::default(),
    };
    let wanted = [("field", datagrams(port)), ("news", rtmp("news-key"))];
    let fault = role.set(&wanted).expect_err("the port is taken");
    assert!(fault.contains("channel `field`: its input"), "{fault}");
    Client::publish(role.rtmp, "news-key").goodbye();

    drop(taken);
    role.set(&wanted).expect("the port is free");
    assert!(UdpSocket::bind(port).is_err());
    role.set(&wanted[1..]).expect("it can be taken away");
    wait_for("the port to be free", || UdpSocket::bind(port).is_ok());
}

#[test]
fn a_port_that_was_taken_is_taken_over_once_it_is_free() {
    let role = Role::start(0);
    let taken = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let at = taken.local_addr().expect("bound");
    let source = Source::Udp(Endpoint::open(at));
    let door = Door::Datagrams { source, bound: None, select: ingest::Select::default() };
    role.set(&[("field", door)]).expect_err("the port is taken");
    drop(taken);
    wait_for("the port to be taken", || UdpSocket::bind(at).is_err());
}

#[test]
fn two_channels_cannot_have_one_key_and_nothing_changes_where_they_are_asked_to() {
    let role = Role::start_with(0, &[("news", rtmp("news-key"))]);
    let fault = role.set(&[("twin", rtmp("sesame"))]).expect_err("`main` has this key");
    assert!(fault.contains("`main` and `twin`"), "{fault}");
    Client::publish(role.rtmp, "news-key").goodbye();
    Client::publish(role.rtmp, "sesame").goodbye();
}
