//! Whatever configuration the description allows is carried out, or refused by an exception of the operation's.

mod common;

use std::cell::Cell;

use aws::model::{Kind, Ref};
use aws::{Map, Model, Service, Value};
use common::{Api, map};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Words that settings are made of, right and wrong ones.
const WORDS: &[&str] = &[
    "",
    "main",
    "spare",
    "/live",
    "live/*.m3u8",
    "*.ts",
    "origin.example.org",
    "media.s3.us-west-2.amazonaws.com",
    "x.mediapackage.us-west-2.amazonaws.com",
    "658327ea-f89d-4fab-a63d-7e88639e58f6",
    "59781a5b-3903-41f3-afcb-af62929ccde1",
    "60669652-455b-4ae9-85a4-c4c02393f86c",
    "Origin",
    "Host",
    "x-a",
    "200",
    "*",
    "cdn.example.org",
    "a b",
    "ä",
    "/404.html",
    "index.html",
];

/// Numbers, the same way.
const NUMBERS: &[i64] =
    &[0, 1, 2, 3, 10, 30, 80, 200, 404, 443, 500, 503, 60, 86_400, 31_536_000, -1, 65_536];

/// Random bytes that decide, from the front; zeros after their end.
struct Dice<'a>(&'a [u8]);

impl Dice<'_> {
    fn throw(&mut self, sides: usize) -> usize {
        let (first, rest) = self.0.split_first().map_or((0, self.0), |(first, rest)| (*first, rest));
        self.0 = rest;
        usize::from(first) % sides
    }
}

fn value(service: &Service, target: &Ref, dice: &mut Dice<'_>, depth: usize) -> Value {
    match &service.shape(target.shape).kind {
        Kind::Structure(structure) => {
            let mut one = Map::new();
            for member in &structure.members {
                // Half of what may be left out is.
                if member.required || (depth < 6 && dice.throw(4) == 0) {
                    one.insert(member.name, value(service, &member.target, dice, depth + 1));
                }
            }
            if one.get("Quantity").is_some() {
                let items = one.get("Items").and_then(Value::as_list).map_or(0, <[Value]>::len);
                one.insert("Quantity", items as u64);
            }
            one.into()
        }
        Kind::List(element) => {
            let least = service.shape(target.shape).min.unwrap_or(0.0) as usize;
            let count = least + dice.throw(2);
            Value::List((0..count).map(|_| value(service, element, dice, depth + 1)).collect())
        }
        Kind::String { values, .. } if !values.is_empty() => values[dice.throw(values.len())].into(),
        Kind::String { .. } => WORDS[dice.throw(WORDS.len())].into(),
        Kind::Boolean => (dice.throw(2) == 1).into(),
        Kind::Integer | Kind::Long => NUMBERS[dice.throw(NUMBERS.len())].into(),
        other => panic!("a configuration has no {other:?}"),
    }
}

#[test]
fn a_configuration_is_carried_out_or_refused_by_name() {
    let service = Model::bundled().service("cloudfront").unwrap();
    let create = service.operation("CreateDistribution").unwrap();
    let input = service.structure(create.input.as_ref().unwrap()).unwrap();
    let target = &input.member("DistributionConfig").unwrap().target;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let api = runtime.block_on(Api::new());
    let (made, refused) = (Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(Config::with_cases(400));
    let outcome =
        runner.run(&(proptest::collection::vec(any::<u8>(), 0..1200), any::<bool>()), |(bytes, near)| {
            let mut dice = Dice(&bytes);
            let Value::Map(any) = value(service, target, &mut dice, 0) else { panic!("a structure") };
            // Anything, or one that is right but for a few of its members.
            let mut config = if near { common::config("x") } else { any.clone() };
            for (member, value) in any.iter().filter(|_| near) {
                if dice.throw(8) == 7 {
                    config.insert(member.clone(), value.clone());
                }
            }
            config.insert("CallerReference", format!("r{}", made.get() + refused.get()));
            match runtime
                .block_on(api.call("CreateDistribution", map([("DistributionConfig", config.into())])))
            {
                Ok(_) => {
                    made.set(made.get() + 1);
                }
                Err(error) => {
                    refused.set(refused.get() + 1);
                    let known = service.exception(Some(create), &error.name);
                    prop_assert!(
                        known.is_some(),
                        "{} is no exception of the operation: {}",
                        error.name,
                        error.message
                    );
                    prop_assert!(!error.message.is_empty());
                }
            }
            Ok(())
        });
    outcome.unwrap();
    let (made, refused) = (made.get(), refused.get());
    assert!(made > 20 && refused > 20, "{made} made, {refused} refused");
    assert_eq!(runtime.block_on(api.wanted()).len(), made, "what is made is carried out, and nothing else");
}
