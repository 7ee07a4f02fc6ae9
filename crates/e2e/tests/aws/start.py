"""Starts a channel and waits, as botocore does, until it runs.

    start.py CHANNEL
"""

import json
import sys

import boto3

live = boto3.client("medialive")
started = live.start_channel(ChannelId=sys.argv[1])
assert started["State"] == "STARTING", started["State"]
live.get_waiter("channel_running").wait(ChannelId=sys.argv[1])
channel = live.describe_channel(ChannelId=sys.argv[1])
print(json.dumps({"state": channel["State"], "pipelines": channel["PipelinesRunningCount"]}))
