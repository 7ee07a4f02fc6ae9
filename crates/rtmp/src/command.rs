//! Commands: a name, a transaction, values (RTMP 1.0 §7.2).

use bytes::{BufMut, Bytes, BytesMut};

use crate::Fault;
use crate::amf::{self, Value};
use crate::flv::FourCc;
use crate::flv::{CARRIED_AUDIO, CARRIED_VIDEO};
use crate::limits::MAX_COMMAND_BYTES;

/// One command from a peer.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) name: String,
    /// 0 where no answer is awaited.
    pub(crate) transaction: f64,
    /// What follows the transaction: the command object, then arguments.
    values: Vec<Value>,
}

impl Command {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        if body.len() > MAX_COMMAND_BYTES {
            return Err(Fault::CommandLength(body.len()));
        }
        let mut values = amf::read_all(body)?.into_iter();
        let Some(Value::String(name)) = values.next() else {
            return Err(Fault::NoCommandName);
        };
        let transaction = values.next().and_then(|value| value.as_number()).unwrap_or(0.0);
        Ok(Self { name, transaction, values: values.collect() })
    }

    /// A member of the command object.
    pub(crate) fn member(&self, name: &str) -> Option<&Value> {
        self.values.first()?.member(name)
    }

    /// The argument at `index` behind the command object.
    pub(crate) fn argument(&self, index: usize) -> Option<&Value> {
        self.values.get(1 + index)
    }
}

/// The body of a command of ours.
pub(crate) fn body(name: &str, transaction: f64, values: &[Value]) -> Bytes {
    let mut out = BytesMut::with_capacity(512);
    Value::from(name).write(&mut out);
    Value::from(transaction).write(&mut out);
    values.iter().for_each(|value| value.write(&mut out));
    out.freeze()
}

/// The information object of `onStatus` and its like.
pub(crate) fn information(level: &str, code: &str, description: &str) -> Value {
    object([("level", level.into()), ("code", code.into()), ("description", description.into())])
}

/// What one can do with a codec, in its info map.
const CAN_DECODE: f64 = 1.0;
const CAN_FORWARD: f64 = 4.0;

/// The members that say what of Enhanced RTMP v2 is spoken here ("Enhancing NetConnection connect Command").
fn enhanced(can: f64) -> [(String, Value); 4] {
    const CAPS_MULTITRACK: f64 = 2.0;
    const CAPS_MODEX: f64 = 4.0;
    let map = |carried: &[FourCc]| {
        Value::Object(carried.iter().map(|fourcc| (fourcc.to_string(), can.into())).collect())
    };
    let list = CARRIED_VIDEO.iter().chain(&CARRIED_AUDIO).map(|fourcc| Value::String(fourcc.to_string()));
    [
        ("fourCcList".to_owned(), Value::StrictArray(list.collect())),
        ("videoFourCcInfoMap".to_owned(), map(&CARRIED_VIDEO)),
        ("audioFourCcInfoMap".to_owned(), map(&CARRIED_AUDIO)),
        ("capsEx".to_owned(), (CAPS_MULTITRACK + CAPS_MODEX).into()),
    ]
}

/// What a successful `connect` is answered with: the properties and the information.
pub(crate) fn connected(object_encoding: f64) -> [Value; 2] {
    let mut properties = object([
        // Encoders look for a version they know; this is what other servers say too.
        ("fmsVer", "FMS/3,0,1,123".into()),
        ("capabilities", 31.0.into()),
        ("mode", 1.0.into()),
    ]);
    if let Value::Object(members) = &mut properties {
        members.extend(enhanced(CAN_FORWARD));
    }
    let information = object([
        ("level", "status".into()),
        ("code", "NetConnection.Connect.Success".into()),
        ("description", "Connection succeeded.".into()),
        ("objectEncoding", object_encoding.into()),
    ]);
    [properties, information]
}

/// The command object of a client that wants to play, with what Enhanced RTMP v2 it can take.
pub(crate) fn connect(app: &str, server_url: &str) -> Value {
    // All bits that the specification names (§7.2.1.1): servers leave out what a player says it cannot take.
    const SOUND_CODECS: f64 = 4_071.0;
    const VIDEO_CODECS: f64 = 252.0;
    let mut members = object([
        ("app", app.into()),
        ("flashVer", "LNX 9,0,124,2".into()),
        ("tcUrl", server_url.into()),
        ("fpad", Value::Boolean(false)),
        ("capabilities", 15.0.into()),
        ("audioCodecs", SOUND_CODECS.into()),
        ("videoCodecs", VIDEO_CODECS.into()),
        ("videoFunction", 1.0.into()),
    ]);
    if let Value::Object(members) = &mut members {
        members.extend(enhanced(CAN_DECODE));
    }
    members
}

/// The body of a user control message: an event type and one number (§7.1.7).
pub(crate) fn user_control(event: u16, value: u32) -> [u8; 6] {
    let mut body = [0; 6];
    let mut fields = &mut body[..];
    fields.put_u16(event);
    fields.put_u32(value);
    body
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}
