//! What MediaPackage calls the workflow's channels.

use store::Resource;

/// The names of the workflow channels that MediaPackage channels are, with their own names: v2's have a group.
pub fn media_names(resources: &[Resource]) -> Vec<(String, (Option<String>, String))> {
    let named = resources.iter().filter(|resource| resource.deleted.is_none()).filter_map(|resource| {
        let id = resource.key.id();
        let package = match resource.key.kind() {
            crate::v1::CHANNEL => (None, id.to_owned()),
            crate::v2::CHANNEL => {
                let (group, channel) = id.split_once('/')?;
                (Some(group.to_owned()), channel.to_owned())
            }
            _ => return None,
        };
        Some((door::media_name("mp", id), package))
    });
    named.collect()
}
