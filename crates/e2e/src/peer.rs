//! Other programs.

use std::process::{Child, Command, Stdio};

use rustix::process::Signal;

use crate::stack;

/// A running program, killed and waited for when dropped.
#[derive(Debug)]
pub struct Peer(Child);

impl Peer {
    /// Starts `program`; its output goes nowhere.
    pub fn start(program: &str, arguments: &[&str]) -> Self {
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|fault| panic!("missing: {program} ({fault}); run `make test-deps`"));
        Self(child)
    }

    /// Publishes a 640x360 test picture at `rate` frames a second with a tone, key frames every second, to `url`: as FLV by RTMP, as a
    /// transport stream by SRT, UDP and RTP, as HLS in segments of a second by HTTP.
    pub fn publish(url: &str, rate: u32) -> Self {
        let picture = format!("testsrc2=size=640x360:rate={rate}");
        let group = rate.to_string();
        let container = match url.split_once("://") {
            Some(("srt" | "udp", _)) => "mpegts",
            Some(("rtp", _)) => "rtp_mpegts",
            Some(("http", _)) => "hls",
            _ => "flv",
        };
        let pushed: &[&str] = match container {
            "hls" => &["-method", "PUT", "-hls_time", "1", "-hls_flags", "delete_segments"],
            _ => &[],
        };
        let arguments = [
            &[
                "-nostdin",
                "-v",
                "error",
                "-re",
                "-f",
                "lavfi",
                "-i",
                &picture,
                "-f",
                "lavfi",
                "-i",
                "sine=frequency=440:sample_rate=48000",
                "-c:v",
                "libx264",
                "-preset",
                "ultrafast",
                "-b:v",
                "800k",
                "-g",
                &group,
                "-keyint_min",
                &group,
                "-sc_threshold",
                "0",
                "-pix_fmt",
                "yuv420p",
                "-c:a",
                "aac",
                "-ac",
                "2",
                "-f",
                container,
            ],
            pushed,
            &[url],
        ];
        Self::start("ffmpeg", &arguments.concat())
    }

    /// Publishes CMAF to `url`, the manifest's: two test pictures of two-second segments and a tone, in chunks of 0.3 s as they are made.
    pub fn publish_cmaf(url: &str) -> Self {
        let arguments = "-nostdin -v error -re -f lavfi -i testsrc2=size=640x360:rate=30 \
            -f lavfi -i sine=frequency=440:sample_rate=48000 -map 0:v -map 0:v -map 1:a \
            -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 60 -keyint_min 60 -sc_threshold 0 \
            -b:v:0 900k -b:v:1 300k -s:v:1 320x180 -c:a aac -f dash -seg_duration 2 -frag_type duration \
            -frag_duration 0.3 -use_timeline 0 -use_template 1 -streaming 1 -ldash 1 -method PUT -http_persistent 1";
        let sets = ["-adaptation_sets", "id=0,streams=v id=1,streams=a", url];
        Self::start("ffmpeg", &arguments.split_whitespace().chain(sets).collect::<Vec<_>>())
    }

    /// Pushes a ladder of three test pictures as HLS in segments of two seconds, key frames every second, below `url`: `index.m3u8` and
    /// what that names. `streams` says how the pictures go with the sound (ffmpeg's `-var_stream_map`).
    pub fn push_ladder(url: &str, streams: &str) -> Self {
        let arguments = "-nostdin -v error -re -f lavfi -i testsrc2=size=640x360:rate=30 -f lavfi -i sine=frequency=440:sample_rate=48000 \
             -map 0:v -map 0:v -map 0:v SOUND -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 30 -sc_threshold 0 \
             -b:v:0 800k -b:v:1 400k -b:v:2 200k -s:v:1 320x180 -s:v:2 160x90 -c:a aac -ac 2 -f hls -method PUT -hls_time 2 \
             -hls_flags delete_segments -master_pl_name index.m3u8 -master_pl_publish_rate 1 -var_stream_map";
        let pattern = format!("{url}/v%v.m3u8");
        let sound = "-map 1:a ".repeat(streams.matches("a:").count());
        let arguments = arguments.replace("SOUND", &sound);
        let arguments: Vec<_> = arguments.split_whitespace().chain([streams, &pattern]).collect();
        Self::start("ffmpeg", &arguments)
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Whether it is still running.
    pub fn is_running(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        stack::signal(self.0.id(), signal);
    }

    /// Kills it now.
    pub fn kill(mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs ffmpeg (or ffprobe) to its end; gives standard output and standard error. Panics where it fails or takes over two minutes.
pub fn ffmpeg(program: &str, arguments: &[&str]) -> (Vec<u8>, String) {
    let output = Command::new("timeout")
        .args(["120", program])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|fault| panic!("missing: {program} ({fault}); run `make test-deps`"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {arguments:?} ended with {}: {said}", output.status);
    (output.stdout, said)
}
