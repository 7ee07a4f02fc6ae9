//! What only one can have: a stream name, a port, the media of a MediaPackage channel.
//!
//! A claim is a resource of its own, made and deleted in the transaction of what holds it, so that two can never have the same.

use serde_json::json;
use store::{Document, Expect, Key, New, Owner, Tags, Write};

use crate::endpoint::{Endpoint, PORT_STEP, PORTS, Wish};
use crate::refusal::conflict;
use door::Refusal;

const KIND: &str = "medialive-claim";

/// The claim of an endpoint that publishers reach by its name or port.
pub(crate) fn of(endpoint: &Endpoint) -> Option<String> {
    match endpoint {
        Endpoint::Rtmp(stream) => Some(format!("RTMP stream {stream}")),
        Endpoint::Srt(id) => Some(format!("SRT stream {id}")),
        Endpoint::Udp(port) | Endpoint::Rtp(port) => Some(port_claim(*port)),
        _ => None,
    }
}

/// The claim of a workflow channel's name, which a channel has from its start to its stop.
pub(crate) fn of_media(name: &str) -> String {
    format!("media {name}")
}

fn port_claim(port: u16) -> String {
    format!("UDP port {port}")
}

/// Takes it for `holder`; refused where another has it.
pub(crate) async fn take(write: &mut Write, claim: &str, holder: &str) -> Result<(), Refusal> {
    let key = key(claim)?;
    match write.resource(&key).await {
        Ok(taken) => {
            Err(conflict(format!("{claim} belongs to {} already; each needs its own", taken.name)).into())
        }
        Err(store::Error::NotFound(_)) => {
            let new = New {
                arn: format!("headwater:{KIND}:{claim}"),
                name: holder.to_owned(),
                owner: Owner::Api,
                desired: Document::of(&json!({}))?,
                tags: Tags::new(),
                key,
            };
            write.create(new).await?;
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// Gives it back.
pub(crate) async fn leave(write: &mut Write, claim: &str) -> Result<(), Refusal> {
    let key = key(claim)?;
    match write.resource(&key).await {
        Ok(taken) => {
            // Nothing describes it: its tombstone can go at once.
            let now = taken.updated;
            write.delete(&key, Expect::Any, now).await?;
            Ok(())
        }
        Err(store::Error::NotFound(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// What is wished for, with names and ports taken for `holder`. `spare` is the stream id of an SRT listener that names none.
pub(crate) async fn grant(
    write: &mut Write,
    wish: Wish,
    holder: &str,
    spare: &str,
) -> Result<Endpoint, Refusal> {
    let endpoint = match wish {
        Wish::This(endpoint) => endpoint,
        Wish::AnySrt => Endpoint::Srt(spare.to_owned()),
        Wish::AnyUdp => return Ok(Endpoint::Udp(port(write, holder).await?)),
        Wish::AnyRtp => return Ok(Endpoint::Rtp(port(write, holder).await?)),
    };
    if let Some(claim) = of(&endpoint) {
        take(write, &claim, holder).await?;
    }
    Ok(endpoint)
}

async fn port(write: &mut Write, holder: &str) -> Result<u16, Refusal> {
    for port in PORTS.step_by(PORT_STEP) {
        let claim = port_claim(port);
        match write.resource(&key(&claim)?).await {
            Ok(_) => {}
            Err(store::Error::NotFound(_)) => {
                take(write, &claim, holder).await?;
                return Ok(port);
            }
            Err(error) => return Err(error.into()),
        }
    }
    let message =
        format!("every UDP port from {} to {} has an input; delete one", PORTS.start(), PORTS.end());
    Err(conflict(message).into())
}

/// The same in every account and region: they share one machine.
fn key(claim: &str) -> Result<Key, store::Error> {
    Key::new(KIND, "all", "global", claim)
}
