//! A workflow file beside what the store holds.

use std::collections::BTreeMap;
use std::fmt;

use crate::resource::{Kind, Owner, Resource};

/// One thing to do. Printed, it is a line of the plan: `+ channel main (test pattern, 480p30)`, `~ channel main: ladder, window changed`,
/// `- channel old`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is not there.
    Create(Resource),
    /// It is there, and these fields differ: added, changed or gone.
    Change {
        /// What it is to be.
        to: Resource,
        /// The names of the fields, in their order.
        fields: Vec<String>,
    },
    /// The file made it once, and has it no more.
    Remove {
        /// What it is.
        kind: Kind,
        /// Its name.
        name: String,
    },
}

/// The file asks for a resource which an API made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{kind} {name} was made by an API, and a file changes only what it made itself: give the file's another name, or delete it by the API"
)]
pub struct NotTheFiles {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
}

/// What to do so that the file's resources are as `wanted` (each kind and name once) says; nothing where they are. `there` is
/// all the store holds, tombstones left out. What needs others is made after and removed before them; removals come last, so that a
/// channel that changes to another input lets go of its old one first.
pub fn diff(wanted: &[Resource], there: &[Resource]) -> Result<Vec<Step>, NotTheFiles> {
    let known: BTreeMap<_, _> = there.iter().map(|resource| (which(resource), resource)).collect();
    let wanted: BTreeMap<_, _> = wanted.iter().map(|resource| (which(resource), resource)).collect();
    let mut steps = Vec::new();
    for (which, want) in &wanted {
        match known.get(which) {
            None => steps.push(Step::Create(Resource { owner: Owner::File, ..(*want).clone() })),
            Some(Resource { owner: Owner::Api, kind, name, .. }) => {
                return Err(NotTheFiles { kind: *kind, name: name.clone() });
            }
            Some(is) => {
                let fields = differing(&is.fields, &want.fields);
                if !fields.is_empty() {
                    steps.push(Step::Change {
                        to: Resource { owner: Owner::File, ..(*want).clone() },
                        fields,
                    });
                }
            }
        }
    }
    for (which, is) in known.iter().rev() {
        if is.owner == Owner::File && !wanted.contains_key(which) {
            steps.push(Step::Remove { kind: is.kind, name: is.name.clone() });
        }
    }
    Ok(steps)
}

fn which(resource: &Resource) -> (Kind, &str) {
    (resource.kind, &resource.name)
}

fn differing(is: &BTreeMap<String, String>, want: &BTreeMap<String, String>) -> Vec<String> {
    let mut fields: Vec<String> =
        is.keys().chain(want.keys()).filter(|field| is.get(*field) != want.get(*field)).cloned().collect();
    fields.sort_unstable();
    fields.dedup();
    fields
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(Resource { kind, name, about, .. }) if about.is_empty() => {
                write!(f, "+ {kind} {name}")
            }
            Self::Create(Resource { kind, name, about, .. }) => write!(f, "+ {kind} {name} ({about})"),
            Self::Change { to, fields } => {
                write!(f, "~ {} {}: {} changed", to.kind, to.name, fields.join(", "))
            }
            Self::Remove { kind, name } => write!(f, "- {kind} {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    const KINDS: [Kind; 7] = [
        Kind::Topic,
        Kind::Input,
        Kind::OriginChannel,
        Kind::Channel,
        Kind::Endpoint,
        Kind::Distribution,
        Kind::Alarm,
    ];

    /// `channel main ladder=a window=1`, a line each; `!` in front: an API's.
    fn read(text: &str) -> Vec<Resource> {
        let resource = |line: &str| {
            let (owner, line) = line.strip_prefix('!').map_or((Owner::File, line), |line| (Owner::Api, line));
            let mut words = line.split_whitespace();
            let kind = words.next().expect("a kind");
            Resource {
                kind: KINDS.into_iter().find(|known| known.to_string() == kind).expect("a kind"),
                name: words.next().expect("a name").to_owned(),
                owner,
                fields: words
                    .filter_map(|word| word.split_once('='))
                    .map(|(k, v)| (k.into(), v.into()))
                    .collect(),
                about: String::new(),
            }
        };
        text.lines().map(resource).collect()
    }

    fn check(wanted: &str, there: &str, plan: Expect) {
        let steps = diff(&read(wanted), &read(there));
        plan.assert_eq(&match steps {
            Ok(steps) => steps.iter().map(|step| format!("{step}\n")).collect(),
            Err(refused) => refused.to_string(),
        });
    }

    #[test]
    fn a_plan_says_what_is_made_what_changes_and_what_goes() {
        check(
            "channel main ladder=b window=1\nchannel new\ninput cam",
            "channel main ladder=a audio=x window=1\nchannel old\ninput cam",
            expect![[r#"
                ~ channel main: audio, ladder changed
                + channel new
                - channel old
            "#]],
        );
    }

    #[test]
    fn what_is_made_says_what_it_is_of_in_words_that_make_no_difference() {
        let mut one = read("channel main ladder=a");
        one[0].about = "test pattern".to_owned();
        let step = Step::Create(one[0].clone());
        assert_eq!(step.to_string(), "+ channel main (test pattern)");
        assert_eq!(diff(&one, &read("channel main ladder=a")), Ok(Vec::new()));
    }

    #[test]
    fn a_file_that_is_applied_already_has_nothing_to_do() {
        check("channel main ladder=a", "channel main ladder=a", expect![[""]]);
    }

    #[test]
    fn what_needs_others_is_made_after_and_removed_before_them() {
        check(
            "distribution d\nendpoint e\nchannel c\ninput i",
            "input old\nchannel old\nendpoint old\ndistribution old",
            expect![[r#"
                + input i
                + channel c
                + endpoint e
                + distribution d
                - distribution old
                - endpoint old
                - channel old
                - input old
            "#]],
        );
    }

    #[test]
    fn what_an_api_made_stays_and_is_not_taken_over() {
        check("channel main", "!channel studio ladder=x\nchannel main", expect![[""]]);
        check(
            "channel studio",
            "!channel studio ladder=x",
            expect![
                "channel studio was made by an API, and a file changes only what it made itself: give the file's another name, or delete it by the API"
            ],
        );
    }

    fn resources(owner: impl Strategy<Value = Owner> + Clone) -> impl Strategy<Value = Vec<Resource>> {
        let fields = proptest::collection::btree_map("[ab]", "[01]", 0..3);
        let one = (0..KINDS.len(), "[a-c]", owner, fields).prop_map(|(kind, name, owner, fields)| Resource {
            kind: KINDS[kind],
            name,
            owner,
            fields,
            about: String::new(),
        });
        proptest::collection::vec(one, 0..12).prop_map(|mut all| {
            all.sort_by(|a, b| which(a).cmp(&which(b)));
            all.dedup_by(|a, b| which(a) == which(b));
            all
        })
    }

    proptest! {
        #[test]
        fn a_plan_that_is_done_leaves_what_was_wanted_what_apis_made_and_nothing_to_do(
            wanted in resources(Just(Owner::File)),
            there in resources(prop_oneof![Just(Owner::File), Just(Owner::Api)]),
        ) {
            let of_apis = |resource: &&Resource| resource.owner == Owner::Api;
            let taken = there.iter().filter(of_apis).any(|api| wanted.iter().any(|want| which(want) == which(api)));
            let Ok(steps) = diff(&wanted, &there) else {
                prop_assert!(taken);
                return Ok(());
            };
            prop_assert!(!taken);
            let mut now = there.clone();
            for step in &steps {
                match step {
                    Step::Create(made) => {
                        prop_assert!(now.iter().all(|is| which(is) != which(made)));
                        now.push(made.clone());
                    }
                    Step::Change { to, .. } => {
                        let is = now.iter_mut().find(|is| which(is) == which(to)).expect("it is there");
                        prop_assert_ne!(&*is, to);
                        *is = to.clone();
                    }
                    Step::Remove { kind, name } => {
                        let at = now.iter().position(|is| which(is) == (*kind, name)).expect("it is there");
                        prop_assert_eq!(now.remove(at).owner, Owner::File);
                    }
                }
            }
            now.sort_by(|a, b| which(a).cmp(&which(b)));
            let (apis, files): (Vec<_>, Vec<_>) = now.iter().cloned().partition(|is| is.owner == Owner::Api);
            prop_assert_eq!(files, wanted.clone());
            prop_assert_eq!(apis, there.iter().filter(of_apis).cloned().collect::<Vec<_>>());
            prop_assert_eq!(diff(&wanted, &now), Ok(Vec::new()));
        }
    }
}
