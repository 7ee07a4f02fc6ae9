//! What the native API is asked: that of this machine's `headwater up`, or one at a URL.

use std::io;

use anyhow::Context;
use api_client::{At, Client, Command, Error, Screen, Target, Whose};

use crate::control;

/// Does a command of the native API's.
pub(crate) fn run(command: &Command) -> anyhow::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")?;
    runtime.block_on(async {
        let at = command.at();
        let client = Client::new(target(at).await?)?;
        let (mut out, mut notes) = (io::stdout().lock(), io::stderr().lock());
        let mut screen = Screen::new(&mut out, &mut notes, at.json);
        match api_client::run(command, &client, &mut screen).await {
            // `headwater channel ls | head` is no error.
            Err(Error::Output(fault)) if fault.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            done => Ok(done?),
        }
    })
}

/// Whom to ask, and as whom.
async fn target(at: &At) -> anyhow::Result<Target> {
    if let Some(url) = &at.endpoint {
        let (access_key, secret) = api_client::keys_of_environment()?;
        let (url, authorities) = (url.clone(), at.ca.clone());
        return Ok(Target { url, access_key, secret, authorities, whose: Whose::Caller });
    }
    let here = control::here(&at.data)
        .await
        .context("find the `headwater up` of this machine; another machine's is named with --endpoint URL")?;
    Ok(Target {
        url: format!("http://{}", here.address).parse().expect("an address and a port"),
        access_key: here.key.access_key.as_str().to_owned(),
        secret: here.key.secret_key,
        authorities: None,
        whose: Whose::Folder(at.data.clone()),
    })
}
