//! Parcels to webhooks: one POST each, to addresses that may be called.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue, USER_AGENT};
use http::{Request, StatusCode};
use http_body_util::Full;
use playlist::Url;
use reach::Reach;
use tokio::time::timeout;

/// How long a webhook may take to answer, as AWS has it.
const TIMEOUT: Duration = Duration::from_secs(15);
/// As receivers know it.
const AGENT: &str = "Amazon Simple Notification Service Agent";

/// Why a parcel did not arrive.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("`{0}` is no URL that can be called")]
    Url(String),
    #[error(transparent)]
    Connection(#[from] reach::Fault),
    #[error("no answer in {TIMEOUT:?}")]
    Slow,
    #[error("broken HTTP: {0}")]
    Http(#[from] hyper::Error),
    #[error("status {0}")]
    Status(StatusCode),
    #[error("mail: {0}")]
    Mail(String),
    #[error("mail refused for good: {0}")]
    MailRefused(String),
    #[error("no mail server is set")]
    NoMail,
}

impl Fault {
    /// Whether another try may help.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Url(_) | Self::MailRefused(_) | Self::NoMail => false,
            Self::Connection(reach::Fault::Unreachable(reach::Unreachable::Private { .. })) => false,
            Self::Status(status) => {
                status.is_server_error()
                    || matches!(*status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
            }
            Self::Connection(_) | Self::Slow | Self::Http(_) | Self::Mail(_) => true,
        }
    }
}

/// Posts `body`. Redirects are not followed.
pub(crate) async fn post(
    url: &str,
    headers: &[(String, String)],
    body: String,
    reach: Reach,
) -> Result<(), Fault> {
    let url: Url = url.parse().map_err(|_| Fault::Url(url.to_owned()))?;
    let request = request(&url, headers, body).ok_or_else(|| Fault::Url(url.authority()))?;
    let answer = timeout(TIMEOUT, async {
        let mut connection = reach::connect(&url, reach).await?;
        Ok::<_, Fault>(connection.send_request(request).await?)
    })
    .await
    .map_err(|_| Fault::Slow)??;
    // What it says beside is nobody's; dropping it closes the connection.
    if answer.status().is_success() { Ok(()) } else { Err(Fault::Status(answer.status())) }
}

fn request(url: &Url, headers: &[(String, String)], body: String) -> Option<Request<Full<Bytes>>> {
    let length = body.len();
    let mut request = Request::post(url.target()).body(Full::new(Bytes::from(body))).ok()?;
    let held = request.headers_mut();
    held.insert(HOST, HeaderValue::try_from(url.authority()).ok()?);
    held.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    held.insert(CONTENT_LENGTH, length.into());
    for (name, value) in headers {
        held.insert(HeaderName::try_from(name.as_str()).ok()?, HeaderValue::try_from(value.as_str()).ok()?);
    }
    Some(request)
}
