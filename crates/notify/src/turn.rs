//! A resource's document changed in one turn.

use aws::{Error, Map};
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{Call, Document, Expect, Key, Resource, Store};

use crate::fault;

/// Changes what `key`'s document says by `change`, which may refuse. Nothing else is changed in between.
///
/// # Errors
/// `missing` where there is no such resource, what `change` refuses with, and the store's faults.
pub(crate) async fn alter<D: Serialize + DeserializeOwned>(
    store: &Store,
    call: Call,
    key: &Key,
    missing: impl FnOnce() -> Error,
    change: impl FnOnce(&Resource, &mut D) -> Result<(), Error>,
) -> Result<Resource, Error> {
    let mut write = store.write(call).await.map_err(fault::store)?;
    let mut refused = None;
    let changed = async {
        let resource = write.resource(key).await?;
        let mut document: D = resource.desired.read()?;
        if let Err(error) = change(&resource, &mut document) {
            let message = error.message.clone();
            refused = Some(error);
            return Err(store::Error::Conflict(message));
        }
        write.change(key, Expect::Any, Document::of(&document)?).await
    }
    .await;
    write.settle(changed).await.map_err(|error| match (refused, error) {
        (Some(refused), _) => refused,
        (None, store::Error::NotFound(_)) => missing(),
        (None, error) => fault::store(error),
    })
}

/// A typed view of an input.
pub(crate) fn view<T: DeserializeOwned>(input: &Map) -> Result<T, Error> {
    // What passed `aws::validate` fits.
    input.view().map_err(|mismatch| {
        Error::new("InvalidParameterException", format!("Invalid parameter: {mismatch}"))
            .with_code("InvalidParameterValue")
    })
}

/// A JSON object as a type; an array, which would do for serde, is none.
pub(crate) fn object<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let map: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(text).map_err(|fault| fault.to_string())?;
    serde_json::from_value(map.into()).map_err(|fault| fault.to_string())
}

/// Text, true or false as attributes have it.
pub(crate) fn word(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}
