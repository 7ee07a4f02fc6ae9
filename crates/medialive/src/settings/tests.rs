//! The table beside AWS's description, and beside what users read of it.

use std::collections::BTreeSet;
use std::fmt::Write;

use aws::Map;
use aws::model::Kind;
use expect_test::expect_file;

use super::{Rule, check, service, table};
use crate::at::wire;

#[test]
fn every_line_names_a_member_of_the_description_and_only_values_it_has() {
    let mut shapes = BTreeSet::new();
    for (shape, rows) in table() {
        assert!(shapes.insert(*shape), "{shape} is there twice");
        // Both kinds of request are one list: each may lack a member of the other's.
        let is_request = shape.ends_with("Request") && (shape.contains("Channel") || shape.contains("Input"));
        let found = service().shape_named(shape).expect(shape);
        let Kind::Structure(structure) = &found.kind else { panic!("{shape} is no structure") };
        let mut members = BTreeSet::new();
        for (name, rule) in *rows {
            assert!(members.insert(*name), "{shape}.{name} is there twice");
            let Some(member) = structure.member(name) else {
                assert!(is_request || shape.ends_with("ColorSpaceSettings"), "{shape} has no {name}");
                continue;
            };
            assert_eq!(member.wire_name(), wire(name), "{shape}");
            if let (Rule::Only(values), Kind::String { values: all, .. }) =
                (rule, &service().shape(member.target.shape).kind)
            {
                assert!(values.iter().all(|value| all.contains(value)), "{shape}.{name}");
            }
        }
    }
}

#[test]
fn what_is_done_is_looked_into() {
    for (shape, rows) in table() {
        let found = service().shape_named(shape).expect(shape);
        let Kind::Structure(structure) = &found.kind else { panic!("{shape} is no structure") };
        for (name, _) in rows.iter().filter(|(_, rule)| *rule == Rule::Done) {
            let Some(member) = structure.member(name) else { continue };
            let mut target = service().shape(member.target.shape);
            if let Kind::List(element) = &target.kind {
                target = service().shape(element.shape);
            }
            let Kind::Structure(inner) = &target.kind else { continue };
            let has_rows = table().any(|(other, _)| *other == target.name);
            assert!(
                has_rows || inner.members.is_empty(),
                "{shape}.{name} is a {} without lines",
                target.name
            );
        }
    }
}

#[test]
fn what_is_in_no_line_is_refused_by_its_place() {
    let output = Map::new()
        .with("OutputSettings", Map::new().with("RtmpOutputSettings", Map::new()))
        .with("CaptionDescriptionNames", Vec::new());
    let group = Map::new().with("Outputs", vec![output.into()]);
    let encoder = Map::new()
        .with("OutputGroups", vec![group.into()])
        .with("ColorCorrectionSettings", Map::new())
        .with("BlackoutSlate", Map::new().with("State", "ENABLED"));
    let told: Vec<_> = check("CreateChannelRequest", &Map::new().with("EncoderSettings", encoder))
        .into_iter()
        .map(|invalid| format!("{}: {}", invalid.path, invalid.message))
        .collect();
    let groups = "use HlsGroupSettings, MediaPackageGroupSettings or CmafIngestGroupSettings: other output groups are not implemented";
    assert_eq!(
        told,
        [
            format!("/encoderSettings/outputGroups/0/outputs/0/outputSettings/rtmpOutputSettings: {groups}"),
            "/encoderSettings/colorCorrectionSettings: ColorCorrectionSettings is not implemented; leave it out".to_owned(),
            "/encoderSettings/blackoutSlate/state: ENABLED is not implemented; DISABLED is what is done".to_owned(),
        ]
    );
}

#[test]
fn users_can_read_what_becomes_of_each_setting() {
    let mut text = "# MediaLive's settings, one by one\n\nWhat becomes of each member that is known here; any other member is refused by its \
                    name.\nThis file is written by `UPDATE_EXPECT=1 cargo test -p medialive` from the table that the program reads.\n"
        .to_owned();
    for (shape, rows) in table() {
        write!(text, "\n## {shape}\n\n| member | |\n| --- | --- |\n").expect("a string takes it");
        for (name, rule) in *rows {
            let told = match rule {
                Rule::Done => "done".to_owned(),
                Rule::Kept(why) => format!("kept: {why}"),
                Rule::Only(values) => format!("only {}", values.join(", ")),
                Rule::Refused(why) => format!("refused: {why}"),
            };
            writeln!(text, "| {name} | {told} |").expect("a string takes it");
        }
    }
    expect_file!["../../../../docs/medialive-settings.md"].assert_eq(&text);
}
