//! The descriptions that are built in (`models/`, made by `scripts/aws-models`).

use std::io::Read;
use std::sync::OnceLock;

use flate2::read::GzDecoder;

const PACKED: &[&[u8]] = &[
    include_bytes!("../../models/cloudfront.json.gz"),
    include_bytes!("../../models/cloudwatch.json.gz"),
    include_bytes!("../../models/iam.json.gz"),
    include_bytes!("../../models/medialive.json.gz"),
    include_bytes!("../../models/mediapackage.json.gz"),
    include_bytes!("../../models/mediapackagev2.json.gz"),
    include_bytes!("../../models/sns.json.gz"),
    include_bytes!("../../models/sqs.json.gz"),
    include_bytes!("../../models/sts.json.gz"),
];

/// The unpacked texts. They stay, because the tables' strings are parts of them.
pub(super) fn texts() -> &'static [String] {
    static TEXTS: OnceLock<Vec<String>> = OnceLock::new();
    TEXTS.get_or_init(|| PACKED.iter().map(|packed| unpack(packed)).collect())
}

fn unpack(packed: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(packed).read_to_string(&mut text).expect("a bundled description is gzip of UTF-8");
    text.shrink_to_fit();
    text
}
