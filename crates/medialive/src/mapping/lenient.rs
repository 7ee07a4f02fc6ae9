//! Members that the description requires and that are completed here where they are missing.

use aws::validate::Violation;

/// What may be missing, by its place; `#` is any index.
const COMPLETED: &[&str] = &[
    "/encoderSettings/audioDescriptions",
    "/encoderSettings/timecodeConfig",
    "/encoderSettings/timecodeConfig/source",
    "/encoderSettings/videoDescriptions",
    "/encoderSettings/outputGroups/#/outputGroupSettings/hlsGroupSettings/destination",
    "/encoderSettings/outputGroups/#/outputGroupSettings/cmafIngestGroupSettings/destination",
    "/encoderSettings/outputGroups/#/outputs/#/outputSettings/hlsOutputSettings/hlsSettings",
    "/encoderSettings/outputGroups/#/outputs/#/outputSettings/hlsOutputSettings/hlsSettings/standardHlsSettings/m3u8Settings",
    "/srtSettings/srtListenerSettings/decryption",
    "/srtSettings/srtListenerSettings/minimumLatency",
];

/// Whether a violation is only that something is missing which CreateChannel, UpdateChannel or CreateInput completes: such a
/// call may be done all the same.
pub fn is_lenient(violation: &Violation) -> bool {
    let place = violation.element_path();
    violation.constraint == "Member must not be null" && COMPLETED.iter().any(|known| is_at(known, &place))
}

fn is_at(known: &str, place: &str) -> bool {
    let (mut known, mut place) = (known.split('/'), place.split('/'));
    loop {
        match (known.next(), place.next()) {
            (None, None) => return true,
            (Some("#"), Some(index)) if index.bytes().all(|digit| digit.is_ascii_digit()) => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use aws::{Map, Value, validate};

    use super::is_lenient;
    use crate::settings::service;

    #[test]
    fn the_seed_lacks_only_what_is_completed_and_an_output_without_settings_lacks_more() {
        let output = |settings: Map| {
            Map::new().with("OutputSettings", settings).with("VideoDescriptionName", "video_1080p30")
        };
        let channel = |output: Map| {
            let settings = Map::new().with("HlsGroupSettings", Map::new().with("SegmentLength", 10));
            let group =
                Map::new().with("OutputGroupSettings", settings).with("Outputs", vec![Value::from(output)]);
            Map::new().with("EncoderSettings", Map::new().with("OutputGroups", vec![Value::from(group)]))
        };
        let operation = service().operation("CreateChannel").expect("there is one");
        let strict = |input: &Map| -> Vec<String> {
            let violations = validate::violations(service(), operation, input);
            violations
                .iter()
                .filter(|violation| !is_lenient(violation))
                .map(|violation| violation.element_path())
                .collect()
        };
        let seed = channel(output(Map::new().with("HlsOutputSettings", Map::new())));
        assert_eq!(validate::violations(service(), operation, &seed).len(), 5);
        assert_eq!(strict(&seed), Vec::<String>::new());
        let bare = channel(Map::new());
        assert_eq!(strict(&bare), ["/encoderSettings/outputGroups/0/outputs/0/outputSettings"]);
    }
}
