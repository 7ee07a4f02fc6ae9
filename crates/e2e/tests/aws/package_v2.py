"""MediaPackage's second version: a group, a channel that takes CMAF, and an endpoint of it with every kind of manifest that is served. Tells where
to push and what plays; with `gone` at the end it takes away what the first call made.

    package_v2.py NAME [gone]
"""

import json
import sys
import urllib.parse

import boto3

name = sys.argv[1]
package = boto3.client("mediapackagev2")
group = {"ChannelGroupName": f"{name}-group"}
channel = {**group, "ChannelName": name}
endpoint = {**channel, "OriginEndpointName": "players"}


def refused(call):
    """The kind of conflict that a call meets."""
    try:
        call()
    except package.exceptions.ConflictException as conflict:
        return conflict.response["ConflictExceptionType"]
    raise AssertionError("it was done")


if sys.argv[2:] == ["gone"]:
    full = refused(lambda: package.delete_channel_group(**group))
    in_use = refused(lambda: package.delete_channel(**channel))
    package.delete_origin_endpoint(**endpoint)
    package.delete_channel(**channel)
    package.delete_channel_group(**group)
    # A second time it is gone all the same.
    package.delete_channel_group(**group)
    left = [found["ChannelGroupName"] for page in package.get_paginator("list_channel_groups").paginate() for found in page.get("Items", [])]
    print(json.dumps({"refused": [full, in_use], "left": left}))
    sys.exit()

package.create_channel_group(**group, Description="every player")
made = package.create_channel(**channel, InputType="CMAF")
try:
    package.get_origin_endpoint(**endpoint)
    raise AssertionError("it is there")
except package.exceptions.ResourceNotFoundException:
    pass
shown = package.create_origin_endpoint(
    **endpoint,
    ContainerType="CMAF",
    Segment={"SegmentDurationSeconds": 2, "SegmentName": "segment"},
    HlsManifests=[{"ManifestName": "index", "ManifestWindowSeconds": 60}],
    LowLatencyHlsManifests=[{"ManifestName": "low", "ManifestWindowSeconds": 60}],
    DashManifests=[{"ManifestName": "dash", "ManifestWindowSeconds": 60, "MinUpdatePeriodSeconds": 2, "MinBufferTimeSeconds": 4, "SuggestedPresentationDelaySeconds": 6}],
)
found = package.get_origin_endpoint(**endpoint)
assert found["HlsManifests"] == shown["HlsManifests"], found
print(
    json.dumps(
        {
            "push": [place["Url"] for place in made["IngestEndpoints"]],
            "plays": {
                kind: urllib.parse.urlsplit(manifests[0]["Url"]).path
                for kind, manifests in (("hls", shown["HlsManifests"]), ("low", shown["LowLatencyHlsManifests"]), ("dash", shown["DashManifests"]))
            },
        }
    )
)
