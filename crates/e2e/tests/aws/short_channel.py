"""A channel as the shortest scripts make one: an input, a segment length, and the names of its pictures. Nothing else is said, which is
why the profile has `parameter_validation = false`.

    short_channel.py NAME SEGMENT_SECONDS PICTURE...
"""

import json
import sys

import boto3

name, seconds, *pictures = sys.argv[1:]
live = boto3.client("medialive")

group = live.create_input_security_group(WhitelistRules=[{"Cidr": "127.0.0.0/8"}])["SecurityGroup"]
source = live.create_input(
    Name=name,
    Type="RTMP_PUSH",
    InputSecurityGroups=[group["Id"]],
    Destinations=[{"StreamName": f"{name}/primary"}],
)["Input"]

outputs = [{"OutputSettings": {"HlsOutputSettings": {}}, "VideoDescriptionName": picture} for picture in pictures]
hls = {"Name": "HLS", "OutputGroupSettings": {"HlsGroupSettings": {"SegmentLength": int(seconds)}}, "Outputs": outputs}
channel = live.create_channel(
    InputAttachments=[{"InputId": source["Id"], "InputSettings": {"SourceEndBehavior": "LOOP"}}],
    EncoderSettings={"OutputGroups": [hls]},
)["Channel"]
assert channel["State"] == "CREATING", channel["State"]

live.get_waiter("channel_created").wait(ChannelId=channel["Id"])
channel = live.describe_channel(ChannelId=channel["Id"])
del channel["ResponseMetadata"]
print(json.dumps({"push": source["Destinations"][0]["Url"], "input": source["Id"], "channel": channel}))
