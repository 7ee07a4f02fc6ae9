"""Channels that are made, started, stopped and deleted, several at once, for some rounds.

    come_and_go.py ROUNDS CHANNELS
"""

import json
import sys

import boto3

from own import own

rounds, count = map(int, sys.argv[1:])
live = boto3.client("medialive")
patient = {"Delay": 1, "MaxAttempts": 60}


def channel(name):
    source = live.create_input(Name=name, Type="RTMP_PUSH", Destinations=[{"StreamName": f"come-and-go/{name}"}])["Input"]
    outputs = [{"OutputSettings": {"HlsOutputSettings": {}}, "VideoDescriptionName": "small_144p15"}]
    group = {"OutputGroupSettings": {"HlsGroupSettings": {"SegmentLength": 1}}, "Outputs": outputs}
    made = live.create_channel(Name=name, InputAttachments=[{"InputId": source["Id"]}], EncoderSettings={"OutputGroups": [group]})
    return made["Channel"]["Id"], source["Id"]


ran = 0
for turn in range(rounds):
    pairs = [channel(f"guest-{turn}-{number}") for number in range(count)]
    channels = [made for made, _ in pairs]
    live.batch_start(ChannelIds=channels)
    for made in channels:
        live.get_waiter("channel_running").wait(ChannelId=made, WaiterConfig=patient)
        ran += 1
    live.batch_stop(ChannelIds=channels)
    # AWS's solution deletes what it has just stopped.
    done = live.batch_delete(ChannelIds=channels, InputIds=[source for _, source in pairs])
    assert done["Failed"] == [], done["Failed"]
    for made in channels:
        live.get_waiter("channel_deleted").wait(ChannelId=made, WaiterConfig=patient)
print(json.dumps({"ran": ran, "left": len(own(live.list_channels()["Channels"]))}))
