//! Every bound of reading a signed request. What is over one is refused, and the refusal names it.

/// Longest method, in bytes.
pub const MAX_METHOD: usize = 16;
/// Longest raw path, in bytes: an object's key may have 1,024, each as `%XX`, beside the bucket's name.
pub const MAX_PATH: usize = 4 * 1024;
/// Longest raw query, in bytes: a presigned URL carries a session token.
pub const MAX_QUERY: usize = 16 * 1024;
/// Most parameters in a query.
pub const MAX_PARAMETERS: usize = 256;
/// Most headers.
pub const MAX_HEADERS: usize = 100;
/// Most bytes in the names and values of all headers.
pub const MAX_HEADER_BYTES: usize = 32 * 1024;
/// Most headers that are signed.
pub const MAX_SIGNED: usize = 64;
/// Longest `Authorization`, in bytes.
pub const MAX_AUTHORIZATION: usize = 4 * 1024;
/// Longest access key id, and longest name of a region or a service, in bytes.
pub const MAX_NAME: usize = 128;
/// Longest session token, in bytes.
pub const MAX_TOKEN: usize = 8 * 1024;
/// How far the date of a signature may be from now, in seconds.
pub const SKEW_S: i64 = 5 * 60;
/// The same for S3.
pub const SKEW_S3_S: i64 = 15 * 60;
/// Longest life of a presigned URL, in seconds: a week.
pub const MAX_EXPIRES_S: i64 = 7 * 24 * 60 * 60;
