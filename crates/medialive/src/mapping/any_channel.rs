//! Any channel that AWS's description allows either maps or is refused.

use aws::model::{Kind, Ref};
use aws::{Map, Value, validate};
use proptest::prelude::*;

use super::samples::{feeds, full, rtmp, seed, solution};
use super::{Shown, complete, table};
use crate::endpoint::{Endpoint, Reach};
use crate::settings::{self, service};

/// Pseudo-random numbers (SplitMix64), so that a seed says all.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn pick<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.roll(all.len() as u64) as usize]
    }
}

/// A value of a type, within its bounds.
fn value(target: &Ref, dice: &mut Dice, depth: u32) -> Value {
    let shape = service().shape(target.shape);
    let (min, max) = (shape.min, shape.max);
    match &shape.kind {
        Kind::Structure(structure) => {
            let mut map = Map::new();
            for member in &structure.members {
                if member.required || dice.roll(3 + u64::from(depth)) == 0 && depth < 5 {
                    map.insert(member.name, value(&member.target, dice, depth + 1));
                }
            }
            map.into()
        }
        Kind::List(element) => {
            (0..dice.roll(3)).map(|_| value(element, dice, depth + 1)).collect::<Vec<_>>().into()
        }
        Kind::Map { .. } => Map::new().into(),
        Kind::String { values, .. } if !values.is_empty() => dice.pick(values).into(),
        Kind::String { .. } => {
            let text =
                dice.pick(&["default", "1", "video_1080p30", "", "eng", "a", "10203f", "x\u{1}\"ä", "-"]);
            let least = min.unwrap_or(0.0) as usize;
            let most = max.map_or(usize::MAX, |max| max as usize);
            let padded = format!("{text:a<least$}");
            padded.chars().take(most).collect::<String>().into()
        }
        Kind::Boolean => (dice.roll(2) == 0).into(),
        Kind::Integer | Kind::Long => {
            let (least, most) = (min.unwrap_or(-3.0) as i64, max.unwrap_or(f64::from(i32::MAX)) as i64);
            let number =
                [0, 1, 2, 30, 720, 1_001, 100_000, 2_000_000, i64::from(i32::MAX)][dice.roll(9) as usize];
            number.clamp(least, most).into()
        }
        Kind::Double => [0.0_f64, -1.0, 1e-9, 0.5, 2.0, 1e300, 96_000.0][dice.roll(7) as usize]
            .clamp(min.unwrap_or(f64::MIN), max.unwrap_or(f64::MAX))
            .into(),
        Kind::Blob | Kind::Timestamp => Value::Timestamp(media::Utc(0)),
    }
}

/// Changes a member here or further in.
fn mutate(map: &mut Map, target: &Ref, dice: &mut Dice) {
    let Some(structure) = service().structure(target) else { return };
    let names: Vec<String> = map.iter().map(|(name, _)| name.to_string()).collect();
    if !names.is_empty() && dice.roll(6) != 0 {
        let name = names[dice.roll(names.len() as u64) as usize].as_str();
        let Some(member) = structure.member(name) else { return };
        match map.get_mut(name) {
            Some(Value::Map(inner)) => mutate(inner, &member.target, dice),
            Some(Value::List(list)) if !list.is_empty() => {
                let index = dice.roll(list.len() as u64) as usize;
                let Kind::List(element) = &service().shape(member.target.shape).kind else { return };
                match &mut list[index] {
                    Value::Map(inner) => mutate(inner, element, dice),
                    other => *other = value(element, dice, 3),
                }
            }
            _ => _ = map.insert(member.name, value(&member.target, dice, 3)),
        }
    } else {
        if structure.members.is_empty() {
            return;
        }
        let member = &structure.members[dice.roll(structure.members.len() as u64) as usize];
        if !member.required && dice.roll(3) == 0 {
            map.remove(member.name);
        } else {
            map.insert(member.name, value(&member.target, dice, 3));
        }
    }
}

/// A channel that may be asked for; none where what came about is not as described.
fn channel(seed_of_dice: u64) -> Option<Map> {
    let operation = service().operation("CreateChannel").expect("there is one");
    let input = operation.input.as_ref().expect("it has an input");
    let mut dice = Dice(seed_of_dice);
    let mut map = match dice.roll(8) {
        0 => seed(&["video_1080p30"]),
        1..=3 => full(),
        4..=6 => solution(),
        _ => match value(input, &mut dice, 0) {
            Value::Map(map) => map,
            _ => return None,
        },
    };
    for _ in 0..dice.roll(4) {
        mutate(&mut map, input, &mut dice);
    }
    let violations = validate::violations(service(), operation, &map);
    violations.iter().all(super::is_lenient).then_some(map)
}

/// Whether it maps; what is refused has a place and a reason.
fn maps(settings: &Map, endpoint: u64) -> bool {
    let feeds = match endpoint % 3 {
        0 => feeds(&rtmp(&["live/a", "live/b"])),
        1 => feeds(&[Endpoint::Udp(5000)]),
        _ => feeds(&[Endpoint::File("https://h.example/a.mp4".to_owned())]),
    };
    let refused = settings::check("CreateChannelRequest", settings);
    let mut settings = settings.clone();
    complete(&mut settings, feeds["1"].endpoints.len() > 1);
    // Mapped also where the table of settings refuses it: the mapping relies on types alone.
    match table("7654321", &settings, &feeds, Shown::First, Reach::Public) {
        Ok(table) => {
            super::parse(table).expect("what maps is a channel");
            refused.is_empty()
        }
        Err(invalid) => {
            assert!(invalid.path.starts_with('/') && !invalid.message.is_empty(), "{invalid:?}");
            false
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_channel_that_the_description_allows_maps_or_is_refused(dice: u64, endpoint: u64) {
        if let Some(settings) = channel(dice) {
            maps(&settings, endpoint);
        }
    }
}

#[test]
fn changed_channels_are_both_mapped_and_refused() {
    let all: Vec<bool> = (0..600).filter_map(|seed| Some(maps(&channel(seed)?, seed))).collect();
    let mapped = all.iter().filter(|maps| **maps).count();
    assert!(mapped > 60 && all.len() - mapped > 60, "{mapped} of {}", all.len());
}
