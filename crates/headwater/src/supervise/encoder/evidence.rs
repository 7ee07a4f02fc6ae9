//! Keeps what an input sent before it killed an encoder for the third time: what ingest still holds of it.
//!
//! The file is the connection as it was: messages of [`wire::sample_stream`], tracks first.

use std::collections::VecDeque;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use media::Utc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use wire::sample_stream::{self, Feed, Message, Request};

/// Most that is kept of an input; at the bound the oldest goes.
const MAX_BYTES: usize = 16 << 20;
/// Files kept; the oldest goes.
const MAX_FILES: usize = 8;
/// How long ingest is listened to: what it holds comes at once.
const LISTEN: Duration = Duration::from_secs(1);

/// Asks ingest at `socket` for `feed`, and writes what it holds into a new file in `folder`; its path.
pub(super) async fn keep(socket: PathBuf, feed: Feed, folder: PathBuf) -> io::Result<PathBuf> {
    let mut tail = Tail::default();
    // What came until then is kept, however it ended.
    let _ = tokio::time::timeout(LISTEN, listen(&socket, &feed, &mut tail)).await;
    let write = move || write(&tail, &feed, &folder);
    tokio::task::spawn_blocking(write).await.map_err(io::Error::other)?
}

async fn listen(socket: &Path, feed: &Feed, tail: &mut Tail) -> io::Result<()> {
    let mut stream = UnixStream::connect(socket).await?;
    let mut buffer = BytesMut::new();
    sample_stream::encode_request(&Request { feed: feed.clone(), from: Some(Utc(0)) }, &mut buffer);
    stream.write_all(&buffer).await?;
    buffer.clear();
    while stream.read_buf(&mut buffer).await? > 0 {
        while let Some(message) = sample_stream::decode(&mut buffer).map_err(io::Error::other)? {
            tail.push(&message);
        }
    }
    Ok(())
}

/// The last messages.
#[derive(Debug, Default)]
struct Tail {
    tracks: Bytes,
    samples: VecDeque<Bytes>,
    bytes: usize,
}

impl Tail {
    fn push(&mut self, message: &Message) {
        let mut framed = BytesMut::new();
        sample_stream::encode(message, &mut framed);
        let framed = framed.freeze();
        if let Message::Tracks(_) = message {
            // What came before belongs to other tracks.
            *self = Self { tracks: framed, ..Self::default() };
            return;
        }
        self.bytes += framed.len();
        self.samples.push_back(framed);
        while self.bytes > MAX_BYTES {
            let Some(oldest) = self.samples.pop_front() else { break };
            self.bytes -= oldest.len();
        }
    }
}

fn write(tail: &Tail, feed: &Feed, folder: &Path) -> io::Result<PathBuf> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    make_room(folder)?;
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs());
    let path = folder.join(format!("{seconds:010}-{feed}.samples"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    file.write_all(&tail.tracks)?;
    tail.samples.iter().try_for_each(|framed| file.write_all(framed))?;
    Ok(path)
}

/// Removes the oldest files, whose names begin with their time.
fn make_room(folder: &Path) -> io::Result<()> {
    let mut files: Vec<_> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "samples"));
    files.sort();
    let over = (files.len() + 1).saturating_sub(MAX_FILES);
    files.iter().take(over).try_for_each(fs::remove_file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use media::{Sample, TrackId};
    use wire::sample_stream::{FeedInput, Tracks};

    use super::*;

    fn sample(number: usize, bytes: usize) -> Message {
        let mut data = vec![0; bytes];
        data[..8].copy_from_slice(&number.to_be_bytes());
        Message::Sample(Sample {
            track: TrackId(0),
            dts: number as i64,
            composition_offset: 0,
            duration: None,
            sync: false,
            data: data.into(),
        })
    }

    #[tokio::test]
    async fn the_last_sixteen_mebibytes_are_kept_for_their_owner_alone() {
        let data = tempfile::tempdir().expect("a folder");
        let (socket, folder) = (data.path().join("samples.sock"), data.path().join("quarantine"));
        let listener = tokio::net::UnixListener::bind(&socket).expect("binds");
        let tracks = Message::Tracks(Tracks { session: 7, tracks: Vec::new() });
        let sent = tracks.clone();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("accepts");
            let mut out = BytesMut::new();
            sample_stream::encode(&sent, &mut out);
            (0..20).for_each(|number| sample_stream::encode(&sample(number, 1 << 20), &mut out));
            stream.write_all(&out).await.expect("is read");
            // The publisher goes on; the connection stands.
            std::future::pending::<()>().await;
        });
        let feed = Feed { channel: "main".parse().expect("a name"), input: FeedInput::Backup };
        let path = keep(socket, feed, folder).await.expect("is written");
        assert!(path.to_string_lossy().ends_with("-main~backup.samples"));
        assert_eq!(fs::metadata(&path).expect("is there").permissions().mode() & 0o777, 0o600);
        let mut bytes = BytesMut::from(&fs::read(&path).expect("reads")[..]);
        let mut kept = Vec::new();
        while let Some(message) = sample_stream::decode(&mut bytes).expect("whole messages") {
            kept.push(message);
        }
        assert!(bytes.is_empty());
        assert_eq!(kept[0], tracks);
        assert_eq!(kept.len(), 1 + 15, "fifteen and their headers fit");
        assert_eq!(kept.last(), Some(&sample(19, 1 << 20)), "the newest");
    }

    #[test]
    fn old_files_make_room() {
        let folder = tempfile::tempdir().expect("a folder");
        for n in 0..20 {
            fs::write(folder.path().join(format!("{n:010}-main.samples")), "").expect("writes");
        }
        make_room(folder.path()).expect("removes");
        let mut left: Vec<_> = fs::read_dir(folder.path()).expect("reads").flatten().collect();
        left.sort_by_key(std::fs::DirEntry::file_name);
        assert_eq!(left.len(), MAX_FILES - 1);
        assert!(left[0].file_name().to_string_lossy().starts_with("0000000013"));
    }
}
