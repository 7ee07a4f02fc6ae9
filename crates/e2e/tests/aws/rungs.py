"""The pictures and sounds of AWS's live-streaming solution, as its script says them."""

SIX = [
    (512, 288, 15, 400_000, 6),
    (640, 360, 30, 800_000, 7),
    (768, 432, 30, 1_200_000, 7),
    (960, 540, 30, 1_800_000, 7),
    (1280, 720, 30, 2_700_000, 8),
    (1920, 1080, 30, 4_100_000, 8),
]


def video(width, height, rate, bits, quality):
    h264 = {
        "AdaptiveQuantization": "HIGH",
        "BufSize": 2 * bits,
        "EntropyEncoding": "CAVLC",
        "FramerateControl": "SPECIFIED",
        "FramerateNumerator": rate,
        "FramerateDenominator": 1,
        "GopClosedCadence": 1,
        "GopNumBFrames": 3,
        "GopSize": 2.0,
        "GopSizeUnits": "SECONDS",
        "Level": "H264_LEVEL_AUTO",
        "MaxBitrate": bits,
        "NumRefFrames": 5,
        "ParControl": "SPECIFIED",
        "ParNumerator": 1,
        "ParDenominator": 1,
        "Profile": "HIGH" if height == 1080 else "MAIN",
        "QvbrQualityLevel": quality,
        "RateControlMode": "QVBR",
        "ScanType": "PROGRESSIVE",
        "SceneChangeDetect": "ENABLED",
    }
    return {"Name": f"video_{height}", "Width": width, "Height": height, "CodecSettings": {"H264Settings": h264}}


def audio(height):
    aac = {
        "Bitrate": 96_000.0,
        "CodingMode": "CODING_MODE_2_0",
        "InputType": "NORMAL",
        "Profile": "LC",
        "RateControlMode": "CBR",
        "RawFormat": "NONE",
        "SampleRate": 48_000.0,
        "Spec": "MPEG4",
    }
    return {
        "Name": f"audio_{height}",
        "AudioSelectorName": "default",
        "AudioTypeControl": "FOLLOW_INPUT",
        "LanguageCodeControl": "FOLLOW_INPUT",
        "CodecSettings": {"AacSettings": aac},
    }


def settings(ladder, group, output):
    outputs = [
        {
            "OutputName": str(height),
            "VideoDescriptionName": f"video_{height}",
            "AudioDescriptionNames": [f"audio_{height}"],
            "CaptionDescriptionNames": [],
            "OutputSettings": output,
        }
        for _, height, *_ in ladder
    ]
    return {
        "AudioDescriptions": [audio(height) for _, height, *_ in ladder],
        "CaptionDescriptions": [],
        "VideoDescriptions": [video(*rung) for rung in ladder],
        "TimecodeConfig": {"Source": "EMBEDDED"},
        "OutputGroups": [{"Name": "live", "OutputGroupSettings": group, "Outputs": outputs}],
    }
