use super::*;

const T0: i64 = 1_795_737_600;

fn at(at_s: i64) -> Utc {
    Utc((T0 + at_s) * 1_000_000)
}

/// Publishes pages ten seconds apart; gives what the last one brought, as `namespace name dimensions = sum / count`.
fn check(subjects: &Subjects, pages: &[&str], wanted: expect_test::Expect) {
    let mut publisher = Publisher::default();
    let mut text = String::new();
    for (n, page) in (0..).zip(pages) {
        text.clear();
        for sample in publisher.scrape(page, subjects, at(n * 10)).expect("a page") {
            let dimensions: Vec<String> =
                sample.metric.dimensions().iter().map(|one| format!("{}={}", one.name, one.value)).collect();
            text += &format!(
                "{} {} [{}] {} / {} {}\n",
                sample.metric.namespace(),
                sample.metric.name(),
                dimensions.join(","),
                sample.values.sum(),
                sample.values.count(),
                sample.unit,
            );
        }
    }
    wanted.assert_eq(&text);
}

#[test]
fn an_error_rate_is_a_percentage_of_what_was_asked_since_the_last_page() {
    let page = |ok: u32, bad: u32| {
        format!(
            "headwater_edge_requests_total{{process=\"edge\",status=\"2xx\",cache=\"hit\"}} {ok}\n\
             headwater_edge_requests_total{{process=\"edge\",status=\"5xx\",cache=\"miss\"}} {bad}\n"
        )
    };
    check(
        &Subjects::default(),
        &[&page(1000, 10), &page(1003, 11)],
        expect_test::expect![[r#"
            AWS/CloudFront Requests [] 4 / 1 None
            AWS/CloudFront 4xxErrorRate [] 0 / 4 Percent
            AWS/CloudFront 5xxErrorRate [] 100 / 4 Percent
            AWS/CloudFront TotalErrorRate [] 100 / 4 Percent
            AWS/CloudFront CacheHitRate [] 300 / 3 Percent
        "#]],
    );
    // Nobody asked: there is no rate.
    check(
        &Subjects::default(),
        &[&page(1000, 10), &page(1000, 10)],
        expect_test::expect![[r#"
            AWS/CloudFront Requests [] 0 / 1 None
        "#]],
    );
}

#[test]
fn each_pipeline_is_told_for_itself_and_all_together() {
    let page = |bytes: u32, pushed: u32| {
        format!(
            "headwater_ingest_bytes_total{{process=\"ingest\",channel=\"ml-7\"}} {bytes}\n\
             headwater_ingest_video_fps{{process=\"ingest\",channel=\"ml-7\"}} 25\n\
             headwater_ingest_video_fps{{process=\"ingest\",channel=\"ml-7~backup\"}} 50\n\
             headwater_encoder_push_bytes_total{{process=\"encoder-ml-7\",channel=\"ml-7\",track=\"a\"}} {pushed}\n\
             headwater_encoder_push_bytes_total{{process=\"encoder-ml-7\",channel=\"ml-7\",track=\"v\"}} {pushed}\n\
             headwater_encoder_input_lost{{process=\"encoder-ml-7.1\",channel=\"ml-7\"}} 1\n\
             headwater_encoder_input_active{{process=\"encoder-ml-7\",channel=\"ml-7\",input=\"primary\"}} 1\n\
             headwater_encoder_input_active{{process=\"encoder-ml-7\",channel=\"ml-7\",input=\"backup\"}} 0\n"
        )
    };
    let names = Names { channel_id: Some("7".to_owned()), package: None };
    let subjects = Subjects { channels: BTreeMap::from([("ml-7".to_owned(), names)]), ..Subjects::default() };
    check(
        &subjects,
        &[&page(0, 0), &page(12_500_000, 1_250_000)],
        expect_test::expect![[r#"
            AWS/MediaLive ActiveAlerts [] 1 / 1 Count
            AWS/MediaLive ActiveAlerts [ChannelId=7,Pipeline=1] 1 / 1 Count
            AWS/MediaLive InputVideoFrameRate [] 25 / 1 Count/Second
            AWS/MediaLive InputVideoFrameRate [ChannelId=7,Pipeline=0] 25 / 1 Count/Second
            AWS/MediaLive InputVideoFrameRate [ChannelId=7,Pipeline=1] 25 / 1 Count/Second
            AWS/MediaLive NetworkIn [] 10 / 1 Megabits/Second
            AWS/MediaLive NetworkIn [ChannelId=7,Pipeline=0] 10 / 1 Megabits/Second
            AWS/MediaLive NetworkIn [ChannelId=7,Pipeline=1] 10 / 1 Megabits/Second
            AWS/MediaLive NetworkOut [] 2 / 1 Megabits/Second
            AWS/MediaLive NetworkOut [ChannelId=7,Pipeline=0] 2 / 1 Megabits/Second
            AWS/MediaLive PrimaryInputActive [] 1 / 1 Count
            AWS/MediaLive PrimaryInputActive [ChannelId=7,Pipeline=0] 1 / 1 Count
        "#]],
    );
}

#[test]
fn each_distribution_is_told_by_its_id_and_what_the_edge_serves_besides_is_in_the_whole_alone() {
    let page = |ok: u32, bad: u32| {
        format!(
            "headwater_edge_requests_total{{process=\"edge\",status=\"2xx\",cache=\"hit\"}} {}\n\
             headwater_edge_requests_total{{process=\"edge\",status=\"5xx\",cache=\"local\"}} {bad}\n\
             headwater_edge_distribution_answers_total{{process=\"edge\",distribution=\"e1\",status=\"2xx\"}} {ok}\n\
             headwater_edge_distribution_answers_total{{process=\"edge\",distribution=\"e1\",status=\"5xx\"}} {bad}\n\
             headwater_edge_distribution_answers_total{{process=\"edge\",distribution=\"file\",status=\"2xx\"}} 0\n\
             headwater_edge_distribution_cache_total{{process=\"edge\",distribution=\"e1\",cache=\"hit\"}} {ok}\n\
             headwater_edge_distribution_cache_total{{process=\"edge\",distribution=\"e1\",cache=\"miss\"}} {bad}\n\
             headwater_edge_distribution_cache_total{{process=\"edge\",distribution=\"e1\",cache=\"pass\"}} {ok}\n\
             headwater_edge_distribution_bytes_total{{process=\"edge\",distribution=\"e1\"}} {}\n",
            ok * 2,
            ok * 1000,
        )
    };
    let distributions = BTreeMap::from([("e1".to_owned(), "E1".to_owned())]);
    check(
        &Subjects { distributions, ..Subjects::default() },
        &[&page(10, 0), &page(13, 1)],
        expect_test::expect![[r#"
            AWS/CloudFront Requests [] 7 / 1 None
            AWS/CloudFront 4xxErrorRate [] 0 / 7 Percent
            AWS/CloudFront 5xxErrorRate [] 100 / 7 Percent
            AWS/CloudFront TotalErrorRate [] 100 / 7 Percent
            AWS/CloudFront CacheHitRate [] 600 / 6 Percent
            AWS/CloudFront Requests [DistributionId=E1,Region=Global] 4 / 1 None
            AWS/CloudFront Requests [DistributionId=file,Region=Global] 0 / 1 None
            AWS/CloudFront BytesDownloaded [DistributionId=E1,Region=Global] 3000 / 1 None
            AWS/CloudFront 4xxErrorRate [DistributionId=E1,Region=Global] 0 / 4 Percent
            AWS/CloudFront 5xxErrorRate [DistributionId=E1,Region=Global] 100 / 4 Percent
            AWS/CloudFront TotalErrorRate [DistributionId=E1,Region=Global] 100 / 4 Percent
            AWS/CloudFront CacheHitRate [DistributionId=E1,Region=Global] 300 / 4 Percent
        "#]],
    );
}

#[test]
fn packages_go_by_their_group_and_channel() {
    let page = |bytes: u32, gets: u32| {
        format!(
            "headwater_origin_segment_bytes_received_total{{process=\"origin\",channel=\"a\",track=\"v\"}} {bytes}\n\
             headwater_origin_segment_bytes_received_total{{process=\"origin\",channel=\"b\",track=\"v\"}} {bytes}\n\
             headwater_origin_requests_total{{process=\"origin\",method=\"GET\",status=\"200\"}} {gets}\n\
             headwater_origin_requests_total{{process=\"origin\",method=\"GET\",status=\"206\"}} 3\n\
             headwater_origin_requests_total{{process=\"origin\",method=\"GET\",status=\"404\"}} 2\n\
             headwater_origin_requests_total{{process=\"origin\",method=\"PUT\",status=\"200\"}} 1\n"
        )
    };
    let package = Some(Package::V2 { group: "g".to_owned(), channel: "c".to_owned() });
    let names = Names { channel_id: None, package };
    let subjects = Subjects { channels: BTreeMap::from([("a".to_owned(), names)]), ..Subjects::default() };
    check(
        &subjects,
        &[&page(0, 0), &page(100, 5)],
        expect_test::expect![[r#"
            AWS/MediaPackage IngressBytes [] 200 / 2 Bytes
            AWS/MediaPackage IngressBytes [Channel=b] 100 / 1 Bytes
            AWS/MediaPackage IngressBytes [ChannelGroup=g] 100 / 1 Bytes
            AWS/MediaPackage IngressBytes [Channel=c,ChannelGroup=g] 100 / 1 Bytes
            AWS/MediaPackage IngressRequestCount [] 0 / 1 Count
            AWS/MediaPackage EgressRequestCount [] 5 / 2 Count
            AWS/MediaPackage EgressRequestCount [StatusCodeRange=2xx] 5 / 1 Count
            AWS/MediaPackage EgressRequestCount [StatusCodeRange=4xx] 0 / 1 Count
        "#]],
    );
}

#[test]
fn a_counter_that_went_back_began_anew_and_a_new_process_has_no_past() {
    let edge = |process: &str, bytes: u32| {
        format!("headwater_edge_sent_bytes_total{{process=\"{process}\"}} {bytes}\n")
    };
    let mut publisher = Publisher::default();
    let mut sent = |page: String, at_s| {
        let samples = publisher.scrape(&page, &Subjects::default(), at(at_s)).expect("a page");
        samples.iter().map(|sample| sample.values.sum()).collect::<Vec<_>>()
    };
    assert_eq!(sent(edge("edge", 500), 0), [0.0; 0]);
    assert_eq!(sent(edge("edge", 600), 10), [100.0]);
    assert_eq!(sent(edge("edge", 30), 20), [30.0]);
    assert_eq!(sent(edge("edge", 30) + &edge("edge-2", 9000), 30), [0.0]);
    assert_eq!(sent(edge("edge", 31) + &edge("edge-2", 9004), 40), [5.0]);
    // One that did not answer once is not taken for new.
    assert_eq!(sent(edge("edge", 32), 50), [1.0]);
    assert_eq!(sent(edge("edge", 33) + &edge("edge-2", 9010), 60), [7.0]);
}

#[test]
fn every_row_of_the_table_names_a_metric() {
    for row in TABLE {
        Metric::new(row.namespace, row.name, Vec::new()).expect("sound names");
        assert!(!row.sources.is_empty(), "{}", row.name);
    }
}
