//! Bodies of each format to values and back, led by the descriptions.
//!
//! What the description does not know is passed over, as AWS does; what has another type than it says is a [`Fault`].

pub(crate) mod cbor;
pub(crate) mod json;
pub(crate) mod query;
pub(crate) mod scalar;
pub(crate) mod xml;

use crate::limits::Exceeded;

/// Why bytes are no value of a description's type, or a value cannot be written as one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub(crate) String);

impl Fault {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl From<Exceeded> for Fault {
    fn from(exceeded: Exceeded) -> Self {
        Self(exceeded.to_string())
    }
}

#[cfg(test)]
mod tests {
    use media::Utc;
    use proptest::prelude::*;

    use super::*;
    use crate::limits::{Budget, Limits};
    use crate::model::{Kind, Location, Model, Ref, Service, Structure};
    use crate::value::{Map, Value};

    /// Values of a shape, from a seed. Lists and maps are never empty, which flattened ones cannot say.
    struct Maker<'s> {
        service: &'s Service,
        state: u64,
    }

    impl Maker<'_> {
        fn next(&mut self, below: u64) -> u64 {
            self.state =
                self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.state >> 33) % below
        }

        fn structure(&mut self, structure: &Structure, depth: usize) -> Map {
            let mut map = Map::new();
            for member in structure.members.iter().filter(|member| member.target.location == Location::Body) {
                if self.next(3) == 0
                    && let Some(value) = self.value(&member.target, depth + 1)
                {
                    map.insert(member.name, value);
                }
            }
            map
        }

        fn value(&mut self, target: &Ref, depth: usize) -> Option<Value> {
            let service = self.service;
            let kind = &service.shape(target.shape).kind;
            if depth > 8 && matches!(kind, Kind::Structure(_) | Kind::List(_) | Kind::Map { .. }) {
                return None;
            }
            Some(match kind {
                Kind::Structure(structure) => self.structure(structure, depth).into(),
                Kind::List(element) => {
                    let list: Option<Vec<_>> =
                        (0..=self.next(2)).map(|_| self.value(element, depth + 1)).collect();
                    list?.into()
                }
                Kind::Map { value, .. } => Map::new().with("a <key>", self.value(value, depth + 1)?).into(),
                Kind::String { .. } => ["", "text", " <&>'\"\n", "é🎬"][self.next(4) as usize].into(),
                Kind::Boolean => (self.next(2) == 0).into(),
                Kind::Integer => [0, 23, -24, i32::MAX, i32::MIN][self.next(5) as usize].into(),
                Kind::Long => [0, 1 << 32, i64::MAX, i64::MIN][self.next(4) as usize].into(),
                Kind::Double => [0.5, -1e300, f64::INFINITY, 3.0][self.next(4) as usize].into(),
                Kind::Blob => Value::Blob(vec![self.next(256) as u8; self.next(5) as usize].into()),
                Kind::Timestamp => Utc(self.next(4_000_000_000) as i64 * 1_000_000 + 250_000).into(),
            })
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn what_is_written_is_read_again(seed: u64) {
            for service in Model::bundled().services() {
                for target in service.operations().iter().filter_map(|operation| operation.input.as_ref()).step_by(5) {
                    let structure = service.structure(target).expect("an input is a structure");
                    let value = Value::Map(Maker { service, state: seed }.structure(structure, 0));
                    let budget = || Budget::new(&Limits::default());

                    let body = json::write(service, target, &value).expect("it fits");
                    prop_assert_eq!(json::read(service, target, &body, &budget()), Ok(value.clone()));

                    let mut body = Vec::new();
                    cbor::write(service, target, &value, &mut body).expect("it fits");
                    prop_assert_eq!(cbor::read(service, target, &body, &budget()), Ok(value.clone()));

                    let mut body = String::new();
                    xml::write(service, target, "Root", &value, &mut body).expect("it fits");
                    let read = xml::parse(body.as_bytes(), &budget()).and_then(|root| xml::read(service, target, &root));
                    prop_assert_eq!(read, Ok(value));
                }
            }
        }

        #[test]
        fn any_bytes_are_a_value_or_a_fault(body: Vec<u8>) {
            let service = Model::bundled().service("cloudwatch").expect("it is bundled");
            let operation = service.operation("PutMetricData").expect("it is described");
            let target = operation.input.as_ref().expect("it has an input");
            let budget = Budget::new(&Limits::default());
            let _ = json::read(service, target, &body, &budget);
            let _ = cbor::read(service, target, &body, &budget);
            let _ = xml::parse(&body, &budget);
        }
    }
}
