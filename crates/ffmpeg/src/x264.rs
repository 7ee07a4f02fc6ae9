//! What x264's presets put into headers, so that a stream can go on with another preset under the same ones.
//!
//! x264, `x264_param_apply_preset` (common/base.c) and `x264_sps_init`, `x264_pps_init` (encoder/set.c).

use crate::encoder::VideoSettings;

/// Presets by name, cheapest first, with their reference pictures.
const REFERENCES: [(&str, u32); 7] = [
    ("ultrafast", 1),
    ("superfast", 1),
    ("veryfast", 1),
    ("faster", 2),
    ("fast", 2),
    ("medium", 3),
    ("slow", 5),
];
/// Presets from this one on weigh rates by what eyes see, which moves the colour's quantizer.
const PSYCHOVISUAL_FROM: usize = 4;

/// Parameters, each after a colon, that keep the headers of `settings.headers_of` under the cheaper `settings.preset`.
pub(crate) fn pins(settings: &VideoSettings<'_>) -> String {
    let place = |name: &str| REFERENCES.iter().position(|(known, _)| *known == name).unwrap_or(0);
    let (of, now) = (place(settings.headers_of), place(settings.preset));
    // Only the cheapest does without all of these; profiles leave some out, too.
    let has_tools = of > 0;
    let (is_baseline, is_high) = (settings.profile == "baseline", settings.profile == "high");
    let reorders = has_tools && !is_baseline && !settings.low_delay;
    let pins = [
        ("bframes", if reorders { 3 } else { 0 }),
        ("cabac", u32::from(has_tools && !is_baseline)),
        ("8x8dct", u32::from(has_tools && is_high)),
        ("weightp", u32::from(has_tools && !is_baseline)),
        ("weightb", u32::from(has_tools)),
        ("ref", REFERENCES[of].1),
    ];
    let mut text: String = pins.iter().map(|(name, value)| format!(":{name}={value}")).collect();
    if of >= PSYCHOVISUAL_FROM && now < PSYCHOVISUAL_FROM {
        text.push_str(":chroma-qp-offset=-2");
    }
    text
}
