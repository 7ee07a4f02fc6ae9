//! A look at what a channel shows.

use std::sync::{Arc, Mutex, PoisonError};

use media::Utc;
use tokio::sync::oneshot;

use super::pyramid::Picture;

/// Width of a picture that somebody looks at, at most.
const WIDTH: u32 = 640;

/// Lets others see the picture that a channel shows next. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Preview(Arc<Mutex<Vec<oneshot::Sender<Sight>>>>);

/// What was seen.
#[derive(Clone, Debug)]
pub struct Sight {
    picture: Arc<Picture>,
    /// When it is shown.
    pub at: Utc,
}

impl Preview {
    /// The next picture that is shown; it never comes where nothing is.
    pub async fn look(&self) -> Option<Sight> {
        let (sender, sight) = oneshot::channel();
        let mut askers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        askers.retain(|asker| !asker.is_closed());
        askers.push(sender);
        drop(askers);
        sight.await.ok()
    }

    /// Shows `picture` to whoever asked.
    pub(crate) fn show(&self, picture: &Arc<Picture>, at: Utc) {
        let mut askers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for asker in askers.drain(..) {
            // Who has gone meanwhile needs none.
            let _ = asker.send(Sight { picture: picture.clone(), at });
        }
    }
}

impl Sight {
    /// As a JPEG file of at most 640 pixels in width.
    pub fn jpeg(&self) -> Result<Vec<u8>, ffmpeg::Error> {
        self.picture.source().jpeg(WIDTH)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ffmpeg::{Colour, Frame};

    use super::super::pyramid::Pyramid;
    use super::*;

    #[tokio::test]
    async fn whoever_asks_sees_the_next_picture_and_who_has_gone_leaves_nothing() {
        let preview = Preview::default();
        let (pyramid, _) = Pyramid::new(&[]).expect("no sizes");
        let picture = Arc::new(pyramid.picture(Frame::picture(64, 36).expect("memory"), Colour::BT709));
        assert!(tokio::time::timeout(Duration::ZERO, preview.look()).await.is_err(), "nothing is shown");
        let asked = tokio::spawn({
            let preview = preview.clone();
            async move { preview.look().await }
        });
        tokio::task::yield_now().await;
        preview.show(&picture, Utc(7));
        let sight = asked.await.expect("no panic").expect("seen");
        assert_eq!(sight.at, Utc(7));
        assert!(sight.jpeg().expect("written").starts_with(&[0xFF, 0xD8]));
        assert!(preview.0.lock().expect("no panic").is_empty());
    }
}
