//! The workflow file as what is wanted: `headwater plan` says what it would change, `headwater apply` changes it while everything runs.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{bail, ensure};
use control::{FileFault, Step};
use spec::Workflow;

use crate::cli::{Apply, Plan};
use crate::control as role;
use crate::plan::Layout;
use crate::role::RELOAD;
use crate::supervise::{DEFAULT_FILE, control as desk, write_for_owner};
use crate::workflow;

/// How long `headwater up` waits for a store to say what the file changes. What is on air must not wait for a database.
const PATIENCE: Duration = Duration::from_secs(2);
/// The status of `plan --exit-code` where there is something to do; 1 are faults, 2 words that are not understood.
const CHANGES: u8 = 3;

/// Prints what `up` or `apply` would do with a file.
pub(crate) fn plan(options: &Plan) -> anyhow::Result<ExitCode> {
    let loaded = workflow::from_file(&file(options.file.as_deref()), None)?;
    ensure!(
        loaded.workflow.listen.control.is_some(),
        "[listen] control is \"off\": what the file has runs, and nothing is kept that it could change"
    );
    let layout = Layout::under(&options.data);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let steps = runtime.block_on(steps(&loaded.workflow, &layout, &loaded.text))?;
    print!("{}", words(&steps));
    match steps.is_empty() || !options.exit_code {
        true => Ok(ExitCode::SUCCESS),
        false => Ok(ExitCode::from(CHANGES)),
    }
}

/// Gives a file to the `headwater up` that runs; prints what that changed.
pub(crate) fn apply(options: &Apply) -> anyhow::Result<()> {
    let loaded = workflow::from_file(&file(options.file.as_deref()), None)?;
    let layout = Layout::under(&options.data);
    let socket = layout.role_reload("control");
    if !socket.exists() {
        bail!(
            "no `headwater up` with a control role was started with --data {}; `headwater up FILE` applies the file as it starts",
            options.data.display()
        );
    }
    write_for_owner(&layout.next_file(), &loaded.text)?;
    println!("{}", desk::ask(&socket, RELOAD)?);
    Ok(())
}

/// For `up`: what the file is about to change. A file that asks for what an API has made is refused; a store that does not answer
/// is none of the media's business.
pub(crate) async fn announced(workflow: &Workflow, layout: &Layout, text: &str) -> anyhow::Result<String> {
    match tokio::time::timeout(PATIENCE, steps(workflow, layout, text)).await {
        Ok(Ok(steps)) => Ok(words(&steps)),
        Ok(Err(fault)) if matches!(fault.downcast_ref(), Some(FileFault::Taken(_))) => Err(fault),
        Ok(Err(fault)) => {
            Ok(format!("plan       not known: {fault:#}; the file is applied once that is over\n"))
        }
        Err(_) => {
            Ok("plan       not known: the store does not answer; the file is applied once it does\n"
                .to_owned())
        }
    }
}

async fn steps(workflow: &Workflow, layout: &Layout, text: &str) -> anyhow::Result<Vec<Step>> {
    let store = role::existing(workflow, layout).await?;
    let steps = control::plan_file(store.as_ref(), layout.data(), text).await;
    if let Some(store) = store {
        store.close().await;
    }
    steps.map_err(Into::into)
}

/// A plan for people.
pub(crate) fn words(steps: &[Step]) -> String {
    if steps.is_empty() {
        return "plan       no changes\n".to_owned();
    }
    let count = |is: fn(&Step) -> bool| steps.iter().filter(|step| is(step)).count();
    let mut text = format!(
        "plan       {} to make, {} to change, {} to remove\n",
        count(|step| matches!(step, Step::Create(_))),
        count(|step| matches!(step, Step::Change { .. })),
        count(|step| matches!(step, Step::Remove { .. })),
    );
    for step in steps {
        writeln!(text, "  {step}").expect("strings take text");
    }
    text
}

fn file(named: Option<&Path>) -> PathBuf {
    named.unwrap_or(Path::new(DEFAULT_FILE)).to_owned()
}
