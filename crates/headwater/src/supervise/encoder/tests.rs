//! The keeper with processes that are a few lines of shell.

use std::fmt::Debug;
use std::path::Path;
use std::sync::Mutex;

use media::{Grid, Rational, VideoCodec};
use spec::{Preset, Profile, Rung};

use super::*;

const PATIENCE: Duration = Duration::from_secs(60);
/// What a process says, as `printf` writes it on its standard input, which is the supervisor's socket.
const BEAT: &str = r"printf '\001\000\000\000\000\000\000\000\000\000\000\001\000\000\000\000' >&0";
const SESSION_7: &str = r"printf '\002\000\000\000\000\000\000\000\000\000\000\000\000\000\000\007' >&0";
const SESSION_8: &str = r"printf '\002\000\000\000\000\000\000\000\000\000\000\000\000\000\000\010' >&0";
const CHOSEN_BACKUP: &str = r"printf '\004\001\000\000\000\000\000\000\000\000\000\000\000\000\000\000' >&0";
const CHOSEN_NONE: &str = r"printf '\005\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000' >&0";
const DECODES: &str = r"printf '\003\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000' >&0";

fn program(script: &str) -> Program {
    Program { path: "/bin/sh".into(), arguments: vec!["-c".into(), script.into()], environment: Vec::new() }
}

fn encoder(script: &str, folder: &Path, spare: Spare) -> Encoder {
    let rung = Rung {
        name: "90p30".into(),
        codec: VideoCodec::H264,
        width: 160,
        height: 90,
        frame_rate: Rational::whole(30),
        bitrate_bps: 100_000,
        preset: Preset::Ultrafast,
        profile: Profile::High,
    };
    let channel = ChannelJob {
        name: "main".parse().expect("a name"),
        source: Source::Pattern,
        backup: None,
        ladder: Ladder::Transcode {
            rungs: vec![rung],
            audio_bps: 64_000,
            audio: vec![spec::AudioRendition::first()],
            fill: spec::Fill::default(),
        },
        grid: Grid::new(1_000),
        latency: spec::Latency::Standard,
        push_url: "http://127.0.0.1:1/ingest/main".into(),
        quarantine: Vec::new(),
        chosen: None,
        pipeline: None,
    };
    Encoder {
        name: "encoder-main".into(),
        program: program(script),
        spare,
        job: Job {
            channels: vec![channel],
            metrics_socket: folder.join("metrics.sock"),
            control_socket: folder.join("control.sock"),
            confinement: wire::Confinement { sandbox: spec::Sandbox::Best, memory_bytes: 1 << 30, nice: 0 },
        },
        memory_bytes: None,
        evidence: folder.join("quarantine"),
    }
}

async fn until(what: &str, done: impl Fn() -> bool) {
    let wait = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{what}: never"));
}

/// What operators are told on this thread: `event state` of each line that has both.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    fn all(&self) -> Vec<String> {
        self.0.lock().expect("nothing panics while it pushes").clone()
    }
}

impl tracing::Subscriber for Told {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        #[derive(Default)]
        struct Words([Option<String>; 2]);
        impl tracing::field::Visit for Words {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn Debug) {
                let place = ["event", "state"].iter().position(|name| *name == field.name());
                if let Some(place) = place {
                    self.0[place] = Some(format!("{value:?}").trim_matches('"').to_owned());
                }
            }
        }
        let mut words = Words::default();
        event.record(&mut words);
        if let [Some(event), Some(state)] = words.0 {
            self.0.lock().expect("nothing panics while it pushes").push(format!("{event} {state}"));
        }
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn an_encoder_that_dies_again_and_again_is_told_as_lost_once_until_it_encodes() {
    let folder = tempfile::tempdir().expect("a folder");
    let well = folder.path().join("well");
    let script = format!("read job; test -e {} || exit 1; while {BEAT}; do sleep 0.1; done", well.display());
    let told = Told::default();
    let _guard = tracing::subscriber::set_default(told.clone());
    let (child, ward) = encoder(&script, folder.path(), Spare::start(None)).start();
    let figures = ward.expect("one channel").figures;
    until("three died", || figures.deaths("exit") >= 3).await;
    assert_eq!(told.all(), ["encoder_lost raised"]);
    std::fs::write(&well, "").expect("writes");
    until("it is well", || told.all().len() > 1).await;
    assert_eq!(told.all(), ["encoder_lost raised", "encoder_lost cleared"]);
    std::fs::remove_file(&well).expect("is there");
    let pid = rustix::process::Pid::from_raw(child.figures().pid().cast_signed()).expect("it runs");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("is there");
    until("it is lost again", || figures.deaths("exit") >= 5).await;
    assert_eq!(told.all()[2..], ["encoder_lost raised"]);
    child.stop().await;
    assert_eq!(told.all()[3..], ["encoder_lost cleared"], "nobody waits for it any more");
}

#[tokio::test]
async fn the_next_process_shows_the_input_that_the_operator_chose() {
    let folder = tempfile::tempdir().expect("a folder");
    let (jobs, go_on) = (folder.path().join("jobs"), folder.path().join("go-on"));
    // Each dies when the test says so, the first having been told of a choice, the second that there is none any more.
    let script = format!(
        "read job; echo \"$job\" >> {0}; case \"$job\" in *'\"chosen\":\"backup\"'*) {CHOSEN_NONE};; *) {CHOSEN_BACKUP};; esac; \
         while ! test -e {1}; do {BEAT}; sleep 0.1; done; rm {1}; exit 1",
        jobs.display(),
        go_on.display()
    );
    let (child, _ward) = encoder(&script, folder.path(), Spare::start(None)).start();
    let job = |number: usize| {
        let all = std::fs::read_to_string(&jobs).unwrap_or_default();
        all.lines().nth(number).map(str::to_owned)
    };
    for number in 0..3 {
        until("a job", || job(number).is_some()).await;
        std::fs::write(&go_on, "").expect("writes");
        until("it has gone", || !go_on.exists()).await;
    }
    let chosen = |number: usize| job(number).expect("is there").contains(r#""chosen":"backup""#);
    assert_eq!([chosen(0), chosen(1), chosen(2)], [false, true, false]);
    child.stop().await;
}

#[tokio::test]
async fn a_process_that_falls_silent_is_killed_and_the_next_one_follows() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = format!("read job; {BEAT}; exec sleep 1000");
    let (child, ward) = encoder(&script, folder.path(), Spare::start(None)).start();
    let figures = ward.expect("one channel").figures;
    until("two hung", || figures.deaths("hang") >= 2).await;
    assert_eq!(figures.held(), [], "nothing was decoded");
    assert!(figures.text().contains("headwater_supervisor_encoder_deaths_total{reason=\"hang\"}"));
    child.stop().await;
}

#[tokio::test]
async fn a_stopped_process_is_told_from_a_hung_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = format!("read job; {SESSION_7}; {DECODES}; {BEAT}; kill -STOP $$; exec sleep 1000");
    let (child, ward) = encoder(&script, folder.path(), Spare::start(None)).start();
    let figures = ward.expect("one channel").figures;
    until("three stopped", || figures.deaths("stopped") >= 3).await;
    assert_eq!(figures.held(), [], "whoever stops processes is no input");
    child.stop().await;
}

#[tokio::test]
async fn an_input_that_kills_three_is_left_out_and_taken_again_with_another_publisher() {
    let folder = tempfile::tempdir().expect("a folder");
    let jobs = folder.path().join("jobs");
    // It dies of what it decodes. Without the input it lives, and a new publisher comes when the test says so.
    let script = format!(
        "read job; echo \"$job\" >> {0}; {SESSION_7}; case \"$job\" in \
         *'\"session\":7'*) while ! test -e {1}; do {BEAT}; sleep 0.1; done; {SESSION_8};; \
         *) test -e {1} || {{ {DECODES}; kill -SEGV $$; }};; esac; \
         while {BEAT}; do sleep 0.1; done",
        jobs.display(),
        folder.path().join("come").display()
    );
    let (child, ward) = encoder(&script, folder.path(), Spare::start(None)).start();
    let ward = ward.expect("one channel");
    until("quarantine", || ward.held() == [FeedInput::Primary]).await;
    assert_eq!(ward.figures.deaths("crash"), 3);
    until("the job without the input", || {
        std::fs::read_to_string(&jobs)
            .unwrap_or_default()
            .contains(r#""quarantine":[{"input":"primary","session":7}]"#)
    })
    .await;
    std::fs::write(folder.path().join("come"), "").expect("writes");
    until("release", || ward.held().is_empty()).await;
    assert_eq!(ward.figures.deaths("crash"), 3, "no process was lost for it");
    child.stop().await;
}

#[tokio::test]
async fn the_operator_lets_an_input_out_and_the_encoder_gets_its_whole_job() {
    let folder = tempfile::tempdir().expect("a folder");
    let (jobs, well) = (folder.path().join("jobs"), folder.path().join("well"));
    let script = format!(
        "read job; echo \"$job\" >> {}; {SESSION_7}; case \"$job\" in \
         *'\"session\":7'*) ;; *) {DECODES}; test -e {} || kill -SEGV $$;; esac; \
         while {BEAT}; do sleep 0.1; done",
        jobs.display(),
        well.display(),
    );
    let (child, ward) = encoder(&script, folder.path(), Spare::start(None)).start();
    let ward = ward.expect("one channel");
    until("quarantine", || ward.held() == [FeedInput::Primary]).await;
    until("four jobs", || std::fs::read_to_string(&jobs).unwrap_or_default().lines().count() == 4).await;
    std::fs::write(&well, "").expect("writes");
    assert_eq!(ward.release().await, 1);
    until("the whole job", || std::fs::read_to_string(&jobs).unwrap_or_default().lines().count() == 5).await;
    let last = std::fs::read_to_string(&jobs).expect("reads").lines().last().expect("a line").to_owned();
    assert!(last.contains(r#""quarantine":[]"#), "{last}");
    assert_eq!(ward.release().await, 0, "nothing is left to let out");
    child.stop().await;
}

#[tokio::test]
async fn the_spare_takes_over_and_another_one_is_started() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = format!("read job; while {BEAT}; do sleep 0.1; done");
    let spare = Spare::start(Some(program(&script)));
    let figures = spare.figures();
    let (child, _ward) = encoder(&script, folder.path(), spare).start();
    for used in 1..=2 {
        until("a spare", || figures.text().contains("spare_ready 1")).await;
        let pid = child.figures().pid();
        let pid = rustix::process::Pid::from_raw(pid.cast_signed()).expect("it runs");
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("is there");
        until("it was used", || figures.text().contains(&format!("spare_used_total {used}"))).await;
    }
    child.stop().await;
}

#[tokio::test]
async fn a_process_near_its_memory_bound_is_replaced_when_its_next_segment_begins() {
    let folder = tempfile::tempdir().expect("a folder");
    // Segments begin only once the test says so.
    let begin = folder.path().join("begin");
    let next_segment = BEAT.replace(r"\000' >&0", r"\001' >&0");
    let script = format!(
        "read job; while ! test -e {0}; do {BEAT}; sleep 0.1; done; while {next_segment}; do sleep 0.1; done",
        begin.display()
    );
    let near = Encoder { memory_bytes: Some(1), ..encoder(&script, folder.path(), Spare::start(None)) };
    let (child, ward) = near.start();
    let figures = ward.expect("one channel").figures;
    until("it runs", || child.figures().is_up()).await;
    let pid = child.figures().pid();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!((child.figures().pid(), figures.deaths("out_of_memory")), (pid, 0), "its segment goes on");
    std::fs::write(begin, "").expect("writes");
    until("it is replaced", || figures.deaths("out_of_memory") >= 1).await;
    child.stop().await;
}
