"""Takes away what `solution.py` made, in the order of its script: the channel is deleted at once after it was stopped, without waiting in between.

    remove_solution.py NAME CHANNEL
"""

import json
import sys

import boto3

from own import own

name, channel = sys.argv[1:]
live, package, front = (boto3.client(service) for service in ("medialive", "mediapackage", "cloudfront"))
quickly = {"Delay": 1}

live.stop_channel(ChannelId=channel)
source = live.describe_channel(ChannelId=channel)["InputAttachments"][0]["InputId"]
live.delete_channel(ChannelId=channel)
live.get_waiter("channel_deleted").wait(ChannelId=channel, WaiterConfig=quickly)
live.get_waiter("input_detached").wait(InputId=source, WaiterConfig=quickly)
groups = live.describe_input(InputId=source)["SecurityGroups"]
in_use = live.describe_input_security_group(InputSecurityGroupId=groups[0])["State"]
live.delete_input(InputId=source)
live.get_waiter("input_deleted").wait(InputId=source, WaiterConfig=quickly)
idle = live.describe_input_security_group(InputSecurityGroupId=groups[0])["State"]
for group in groups:
    live.delete_input_security_group(InputSecurityGroupId=group)

for endpoint in package.list_origin_endpoints(ChannelId=name)["OriginEndpoints"]:
    package.delete_origin_endpoint(Id=endpoint["Id"])
package.delete_channel(Id=name)

for delivery in front.list_distributions()["DistributionList"]["Items"]:
    found = front.get_distribution_config(Id=delivery["Id"])
    off = front.update_distribution(Id=delivery["Id"], DistributionConfig={**found["DistributionConfig"], "Enabled": False}, IfMatch=found["ETag"])
    front.get_waiter("distribution_deployed").wait(Id=delivery["Id"], WaiterConfig=quickly)
    front.delete_distribution(Id=delivery["Id"], IfMatch=off["ETag"])
for policy in front.list_cache_policies(Type="custom")["CachePolicyList"]["Items"]:
    key = policy["CachePolicy"]["Id"]
    front.delete_cache_policy(Id=key, IfMatch=front.get_cache_policy(Id=key)["ETag"])

left = [
    own(live.list_channels()["Channels"]),
    live.list_inputs()["Inputs"],
    live.list_input_security_groups()["InputSecurityGroups"],
    package.list_channels()["Channels"],
    package.list_origin_endpoints()["OriginEndpoints"],
    front.list_distributions()["DistributionList"].get("Items", []),
]
print(json.dumps({"group": [in_use, idle], "left": left}))
