"""Calls by chance, while the processes that answer them are killed; what became of each, held against what was acknowledged.

    calls.py SEED

First makes a channel that stays, and tells its id. Then makes one call for each line `step` on standard input: says in a line of JSON which, just
before, and in another what became of it, whether it was acknowledged or cut off, and whatever is `wrong`. At `end` it waits until everything is as it is wanted, and tells what runs.
No call is repeated by the client itself: what was cut off is looked at, and either was done as a whole or not at all.
"""

import json
import random
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError

from own import own

MOST_INPUTS, MOST_CHANNELS, MOST_STARTED = 4, 3, 2
# Of those that were deleted, so many are looked at again.
REMEMBERED = 12
PATIENCE_S = 90
RUNS, STANDS = ("STARTING", "RUNNING", "RECOVERING"), ("STOPPING", "IDLE")
COMPARED = ("Name", "ChannelClass", "Destinations", "EncoderSettings", "InputAttachments")
# For what was signed in the second in which control started again.
REPLAYED = "InvalidSignatureException"

once = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=15)
live = boto3.client("medialive", config=once)
dice = random.Random(int(sys.argv[1]))
inputs, channels, gone = {}, {}, []
wrong = []
made_so_far = 0


def patiently(call):
    """What a call that changes nothing answers, however often it is cut off."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return call()
        except HTTPClientError:
            if time.monotonic() > until:
                raise
        except ClientError as refusal:
            if refusal.response["ResponseMetadata"]["HTTPStatusCode"] < 500 or time.monotonic() > until:
                raise
        time.sleep(0.05)


def tried(call):
    """`acknowledged` with the answer, `refused` with the code, or `cut`."""
    try:
        return "acknowledged", call()
    except HTTPClientError:
        return "cut", None
    except ClientError as refusal:
        if refusal.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
            return "cut", None
        return "refused", refusal.response["Error"]


def listed(operation, member):
    return patiently(lambda: [item for page in live.get_paginator(operation).paginate() for item in own(page[member])])


def channel(made):
    return patiently(lambda: live.describe_channel(ChannelId=made))


def source(made):
    return patiently(lambda: live.describe_input(InputId=made))


def request(kind):
    """A request with a name and a token of its own."""
    global made_so_far
    made_so_far += 1
    name = f"{kind}-{made_so_far}"
    token = f"{sys.argv[1]}-{name}"
    if kind == "input":
        return {"Name": name, "RequestId": token, "Type": "RTMP_PUSH", "Destinations": [{"StreamName": f"calls/{name}"}]}
    outputs = [{"OutputSettings": {"HlsOutputSettings": {}}, "VideoDescriptionName": "small_144p15"}]
    group = {"OutputGroupSettings": {"HlsGroupSettings": {"SegmentLength": 1}}, "Outputs": outputs}
    return {"Name": name, "RequestId": token, "EncoderSettings": {"OutputGroups": [group]}}


def create(kind, asked):
    """One that is called so, and only one, where the call was acknowledged; one or none where it was cut off."""
    operation, member = {"input": (live.create_input, "Input"), "channel": (live.create_channel, "Channel")}[kind]
    outcome, answer = tried(lambda: operation(**asked))
    if outcome == "cut" and dice.random() < 0.5:
        # As a client does that wants it to be there: again, with the same token.
        outcome, answer = patient_again(lambda: operation(**asked))
    lists = {"input": ("list_inputs", "Inputs"), "channel": ("list_channels", "Channels")}[kind]
    found = [item["Id"] for item in listed(*lists) if item["Name"] == asked["Name"]]
    if outcome == "acknowledged" and found != [answer[member]["Id"]]:
        wrong.append(f"{kind} {asked['Name']} was acknowledged as {answer[member]['Id']}, and {found} are there")
    if outcome == "cut" and len(found) > 1 or outcome == "refused" and found:
        wrong.append(f"{kind} {asked['Name']}: {outcome}, and {found} are there")
    if not found:
        return outcome, False
    if kind == "input":
        inputs[found[0]] = {"name": asked["Name"], "channel": None}
    else:
        attached = asked["InputAttachments"][0]["InputId"]
        inputs[attached]["channel"] = found[0]
        described = channel(found[0])
        channels[found[0]] = {"input": attached, "started": False, "said": {key: described[key] for key in COMPARED}}
        if len(described["EncoderSettings"].get("VideoDescriptions", [])) != 1 or described["State"] != "IDLE":
            wrong.append(f"channel {found[0]} is there by half: {described}")
    return outcome, True


def patient_again(call):
    until = time.monotonic() + PATIENCE_S
    outcome, answer = "cut", None
    while time.monotonic() < until:
        outcome, answer = tried(call)
        if outcome == "acknowledged" or (outcome == "refused" and answer["Code"] != REPLAYED):
            break
        time.sleep(0.1)
    return outcome, answer


def start_or_stop(made, started):
    operation = live.start_channel if started else live.stop_channel
    outcome, _ = tried(lambda: operation(ChannelId=made))
    is_so = (channel(made)["State"] in RUNS) == started
    if outcome == "acknowledged" and not is_so or outcome == "refused" and is_so:
        wrong.append(f"channel {made}: {'start' if started else 'stop'} was {outcome}, and it is {channel(made)['State']}")
    if is_so:
        channels[made]["started"] = started
    return outcome, is_so


def delete(kind, made):
    operation, key, look = {
        "input": (live.delete_input, "InputId", source),
        "channel": (live.delete_channel, "ChannelId", channel),
    }[kind]
    outcome, _ = tried(lambda: operation(**{key: made}))
    is_gone = look(made)["State"] in ("DELETING", "DELETED")
    if outcome == "acknowledged" and not is_gone or outcome == "refused" and is_gone:
        wrong.append(f"{kind} {made}: its deletion was {outcome}, and it is {look(made)['State']}")
    if is_gone:
        if kind == "input":
            del inputs[made]
        else:
            inputs[channels.pop(made)["input"]]["channel"] = None
        gone.append((kind, made))
        del gone[:-REMEMBERED]
    return outcome, is_gone


def check():
    """Everything that was acknowledged is there, whole, and nothing besides."""
    for name, known, lists in (("input", inputs, ("list_inputs", "Inputs")), ("channel", channels, ("list_channels", "Channels"))):
        there = sorted(item["Id"] for item in listed(*lists))
        if there != sorted(known):
            wrong.append(f"{name}s {there} are there instead of {sorted(known)}")
            return
    for made, known in inputs.items():
        attached = source(made)["AttachedChannels"]
        if attached != ([known["channel"]] if known["channel"] else []):
            wrong.append(f"input {made} is attached to {attached} instead of {known['channel']}")
    for made, known in channels.items():
        described = channel(made)
        if described["State"] not in (RUNS if known["started"] else STANDS):
            wrong.append(f"channel {made} is {described['State']}, started: {known['started']}")
        if {key: described[key] for key in COMPARED} != known["said"]:
            wrong.append(f"channel {made} has other settings than were acknowledged: {described}")
    for kind, made in gone:
        state = (source if kind == "input" else channel)(made)["State"]
        if state not in ("DELETING", "DELETED"):
            wrong.append(f"{kind} {made} was deleted, and is {state}")


def one_call():
    free = [made for made, known in inputs.items() if known["channel"] is None]
    guests = {made: known for made, known in channels.items() if made != stays}
    started = [made for made, known in guests.items() if known["started"]]
    resting = [made for made, known in guests.items() if not known["started"]]
    idle = [made for made in resting if channel(made)["State"] == "IDLE"]
    possible = []
    if len(inputs) < MOST_INPUTS:
        possible.append(("create input", lambda: create("input", request("input"))))
    if free and len(channels) < MOST_CHANNELS:
        chosen = dice.choice(free)
        possible.append(("create channel", lambda: create("channel", request("channel") | {"InputAttachments": [{"InputId": chosen}]})))
    if idle and len(started) < MOST_STARTED:
        possible.append(("start", lambda: start_or_stop(dice.choice(idle), True)))
    if started:
        possible.append(("stop", lambda: start_or_stop(dice.choice(started), False)))
    if resting:
        possible.append(("delete channel", lambda: delete("channel", dice.choice(resting))))
    if free:
        possible.append(("delete input", lambda: delete("input", dice.choice(free))))
    name, call = dice.choice(possible)
    print(json.dumps({"calls": name}), flush=True)
    outcome, done = call()
    if outcome != "acknowledged":
        check()
    if outcome == "refused":
        # One of those that are dated in the second of a start: the next has another date.
        time.sleep(1)
    return {"outcome": outcome, "done": done}


def settled():
    """Whether everything is as it is wanted."""
    for made, known in channels.items():
        if channel(made)["State"] != ("RUNNING" if known["started"] else "IDLE"):
            return False
    return all((source if kind == "input" else channel)(made)["State"] == "DELETED" for kind, made in gone)


def tell(said):
    print(json.dumps(said | {"wrong": wrong}), flush=True)
    wrong.clear()


first = request("input")
create("input", first)
create("channel", request("channel") | {"InputAttachments": [{"InputId": next(iter(inputs))}]})
stays = next(iter(channels))
start_or_stop(stays, True)
live.get_waiter("channel_running").wait(ChannelId=stays, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
tell({"stays": stays})
for line in sys.stdin:
    if line.strip() == "step":
        tell(one_call())
        continue
    until = time.monotonic() + PATIENCE_S
    while not settled() and time.monotonic() < until:
        time.sleep(0.2)
    if not settled():
        wrong.append("not everything became what is wanted")
    check()
    tell({"running": sorted(made for made, known in channels.items() if known["started"])})
