//! Names of media channels for resources that have names of their own kind.

/// The name of the workflow channel that carries the media of a resource: `prefix-id` where that may be a channel's name
/// (`media::ChannelName`), else made to be one, and still different for different ids.
///
/// Two doors that mean the same resource say the same name: a MediaLive channel that pushes to MediaPackage channel `x` is the
/// workflow channel `media_name("mp", "x")`, which is what x's endpoints show.
pub fn media_name(prefix: &str, id: &str) -> String {
    let kept = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || matches!(sign, '-' | '_');
    let name = format!("{prefix}-{id}");
    if name.len() <= MAX && name.chars().all(kept) {
        return name;
    }
    let readable: String =
        name.to_ascii_lowercase().chars().filter(|sign| kept(*sign)).take(MAX - 17).collect();
    format!("{readable}-{:016x}", fnv1a(id.as_bytes()))
}

/// Longest channel name, in bytes.
const MAX: usize = media::ChannelName::MAX_LEN;

/// FNV-1a, 64 bits: the same on every machine and version, which std's hasher does not promise.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::ChannelName;

    #[test]
    fn any_id_gives_a_channel_name_of_its_own() {
        assert_eq!(media_name("ml", "1234567"), "ml-1234567");
        let made: Vec<_> = ["Live", "live", "LIVE", "a/b", "", &"x".repeat(300), &"y".repeat(300)]
            .map(|id| media_name("mp", id))
            .into();
        for (at, name) in made.iter().enumerate() {
            ChannelName::try_from(name.clone()).expect("a channel name");
            assert!(!made[..at].contains(name), "{name}");
        }
    }
}
