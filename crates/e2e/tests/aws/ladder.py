"""The ladder of AWS's live-streaming solution: six pictures with sound each, two endpoints, into MediaPackage. Held against the service without
making it, then made, described and deleted. Then the same calls with two small pictures into HLS, which are left running.

    ladder.py NAME
"""

import json
import sys

import boto3

from own import own
from rungs import SIX, settings

TWO = [(256, 144, 15, 150_000, 6), (320, 180, 30, 300_000, 7)]


name = sys.argv[1]
live = boto3.client("medialive")
group = live.create_input_security_group(WhitelistRules=[{"Cidr": "0.0.0.0/0"}])["SecurityGroup"]
source = live.create_input(
    Name=name,
    Type="RTMP_PUSH",
    InputSecurityGroups=[group["Id"]],
    Destinations=[{"StreamName": f"{name}/{side}"} for side in ("primary", "secondary")],
)["Input"]
attachment = {
    "InputId": source["Id"],
    "InputSettings": {"AudioSelectors": [], "CaptionSelectors": [], "SourceEndBehavior": "CONTINUE", "InputFilter": "AUTO"},
}

package = {"MediaPackageGroupSettings": {"Destination": {"DestinationRefId": "destination1"}}}
asked = {
    "Name": name,
    "ChannelClass": "STANDARD",
    "InputSpecification": {"Codec": "AVC", "Resolution": "HD", "MaximumBitrate": "MAX_20_MBPS"},
    "InputAttachments": [attachment],
    "Destinations": [{"Id": "destination1", "Settings": [], "MediaPackageSettings": [{"ChannelId": f"{name}-package"}]}],
    "EncoderSettings": settings(SIX, package, {"MediaPackageOutputSettings": {}}),
}
live.create_channel(**asked, DryRun=True)
held = own(live.list_channels()["Channels"])
assert held == [], held
made = live.create_channel(**asked)["Channel"]["Id"]
live.get_waiter("channel_created").wait(ChannelId=made)
described = live.describe_channel(ChannelId=made)
live.delete_channel(ChannelId=made)
live.get_waiter("channel_deleted").wait(ChannelId=made)


def kept(asked, described):
    """Whether all that was asked for is described so; what was completed may be there besides."""
    if isinstance(asked, dict):
        return all(name in described and kept(value, described[name]) for name, value in asked.items())
    if isinstance(asked, list):
        return len(asked) == len(described) and all(map(kept, asked, described))
    return asked == described


hls = {
    "HlsGroupSettings": {
        "Destination": {"DestinationRefId": "destination1"},
        "DirectoryStructure": "SINGLE_DIRECTORY",
        "IndexNSegments": 10,
        "KeepSegments": 21,
        "Mode": "LIVE",
        "SegmentLength": 2,
        "StreamInfResolution": "INCLUDE",
    }
}
small = {
    "Name": name,
    "ChannelClass": "SINGLE_PIPELINE",
    "InputSpecification": asked["InputSpecification"],
    "InputAttachments": [attachment],
    "Destinations": [{"Id": "destination1", "Settings": []}],
    "EncoderSettings": settings(TWO, hls, {"HlsOutputSettings": {"HlsSettings": {"StandardHlsSettings": {"M3u8Settings": {}}}, "NameModifier": "_small"}}),
}
for output in small["EncoderSettings"]["OutputGroups"][0]["Outputs"]:
    output["OutputSettings"]["HlsOutputSettings"]["NameModifier"] = f"_{output['OutputName']}"
small = live.create_channel(**small)["Channel"]["Id"]
live.start_channel(ChannelId=small)
live.get_waiter("channel_running").wait(ChannelId=small, WaiterConfig={"Delay": 1})
print(
    json.dumps(
        {
            "kept": kept({key: value for key, value in asked.items() if key != "Destinations"}, described),
            "rungs": len(described["EncoderSettings"]["VideoDescriptions"]),
            "deleted": live.describe_channel(ChannelId=made)["State"],
            "channel": small,
            "plays": live.describe_channel(ChannelId=small)["Destinations"][0]["Settings"][0]["Url"],
            "push": source["Destinations"][0]["Url"],
        }
    )
)
