use expect_test::{Expect, expect};
use quick_xml::events::Event;

use crate::Timeline;
use crate::dash;
use crate::testing::{kept, play, played, shape};

fn check(script: &str, expected: Expect) {
    expect_mpd(&played(script), expected);
}

fn expect_mpd(timeline: &Timeline, expected: Expect) {
    let text = dash::mpd(timeline).expect("something is listed");
    let mut reader = quick_xml::Reader::from_str(&text);
    reader.config_mut().check_end_names = true;
    while reader.read_event().expect("well-formed") != Event::Eof {}
    expected.assert_eq(&text);
}

#[test]
fn a_ladder_with_audio() {
    check(
        "720p 0+2x3, 360p 0+2x3, audio 0+2x3",
        expect![[r#"
            <?xml version="1.0" encoding="UTF-8"?>
            <MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019" type="dynamic" availabilityStartTime="1970-01-01T00:00:00Z" publishTime="2001-09-09T01:46:46.100Z" minimumUpdatePeriod="PT2S" minBufferTime="PT2S" timeShiftBufferDepth="PT20S" suggestedPresentationDelay="PT7S" maxSegmentDuration="PT2.5S">
              <Period id="0" start="PT1000000000S">
                <AdaptationSet contentType="video" mimeType="video/mp4" segmentAlignment="true" startWithSAP="1">
                  <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
                  <Representation id="720p" bandwidth="5760000" codecs="avc1.64001f" width="1280" height="720" sar="1:1" frameRate="30">
                    <SegmentTemplate timescale="90000" presentationTimeOffset="90000000000000" initialization="$RepresentationID$/init-000000000019c25b.mp4" media="$RepresentationID$/$Time$.m4s">
                      <SegmentTimeline>
                        <S t="90000000000000" d="180000" r="2"/>
                      </SegmentTimeline>
                    </SegmentTemplate>
                  </Representation>
                  <Representation id="360p" bandwidth="2880000" codecs="avc1.64001f" width="640" height="360" sar="1:1" frameRate="30">
                    <SegmentTemplate timescale="90000" presentationTimeOffset="90000000000000" initialization="$RepresentationID$/init-000000000017ffe3.mp4" media="$RepresentationID$/$Time$.m4s">
                      <SegmentTimeline>
                        <S t="90000000000000" d="180000" r="2"/>
                      </SegmentTimeline>
                    </SegmentTemplate>
                  </Representation>
                </AdaptationSet>
                <AdaptationSet contentType="audio" mimeType="audio/mp4" lang="und" segmentAlignment="true" startWithSAP="1">
                  <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
                  <Representation id="audio" bandwidth="128000" codecs="mp4a.40.2" audioSamplingRate="48000">
                    <AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="2"/>
                    <SegmentTemplate timescale="48000" presentationTimeOffset="48000000000000" initialization="$RepresentationID$/init-00000000058d9bd6.mp4" media="$RepresentationID$/$Time$.m4s">
                      <SegmentTimeline>
                        <S t="48000000000000" d="96000" r="2"/>
                      </SegmentTimeline>
                    </SegmentTemplate>
                  </Representation>
                </AdaptationSet>
              </Period>
              <UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-xsdate:2014" value="/_/time"/>
            </MPD>
        "#]],
    );
}

#[test]
fn a_timeline_tells_durations_and_holes_exactly() {
    check(
        "audio 0+2.005334; audio 2.005334+1.984x2; audio 6.1+2",
        expect![[r#"
            <?xml version="1.0" encoding="UTF-8"?>
            <MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019" type="dynamic" availabilityStartTime="1970-01-01T00:00:00Z" publishTime="2001-09-09T01:46:48.200Z" minimumUpdatePeriod="PT2S" minBufferTime="PT2S" timeShiftBufferDepth="PT20S" suggestedPresentationDelay="PT7S" maxSegmentDuration="PT2.5S">
              <Period id="0" start="PT1000000000S">
                <AdaptationSet contentType="audio" mimeType="audio/mp4" lang="und" segmentAlignment="true" startWithSAP="1">
                  <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
                  <Representation id="audio" bandwidth="128000" codecs="mp4a.40.2" audioSamplingRate="48000">
                    <AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="2"/>
                    <SegmentTemplate timescale="48000" presentationTimeOffset="48000000000000" initialization="$RepresentationID$/init-00000000058d9bd6.mp4" media="$RepresentationID$/$Time$.m4s">
                      <SegmentTimeline>
                        <S t="48000000000000" d="96256"/>
                        <S d="95232" r="1"/>
                        <S t="48000000292800" d="96000"/>
                      </SegmentTimeline>
                    </SegmentTemplate>
                  </Representation>
                </AdaptationSet>
              </Period>
              <UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-xsdate:2014" value="/_/time"/>
            </MPD>
        "#]],
    );
}

#[test]
fn a_break_begins_a_period_that_keeps_epoch_times() {
    check(
        "720p 0+2x2, audio 0+2x2; 720p#1 90.0333+2, audio 90.0213+2",
        expect![[r#"
            <?xml version="1.0" encoding="UTF-8"?>
            <MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019" type="dynamic" availabilityStartTime="1970-01-01T00:00:00Z" publishTime="2001-09-09T01:48:12.133Z" minimumUpdatePeriod="PT2S" minBufferTime="PT2S" timeShiftBufferDepth="PT20S" suggestedPresentationDelay="PT7S" maxSegmentDuration="PT2.5S">
              <Period id="1" start="PT1000000090.021S">
                <AdaptationSet contentType="video" mimeType="video/mp4" segmentAlignment="true" startWithSAP="1">
                  <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
                  <Representation id="720p" bandwidth="5760000" codecs="avc1.64001f" width="1280" height="720" sar="1:1" frameRate="30">
                    <SegmentTemplate timescale="90000" presentationTimeOffset="90000008101890" initialization="$RepresentationID$/init-000000000027d9dc.mp4" media="$RepresentationID$/$Time$.m4s">
                      <SegmentTimeline>
                        <S t="90000008102997" d="180000"/>
                      </SegmentTimeline>
                    </SegmentTemplate>
                  </Representation>
                </AdaptationSet>
                <AdaptationSet contentType="audio" mimeType="audio/mp4" lang="und" segmentAlignment="true" startWithSAP="1">
                  <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
                  <Representation id="audio" bandwidth="128000" codecs="mp4a.40.2" audioSamplingRate="48000">
                    <AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="2"/>
                    <SegmentTemplate timescale="48000" presentationTimeOffset="48000004321008" initialization="$RepresentationID$/init-00000000058d9bd6.mp4" media="$RepresentationID$/$Time$.m4s">
                      <SegmentTimeline>
                        <S t="48000004321022" d="96000"/>
                      </SegmentTimeline>
                    </SegmentTemplate>
                  </Representation>
                </AdaptationSet>
              </Period>
              <UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-xsdate:2014" value="/_/time"/>
            </MPD>
        "#]],
    );
}

#[test]
fn lost_segments_are_left_out() {
    let restored = kept(&played("720p 0+2x3"), 1);
    let mut timeline = Timeline::restore(shape(20), restored).expect("kept in order");
    play(&mut timeline, "720p 6+2");
    expect_mpd(
        &timeline,
        expect![[r#"
            <?xml version="1.0" encoding="UTF-8"?>
            <MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019" type="dynamic" availabilityStartTime="1970-01-01T00:00:00Z" publishTime="2001-09-09T01:46:48.100Z" minimumUpdatePeriod="PT2S" minBufferTime="PT2S" timeShiftBufferDepth="PT20S" suggestedPresentationDelay="PT7S" maxSegmentDuration="PT2.5S">
              <Period id="0" start="PT1000000000S">
                <AdaptationSet contentType="video" mimeType="video/mp4" segmentAlignment="true" startWithSAP="1">
                  <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
                  <Representation id="720p" bandwidth="5760000" codecs="avc1.64001f" width="1280" height="720" sar="1:1" frameRate="30">
                    <SegmentTemplate timescale="90000" presentationTimeOffset="90000000000000" initialization="$RepresentationID$/init-000000000019c25b.mp4" media="$RepresentationID$/$Time$.m4s">
                      <SegmentTimeline>
                        <S t="90000000000000" d="180000" r="1"/>
                      </SegmentTimeline>
                    </SegmentTemplate>
                  </Representation>
                </AdaptationSet>
              </Period>
              <Period id="2" start="PT1000000006S">
                <AdaptationSet contentType="video" mimeType="video/mp4" segmentAlignment="true" startWithSAP="1">
                  <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
                  <Representation id="720p" bandwidth="5760000" codecs="avc1.64001f" width="1280" height="720" sar="1:1" frameRate="30">
                    <SegmentTemplate timescale="90000" presentationTimeOffset="90000000540000" initialization="$RepresentationID$/init-000000000019c25b.mp4" media="$RepresentationID$/$Time$.m4s">
                      <SegmentTimeline>
                        <S t="90000000540000" d="180000"/>
                      </SegmentTimeline>
                    </SegmentTemplate>
                  </Representation>
                </AdaptationSet>
              </Period>
              <UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-xsdate:2014" value="/_/time"/>
            </MPD>
        "#]],
    );
}

#[test]
fn nothing_listed_is_no_manifest() {
    assert_eq!(dash::mpd(&played("720p")), None);
}
