//! A writer is killed at any moment: nothing is half done, nothing acknowledged is lost.

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::Duration;

use store::{Change, Error, Expect, Observation, Place, Store, What};

use crate::home::{Home, at, call, doc, key, new};

const PLACE: &str = "HEADWATER_TEST_STORE";
const SEED: &str = "HEADWATER_TEST_SEED";
/// Resources a group is made of, in one call.
const GROUP: usize = 3;

/// A small generator, so that a seed says all.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// The writer itself: runs until it is killed, and says what was acknowledged.
#[tokio::test]
#[ignore = "started by the tests that kill it"]
async fn writer() {
    let place = Place::parse(&std::env::var(PLACE).expect("the test sets it")).expect("a place");
    let seed: u64 = std::env::var(SEED).expect("the test sets it").parse().expect("a number");
    let mut random = Random(seed * 2 + 1);
    let store = Store::open(&place).await.expect("opened");
    for count in 0.. {
        let mut call = call("Any", 1);
        call.request_id = format!("{seed}-{count}");
        let id = format!("r{}", random.below(12));
        let outcome = match random.below(6) {
            0 => store.create(call, new(&id), None).await.map(drop),
            1 | 2 => {
                let desired = doc(&format!("\"{seed}-{count}\""));
                store.change(call, &key(&id), Expect::Any, desired).await.map(drop)
            }
            3 => store.delete(call, &key(&id), Expect::Any, at(2)).await.map(drop),
            4 => group(&store, call, &format!("g{seed}-{count}")).await,
            _ => {
                let report = Observation { key: key(&id), generation: 1, observed: doc(&count.to_string()) };
                store.observe(&[report], at(1)).await.expect("told");
                continue;
            }
        };
        match outcome {
            Ok(()) => println!("\nok {seed}-{count}"),
            Err(Error::NotFound(_) | Error::Conflict(_)) => println!("\nno {seed}-{count}"),
            Err(error) => panic!("{error}: {error:?}"),
        }
    }
}

async fn group(store: &Store, call: store::Call, name: &str) -> Result<(), Error> {
    let mut write = store.write(call).await?;
    let made = async {
        for member in 0..GROUP {
            write.create(new(&format!("{name}.{member}"))).await?;
        }
        Ok(())
    }
    .await;
    write.settle(made).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_kills_leave_nothing_half_done_and_lose_nothing_acknowledged() {
    let home = Home::sqlite();
    kill_again_and_again(&home, 500).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_writer_on_postgresql_leaves_nothing_half_done() {
    let home = Home::postgres().await;
    kill_again_and_again(&home, 100).await;
}

async fn kill_again_and_again(home: &Home, rounds: u64) {
    let setting = match &home.place {
        Place::Sqlite(path) => path.to_str().expect("UTF-8").to_owned(),
        Place::Postgres(url) => url.clone(),
    };
    let mut random = Random(0x5eed);
    let (mut acknowledged, mut unheard) = (0, 0);
    let mut seen = Seen::default();
    for seed in 1..=rounds {
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "kill::writer", "--ignored", "--nocapture", "--test-threads=1"])
            .env(PLACE, &setting)
            .env(SEED, seed.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("started");
        let (mut output, mut said) = (BufReader::new(child.stdout.take().expect("piped")), String::new());
        // Every other one has written; from its first steps to some dozens of calls.
        let writes = |said: &str| said.lines().any(|line| line.starts_with("ok ") || line.starts_with("no "));
        while seed % 2 == 0 && !writes(&said) && output.read_line(&mut said).expect("read") > 0 {}
        std::thread::sleep(Duration::from_micros(5_000 + random.below(90_000)));
        child.kill().expect("killed");
        output.read_to_string(&mut said).expect("read");
        child.wait().expect("gone");
        // A line counts when it is whole.
        let whole = said.rfind('\n').map_or("", |end| &said[..end]);
        let said: Vec<_> =
            whole.lines().filter(|line| line.starts_with("ok ") || line.starts_with("no ")).collect();
        acknowledged += said.len();
        let store = Store::open(&home.place).await.expect("it opens after every kill");
        unheard += seen.look(&store, &said).await;
        store.close().await;
    }
    println!(
        "{acknowledged} calls acknowledged in {rounds} lives, {unheard} done without anybody hearing of it"
    );
    assert!(acknowledged as u64 >= rounds / 2, "the writers came to write: {acknowledged}");
    assert!(unheard <= rounds as usize, "at most the call under way in each life: {unheard}");
    let store = home.open().await;
    seen.check(&store).await;
    assert!(store.verify_audit().await.expect("read").is_ok());
}

/// What the log of changes says there should be.
#[derive(Default)]
struct Seen {
    revision: i64,
    resources: BTreeMap<String, Told>,
}

#[derive(Default, Debug, PartialEq)]
struct Told {
    generation: i64,
    deleted: bool,
}

impl Seen {
    /// Reads what is new since the last look. Gives how many calls took effect that nobody was told of.
    async fn look(&mut self, store: &Store, said: &[&str]) -> usize {
        // Takes the writers' turn: whatever a killed writer's server still had to do is done then.
        store.observe(&[], at(1)).await.expect("read");
        let (mut changes, mut lines) = (Vec::new(), Vec::new());
        while let page = store
            .changes(changes.last().map_or(self.revision, |c: &Change| c.revision), 1_000)
            .await
            .expect("read")
            && !page.is_empty()
        {
            changes.extend(page);
        }
        while let page = store
            .audit(lines.last().map_or(self.revision, |l: &store::AuditLine| l.revision), 1_000)
            .await
            .expect("read")
            && !page.is_empty()
        {
            lines.extend(page);
        }
        let mut revisions: Vec<_> = changes
            .iter()
            .map(|change| change.revision)
            .chain(lines.iter().map(|line| line.revision))
            .collect();
        revisions.sort_unstable();
        let newest = store.revision().await.expect("read");
        assert_eq!(revisions, (self.revision + 1..=newest).collect::<Vec<_>>(), "each number has its line");
        self.revision = newest;
        let written: HashSet<_> = lines
            .iter()
            .map(|line| {
                format!("{} {}", if line.outcome == "ok" { "ok" } else { "no" }, line.call.request_id)
            })
            .collect();
        for line in said {
            assert!(written.contains(*line), "{line} was acknowledged and is lost");
        }
        for change in changes {
            let told = self.resources.entry(change.key.id().to_owned()).or_default();
            if change.what != What::Observed {
                told.generation += 1;
            }
            assert_eq!(told.generation, change.generation, "{change:?}");
            told.deleted = match change.what {
                What::Deleted => true,
                What::Observed => told.deleted,
                _ => false,
            };
        }
        self.check(store).await;
        written.len() - said.len()
    }

    /// What is there is what the changes say, and groups are whole.
    async fn check(&self, store: &Store) {
        let (_, resources) = store.every().await.expect("read");
        assert_eq!(resources.len(), self.resources.len());
        let mut members = BTreeMap::<&str, usize>::new();
        for resource in &resources {
            let id = resource.key.id();
            let told = Told { generation: resource.generation, deleted: resource.deleted.is_some() };
            assert_eq!(self.resources.get(id), Some(&told), "{id}");
            if let Some((group, _)) = id.split_once('.') {
                *members.entry(group).or_default() += 1;
            }
        }
        assert!(members.values().all(|&count| count == GROUP), "{members:?}");
    }
}
