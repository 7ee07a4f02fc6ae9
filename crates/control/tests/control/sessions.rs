//! Temporary keys.

use identity::session::{self, Temporary};
use identity::sigv4::Signer;
use identity::{AccessKeyId, Secret};
use media::Utc;

use crate::auth::{calls, check, server};
use crate::client::{Ask, signer};
use crate::support::{Options, Server, now, until};

const EVERYTHING: &str = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;

/// A temporary key that `issuer` might have asked for some time ago.
fn key_until(server: &Server, issuer: &str, expires: Utc) -> Temporary {
    let issuer = AccessKeyId::parse(issuer).expect("an id");
    session::issue(&server.keyring(), &issuer, expires, [7; session::RANDOM_BYTES])
}

fn with(key: &Temporary, service: &str) -> Signer {
    let signer = signer(key.access_key.as_str(), &key.secret, service);
    Signer { token: Some(key.token.clone()), ..signer }
}

fn minutes(count: i64) -> Utc {
    now().plus_micros(count * 60_000_000)
}

#[tokio::test]
async fn a_temporary_key_is_good_with_its_token_until_its_time_in_every_protocol() {
    let server = server().await;
    let (issuer, lasting) = server.user("eve", Some(EVERYTHING)).await;
    let (good, over) = (key_until(&server, &issuer, minutes(5)), key_until(&server, &issuer, minutes(-1)));
    for (protocol, ask, service) in calls() {
        let send =
            async |signer: Signer| ask.clone().signed_with(&server, &signer, now()).send(&server).await;
        let refused = |json: &'static str, query: &'static str| match protocol {
            "rest-json" | "cbor" => (403, json),
            "json" => (400, json),
            _ => (403, query),
        };
        let (wrong, expired) = (
            refused("UnrecognizedClientException", "InvalidClientTokenId"),
            refused("ExpiredTokenException", "ExpiredToken"),
        );
        assert_eq!(send(with(&good, service)).await.status, 200, "{protocol}");
        check(protocol, &send(with(&over, service)).await, expired.0, expired.1);
        let strange = Secret::new(format!("{}AAAA", &good.token.expose()[4..]));
        for signer in [
            Signer { token: None, ..with(&good, service) },
            Signer { token: Some(strange), ..with(&good, service) },
            // One of another key's, and one where there should be none.
            Signer { access_key: "ASIAOTHEROTHEROTHER1".to_owned(), ..with(&good, service) },
            Signer { token: Some(good.token.clone()), ..signer(&issuer, &lasting, service) },
        ] {
            check(protocol, &send(signer).await, wrong.0, wrong.1);
        }
        if protocol.starts_with("rest") {
            let link = |key: &Temporary| ask.clone().presigned_with(&server, &with(key, service), now(), 60);
            assert_eq!(link(&good).send(&server).await.status, 200, "{protocol}");
            check(protocol, &link(&over).send(&server).await, expired.0, expired.1);
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn what_is_asked_for_is_a_key_of_whoever_asks_and_ends_with_theirs() {
    let server = Server::start(Options::default()).await;
    let (issuer, lasting) = server.user("eve", None).await;
    let sts = |action: &str| Ask::new("POST", "/").form(&format!("Action={action}&Version=2011-06-15"));
    let asked =
        sts("GetSessionToken").signed_by(&server, &issuer, &lasting, "sts", now()).send(&server).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    let part = |name: &str| {
        let (_, rest) = asked.body.split_once(&format!("<{name}>")).expect("it is there");
        rest.split_once("</").expect("it ends").0.to_owned()
    };
    let signer = Signer {
        token: Some(Secret::new(part("SessionToken"))),
        ..signer(&part("AccessKeyId"), &Secret::new(part("SecretAccessKey")), "sts")
    };
    let send = async |ask: Ask, service: &str| {
        let signer = Signer { service: service.to_owned(), ..signer.clone() };
        ask.signed_with(&server, &signer, now()).send(&server).await
    };
    let who = send(sts("GetCallerIdentity"), "sts").await;
    assert!(
        who.body.contains(&format!("<Arn>arn:aws:iam::{}:user/eve</Arn>", server.root.account)),
        "{who:?}"
    );

    check("query", &send(sts("GetSessionToken"), "sts").await, 403, "AccessDenied");
    let lasting_key = Ask::new("POST", "/").form("Action=CreateAccessKey&Version=2010-05-08");
    check("query", &send(lasting_key, "iam").await, 403, "InvalidClientTokenId");
    until("the key in the audit log", || async {
        let lines = server.outcomes("sts:GetSessionToken").await;
        lines.iter().any(|(_, outcome)| outcome == "ok").then_some(())
    })
    .await;

    let off = format!(
        "Action=UpdateAccessKey&Version=2010-05-08&UserName=eve&AccessKeyId={issuer}&Status=Inactive"
    );
    let off = Ask::new("POST", "/").form(&off).signed(&server, "iam").send(&server).await;
    assert_eq!(off.status, 200, "{off:?}");
    check("query", &send(sts("GetCallerIdentity"), "sts").await, 403, "InvalidClientTokenId");
    server.stop().await;
}

#[tokio::test]
async fn the_roots_temporary_key_lasts_an_hour_at_most() {
    let server = Server::start(Options::default()).await;
    let ask = Ask::new("POST", "/").form("Action=GetSessionToken&Version=2011-06-15&DurationSeconds=129600");
    let before = now();
    let answer = ask.signed(&server, "sts").send(&server).await;
    let (_, rest) = answer.body.split_once("<Expiration>").expect("it is there");
    let expires = aws::date(rest.split_once('<').expect("it ends").0).expect("a date");
    let hour = |from: Utc| from.plus_micros(3_600_000_000);
    assert!((hour(before).plus_micros(-1_000_000)..=hour(now())).contains(&expires), "{answer:?}");
    server.stop().await;
}
