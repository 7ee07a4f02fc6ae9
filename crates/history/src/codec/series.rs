//! Which series: a metric and a unit.

use metric::{Dimension, Metric, Unit};

use super::bytes::{Reader, put_text, put_varint};

/// Values of one metric in one unit.
pub(crate) type Series = (Metric, Unit);

pub(crate) fn put_series(metric: &Metric, unit: Unit, out: &mut Vec<u8>) {
    out.push(unit.number());
    put_text(metric.namespace(), out);
    put_text(metric.name(), out);
    put_varint(metric.dimensions().len() as u64, out);
    for dimension in metric.dimensions() {
        put_text(&dimension.name, out);
        put_text(&dimension.value, out);
    }
}

pub(crate) fn take_series(reader: &mut Reader<'_>) -> Option<Series> {
    let unit = Unit::of_number(reader.byte()?)?;
    let (namespace, name) = (reader.text()?, reader.text()?);
    let count = usize::try_from(reader.varint()?).ok()?;
    if count > metric::identity::MAX_DIMENSIONS {
        return None;
    }
    let mut dimensions = Vec::with_capacity(count);
    for _ in 0..count {
        dimensions.push(Dimension { name: reader.text()?.to_owned(), value: reader.text()?.to_owned() });
    }
    Some((Metric::new(namespace, name, dimensions).ok()?, unit))
}
