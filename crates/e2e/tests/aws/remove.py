"""Stops and deletes a channel, its inputs and their security groups, each with the waiter that botocore has for it.

    remove.py CHANNEL
"""

import json
import sys

import boto3

from own import own

live = boto3.client("medialive")
channel = live.describe_channel(ChannelId=sys.argv[1])
live.stop_channel(ChannelId=channel["Id"])
live.get_waiter("channel_stopped").wait(ChannelId=channel["Id"])
live.delete_channel(ChannelId=channel["Id"])
live.get_waiter("channel_deleted").wait(ChannelId=channel["Id"])

states = {"channel": live.describe_channel(ChannelId=channel["Id"])["State"]}
for attachment in channel["InputAttachments"]:
    source = live.describe_input(InputId=attachment["InputId"])
    live.get_waiter("input_detached").wait(InputId=source["Id"])
    live.delete_input(InputId=source["Id"])
    live.get_waiter("input_deleted").wait(InputId=source["Id"])
    states["input"] = live.describe_input(InputId=source["Id"])["State"]
    for group in source["SecurityGroups"]:
        live.delete_input_security_group(InputSecurityGroupId=group)
states["left"] = [
    left["Id"]
    for operation, member in (("list_channels", "Channels"), ("list_inputs", "Inputs"), ("list_input_security_groups", "InputSecurityGroups"))
    for page in live.get_paginator(operation).paginate()
    for left in own(page[member])
]
print(json.dumps(states))
