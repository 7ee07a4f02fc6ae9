//! Who calls, and when.

use media::Utc;

/// Who calls, and when. That they may was decided before.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The account: twelve digits.
    pub account: String,
    /// The region in the signature: the client's, whatever it is.
    pub region: String,
    /// The caller's ARN.
    pub who: String,
    /// The access key that signed; empty where nothing was signed.
    pub access_key: String,
    /// The address the call came from.
    pub source: String,
    /// What the answer carries as its number.
    pub request_id: String,
    /// What is called: `medialive:CreateChannel`.
    pub action: String,
    /// When it came.
    pub at: Utc,
}

impl Caller {
    /// Who calls where nothing was signed. The region of such a call is `us-east-1`, whatever it is about.
    pub const ANYBODY: &str = "anybody";

    /// The call for the store's audit log.
    pub fn audit(&self) -> store::Call {
        store::Call {
            account: self.account.clone(),
            who: self.who.clone(),
            source: self.source.clone(),
            action: self.action.clone(),
            request_id: self.request_id.clone(),
            at: self.at,
        }
    }

    /// An ARN in this account and region: `arn:aws:medialive:us-west-2:123456789012:channel:1234567`.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.account)
    }
}
