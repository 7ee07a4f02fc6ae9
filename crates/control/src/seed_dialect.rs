//! What scripts leave out that AWS's description requires, and that the doors complete.

use aws::validate::Violation;

/// Required members that may be missing: service, operation, and the end of the member's path on the wire.
///
/// Snippets that people pass around make a MediaLive channel without them; what is meant is plain, and the door answers with the
/// settings it completed.
const MAY_BE_MISSING: [(&str, &str, &str); 10] = [
    ("medialive", "CreateChannel", "/encoderSettings/videoDescriptions"),
    ("medialive", "CreateChannel", "/encoderSettings/audioDescriptions"),
    ("medialive", "CreateChannel", "/encoderSettings/timecodeConfig"),
    ("medialive", "CreateChannel", "/outputGroupSettings/hlsGroupSettings/destination"),
    ("medialive", "CreateChannel", "/outputSettings/hlsOutputSettings/hlsSettings"),
    ("medialive", "UpdateChannel", "/encoderSettings/videoDescriptions"),
    ("medialive", "UpdateChannel", "/encoderSettings/audioDescriptions"),
    ("medialive", "UpdateChannel", "/encoderSettings/timecodeConfig"),
    ("medialive", "UpdateChannel", "/outputGroupSettings/hlsGroupSettings/destination"),
    ("medialive", "UpdateChannel", "/outputSettings/hlsOutputSettings/hlsSettings"),
];

/// Whether a violation is one that is let through.
pub(crate) fn lets_through(service: &str, operation: &str, violation: &Violation) -> bool {
    let path = violation.element_path();
    violation.constraint == "Member must not be null"
        && MAY_BE_MISSING.iter().any(|(its_service, its_operation, end)| {
            *its_service == service && *its_operation == operation && path.ends_with(end)
        })
}
