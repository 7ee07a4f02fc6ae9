//! PostgreSQL by one setting, and what is kept moved from one engine to the other.

use e2e::{Stack, eventually};
use serde_json::Value;

const FILE: &str = "[[channel]]\nname = \"filed\"\ninput = { rtmp = \"live/filed\" }\n";
const MADE: &str = "[[channel]]\nname = \"made\"\ninput = \"test\"\npreset = \"ultrafast\"\nladder = [\"240p15\"]\nsegment = 1\n";

fn store(setting: &str) -> String {
    format!("[control]\nstore = \"{setting}\"\n{FILE}")
}

/// Channels as scripts see them: name, owner, generation, when they were made.
fn channels(stack: &Stack) -> Vec<String> {
    let listed = stack.headwater(&["channel", "ls", "--json"]);
    assert!(listed.is_fine, "{}", listed.errors);
    let listed: Value = serde_json::from_str(&listed.output).expect("JSON");
    let items = listed["items"].as_array().expect("items").iter();
    let line = |item: &Value| {
        let [name, owner, generation, created] =
            ["name", "owner", "generation", "created"].map(|field| item[field].to_string());
        format!("{name} {owner} {generation} {created}")
    };
    items.map(line).collect()
}

fn fine(stack: &Stack, arguments: &[&str]) -> String {
    let said = stack.headwater(arguments);
    assert!(said.is_fine, "{arguments:?}: {}{}", said.output, said.errors);
    said.output
}

fn make(stack: &Stack) {
    std::fs::write(stack.data().join("made.toml"), MADE).expect("written");
    fine(stack, &["channel", "create", "data/made.toml"]);
}

#[test]
fn what_is_made_with_postgresql_outlives_a_power_cut() {
    let url = postgres_cluster::create("power_cut");
    let mut stack = Stack::start_with_control(&store(&url));
    make(&stack);
    stack.wait_for_segments("made", 1);
    let before = channels(&stack);
    assert_eq!(before.len(), 2, "{before:?}");
    assert!(!stack.data().join("control/headwater.db").exists(), "nothing is kept in a file beside it");
    let key = stack.headwater(&["aws-env"]).output;

    stack.kill_and_start_again();
    assert!(stack.log().contains("plan       no changes"), "{}", stack.log_tail());
    assert_eq!(channels(&stack), before);
    assert_eq!(stack.headwater(&["aws-env"]).output, key);
    stack.wait_for_segments("made", 1);
}

#[test]
fn a_store_moves_from_sqlite_to_postgresql_and_back() {
    let mut stack = Stack::start_with_control(FILE);
    make(&stack);
    let before = channels(&stack);

    let told = fine(&stack, &["backup", "one.db"]);
    assert!(told.contains("(channel 2, identity 1)") && told.contains("master.key"), "{told}");
    assert!(!stack.headwater(&["backup", "one.db"]).is_fine, "a backup is not written over");
    let refused = stack.headwater(&["restore", "one.db", "--force"]);
    assert!(refused.errors.contains("stop it first"), "{}", refused.errors);

    let url = postgres_cluster::create("moved");
    stack.interrupt();
    let refused = stack.headwater(&["restore", "one.db"]);
    assert!(refused.errors.contains("--force"), "{}", refused.errors);
    stack.edit(&store(&url));
    let told = fine(&stack, &["restore", "one.db", "--workflow", "workflow.toml"]);
    assert!(told.contains("(channel 2, identity 1)") && told.contains("goes on from there"), "{told}");
    assert!(
        !stack.headwater(&["restore", "one.db", "--workflow", "workflow.toml"]).is_fine,
        "it is not empty"
    );
    stack.start_again();
    assert_eq!(channels(&stack), before, "in PostgreSQL");

    // What changes there comes back to a file, in place of the older one.
    fine(&stack, &["channel", "stop", "made"]);
    let changed = channels(&stack);
    assert_ne!(changed, before);
    fine(&stack, &["backup", "two.db"]);
    stack.interrupt();
    stack.edit(FILE);
    fine(&stack, &["restore", "two.db", "--workflow", "workflow.toml", "--force"]);
    stack.start_again();
    assert_eq!(channels(&stack), changed, "in the file");
    assert!(stack.data().join("control/headwater.db.replaced").exists());
    let shown = eventually("it is stopped", || {
        let shown: Value =
            serde_json::from_str(&fine(&stack, &["channel", "show", "made", "--json"])).ok()?;
        (shown["state"] == "stopped").then_some(shown)
    });
    assert_eq!(shown["channel"]["ladder"][0], "240p15", "its settings open with the master key");
}
