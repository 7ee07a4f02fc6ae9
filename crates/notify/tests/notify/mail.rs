//! Mail, by a server of this test.

use std::sync::{Arc, Mutex};

use notify::{MailTls, Smtp};
use reach::Reach;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::home::{Home, URL, at, tag};

/// A mail server that takes everything, or refuses for now or for good.
struct Server {
    port: u16,
    mails: Arc<Mutex<Vec<String>>>,
    greeting: Arc<Mutex<&'static str>>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let this = Self { port, mails: Arc::default(), greeting: Arc::new(Mutex::new("250 ok")) };
        let (mails, greeting) = (this.mails.clone(), this.greeting.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let recipient = *greeting.lock().expect("no panic");
                tokio::spawn(serve(stream, mails.clone(), recipient));
            }
        });
        this
    }

    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut *self.mails.lock().expect("no panic"))
    }
}

async fn serve(stream: TcpStream, mails: Arc<Mutex<Vec<String>>>, recipient: &'static str) -> Option<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 test\r\n").await.ok()?;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let answer = match line.get(..4)? {
            "RCPT" => recipient,
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await.ok()?;
                let mut mail = String::new();
                while !mail.ends_with("\r\n.\r\n") {
                    stream.read_line(&mut mail).await.ok()?;
                }
                // Lines that were too long for a mail come whole again.
                mails.lock().expect("no panic").push(mail.replace("=\r\n", "").replace("=3D", "="));
                "250 taken"
            }
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
    }
}

fn link(mail: &str) -> String {
    let at = mail.find(URL).expect("a link");
    mail[at..].split_whitespace().next().expect("a link").to_owned()
}

#[tokio::test]
async fn an_address_confirms_by_a_link_and_gets_mail_until_it_follows_another() {
    let server = Server::start().await;
    let smtp = Smtp {
        host: "127.0.0.1".to_owned(),
        port: server.port,
        tls: MailTls::None,
        login: None,
        from: "Headwater <alarms@example.org>".to_owned(),
    };
    let home = Home::with(Reach::Public, Some(smtp)).await;
    let topic = home.topic("alarms").await;
    for wrong in ["nobody", "a b@example.org", "a@example.org\r\nBcc: b@example.org", ""] {
        let fields = [("TopicArn", topic.as_str()), ("Protocol", "email"), ("Endpoint", wrong)];
        assert_eq!(home.sns(1, "Subscribe", &fields).await.expect_err(wrong).0, "InvalidParameter");
    }
    let subscribe = [("TopicArn", topic.as_str()), ("Protocol", "email"), ("Endpoint", "ada@example.org")];
    home.sns(1, "Subscribe", &subscribe).await.expect("subscribed");
    home.notifier.deliver_due(at(1)).await.expect("sent");
    let question = server.taken().pop().expect("a mail");
    assert!(
        question.contains("To: ada@example.org") && question.contains("From: Headwater <alarms@example.org>"),
        "{question}"
    );
    let confirmed = home.follow(2, &link(&question)).await.expect("confirmed");
    assert!(tag(&confirmed, "SubscriptionArn").starts_with(&topic));
    let publish = [("TopicArn", topic.as_str()), ("Message", "it burns"), ("Subject", "ALARM: fire")];
    home.sns(3, "Publish", &publish).await.expect("published");
    home.notifier.deliver_due(at(3)).await.expect("sent");
    let mail = server.taken().pop().expect("a mail");
    assert!(mail.contains("Subject: ALARM: fire") && mail.contains("it burns"), "{mail}");
    home.follow(4, &link(&mail)).await.expect("ended");
    home.notifier.deliver_due(at(4)).await.expect("sent");
    assert!(server.taken().pop().expect("a notice").contains("No more notifications"));
    home.sns(5, "Publish", &publish).await.expect("published");
    home.notifier.deliver_due(at(5)).await.expect("nothing to send");
    assert_eq!(server.taken().len(), 0);
}

#[tokio::test]
async fn mail_that_is_refused_for_now_is_tried_again_and_for_good_is_not() {
    let server = Server::start().await;
    let smtp = Smtp {
        host: "127.0.0.1".to_owned(),
        port: server.port,
        tls: MailTls::None,
        login: None,
        from: "alarms@example.org".to_owned(),
    };
    let home = Home::with(Reach::Public, Some(smtp)).await;
    let topic = home.topic("alarms").await;
    let subscribe = [("TopicArn", topic.as_str()), ("Protocol", "email"), ("Endpoint", "ada@example.org")];
    *server.greeting.lock().expect("no panic") = "450 later";
    home.sns(1, "Subscribe", &subscribe).await.expect("subscribed");
    home.notifier.deliver_due(at(1)).await.expect("tried");
    home.notifier.deliver_due(at(5)).await.expect("not due");
    assert_eq!((home.notifier.counts().retried, server.taken().len()), (1, 0));
    *server.greeting.lock().expect("no panic") = "250 ok";
    home.notifier.deliver_due(at(60)).await.expect("sent");
    assert_eq!(server.taken().len(), 1);
    *server.greeting.lock().expect("no panic") = "550 nobody";
    home.sns(70, "Subscribe", &subscribe).await.expect("asked anew");
    home.notifier.deliver_due(at(70)).await.expect("tried");
    assert_eq!(home.notifier.counts().failed, 1);
}
