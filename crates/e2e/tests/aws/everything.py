"""Every input and channel that calls made as it is described, once every channel is as it is wanted: running where any is to run.

    everything.py RUNNING...
"""

import json
import sys

import boto3

from own import own

live = boto3.client("medialive")
for channel in sys.argv[1:]:
    live.get_waiter("channel_running").wait(ChannelId=channel, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def described(list_them, member, describe, key):
    for page in live.get_paginator(list_them).paginate(PaginationConfig={"PageSize": 2}):
        for listed in own(page[member]):
            found = getattr(live, describe)(**{key: listed["Id"]})
            del found["ResponseMetadata"]
            yield found


print(
    json.dumps(
        {
            "channels": list(described("list_channels", "Channels", "describe_channel", "ChannelId")),
            "inputs": list(described("list_inputs", "Inputs", "describe_input", "InputId")),
            "groups": list(
                described("list_input_security_groups", "InputSecurityGroups", "describe_input_security_group", "InputSecurityGroupId")
            ),
        }
    )
)
