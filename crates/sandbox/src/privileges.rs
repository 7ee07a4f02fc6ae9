//! No privileges, none to be gained, nobody to look into the process, and no life without its parent.

use rustix::process::{DumpableBehavior, Signal, set_dumpable_behavior, set_parent_process_death_signal};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs};

use crate::Fault;

/// Drops them all.
pub(crate) fn drop_all() -> Result<(), Fault> {
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    set_capabilities(None, sets).map_err(Fault::at("drop capabilities"))?;
    set_no_new_privs(true).map_err(Fault::at("no new privileges"))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(Fault::at("no core and no debugger"))?;
    // After the namespaces: a change of credentials takes it back.
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(Fault::at("end with the parent"))
}
