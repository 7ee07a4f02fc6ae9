//! Lists whose `Quantity` is not the number of their `Items`.

use aws::{Error, Map, Value};

/// Refuses them wherever they are.
pub(crate) fn check(map: &Map) -> Result<(), Error> {
    look(map, "")
}

fn look(map: &Map, path: &str) -> Result<(), Error> {
    let items = map.get("Items").and_then(Value::as_list).map_or(0, <[Value]>::len);
    if let Some(Value::Integer(quantity)) = map.get("Quantity")
        && *quantity != items as i128
    {
        return Err(Error::new(
            "InconsistentQuantities",
            format!(
                "The value of Quantity and the size of Items don't match: {path} says {quantity} and has {items}."
            ),
        ));
    }
    for (key, value) in map.iter() {
        let path = if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
        match value {
            Value::Map(inner) => look(inner, &path)?,
            Value::List(list) => {
                for inner in list.iter().filter_map(Value::as_map) {
                    look(inner, &path)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}
