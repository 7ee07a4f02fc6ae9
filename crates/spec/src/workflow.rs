//! The workflow file.

use crate::channel::{Channel, Input};
use crate::control::Control;
use crate::distribution::Distribution;
use crate::edge::Edge;
use crate::encoder::Encoder;
use crate::endpoint::Endpoint;
use crate::fault::Fault;
use crate::fields::Fields;
use crate::listen::Listen;

/// Everything one machine is asked to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workflow {
    /// `[listen]`.
    pub listen: Listen,
    /// `[edge]`.
    pub edge: Edge,
    /// `[encoder]`.
    pub encoder: Encoder,
    /// `[control]`.
    pub control: Control,
    /// `[[channel]]`s, in file order; names, RTMP keys and SRT stream ids are unique. None: see [`Self::is_edge_alone`].
    pub channels: Vec<Channel>,
    /// `[[distribution]]`s, in file order; names and hosts are unique.
    pub distributions: Vec<Distribution>,
    /// `[[endpoint]]`s, in file order; names and paths are unique.
    pub endpoints: Vec<Endpoint>,
}

impl Workflow {
    /// Channels in one file: one machine runs out of cores long before.
    pub const MAX_CHANNELS: usize = 1_000;

    /// Whether this machine is an edge before other machines' origins, with no channels of its own and nobody to make any.
    pub fn is_edge_alone(&self) -> bool {
        self.channels.is_empty() && (!self.edge.origins.is_empty() || self.listen.control.is_none())
    }

    /// Reads a workflow file's text.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let mut fields = Fields::document(text)?;
        let listen = match fields.take("listen") {
            None => Listen::default(),
            Some(field) => Listen::read(field.table()?)?,
        };
        let edge = match fields.take("edge") {
            None => Edge::default(),
            Some(field) => Edge::read(field.table()?, &listen)?,
        };
        let encoder = match fields.take("encoder") {
            None => Encoder::default(),
            Some(field) => Encoder::read(field.table()?)?,
        };
        let control = match fields.take("control") {
            None => Control::default(),
            Some(field) => Control::read(field.table()?)?,
        };
        let distributions = match fields.take("distribution") {
            None => Vec::new(),
            Some(field) => Distribution::read_all(field, &listen)?,
        };
        let Some(entries) = fields.take("channel") else {
            // Channels may come by the API.
            if !edge.origins.is_empty() || listen.control.is_some() {
                fields.finish()?;
                let (channels, endpoints) = (Vec::new(), Vec::new());
                return Ok(Self { listen, edge, encoder, control, channels, endpoints, distributions });
            }
            return Err(fields.fault(
                "no channel: add a [[channel]] table with a name and an input, such as name = \"main\" and \
                 input = { rtmp = \"live/main\" }",
            ));
        };
        let count = entries.fault(format!("a file holds 1 to {} channels", Self::MAX_CHANNELS));
        let entries = entries.list()?;
        if entries.is_empty() || entries.len() > Self::MAX_CHANNELS {
            return Err(count);
        }
        let mut channels: Vec<Channel> = Vec::with_capacity(entries.len());
        for entry in entries {
            let (same_name, same_key, same_stream, same_port, same_place) = (
                entry.fault("another channel has this name"),
                entry.fault(
                    "another input has this RTMP application and key; each publisher needs its own key",
                ),
                entry.fault("another input has this SRT stream id; each publisher needs its own"),
                entry.fault(
                    "another input receives on this address and port; each needs its own, unless it is a multicast group",
                ),
                entry.fault(
                    "another input takes files at this path, above or below it; each encoder needs its own",
                ),
            );
            let below_mounts = entry.fault(
                "a channel `d` would lie where distributions are mounted, at `/d/`: give it another name, or take `mount` away",
            );
            let channel = Channel::read(entry.table()?)?;
            if channel.name.as_str() == "d" && distributions.iter().any(|one| one.mount) {
                return Err(below_mounts);
            }
            if channels.iter().any(|other| other.name == channel.name) {
                return Err(same_name);
            }
            let mut earlier: Vec<&Input> = channels.iter().flat_map(Channel::inputs).collect();
            for input in channel.inputs() {
                if earlier.iter().any(|other| input.shares_door_with(other)) {
                    return Err(match input {
                        Input::Srt(_) => same_stream,
                        Input::Udp(_) | Input::Rtp(_) => same_port,
                        Input::HlsPush(_) => same_place,
                        _ => same_key,
                    });
                }
                earlier.push(input);
            }
            channels.push(channel);
        }
        let endpoints = match fields.take("endpoint") {
            None => Vec::new(),
            Some(field) => Endpoint::read_all(field, &channels)?,
        };
        fields.finish()?;
        Ok(Self { listen, edge, encoder, control, channels, endpoints, distributions })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::Disk;
    use crate::ladder::Ladder;
    use crate::pipelines::Pipelines;
    use crate::tls::{Acme, Certificate, Tls};
    use expect_test::{Expect, expect};

    fn check(text: &str, fault: Expect) {
        fault.assert_eq(&Workflow::parse(text).expect_err("refused").to_string());
    }

    #[test]
    fn the_smallest_useful_file_has_sensible_defaults() {
        let text = "[[channel]]\nname = \"main\"\ninput = { rtmp = \"live/main\" }\nladder = [\"480p30\", \"1080p30\", \"720p30\"]\n";
        let workflow = Workflow::parse(text).expect("valid");
        assert_eq!(workflow.listen, Listen::default());
        let Ladder::Transcode(rungs) = &workflow.channels[0].ladder else { panic!("a ladder") };
        expect![[r#"
            1080p30 1920x1080 30 fps 4500 kbit/s h264 veryfast
            720p30 1280x720 30 fps 2500 kbit/s h264 veryfast
            480p30 854x480 30 fps 1200 kbit/s h264 veryfast
        "#]]
        .assert_eq(&rungs.iter().map(|rung| format!("{rung}\n")).collect::<String>());
    }

    #[test]
    fn a_spelled_out_rung_is_taken_as_written() {
        let text = "[[channel]]\nname = \"main\"\ninput = \"test\"\nladder = [{ name = \"mid\", size = \"960x540\", fps = 29.97, bitrate = \"1.6M\", preset = \"slow\", codec = \"hevc\" }]\n";
        let workflow = Workflow::parse(text).expect("valid");
        let Ladder::Transcode(rungs) = &workflow.channels[0].ladder else { panic!("a ladder") };
        expect![[r#"mid 960x540 30000/1001 fps 1600 kbit/s hevc slow"#]].assert_eq(&rungs[0].to_string());
    }

    #[test]
    fn the_default_part_divides_the_segments_of_every_rung() {
        let part = |more: &str| {
            let text = format!("[[channel]]\nname = \"main\"\ninput = \"test\"\nlatency = \"low\"\n{more}\n");
            Workflow::parse(&text).expect("valid").channels[0].latency.part_ms()
        };
        let rung =
            |fps: &str| part(&format!("ladder = [{{ name = \"x\", size = \"640x360\", fps = {fps} }}]"));
        for (fps, part_ms) in
            [("24", 350), ("29.97", 310), ("30", 300), ("25", 320), ("50", 300), ("60", 300), ("15", 350)]
        {
            assert_eq!(rung(fps), Some(part_ms), "{fps}");
        }
        assert_eq!(part("segment = 1"), Some(350));
        assert_eq!(part("segment = 4"), Some(300));
    }

    #[test]
    fn a_fault_names_line_field_and_bound() {
        check(
            "[listen]\ncontrol = \"off\"\n",
            expect![[
                r#"line 1: no channel: add a [[channel]] table with a name and an input, such as name = "main" and input = { rtmp = "live/main" }"#
            ]],
        );
        check("[[channel]\n", expect![[r#"line 1: unclosed array table, expected `]`"#]]);
        check(
            "[[channel]]\nname = \"a\"\ninput = \"test\"\nladder = [\n  \"720p30\",\n  { size = \"1281x720\" },\n]\n",
            expect![[
                r#"line 6: channel[0].ladder[1].size: a size is "WIDTHxHEIGHT", both even, 64x64 to 4096x2304"#
            ]],
        );
        check(
            "[[channel]]\nname = \"a\"\ninput = \"test\"\n\nsegment = 30\n",
            expect![[r#"line 5: channel[0].segment: 30 is out of bounds: 1 to 10 seconds"#]],
        );
        check(
            "[[channel]]\nname = \"a\"\ninput = \"test\"\nsegmnt = 3\n",
            expect![[
                r#"line 4: channel[0].segmnt: no such field; there are: name, input, preset, ladder, segment, latency, part, window, audio_bitrate, audio, fill, backup, failover, pipelines"#
            ]],
        );
        check(
            "[[channel]]\nname = \"A\"\ninput = \"test\"\n",
            expect![[
                r#"line 2: channel[0].name: a channel name is made of a-z, 0-9, `-` and `_` and begins with a letter or digit; `A` cannot stand at 0"#
            ]],
        );
        check(
            "[[channel]]\nname = \"a\"\n",
            expect![[
                r#"line 1: channel[0]: `input` is missing; write for example `input = { rtmp = "live/main" }`"#
            ]],
        );
        check(
            "[listen]\nviewers = \"8080\"\n",
            expect![[
                r#"line 2: listen.viewers: an address and port is wanted here, such as "0.0.0.0:8080" or "[::]:8080""#
            ]],
        );
        check(
            "[listen]\nrtmp = \"0.0.0.0:8080\"\n",
            expect![[r#"line 2: listen.rtmp: 0.0.0.0:8080 is already the address of `viewers`"#]],
        );
        check(
            "[[channel]]\nname = \"a\"\ninput = { rtmp = \"live\" }\n",
            expect![[
                r#"line 3: channel[0].input.rtmp: an RTMP input is "app/key", each 1 to 128 of A-Z a-z 0-9 - _ . ~, such as "live/main""#
            ]],
        );
        check(
            "[[channel]]\nname = \"a\"\ninput = { whip = \"x\" }\n",
            expect![[r#"line 3: channel[0].input.whip: not implemented yet; remove it"#]],
        );
        check(
            "[[channel]]\nname = \"a\"\ninput = \"test\"\nlatency = \"low\"\npart = 2\n",
            expect![[r#"line 5: channel[0].part: 2 is out of bounds: 0.2 to 0.5 seconds"#]],
        );
        check(
            "[[channel]]\nname = \"a\"\ninput = \"test\"\nladder = [{ name = \"x\", size = \"640x360\", fps = 24 }]\nlatency = \"low\"\npart = 0.2\n",
            expect![
                "line 6: channel[0].part: the whole frames of a rung that fit fill 83 % of such a part, and HLS asks for 85; 0.35 suits them"
            ],
        );
        check(
            "[[channel]]\nname = \"a\"\ninput = \"test\"\npart = 0.3\n",
            expect![[r#"line 4: channel[0].part: only a channel with latency = "low" has parts"#]],
        );
        check(
            "[[channel]]\nname = \"a\"\ninput = \"test\"\nladder = [{ size = \"640x360\", bitrate = \"1\" }]\n",
            expect![[
                r#"line 4: channel[0].ladder[0].bitrate: 1 is out of bounds: 50000 to 100000000 bits per second"#
            ]],
        );
        check(
            "[[channel]]\nname = \"a\"\ninput = \"test\"\nladder = [\"719p30\"]\n",
            expect![[
                r#"line 4: channel[0].ladder[0]: "719p30" is no rung: a height of 144, 240, 360, 480, 540, 720, 1080, 1440 or 2160, `p`, and frames per second of 24, 25, 30, 50, 60, 23.976, 29.97 or 59.94, such as "720p30"; or spell it out: { size = "960x540", fps = 30, bitrate = "1.6M" }"#
            ]],
        );
        check(
            "[[channel]]\nname = \"a\"\ninput = \"test\"\n[[channel]]\nname = \"a\"\ninput = \"test\"\n",
            expect![[r#"line 4: channel[1]: another channel has this name"#]],
        );
        check(
            "[[channel]]\nname = \"a\"\ninput = \"test\"\nsegment = 4\nwindow = 12\n",
            expect![[r#"line 5: channel[0].window: a window holds at least 6 segments, here 24 seconds"#]],
        );
    }

    #[test]
    fn a_disk_cache_has_a_folder_and_a_size() {
        let text = "[edge]\ndisk = { path = \"cache\", size = \"20G\" }\n";
        let disk = Workflow::parse(&format!("{text}origins = [\"http://a\"]\n")).expect("valid").edge.disk;
        assert_eq!(disk, Some(Disk { path: "cache".into(), bytes: 20_000_000_000 }));
        check(
            "[edge]\ndisk = { path = \"cache\" }\n",
            expect![[r#"line 2: edge.disk: `size` is missing; write for example `size = "20G"`"#]],
        );
        check(
            "[edge]\ndisk = { path = \"cache\", size = \"1M\" }\n",
            expect![[r#"line 2: edge.disk.size: 1M is out of bounds: 64000000 to 100000000000000 bytes"#]],
        );
        check(
            "[edge]\ndisk = { path = \"\", size = \"1G\" }\n",
            expect![[r#"line 2: edge.disk.path: a folder is wanted here, such as "/var/cache/headwater""#]],
        );
    }

    #[test]
    fn an_edge_machine_has_origins_and_no_channel() {
        let text = "[edge]\norigins = [\"https://a.example/live\", \"http://10.0.0.2:8300\"]\n";
        let workflow = Workflow::parse(text).expect("valid");
        let shown: Vec<_> = workflow.edge.origins.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["https://a.example/live", "http://10.0.0.2:8300"]);
        assert!(workflow.channels.is_empty());
        check(
            "[edge]\norigins = [\n  \"http://a\",\n  \"a:80\" ]\n",
            expect![[
                r#"line 4: edge.origins[1]: an origin begins with http:// or https://, such as "https://origin.example/live""#
            ]],
        );
        check(
            "[edge]\norigins = [\"http://a\", \"http://a:80/\"]\n",
            expect![[r#"line 2: edge.origins: a list of 1 to 8 different origins"#]],
        );
        check(
            "[edge]\nfailover_on = [500, 200]\n",
            expect![[r#"line 2: edge.failover_on[1]: 200 is out of bounds: 400 to 599 as an HTTP status"#]],
        );
        check(
            "[edge]\nfailover_after = 10\n",
            expect![[r#"line 2: edge.failover_after: 10 is out of bounds: 0.05 to 5 seconds"#]],
        );
        check(
            "[edge]\norigins = []\n",
            expect![[r#"line 2: edge.origins: a list of 1 to 8 different origins"#]],
        );
        check(
            "[edge]\norigins = [\"http://a\"]\nchannel = []\n",
            expect![
                "line 3: edge.channel: no such field; there are: cache, disk, key_query, threads, origins, origin_ca, failover_on, failover_after, limits, access, tls"
            ],
        );
    }

    #[test]
    fn two_pipelines_are_for_channels_whose_pictures_are_made_here() {
        let channel = |rest: &str| format!("[[channel]]\nname = \"a\"\ninput = \"test\"\n{rest}\n");
        let backup = "backup = { rtmp = \"live/b\" }\n";
        for (rest, pipelines) in [
            (String::new(), Pipelines::One),
            ("pipelines = 1".to_owned(), Pipelines::One),
            ("pipelines = 2".to_owned(), Pipelines::Two),
            (format!("{backup}pipelines = \"pair\""), Pipelines::Pair),
        ] {
            let workflow = Workflow::parse(&channel(&rest)).expect("valid");
            assert_eq!(workflow.channels[0].pipelines, pipelines);
        }
        check(
            &channel("pipelines = 3"),
            expect!["line 4: channel[0].pipelines: 3 is out of bounds: 1 to 2 pipelines"],
        );
        check(
            &channel("pipelines = \"pair\""),
            expect![
                "line 4: channel[0].pipelines: a pair has an input each: give the channel a `backup`, such as backup = { rtmp = \"live/backup\" }"
            ],
        );
        check(
            "[[channel]]\nname = \"a\"\ninput = \"cmaf\"\npipelines = 2\n",
            expect![
                "line 4: channel[0].pipelines: only a channel with rungs has two pipelines: its segments are made here"
            ],
        );
    }

    #[test]
    fn a_certificate_comes_from_one_place() {
        let read = |tls: &str| {
            let text = format!(
                "[listen]\nviewers_tls = \"0.0.0.0:8443\"\n[edge.tls]\n{tls}\n[[channel]]\nname = \"a\"\ninput = \"test\"\n"
            );
            Workflow::parse(&text).map(|workflow| workflow.edge.tls).map_err(|fault| fault.to_string())
        };
        assert_eq!(read(""), Ok(Tls::default()));
        assert_eq!(read("self_signed = true"), Ok(Tls::default()));
        let files = Certificate::Files { certificate: "a.pem".into(), key: "b.pem".into() };
        let pair = "certificate = \"a.pem\"\nkey = \"b.pem\"";
        assert_eq!(read(&format!("{pair}\nhttp3 = false")), Ok(Tls { certificate: files, http3: false }));
        let acme = Acme {
            domains: vec!["live.example.org".to_owned()],
            contact: None,
            directory: Acme::LETS_ENCRYPT.to_owned(),
            directory_ca: None,
        };
        assert_eq!(
            read("acme = { domains = [\"Live.Example.org\"] }").map(|tls| tls.certificate),
            Ok(Certificate::Acme(acme))
        );
        let refused = |tls: &str, fault: Expect| fault.assert_eq(&read(tls).expect_err("refused"));
        refused(
            &format!("{pair}\nself_signed = true"),
            expect![
                "line 3: edge.tls: a certificate comes from one place: `certificate` and `key`, or `acme`, or `self_signed = true`"
            ],
        );
        refused("key = \"b.pem\"", expect!["line 4: edge.tls.key: `certificate` and `key` go together"]);
        refused(
            "acme = { domains = [] }",
            expect!["line 4: edge.tls.acme.domains: 1 to 100 domains, each once"],
        );
        refused(
            "acme = { domains = [\"*.example.org\"] }",
            expect![[
                r#"line 4: edge.tls.acme.domains[0]: a domain is wanted here, such as "live.example.org"; no wildcard: HTTP cannot prove one"#
            ]],
        );
        refused(
            "acme = { domains = [\"10.0.0.1\"] }",
            expect![[
                r#"line 4: edge.tls.acme.domains[0]: a domain is wanted here, such as "live.example.org"; no wildcard: HTTP cannot prove one"#
            ]],
        );
        refused(
            "acme = { domains = [\"a.b\"], contact = \"you\" }",
            expect![[
                r#"line 4: edge.tls.acme.contact: a contact is an address such as "mailto:you@example.org""#
            ]],
        );
        refused(
            "acme = { domains = [\"a.b\"], directory = \"http://x\" }",
            expect!["line 4: edge.tls.acme.directory: an ACME directory is an https:// URL"],
        );
        check(
            "[edge]\ntls = { self_signed = true }\n",
            expect![[
                r#"line 2: edge.tls: nobody would be shown it: set `viewers_tls` under [listen], such as "0.0.0.0:8443""#
            ]],
        );
    }

    #[test]
    fn a_key_is_never_shown() {
        let text = "[[channel]]\nname = \"main\"\ninput = { rtmp = \"live/s3cret\" }\n";
        let workflow = Workflow::parse(text).expect("valid");
        let shown = format!("{workflow:?} {}", workflow.channels[0].input);
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
