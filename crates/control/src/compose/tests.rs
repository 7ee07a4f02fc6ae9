//! What comes in, what stays out and why; and what holds whatever is wanted.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

fn table(text: &str) -> Table {
    text.parse().expect("TOML")
}

fn channels(texts: &[&str]) -> Vec<Wanted> {
    texts.iter().map(|text| Wanted { channels: vec![table(text)], ..Wanted::default() }).collect()
}

fn names(text: &str) -> Vec<String> {
    let whole = table(text);
    tables(&whole, "channel").filter_map(|table| Some(table.get("name")?.as_str()?.to_owned())).collect()
}

const FILE: &str =
    "[listen]\nviewers = \"127.0.0.1:9000\"\n[[channel]]\nname = \"filed\"\ninput = \"test\"\n";

#[test]
fn a_channel_that_is_not_valid_takes_no_other_down() {
    let composed = compose(
        FILE,
        channels(&[
            "name = \"good\"\ninput = \"test\"",
            "name = \"bad\"\ninput = \"test\"\nsegment = 99",
            "name = \"worse\"\ninput = \"test\"\nno_such = 1",
            "name = \"filed\"\ninput = \"cmaf\"",
            "input = \"test\"",
        ]),
    );
    assert_eq!(names(&composed.text), ["filed", "good"]);
    let why = |name: &str| composed.refused.get(name).map(String::as_str).unwrap_or("nothing");
    assert!(why("bad").starts_with("segment: 99 is out of bounds"), "{}", why("bad"));
    assert!(why("worse").starts_with("no_such: no such field"), "{}", why("worse"));
    assert_eq!(why("filed"), "the workflow file has a channel of this name");
    assert!(why("(without a name)").contains("`name` is missing"), "{}", why("(without a name)"));
    assert_eq!(composed.refused.len(), 4);
}

#[test]
fn of_two_that_cannot_be_together_the_first_by_name_runs() {
    let composed = compose(
        "",
        channels(&[
            "name = \"b\"\ninput = { rtmp = \"live/one\" }",
            "name = \"a\"\ninput = { rtmp = \"live/one\" }",
            "name = \"c\"\ninput = { rtmp = \"live/two\" }",
        ]),
    );
    assert_eq!(names(&composed.text), ["a", "c"]);
    assert!(composed.refused["b"].contains("RTMP"), "{composed:?}");
}

#[test]
fn who_makes_the_pictures_of_a_channel_is_before_who_only_takes_them() {
    let composed = compose(
        "",
        channels(&[
            "name = \"mp-x\"\ninput = \"cmaf\"\nwindow = 600\nsegment = 4",
            "name = \"mp-x\"\ninput = \"test\"\nsegment = 2",
            "name = \"mp-x\"\ninput = \"cmaf\"\nwindow = 600\nsegment = 4",
        ]),
    );
    assert_eq!(composed.refused, BTreeMap::new());
    let expected = table("name = \"mp-x\"\ninput = \"test\"\nwindow = 600\nsegment = 2");
    assert_eq!(tables(&table(&composed.text), "channel").collect::<Vec<_>>(), [&expected]);

    let two = channels(&["name = \"x\"\ninput = \"test\"", "name = \"x\"\ninput = { rtmp = \"a/b\" }"]);
    let composed = compose("", two);
    assert_eq!((names(&composed.text), composed.refused.len()), (vec!["x".to_owned()], 1));
}

#[test]
fn a_file_that_cannot_be_read_is_given_on_as_it_is() {
    for file in ["[[channel", "channel = 1\n"] {
        let composed = compose(file, channels(&["name = \"a\"\ninput = \"test\""]));
        assert_eq!((composed.text.as_str(), composed.refused.len()), (file, 1), "{file}");
    }
    assert_eq!(compose("", Vec::new()), Composed::default());
}

fn file() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just(""),
        Just(FILE),
        Just("[[channel]]\nname = \"a\"\ninput = { rtmp = \"live/one\" }\n"),
        Just("channel = [{ name = \"b\", input = \"cmaf\" }]\n[edge]\n"),
        Just("[[channel]]\nname = \"broken\"\n"),
        Just("no toml ]"),
    ]
}

fn channel() -> impl Strategy<Value = Table> {
    let input = prop_oneof![
        Just("\"cmaf\""),
        Just("\"test\""),
        Just("{ rtmp = \"live/one\" }"),
        Just("{ rtmp = \"live/two\" }"),
        Just("{ nothing = 1 }"),
    ];
    let more = prop_oneof![Just(""), Just("window = 30"), Just("window = 1"), Just("segment = 4")];
    ("[a-d]", input, more)
        .prop_map(|(name, input, more)| table(&format!("name = \"{name}\"\ninput = {input}\n{more}")))
}

fn wanted() -> impl Strategy<Value = Vec<Wanted>> {
    let one = (
        proptest::collection::vec(channel(), 0..4),
        proptest::collection::vec("[xy]".prop_map(|name| table(&format!("name = \"{name}\""))), 0..2),
    );
    let one = one.prop_map(|(channels, endpoints)| Wanted { channels, endpoints, ..Wanted::default() });
    proptest::collection::vec(one, 0..4)
}

/// The same tables, dealt out anew among as many doors.
fn dealt(wanted: &[Wanted], places: &[Index]) -> Vec<Wanted> {
    let mut dealt = vec![Wanted::default(); wanted.len().max(1)];
    let mut places = places.iter().cycle();
    let mut place = |length: usize| places.next().map_or(0, |place| place.index(length));
    for one in wanted {
        for table in &one.channels {
            let door = place(dealt.len());
            let at = place(dealt[door].channels.len() + 1);
            dealt[door].channels.insert(at, table.clone());
        }
        for table in &one.endpoints {
            let door = place(dealt.len());
            dealt[door].endpoints.push(table.clone());
        }
    }
    dealt
}

proptest! {
    #[test]
    fn the_order_of_wishes_and_doors_says_nothing(
        file in file(),
        wanted in wanted(),
        places in proptest::collection::vec(any::<Index>(), 1..20),
    ) {
        prop_assert_eq!(compose(file, dealt(&wanted, &places)), compose(file, wanted));
    }

    #[test]
    fn composing_again_changes_nothing(file in file(), wanted in wanted()) {
        let once = compose(file, wanted.clone());
        let twice = compose(&once.text, wanted);
        prop_assert_eq!(&twice.text, &once.text);
        prop_assert!(twice.refused.keys().all(|name| once.refused.contains_key(name)), "{:?} {:?}", once, twice);
    }

    #[test]
    fn what_the_file_has_stays_and_all_that_is_wanted_is_there_or_refused(file in file(), wanted in wanted()) {
        let composed = compose(file, wanted.clone());
        let Ok(base) = file.parse::<Table>() else {
            prop_assert_eq!(composed.text, file);
            return Ok(());
        };
        let whole = table(&composed.text);
        for (key, value) in base.iter().filter(|(key, _)| *key != "channel") {
            prop_assert_eq!(whole.get(key), Some(value));
        }
        let kept: Vec<_> = tables(&whole, "channel").take(tables(&base, "channel").count()).collect();
        prop_assert_eq!(kept, tables(&base, "channel").collect::<Vec<_>>());
        let names = names(&composed.text);
        let mut unique = names.clone();
        unique.sort();
        unique.dedup();
        prop_assert_eq!(unique.len(), names.len());
        for table in wanted.iter().flat_map(|one| &one.channels) {
            let name = table["name"].as_str().expect("named");
            prop_assert!(names.iter().any(|there| there == name) || composed.refused.contains_key(name), "{name}");
        }
        let is_file_valid = file.is_empty() || Workflow::parse(file).is_ok();
        if is_file_valid && !names.is_empty() {
            prop_assert_eq!(Workflow::parse(&composed.text).err(), None);
        }
    }
}
