"""What the workflow file made, as AWS's services show it, and that none of them changes it. Parameters are held against the descriptions, in
requests here, in answers by the service.

    mirror.py CHANNEL
"""

import json
import sys
import urllib.parse

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

name = sys.argv[1]
strict = Config(parameter_validation=True)
live, package, front = (boto3.client(service, config=strict) for service in ("medialive", "mediapackagev2", "cloudfront"))


def one(found):
    [one] = found
    return one


def refused(call, **parameters):
    try:
        call(**parameters)
    except ClientError as refusal:
        return f"{refusal.response['Error']['Code']}: {refusal.response['Error']['Message']}"
    raise AssertionError(f"{call} was done")


def pages(client, operation, member, **of):
    return [item for page in client.get_paginator(operation).paginate(**of) for item in page[member]]


listed = one(channel for channel in pages(live, "list_channels", "Channels") if channel["Name"] == name)
live.get_waiter("channel_running").wait(ChannelId=listed["Id"], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
channel = live.describe_channel(ChannelId=listed["Id"])
source = live.describe_input(InputId=channel["InputAttachments"][0]["InputId"])
assert source["Id"] in [one["Id"] for one in pages(live, "list_inputs", "Inputs")]
assert source["AttachedChannels"] == [channel["Id"]], source
assert live.list_tags_for_resource(ResourceArn=channel["Arn"])["Tags"] == {"headwater:owner": "file"}

group = one(pages(package, "list_channel_groups", "Items"))["ChannelGroupName"]
at = {"ChannelGroupName": group, "ChannelName": one(pages(package, "list_channels", "Items", ChannelGroupName=group))["ChannelName"]}
named = one(pages(package, "list_origin_endpoints", "Items", **at))["OriginEndpointName"]
endpoint = package.get_origin_endpoint(**at, OriginEndpointName=named)

delivery = one(item for page in front.get_paginator("list_distributions").paginate() for item in page["DistributionList"]["Items"])
front.get_waiter("distribution_deployed").wait(Id=delivery["Id"], WaiterConfig={"Delay": 1})
config = front.get_distribution_config(Id=delivery["Id"])
batch = {"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": "mirror"}
purged = front.create_invalidation(DistributionId=delivery["Id"], InvalidationBatch=batch)["Invalidation"]["Id"]
front.get_waiter("invalidation_completed").wait(DistributionId=delivery["Id"], Id=purged, WaiterConfig={"Delay": 1})

print(
    json.dumps(
        {
            "channel": {key: channel[key] for key in ("State", "PipelinesRunningCount", "ChannelClass")},
            "picture": channel["EncoderSettings"]["VideoDescriptions"][0],
            "plays": channel["Destinations"][0]["Settings"][0]["Url"],
            "input": source["Type"],
            "push": source["Destinations"][0]["Url"],
            "endpoint": urllib.parse.urlsplit(endpoint["HlsManifests"][0]["Url"]).path,
            "segment": endpoint["Segment"],
            "host": delivery["DomainName"],
            "aliases": config["DistributionConfig"]["Aliases"]["Items"],
            "refused": [
                refused(live.stop_channel, ChannelId=channel["Id"]),
                refused(live.update_channel, ChannelId=channel["Id"], Name="other"),
                refused(live.delete_input, InputId=source["Id"]),
                refused(package.delete_origin_endpoint, **at, OriginEndpointName=named),
                refused(front.update_distribution, Id=delivery["Id"], DistributionConfig=config["DistributionConfig"], IfMatch=config["ETag"]),
            ],
        }
    )
)
