"""What a running channel shows, into a file, before and after its pipeline is started anew; then who may push to it is changed.

    look.py CHANNEL FILE
"""

import base64
import json
import sys
import time

import boto3

channel, file = sys.argv[1:]
live = boto3.client("medialive")


def look():
    [detail] = live.describe_thumbnails(ChannelId=channel, PipelineId="0", ThumbnailType="CURRENT_ACTIVE")["ThumbnailDetails"]
    [thumbnail] = detail["Thumbnails"]
    assert (detail["PipelineId"], thumbnail["ContentType"]) == ("0", "image/jpeg"), detail
    age = time.time() - thumbnail["TimeStamp"].timestamp()
    assert -5 < age < 30, age
    return base64.b64decode(thumbnail["Body"])


before = look()
with open(file, "wb") as out:
    out.write(before)
live.restart_channel_pipelines(ChannelId=channel)
live.get_waiter("channel_running").wait(ChannelId=channel, WaiterConfig={"Delay": 1})
after = look()

[attached] = live.describe_channel(ChannelId=channel)["InputAttachments"]
[group] = live.describe_input(InputId=attached["InputId"])["SecurityGroups"]
live.update_input_security_group(InputSecurityGroupId=group, WhitelistRules=[{"Cidr": "192.0.2.0/24"}])
print(json.dumps({"before": len(before), "after": len(after)}))
