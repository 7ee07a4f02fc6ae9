//! Which origin names mean this machine.

use door::Site;

/// Where an origin is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// This machine's origin, below a path: empty, or begins with `/`.
    Inside(String),
    /// Elsewhere.
    Outside,
}

/// Where the origin of this domain name is: MediaPackage's names are this machine's origin, S3's are its folder of the
/// bucket's name; and so are the name by which the machine is reached, and `localhost`.
pub(crate) fn place(domain: &str, site: &Site) -> Place {
    let domain = domain.to_ascii_lowercase();
    let labels: Vec<_> = domain.split('.').collect();
    if labels.iter().skip(1).any(|label| matches!(*label, "mediapackage" | "mediapackagev2")) {
        return Place::Inside(String::new());
    }
    if let Some(bucket) = bucket(&labels) {
        return Place::Inside(if bucket.is_empty() { bucket } else { format!("/{bucket}") });
    }
    if domain == site.host.to_ascii_lowercase() || domain == "localhost" {
        Place::Inside(String::new())
    } else {
        Place::Outside
    }
}

/// Whether it is one of S3's names.
pub(crate) fn is_s3(domain: &str) -> bool {
    let domain = domain.to_ascii_lowercase();
    bucket(&domain.split('.').collect::<Vec<_>>()).is_some()
}

/// The bucket in a name of S3's, such as `media.s3.us-west-2.amazonaws.com`; empty where the path names it.
fn bucket(labels: &[&str]) -> Option<String> {
    let is_service = |label: &&str| *label == "s3" || label.starts_with("s3-");
    let ends = labels.ends_with(&["amazonaws", "com"]) || labels.ends_with(&["amazonaws", "com", "cn"]);
    let at = labels.iter().rposition(is_service).filter(|_| ends)?;
    Some(labels[..at].join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_mediapackage_and_s3_are_inside() {
        let address = "127.0.0.1:1".parse().expect("an address");
        let site = Site {
            host: "live.example".into(),
            viewers: address,
            rtmp: address,
            srt: address,
            hls_push: address,
            origin: address,
            control: address,
        };
        let inside = |path: &str| Place::Inside(path.to_owned());
        for (domain, found) in [
            ("abcdef12345678.mediapackage.us-west-2.amazonaws.com", inside("")),
            ("abc.egress.xyz.mediapackagev2.us-east-1.amazonaws.com", inside("")),
            ("abc.mediapackage.localhost", inside("")),
            ("Live.Example", inside("")),
            ("localhost", inside("")),
            ("e0.cloudfront.localhost", Place::Outside),
            ("media.s3.amazonaws.com", inside("/media")),
            ("a.b.s3.us-west-2.amazonaws.com", inside("/a.b")),
            ("media.s3-website-us-west-2.amazonaws.com", inside("/media")),
            ("s3.us-west-2.amazonaws.com", inside("")),
            ("s3-media.s3.us-west-2.amazonaws.com", inside("/s3-media")),
            ("mediapackage.example.org", Place::Outside),
            ("media.s3.example.org", Place::Outside),
            ("origin.example.org", Place::Outside),
        ] {
            assert_eq!(place(domain, &site), found, "{domain}");
        }
    }
}
