"""A 720p30 source to 720p, 480p and 360p: CPU seconds beside the ffmpeg command line with the same x264 settings."""

import measure

PRESET = "superfast"
RUNGS = [("720p30", "1280x720", 2_500), ("480p30", "854x480", 1_200), ("360p30", "640x360", 700)]


def run(report, quick):
    seconds, runs = (6, 2) if quick else (20, 5)
    found = {"headwater": [], "ffmpeg": []}
    with measure.work_folder() as folder:
        clip = measure.clip(folder, seconds, bitrate="4000k")
        ours = [measure.binary("headwater-encoder"), "bench", clip, "--ladder", ",".join(name for name, _, _ in RUNGS), "--preset", PRESET]
        for _ in range(runs):
            found["headwater"].append(measure.run_cpu(ours) / seconds)
            found["ffmpeg"].append(measure.run_cpu(theirs(clip)) / seconds)
    for who, values in found.items():
        report(case=f"ladder 720+480+360, {PRESET}", who=who, unit="CPU-s per stream second", median=measure.median(values), runs=values)
    ratio = [ours / theirs for ours, theirs in zip(found["headwater"], found["ffmpeg"])]
    report(case=f"ladder 720+480+360, {PRESET}", who="headwater / ffmpeg", unit="ratio", median=measure.median(ratio), runs=ratio, target=1.0)


def theirs(clip):
    """The usual command: one decode, a split, a scale a rung, x264 with the settings our encoder gives it, AAC once."""
    split = f"[0:v]split={len(RUNGS)}" + "".join(f"[s{index}]" for index in range(len(RUNGS)))
    scales = ";".join(f"[s{index}]scale={size.replace('x', ':')}[v{index}]" for index, (_, size, _) in enumerate(RUNGS))
    command = [measure.need("ffmpeg"), "-nostdin", "-v", "error", "-i", clip, "-filter_complex", f"{split};{scales}"]
    for index, (_, _, kbps) in enumerate(RUNGS):
        command += ["-map", f"[v{index}]", f"-c:v:{index}", "libx264", f"-b:v:{index}", f"{kbps}k", f"-maxrate:v:{index}", f"{kbps * 11 // 10}k", f"-bufsize:v:{index}", f"{kbps * 3 // 2}k"]
    command += ["-preset", PRESET, "-profile:v", "high", "-x264-params", "keyint=infinite:scenecut=0:open-gop=0", "-force_key_frames", "expr:gte(t,n_forced*2)"]
    command += ["-map", "0:a", "-c:a", "aac", "-b:a", "128k", "-f", "null", "-"]
    return command
