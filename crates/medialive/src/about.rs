//! What calls are about, by the Service Authorization Reference's table for AWS Elemental MediaLive.

use door::Arns;

pub(crate) const ARNS: Arns = Arns {
    start: "arn:aws:medialive:{region}:{account}:",
    forms: &[
        (
            "ListInputs ListInputSecurityGroups ListChannels ListVersions DescribeAccountConfiguration \
             UpdateAccountConfiguration",
            "*",
        ),
        ("CreateInput", "input:* inputSecurityGroup:{InputSecurityGroups}"),
        ("DescribeInput UpdateInput DeleteInput", "input:{InputId}"),
        ("CreateInputSecurityGroup", "inputSecurityGroup:*"),
        (
            "DescribeInputSecurityGroup UpdateInputSecurityGroup DeleteInputSecurityGroup",
            "inputSecurityGroup:{InputSecurityGroupId}",
        ),
        ("CreateChannel", "channel:* input:{InputAttachments.InputId}"),
        (
            "DescribeChannel UpdateChannel UpdateChannelClass DeleteChannel StartChannel StopChannel BatchUpdateSchedule \
             DescribeSchedule DeleteSchedule ListAlerts DescribeThumbnails RestartChannelPipelines",
            "channel:{ChannelId}",
        ),
        (
            "BatchStart BatchStop BatchDelete",
            "channel:{ChannelIds} input:{InputIds} inputSecurityGroup:{InputSecurityGroupIds} multiplex:{MultiplexIds}",
        ),
        ("CreateTags DeleteTags ListTagsForResource", "{ResourceArn}"),
    ],
};
