//! What a refused caller is told: AWS's own code and status, which differ between families of protocols.

/// Protocols that tell errors alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// REST with JSON (MediaLive, MediaPackage), and RPC v2 CBOR: codes end in `Exception`, refusals are 403.
    RestJson,
    /// AWS JSON 1.0 and 1.1 (CloudWatch, SQS, events): the same codes, and 400 for everything.
    Json,
    /// Query (SNS, STS, IAM, CloudWatch before) and CloudFront's XML.
    Query,
    /// S3.
    S3,
}

/// Status, code and message of an error; the front door writes them as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP's.
    pub status: u16,
    /// AWS's name for it.
    pub code: &'static str,
    /// For people. It holds nothing that was secret.
    pub message: String,
}
