//! Edges that share a UDP socket while one takes over from the other.

#[path = "common/http3_client.rs"]
mod client;
mod common;

use bytes::Buf;
use client::{Answer, Client};
use common::{Edge, HANG, Origin, SEGMENT, body, ok, target};
use edge::{Certificate, Limits};
use http::Request;
use tokio::io::AsyncWriteExt;

const HANDED_ON: &str = "headwater_edge_quic_handed_datagrams_total{how=\"on\"}";
const TAKEN: &str = "headwater_edge_quic_handed_datagrams_total{how=\"taken\"}";
const ACCEPTED: &str = "headwater_edge_quic_connections_total{event=\"accepted\"}";

async fn edge_before(origin: &Origin) -> Edge {
    Edge::with_tls(origin.address, Limits::default(), Certificate::SelfMade).await
}

/// An origin that gives `/{n}` with `n` bytes.
async fn any_length() -> Origin {
    Origin::start(|head, mut stream| async move {
        let len = target(&head)[1..].parse().ok()?;
        stream.write_all(&ok(SEGMENT, &body(len))).await.ok()?;
        Some(stream)
    })
    .await
}

fn whole(answer: &Answer, len: usize) -> bool {
    answer.status == 200 && answer.body == body(len)
}

#[tokio::test]
async fn a_connection_goes_on_where_it_is_and_new_ones_are_the_successors() {
    let origin = any_length().await;
    let first = edge_before(&origin).await;
    let mut old = Client::connect(&first).await;
    assert!(whole(&old.get("/1").await, 1));
    let second = first.successor(origin.address).await;
    // A megabyte is acknowledged many times on its way.
    for len in [10, 1_000_000, 20] {
        assert!(whole(&old.get(&format!("/{len}")).await, len), "{len}");
    }
    let mut new = Client::connect(&first).await;
    assert!(whole(&new.get("/30").await, 30));
    assert_eq!((first.metric(ACCEPTED).await, second.metric(ACCEPTED).await), (1, 1));
    let (on, taken) = (second.metric(HANDED_ON).await, first.metric(TAKEN).await);
    assert!(on > 10 && taken > 10, "{on} handed on, {taken} taken");
    assert_eq!((first.metric(HANDED_ON).await, second.metric(TAKEN).await), (0, 0));
}

#[tokio::test]
async fn three_generations_serve_at_once() {
    let origin = any_length().await;
    let first = edge_before(&origin).await;
    let mut clients = vec![Client::connect(&first).await];
    let second = first.successor(origin.address).await;
    clients.push(Client::connect(&first).await);
    let third = second.successor(origin.address).await;
    clients.push(Client::connect(&first).await);
    for _ in 0..3 {
        for client in &mut clients {
            assert!(whole(&client.get("/50000").await, 50_000));
        }
    }
    // The one in the middle goes; the one before it is reached all the same.
    second.drained().await;
    assert!(whole(&clients[0].get("/7").await, 7));
    assert!(whole(&clients[2].get("/8").await, 8));
    assert_eq!((first.metric(ACCEPTED).await, third.metric(ACCEPTED).await), (1, 1));
}

#[tokio::test]
async fn a_successor_that_goes_leaves_the_socket_to_the_one_before() {
    let origin = any_length().await;
    let first = edge_before(&origin).await;
    let mut client = Client::connect(&first).await;
    let second = first.successor(origin.address).await;
    assert!(whole(&client.get("/5").await, 5));
    second.drained().await;
    assert!(whole(&client.get("/6").await, 6));
    let mut new = Client::connect(&first).await;
    assert!(whole(&new.get("/7").await, 7));
    assert_eq!(first.metric(ACCEPTED).await, 2);
    // And again.
    let third = first.successor(origin.address).await;
    assert!(whole(&client.get("/8").await, 8));
    third.metric_reaches(HANDED_ON, 1).await;
}

#[tokio::test]
async fn an_edge_on_another_socket_in_the_same_folder_is_left_alone() {
    let origin = any_length().await;
    let first = edge_before(&origin).await;
    let other = first.neighbour(origin.address).await;
    let (mut here, mut there) = (Client::connect(&first).await, Client::connect(&other).await);
    for len in [5, 6] {
        assert!(whole(&here.get(&format!("/{len}")).await, len), "{len}");
        assert!(whole(&there.get(&format!("/{len}")).await, len), "{len}");
    }
    assert_eq!((first.metric(ACCEPTED).await, other.metric(ACCEPTED).await), (1, 1));
}

#[tokio::test]
async fn a_drained_edge_answers_what_was_asked_before_its_goaway_arrived() {
    let origin = any_length().await;
    let first = edge_before(&origin).await;
    let mut client = Client::connect(&first).await;
    assert!(whole(&client.get("/1").await, 1));
    let _second = first.successor(origin.address).await;
    first.drain();
    // Until the client hears of it, it asks on; then it asks no more.
    let asked = async {
        loop {
            let request = Request::get("https://localhost/2").body(()).unwrap();
            let Ok(mut stream) = client.requests.send_request(request).await else { return };
            stream.finish().await.unwrap();
            assert_eq!(stream.recv_response().await.expect("it was asked in time").status(), 200);
            let mut len = 0;
            while let Some(piece) = stream.recv_data().await.expect("to its end") {
                len += piece.remaining();
            }
            assert_eq!(len, 2);
        }
    };
    tokio::time::timeout(HANG, asked).await.expect("GOAWAY comes");
    assert!(client.quic.close_reason().is_none(), "told first, closed later");
    first.drained().await;
}
