#!/usr/bin/env python3
"""Writes botocore.json: requests as botocore signs them, taken at the wire. Needs `pip install botocore`; nothing is sent.

Time stands still at NOW, so that a second run with the same botocore differs only in what it draws by chance.
"""
import base64
import datetime
import json
import os
from urllib.parse import urlsplit

import botocore
import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.session
from botocore.config import Config

NOW = datetime.datetime(2026, 11, 21, 12, 34, 56, tzinfo=datetime.timezone.utc)
KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TEMPORARY, TOKEN = "ASIAIOSFODNN7EXAMPLE", "FwoGZXIvYXdzE//////////wEaDK+token/with=every&kind of sign=="

botocore.auth.get_current_datetime = lambda remove_tzinfo=True: NOW.replace(tzinfo=None) if remove_tzinfo else NOW
os.environ.update(AWS_EC2_METADATA_DISABLED="true", AWS_CONFIG_FILE="/dev/null", AWS_SHARED_CREDENTIALS_FILE="/dev/null")
vectors = []


def keep(name, method, url, headers, body, token=None):
    parts = urlsplit(url)
    text = lambda value: value.decode("latin-1") if isinstance(value, bytes) else str(value)
    headers = [[key, text(value)] for key, value in headers.items()]
    if not any(key.lower() == "host" for key, _ in headers):
        headers.insert(0, ["Host", parts.netloc])
    if hasattr(body, "read"):
        body = body.read()
    body = body.encode() if isinstance(body, str) else bytes(body or b"")
    vectors.append(dict(name=name, method=method, path=parts.path or "/", query=parts.query, headers=headers,
                        body=base64.b64encode(body).decode(), token=token))


def client(service, token=None, region="us-west-2", **config):
    session = botocore.session.Session()
    session.set_credentials(TEMPORARY if token else KEY, SECRET, token)
    return session.create_client(service, region_name=region, endpoint_url="http://127.0.0.1:8443",
                                 config=Config(parameter_validation=False, **config))


def call(name, service, operation, token=None, region="us-west-2", config={}, **arguments):
    made = client(service, token, region, **config)

    def caught(request, **_):
        keep(name, request.method, request.url, request.headers, request.body, token)
        return botocore.awsrequest.AWSResponse(request.url, 400, {}, None)

    made.meta.events.register("before-send", caught)
    try:
        getattr(made, operation)(**arguments)
    except Exception:  # of the answer that never was
        pass
    assert vectors and vectors[-1]["name"] == name, name


def presigned(name, service, operation, token=None, expires=3600, method="GET", config={}, **arguments):
    made = client(service, token, signature_version=config.pop("signature_version", "v4"), **config)
    url = made.generate_presigned_url(operation, Params=arguments, ExpiresIn=expires, HttpMethod=method)
    keep(name, method, url, {}, b"", token)


call("medialive json body", "medialive", "create_channel", Name="news", RequestId="a-fixed-token",
     InputAttachments=[{"InputId": "input-123456"}], EncoderSettings={})
call("medialive get", "medialive", "describe_channel", ChannelId="1234567")
call("medialive query string", "medialive", "list_channels", MaxResults=20, NextToken="a b+c/=é~")
call("medialive arn in the path", "medialive", "list_tags_for_resource",
     ResourceArn="arn:aws:medialive:us-west-2:123456789012:channel:1234567")
call("medialive delete", "medialive", "delete_channel", ChannelId="é ~%2F")
call("medialive session token", "medialive", "list_inputs", token=TOKEN)
call("mediapackage", "mediapackage", "create_channel", Id="live-video-channel", Description="Channel for live video")
call("mediapackagev2", "mediapackagev2", "list_channel_groups", region="eu-central-1")
call("ivs", "ivs", "list_channels")
call("cloudfront xml", "cloudfront", "create_distribution", DistributionConfig=dict(
    CallerReference="one", Comment="", Enabled=True, Origins=dict(Quantity=1, Items=[dict(Id="o", DomainName="o.example")]),
    DefaultCacheBehavior=dict(TargetOriginId="o", ViewerProtocolPolicy="allow-all")))
call("cloudfront query flag", "cloudfront", "create_distribution_with_tags", DistributionConfigWithTags=dict(
    DistributionConfig=dict(CallerReference="two", Comment="", Enabled=False), Tags=dict(Items=[])))
call("cloudwatch json", "cloudwatch", "put_metric_alarm", AlarmName="HighLatencyAlarm", Threshold=0.01)
call("sns query", "sns", "publish", TopicArn="arn:aws:sns:us-west-2:123456789012:t", Message="a+b &é", region="us-west-2")
call("sts query with a session token", "sts", "get_caller_identity", token=TOKEN)
call("sqs json", "sqs", "send_message", QueueUrl="http://127.0.0.1:8443/123456789012/q", MessageBody="x")
call("lambda", "lambda", "invoke", FunctionName="arn:aws:lambda:us-west-2:123456789012:function:f", Payload=b"{}")
call("s3 put", "s3", "put_object", Bucket="films", Key="a b/+é~(1)/x.ts", Body=b"segment", config=dict(signature_version="v4"))
call("s3 get", "s3", "get_object", Bucket="films", Key="a/../b//c/./d", config=dict(signature_version="v4"))
call("s3 list with a token", "s3", "list_objects_v2", Bucket="films", Prefix="a b/é+", Delimiter="/", token=TOKEN,
     config=dict(signature_version="v4"))
presigned("s3 presigned get", "s3", "get_object", config=dict(signature_version="s3v4"), Bucket="films", Key="a b/+é.ts")
presigned("s3 presigned put with a token", "s3", "put_object", token=TOKEN, method="PUT",
          config=dict(signature_version="s3v4"), Bucket="films", Key="up.ts")
presigned("sts presigned", "sts", "get_caller_identity", expires=60)
presigned("sts presigned with a token", "sts", "get_caller_identity", token=TOKEN)

# What no service of botocore sends, signed by its signer.
for name, service, method, url, headers, body in [
    ("folded header values", "service", "GET", "http://host.example/", {"X-Amz-Meta": "  a   b  c  ", "My-Header": "v"}, b""),
    ("sorted query", "service", "GET", "http://host.example/p?b=2&a=2&a=1&B=&%C3%A9=~&empty", {}, b""),
    ("a port in the host", "service", "POST", "http://host.example:8443/x%20y", {"Content-Type": "text/plain"}, b"\x00\xff"),
]:
    request = botocore.awsrequest.AWSRequest(method=method, url=url, headers=headers, data=body)
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(KEY, SECRET), service, "us-east-1").add_auth(request)
    prepared = request.prepare()
    keep(name, prepared.method, prepared.url, prepared.headers, body)

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "botocore.json"), "w") as out:
    json.dump(dict(origin=f"botocore {botocore.__version__}, by make.py", now=NOW.strftime("%Y%m%dT%H%M%SZ"), key=KEY,
                   temporary=TEMPORARY, secret=SECRET, token=TOKEN, requests=vectors), out, indent=1)
    out.write("\n")
