//! What a publisher hears.

use http::StatusCode;

use cmaf::ReadError;
use manifest::{AnnounceError, TrackNameError};

use super::mpd::MpdError;
use crate::channel::{CommitError, NoPipeline};
use crate::serve::Answer;
use crate::slate::SlateError;

/// Why a body was not taken; its text is the answer's body.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("no such channel: add it to the workflow file first")]
    NoChannel,
    #[error("PUT or POST media here")]
    Method,
    #[error("the path leads out of the publishing point")]
    Path,
    #[error("the path names no track: PUT to {{track}}/{{file}} or Streams({{track}})")]
    NoTrack,
    #[error("{0}")]
    TrackName(#[from] TrackNameError),
    #[error("{0}")]
    Pipeline(#[from] NoPipeline),
    #[error("content type `{0}` is not MP4")]
    ContentType(String),
    #[error("{0}")]
    Mpd(MpdError),
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    #[error("send the track's CMAF header (ftyp, moov) first")]
    HeaderMissing,
    #[error("{0} tracks in one header: CMAF has one track a file, so push video and audio apart")]
    Muxed(usize),
    #[error("{0}")]
    Codec(ReadError),
    #[error("not CMAF: {0}")]
    Body(ReadError),
    #[error("the segment does not begin with a sync sample, so no player could start there")]
    NotSync,
    #[error("decode times go backwards inside a segment")]
    Backwards,
    #[error("{0}")]
    Announce(#[from] AnnounceError),
    #[error("{0}")]
    Commit(#[from] CommitError),
    #[error("not a slate: {0}")]
    Slate(#[from] SlateError),
    #[error("too many bodies are being sent to this channel at once")]
    Busy,
    #[error("the body broke off")]
    BrokenOff,
    #[error("no byte came for 30 seconds")]
    Idle,
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::HeaderMissing => Self::HeaderMissing,
            ReadError::TrackCount(count) => Self::Muxed(count),
            ReadError::Codec(_) => Self::Codec(error),
            error => Self::Body(error),
        }
    }
}

impl Refusal {
    /// For the metric's label.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::NoChannel => "no_channel",
            Self::Method => "method",
            Self::Path | Self::NoTrack | Self::TrackName(_) => "path",
            Self::Pipeline(_) => "pipeline",
            Self::ContentType(_) => "content_type",
            Self::Mpd(_) => "mpd",
            Self::TooLarge(_) => "too_large",
            Self::HeaderMissing => "header_missing",
            Self::Muxed(_) => "muxed",
            Self::Codec(_) => "codec",
            Self::Body(_) => "not_cmaf",
            Self::NotSync => "not_sync",
            Self::Backwards => "backwards",
            Self::Announce(_) => "tracks",
            Self::Commit(_) => "time",
            Self::Slate(_) => "slate",
            Self::Busy => "busy",
            Self::BrokenOff => "broken_off",
            Self::Idle => "idle",
        }
    }

    /// DASH-IF Live Media Ingest, interface 1: 403 path, 404 publishing point, 412 header missing, 415 media type,
    /// 400 all else.
    const fn status(&self) -> StatusCode {
        match self {
            Self::NoChannel => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Path => StatusCode::FORBIDDEN,
            Self::HeaderMissing | Self::Slate(SlateError::Header) => StatusCode::PRECONDITION_FAILED,
            Self::ContentType(_) | Self::Muxed(_) | Self::Codec(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Idle => StatusCode::REQUEST_TIMEOUT,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    pub(super) fn answer(&self) -> Answer {
        let mut answer = Answer::new(format!("{self}\n").into());
        *answer.status_mut() = self.status();
        let kind = http::HeaderValue::from_static("text/plain; charset=utf-8");
        answer.headers_mut().insert(http::header::CONTENT_TYPE, kind);
        answer
    }
}
