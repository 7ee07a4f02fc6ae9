//! What calls are about, by the Service Authorization Reference's table for AWS Elemental MediaPackage V2.

use door::Arns;

pub(super) const ARNS: Arns = Arns {
    start: "arn:aws:mediapackagev2:{region}:{account}:",
    forms: &[
        ("ListChannelGroups", "*"),
        (
            "CreateChannelGroup GetChannelGroup UpdateChannelGroup DeleteChannelGroup ListChannels",
            "channelGroup/{ChannelGroupName}",
        ),
        (
            "CreateChannel GetChannel UpdateChannel DeleteChannel ListOriginEndpoints PutChannelPolicy GetChannelPolicy \
             DeleteChannelPolicy",
            "channelGroup/{ChannelGroupName}/channel/{ChannelName}",
        ),
        (
            "CreateOriginEndpoint GetOriginEndpoint UpdateOriginEndpoint DeleteOriginEndpoint PutOriginEndpointPolicy \
             GetOriginEndpointPolicy DeleteOriginEndpointPolicy",
            "channelGroup/{ChannelGroupName}/channel/{ChannelName}/originEndpoint/{OriginEndpointName}",
        ),
        ("TagResource UntagResource ListTagsForResource", "{ResourceArn}"),
    ],
};
