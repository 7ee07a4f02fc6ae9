//! Which track of a source is which rendition of its programme.
//!
//! A programme's pictures may come in several renditions that show the same, and so may its sound. The best picture, and the first
//! sound, have the ids that a source without renditions gives them; the others have ids that no such source uses, since the
//! further tracks of a transport stream are other sound, and no renditions.

use media::TrackId;

const PICTURE: u8 = 0;
const SOUND: u8 = 1;
/// Ids of further renditions begin behind these.
const FURTHER_PICTURES: u8 = 64;
const FURTHER_SOUNDS: u8 = 128;

/// The id of a picture's rendition; 0 is the best. Ranks are below 64.
pub const fn picture(rank: u8) -> TrackId {
    TrackId(if rank == 0 { PICTURE } else { FURTHER_PICTURES + rank })
}

/// The id of a sound's rendition; 0 is the first. Ranks are below 64.
pub const fn sound(rank: u8) -> TrackId {
    TrackId(if rank == 0 { SOUND } else { FURTHER_SOUNDS + rank })
}

/// The rank of a further rendition, whichever of the two it is of; `None` for any other track.
pub const fn further(id: TrackId) -> Option<u8> {
    match id.0 {
        FURTHER_SOUNDS.. => Some(id.0 - FURTHER_SOUNDS),
        FURTHER_PICTURES.. => Some(id.0 - FURTHER_PICTURES),
        _ => None,
    }
}

/// What the track of a rendition is called where it is passed through: `video`, `video-2`; `audio`, `audio-2`.
pub fn name(id: TrackId, is_picture: bool) -> String {
    let kind = if is_picture { "video" } else { "audio" };
    further(id).map_or_else(|| kind.to_owned(), |rank| format!("{kind}-{}", u32::from(rank) + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rendition_has_an_id_of_its_own_and_the_first_those_of_a_source_without_any() {
        assert_eq!((picture(0), sound(0)), (TrackId(0), TrackId(1)));
        assert_eq!((further(picture(0)), further(sound(0)), further(TrackId(8))), (None, None, None));
        assert_eq!(
            (name(picture(0), true), name(sound(1), false)),
            ("video".to_owned(), "audio-2".to_owned())
        );
        for rank in 1..64 {
            assert_eq!((further(picture(rank)), further(sound(rank))), (Some(rank), Some(rank)));
            assert_ne!(picture(rank), sound(rank));
        }
    }
}
