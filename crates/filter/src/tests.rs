use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;

/// Attributes of JSON: a list is an array.
fn attributes(json: &Json) -> BTreeMap<String, Vec<Value>> {
    let map = json.as_object().expect("attributes");
    let values = |json: &Json| match json {
        Json::Array(list) => list.iter().filter_map(Value::of).collect(),
        scalar => Value::of(scalar).into_iter().collect(),
    };
    map.iter().map(|(name, json)| (name.clone(), values(json))).collect()
}

fn admits(policy: &Json, message: &Json) -> bool {
    let policy = Policy::parse(&policy.to_string(), Scope::Attributes).expect("a policy");
    policy.admits_attributes(&attributes(message))
}

fn admits_body(policy: &Json, message: &Json) -> bool {
    let policy = Policy::parse(&policy.to_string(), Scope::Body).expect("a policy");
    policy.admits_body(&message.to_string())
}

#[test]
fn attributes_are_admitted_by_each_operator_as_aws_describes_it() {
    let sport = json!({"sport": "rugby"});
    for (policy, message, wanted) in [
        (json!({"sport": ["rugby"]}), &sport, true),
        (json!({"sport": ["tennis", "rugby"]}), &sport, true),
        (json!({"sport": ["tennis"]}), &sport, false),
        (json!({"sport": ["Rugby"]}), &sport, false),
        (json!({"sport": ["rugby"], "day": ["sunday"]}), &sport, false),
        (json!({"sport": ["rugby"], "day": ["sunday"]}), &json!({"sport": "rugby", "day": "sunday"}), true),
        (json!({"sport": [{"prefix": "ru"}]}), &sport, true),
        (json!({"sport": [{"prefix": "bas"}]}), &sport, false),
        (json!({"sport": [{"suffix": "by"}]}), &sport, true),
        (json!({"sport": [{"suffix": "ball"}]}), &sport, false),
        (json!({"sport": [{"equals-ignore-case": "RUGBY"}]}), &sport, true),
        (json!({"sport": [{"wildcard": "r*b*"}]}), &sport, true),
        (json!({"sport": [{"wildcard": "r*x*"}]}), &sport, false),
        (json!({"sport": [{"anything-but": "rugby"}]}), &sport, false),
        (json!({"sport": [{"anything-but": ["tennis", "golf"]}]}), &sport, true),
        (json!({"sport": [{"anything-but": {"prefix": "ru"}}]}), &sport, false),
        (json!({"sport": [{"anything-but": {"suffix": "ball"}}]}), &sport, true),
        (json!({"sport": [{"anything-but": {"wildcard": "*ug*"}}]}), &sport, false),
        (json!({"day": [{"anything-but": "rugby"}]}), &sport, false),
        (json!({"sport": [{"exists": true}]}), &sport, true),
        (json!({"sport": [{"exists": false}]}), &sport, false),
        (json!({"day": [{"exists": false}]}), &sport, true),
        (json!({"day": [{"exists": true}]}), &sport, false),
        (json!({"price": [{"numeric": ["=", 301.5]}]}), &json!({"price": 301.50}), true),
        (json!({"price": [301.5]}), &json!({"price": 3.015e2}), true),
        (json!({"price": [{"numeric": [">", 0, "<=", 150]}]}), &json!({"price": 150}), true),
        (json!({"price": [{"numeric": [">", 0, "<", 150]}]}), &json!({"price": 150}), false),
        (json!({"price": [{"numeric": ["<", 0]}]}), &json!({"price": -1}), true),
        (json!({"price": [{"numeric": ["=", 5]}]}), &json!({"price": "5"}), false),
        (json!({"price": [{"anything-but": [100, 500]}]}), &json!({"price": 500}), false),
        (json!({"price": [{"anything-but": [100, 500]}]}), &json!({"price": 501}), true),
        (json!({"ip": [{"cidr": "10.0.0.0/24"}]}), &json!({"ip": "10.0.0.255"}), true),
        (json!({"ip": [{"cidr": "10.0.0.0/24"}]}), &json!({"ip": "10.1.1.0"}), false),
        (json!({"sport": ["golf", {"prefix": "ru"}]}), &sport, true),
        // One value of an array is enough, for conditions that say what it is not, too.
        (json!({"likes": ["rugby"]}), &json!({"likes": ["golf", "rugby"]}), true),
        (json!({"likes": [{"anything-but": ["rugby"]}]}), &json!({"likes": ["golf", "rugby"]}), true),
        (json!({"likes": [{"anything-but": ["rugby"]}]}), &json!({"likes": ["rugby"]}), false),
        (json!({"likes": [null]}), &json!({"likes": [null, 1]}), true),
        (json!({"likes": [true]}), &json!({"likes": [true]}), true),
        (json!({"$or": [{"sport": ["golf"]}, {"day": [{"exists": false}]}]}), &sport, true),
        (json!({"$or": [{"sport": ["golf"]}, {"day": ["sunday"]}]}), &sport, false),
        (
            json!({"sport": ["rugby"], "$or": [{"a": [1]}, {"b": [2]}]}),
            &json!({"sport": "rugby", "b": 2}),
            true,
        ),
        // With one group, or operators in it, it is a key of that name.
        (json!({"$or": ["rugby"]}), &json!({"$or": "rugby"}), true),
        (json!({"$or": [{"prefix": "ru"}, {"prefix": "go"}]}), &json!({"$or": "golf"}), true),
    ] {
        assert_eq!(admits(&policy, message), wanted, "{policy} {message}");
    }
}

#[test]
fn bodies_are_admitted_by_what_their_objects_hold() {
    let goal = json!({"match": {"home": "A", "score": [2, 1]}, "tags": [{"k": "x"}, {"k": "y", "v": null}], "live": true});
    for (policy, wanted) in [
        (json!({"match": {"home": ["A"]}}), true),
        (json!({"match": {"home": ["B"]}}), false),
        (json!({"match": {"score": [{"numeric": [">", 1]}]}}), true),
        (json!({"match": {"score": [{"numeric": [">", 2]}]}}), false),
        (json!({"tags": {"k": ["y"]}}), true),
        (json!({"tags": {"k": ["x"], "v": [null]}}), false),
        (json!({"tags": {"k": ["y"], "v": [null]}}), true),
        (json!({"live": [true]}), true),
        (json!({"live": ["true"]}), false),
        (json!({"match": {"away": [{"exists": false}]}}), true),
        (json!({"none": {"at": {"all": [{"exists": false}]}}}), true),
        (json!({"none": {"at": {"all": [{"exists": true}]}}}), false),
        (json!({"match": [{"exists": true}]}), false),
        (json!({"live": {"of": ["a"]}}), false),
        (json!({"$or": [{"match": {"home": ["B"]}}, {"live": [true]}]}), true),
        (json!({"match": {"$or": [{"home": ["B"]}, {"home": ["A"]}]}}), true),
    ] {
        assert_eq!(admits_body(&policy, &goal), wanted, "{policy}");
    }
    let any = Policy::parse(r#"{"a": [{"exists": false}]}"#, Scope::Body).expect("a policy");
    for body in ["", "a", "[]", "1", "{\"b\":"] {
        assert!(!any.admits_body(body), "{body}");
    }
}

#[test]
fn what_is_no_policy_is_refused_with_its_reason() {
    for (policy, reason) in [
        ("", "failed to parse JSON: EOF while parsing a value at line 1 column 0"),
        ("[]", "failed to parse JSON: invalid type: sequence, expected a map at line 1 column 0"),
        ("{}", "filter policy can not be empty"),
        (r#"{"a": "b"}"#, "\"a\": must be an object or an array"),
        (r#"{"a": []}"#, "\"a\": empty arrays are not allowed"),
        (
            r#"{"a": {"b": ["c"]}}"#,
            "filter policy scope MessageAttributes does not support nested filter policy (\"a\")",
        ),
        (
            r#"{"a": [["b"]]}"#,
            "\"a\": match value must be a string, number, true, false, null or one operator",
        ),
        (r#"{"a": [{"exists": "no"}]}"#, "\"a\": exists match pattern must be either true or false"),
        (r#"{"a": [{"prefix": 1}]}"#, "\"a\": the operand must be a string"),
        (r#"{"a": [{"prefix": "b", "suffix": "c"}]}"#, "\"a\": a condition is one operator with its operand"),
        (r#"{"a": [{"numeric": [">=", 5, "<", 5]}]}"#, "\"a\": bottom must be less than top"),
        (r#"{"a": [1000000001]}"#, "\"a\": a number is between -10^9 and 10^9"),
        (
            r#"{"a":["1"],"b":["1"],"c":["1"],"d":["1"],"e":["1"],"f":["1"]}"#,
            "filter policy can not have more than 5 keys",
        ),
    ] {
        let fault = Policy::parse(policy, Scope::Attributes).expect_err(policy);
        assert_eq!(fault.to_string(), reason, "{policy}");
    }
    for operand in [
        json!({"numeric": ["<", 5, ">", 1]}),
        json!({"numeric": ["=", 1, "=", 2]}),
        json!({"numeric": [">"]}),
        json!({"numeric": [">", "5"]}),
        json!({"numeric": []}),
        json!({"numeric": 5}),
        json!({"cidr": "10.0.0.0"}),
        json!({"anything-but": []}),
        json!({"anything-but": {"numeric": ["=", 1]}}),
        json!({"anything-but": [null]}),
        json!({"wildcard": "a**b"}),
        json!({"regex": "a"}),
        json!({}),
    ] {
        let policy = json!({"a": [operand]}).to_string();
        assert!(Policy::parse(&policy, Scope::Attributes).is_err(), "{policy}");
    }
}

#[test]
fn a_policy_has_at_most_150_combinations_and_32_levels() {
    let many = |count: usize| Json::from((0..count).collect::<Vec<_>>());
    let fits = |policy: Json, scope| Policy::parse(&policy.to_string(), scope);
    assert!(fits(json!({"a": many(15), "b": many(10)}), Scope::Attributes).is_ok());
    assert_eq!(fits(json!({"a": many(151)}), Scope::Attributes), Err(Fault::TooComplex));
    assert_eq!(fits(json!({"a": many(16), "b": many(10)}), Scope::Attributes), Err(Fault::TooComplex));
    // Nested twice, each counts twice.
    assert!(fits(json!({"a": {"b": many(75)}}), Scope::Body).is_ok());
    assert_eq!(fits(json!({"a": {"b": many(76)}}), Scope::Body), Err(Fault::TooComplex));
    let mut deep = json!({"a": ["b"]});
    for _ in 0..32 {
        deep = json!({ "a": deep });
    }
    assert_eq!(fits(deep, Scope::Body), Err(Fault::TooDeep));
}

/// JSON with the words of policies in it.
fn like_a_policy() -> impl Strategy<Value = Json> {
    let word = prop::sample::select(vec![
        "a",
        "b",
        "$or",
        "anything-but",
        "cidr",
        "exists",
        "numeric",
        "prefix",
        "wildcard",
        "*x*",
        "10.0.0.0/8",
        "<",
        ">",
        "=",
    ]);
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        (-20_i32..20).prop_map(Json::from),
        word.clone().prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 40, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::btree_map(word.clone().prop_map(str::to_owned), inner, 0..4)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_a_policy_or_a_fault_and_any_body_is_admitted_or_not(policy in like_a_policy(), body in like_a_policy()) {
        for scope in [Scope::Attributes, Scope::Body] {
            if let Ok(policy) = Policy::parse(&policy.to_string(), scope) {
                policy.admits_body(&body.to_string());
            }
        }
    }

    #[test]
    fn a_value_is_admitted_by_exactly_one_of_is_and_anything_but(word in "[a-c]{1,3}", other in "[a-c]{1,3}") {
        let message = json!({ "k": word });
        let (is, is_not) = (json!({"k": [other]}), json!({"k": [{"anything-but": [other]}]}));
        prop_assert_ne!(admits(&is, &message), admits(&is_not, &message));
        prop_assert_eq!(admits(&is, &message), word == other);
    }

    #[test]
    fn numbers_are_admitted_by_ranges_they_lie_in(low in -1000_i32..1000, width in 1_i32..100, number in -1200_i32..1200) {
        let policy = json!({"n": [{"numeric": [">=", low, "<", low + width]}]});
        let message = json!({ "n": number });
        prop_assert_eq!(admits(&policy, &message), (low..low + width).contains(&number));
    }

    #[test]
    fn a_wildcard_admits_what_it_was_made_from(text in "[a-c]{0,8}", at in 0_usize..9, to in 0_usize..9) {
        let (at, to) = (at.min(text.len()), to.min(text.len()));
        let (at, to) = (at.min(to), at.max(to));
        let pattern = format!("{}*{}", &text[..at], &text[to..]);
        let policy = json!({"t": [{ "wildcard": pattern }]});
        let message = json!({ "t": text });
        prop_assert!(admits(&policy, &message));
    }
}
