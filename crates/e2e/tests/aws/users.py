"""A user who may start one channel and not another, with the keys, policies and temporary keys that IAM and STS give.

    users.py

Prints which error every call was refused with, by what was tried; None where it was done. Everything it makes it takes away again.
"""

import json
import urllib.request
from urllib.error import HTTPError

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

once = Config(retries={"total_max_attempts": 1})
tried = {}


def client(service, key=None, token=None):
    named = {} if key is None else {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    return boto3.client(service, config=once, aws_session_token=token, **named)


def trial(what, call, **arguments):
    try:
        answer = call(**arguments)
        tried[what] = None
        return answer
    except ClientError as error:
        tried[what] = f"{error.response['Error']['Code']} {error.response['ResponseMetadata']['HTTPStatusCode']}"


def fetched(url):
    try:
        return urllib.request.urlopen(url, timeout=10).status
    except HTTPError as refusal:
        return refusal.code


def channel(name):
    source = live.create_input(Name=name, Type="RTMP_PUSH", Destinations=[{"StreamName": f"{name}/a-key-of-its-own"}])["Input"]["Id"]
    pictures = [{"OutputSettings": {"HlsOutputSettings": {}}, "VideoDescriptionName": "video_240p15"}]
    groups = [{"OutputGroupSettings": {"HlsGroupSettings": {}}, "Outputs": pictures}]
    made = live.create_channel(Name=name, InputAttachments=[{"InputId": source}], EncoderSettings={"OutputGroups": groups})
    return source, made["Channel"]["Id"], made["Channel"]["Arn"]


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": [dict(zip(("Effect", "Action", "Resource"), it)) for it in statements]})


iam, live = client("iam"), client("medialive")
account = client("sts").get_caller_identity()["Account"]
(hers_in, hers, hers_arn), (other_in, other, other_arn) = channel("hers"), channel("other")

user = iam.create_user(UserName="eve", Path="/ops/", Tags=[{"Key": "desk", "Value": "3"}])["User"]
assert user["Arn"] == f"arn:aws:iam::{account}:user/ops/eve" and user["UserId"].startswith("AIDA"), user
trial("a user of a name that is there", iam.create_user, UserName="eve")
key = iam.create_access_key(UserName="eve")["AccessKey"]
spare = iam.create_access_key(UserName="eve")["AccessKey"]
trial("a third key", iam.create_access_key, UserName="eve")
eve = client("medialive", key)
assert client("sts", key).get_caller_identity()["Arn"] == user["Arn"]
trial("without a policy", eve.describe_channel, ChannelId=hers)

trial("a policy that is none", iam.put_user_policy, UserName="eve", PolicyName="own", PolicyDocument='{"Statement": {"Allow": "*"}}')
own = policy(["Allow", ["medialive:DescribeChannel", "medialive:*art*", "medialive:StopChannel"], hers_arn])
iam.put_user_policy(UserName="eve", PolicyName="own", PolicyDocument=own)
assert iam.get_user_policy(UserName="eve", PolicyName="own")["PolicyDocument"] == json.loads(own)
trial("her channel", eve.start_channel, ChannelId=hers)
trial("another channel", eve.start_channel, ChannelId=other)
trial("both in a batch", eve.batch_start, ChannelIds=[hers, other])
trial("a list", eve.list_channels)
trial("a user by a user", client("iam", key).create_user, UserName="adam")
live.get_waiter("channel_running").wait(ChannelId=hers)
trial("her channel's end", eve.stop_channel, ChannelId=hers)

everything = policy(["Allow", "medialive:*", "*"], ["Deny", "medialive:StartChannel", other_arn])
most = iam.create_policy(PolicyName="most", PolicyDocument=everything)["Policy"]["Arn"]
iam.attach_user_policy(UserName="eve", PolicyArn=most)
assert iam.list_attached_user_policies(UserName="eve")["AttachedPolicies"] == [{"PolicyName": "most", "PolicyArn": most}]
assert iam.get_policy_version(PolicyArn=most, VersionId="v1")["PolicyVersion"]["Document"] == json.loads(everything)
trial("a list with a policy for all", eve.list_channels)
trial("what is denied and allowed", eve.start_channel, ChannelId=other)

short = client("sts", key).get_session_token(DurationSeconds=900)["Credentials"]
assert short["AccessKeyId"].startswith("ASIA"), short
brief = client("medialive", short, short["SessionToken"])
trial("a list with a temporary key", brief.list_channels)
trial("a temporary key without its token", client("medialive", short).list_channels)
trial("a temporary key with a changed token", client("sts", short, short["SessionToken"][::-1]).get_caller_identity)
trial("a lasting key with a token", client("medialive", key, short["SessionToken"]).list_channels)
trial("keys by a temporary key", client("iam", short, short["SessionToken"]).create_access_key)
trial("a temporary key by another", client("sts", short, short["SessionToken"]).get_session_token)
presigned = brief.generate_presigned_url("list_channels", ExpiresIn=60)
tried["a presigned list"] = fetched(presigned)
tried["a presigned list without its token"] = fetched(presigned.replace("X-Amz-Security-Token", "X-Amz-Nothing"))

iam.update_user(UserName="eve", NewUserName="eva")
assert iam.list_access_keys(UserName="eva")["AccessKeyMetadata"][0]["Status"] == "Active"
trial("a list under another name", eve.list_channels)
iam.update_access_key(UserName="eva", AccessKeyId=key["AccessKeyId"], Status="Inactive")
trial("a list with a key that is off", eve.list_channels)
trial("a list with a temporary key of one that is off", brief.list_channels)
trial("a user with keys goes", iam.delete_user, UserName="eva")
trial("a policy that is held goes", iam.delete_policy, PolicyArn=most)
for each in (key, spare):
    iam.delete_access_key(UserName="eva", AccessKeyId=each["AccessKeyId"])
iam.detach_user_policy(UserName="eva", PolicyArn=most)
iam.delete_policy(PolicyArn=most)
iam.delete_user_policy(UserName="eva", PolicyName="own")
iam.delete_user(UserName="eva")
trial("a user who is gone", iam.get_user, UserName="eva")
trial("an operation that is not there", iam.create_group, GroupName="ops")
assert iam.list_users()["Users"] == [] and iam.list_policies(Scope="Local")["Policies"] == []

live.get_waiter("channel_stopped").wait(ChannelId=hers)
for made in (hers, other):
    live.delete_channel(ChannelId=made)
    live.get_waiter("channel_deleted").wait(ChannelId=made)
for made in (hers_in, other_in):
    live.delete_input(InputId=made)
print(json.dumps(tried))
