"""AWS's live-streaming solution by the calls of its script: an RTMP input, its ladder into MediaPackage with endpoints for HLS, DASH and CMAF that
are open to its distribution alone, and that distribution. Smooth Streaming is left out.

    solution.py NAME RUNGS SECRET

RUNGS says how many of the ladder's six, from the smallest: its profiles have four, five and six. SECRET names what the operator keeps for the
distribution, which sends it along.
"""

import json
import sys
import urllib.parse

import boto3

from rungs import SIX, settings

name, rungs, secret = sys.argv[1:]
ladder = SIX[: int(rungs)]
resolution, most = {4: ("SD", 10), 5: ("HD", 10), 6: ("HD", 20)}[len(ladder)]

# The input: an encoder of each side may push.
live = boto3.client("medialive")
group = live.create_input_security_group(WhitelistRules=[{"Cidr": "0.0.0.0/0"}])["SecurityGroup"]
source = live.create_input(
    Name=name,
    Type="RTMP_PUSH",
    InputSecurityGroups=[group["Id"]],
    Destinations=[{"StreamName": f"{name}/{side}"} for side in ("primary", "secondary")],
)["Input"]

# Packaging.
package = boto3.client("mediapackage")
package.create_channel(Id=name, Description="live streaming")
stream = {"StreamOrder": "ORIGINAL"}
guard = {
    "CdnIdentifierSecret": f"arn:aws:secretsmanager:us-east-1:123456789012:secret:{secret}",
    "SecretsRoleArn": "arn:aws:iam::123456789012:role/packager",
}
packages = {
    "hls": {
        "HlsPackage": {
            "SegmentDurationSeconds": 6,
            "PlaylistWindowSeconds": 60,
            "ProgramDateTimeIntervalSeconds": 0,
            "IncludeIframeOnlyStream": False,
            "UseAudioRenditionGroup": True,
            "AdMarkers": "PASSTHROUGH",
            "StreamSelection": stream,
        }
    },
    "dash": {
        "DashPackage": {
            "SegmentDurationSeconds": 2,
            "ManifestWindowSeconds": 60,
            "Profile": "NONE",
            "MinBufferTimeSeconds": 30,
            "MinUpdatePeriodSeconds": 15,
            "SuggestedPresentationDelaySeconds": 25,
            "StreamSelection": stream,
        }
    },
    "cmaf": {
        "CmafPackage": {
            "SegmentDurationSeconds": 6,
            "StreamSelection": stream,
            "HlsManifests": [{"Id": "hls", "ManifestName": "index", "PlaylistWindowSeconds": 60, "ProgramDateTimeIntervalSeconds": 0}],
        }
    },
}
endpoints = {
    kind: package.create_origin_endpoint(
        Id=f"{name}-{kind}", ChannelId=name, ManifestName="index", StartoverWindowSeconds=0, TimeDelaySeconds=0, Authorization=guard, **how
    )
    for kind, how in packages.items()
}
urls = {
    "hls": endpoints["hls"]["Url"],
    "dash": endpoints["dash"]["Url"],
    "cmaf": endpoints["cmaf"]["CmafPackage"]["HlsManifests"][0]["Url"],
}

# Delivery: an origin for each endpoint, and a behaviour for its path; each brings the secret.
front = boto3.client("cloudfront")
key = front.create_cache_policy(
    CachePolicyConfig={
        "Name": name,
        "DefaultTTL": 86_400,
        "MaxTTL": 31_536_000,
        "MinTTL": 0,
        "ParametersInCacheKeyAndForwardedToOrigin": {
            "EnableAcceptEncodingGzip": False,
            "EnableAcceptEncodingBrotli": False,
            "CookiesConfig": {"CookieBehavior": "none"},
            "HeadersConfig": {
                "HeaderBehavior": "whitelist",
                "Headers": {
                    "Quantity": 4,
                    "Items": ["Access-Control-Allow-Origin", "Access-Control-Request-Method", "Access-Control-Request-Header", "Origin"],
                },
            },
            "QueryStringsConfig": {"QueryStringBehavior": "all"},
        },
    }
)["CachePolicy"]["Id"]
parts = {kind: urllib.parse.urlsplit(url) for kind, url in urls.items()}
origins = [
    {
        "Id": kind,
        "DomainName": part.hostname,
        "CustomHeaders": {"Quantity": 1, "Items": [{"HeaderName": "X-MediaPackage-CDNIdentifier", "HeaderValue": "a-secret-of-this-distribution"}]},
        "CustomOriginConfig": {
            "HTTPPort": 80,
            "HTTPSPort": 443,
            "OriginProtocolPolicy": "https-only",
            "OriginSslProtocols": {"Quantity": 1, "Items": ["TLSv1.2"]},
        },
    }
    for kind, part in parts.items()
]
methods = {"Quantity": 2, "Items": ["GET", "HEAD"]}


def behaviour(kind):
    return {
        "TargetOriginId": kind,
        "ViewerProtocolPolicy": "allow-all",
        "AllowedMethods": {**methods, "CachedMethods": methods},
        "CachePolicyId": key,
        "Compress": False,
    }


folders = {kind: part.path.rsplit("/", 1)[0] for kind, part in parts.items()}
errors = [{"ErrorCode": code, "ErrorCachingMinTTL": 1} for code in (400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504)]
others = [{"PathPattern": f"{folders[kind]}/*", **behaviour(kind)} for kind in ("dash", "cmaf")]
made = front.create_distribution(
    DistributionConfig={
        "CallerReference": name,
        "Comment": "live streaming",
        "Enabled": True,
        "Origins": {"Quantity": len(origins), "Items": origins},
        "DefaultCacheBehavior": behaviour("hls"),
        "CacheBehaviors": {"Quantity": len(others), "Items": others},
        "CustomErrorResponses": {"Quantity": len(errors), "Items": errors},
    }
)["Distribution"]

# Encoding.
channel = live.create_channel(
    Name=name,
    ChannelClass="STANDARD",
    InputSpecification={"Codec": "AVC", "Resolution": resolution, "MaximumBitrate": f"MAX_{most}_MBPS"},
    InputAttachments=[
        {
            "InputId": source["Id"],
            "InputSettings": {"AudioSelectors": [], "CaptionSelectors": [], "SourceEndBehavior": "CONTINUE", "InputFilter": "AUTO"},
        }
    ],
    Destinations=[{"Id": "destination1", "Settings": [], "MediaPackageSettings": [{"ChannelId": name}]}],
    EncoderSettings=settings(
        ladder, {"MediaPackageGroupSettings": {"Destination": {"DestinationRefId": "destination1"}}}, {"MediaPackageOutputSettings": {}}
    ),
)["Channel"]["Id"]
live.get_waiter("channel_created").wait(ChannelId=channel)
live.start_channel(ChannelId=channel)
live.get_waiter("channel_running").wait(ChannelId=channel, WaiterConfig={"Delay": 1})
print(
    json.dumps(
        {
            "channel": channel,
            "push": [destination["Url"] for destination in source["Destinations"]],
            "host": made["DomainName"],
            "plays": {kind: part.path for kind, part in parts.items()},
        }
    )
)
