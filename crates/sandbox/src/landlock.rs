//! No path may be opened and no port connected or bound: landlock with no rule that allows one.

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetStatus, Scope,
};

use crate::Fault;

/// The newest rules known here (Linux 6.12); an older kernel enforces those it has.
const NEWEST: ABI = ABI::V6;

/// Restricts this thread and those it will start. Descriptors that are open stay what they are.
pub(crate) fn restrict() -> Result<(), Fault> {
    let fault = Fault::at("landlock");
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(NEWEST)))
        .and_then(|rules| rules.scope(Scope::from_all(NEWEST)))
        .and_then(Ruleset::create)
        .and_then(|rules| rules.restrict_self())
        .map_err(&fault)?;
    match status.ruleset {
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
        RulesetStatus::NotEnforced => {
            Err(Fault { what: "landlock", why: "this kernel has none (Linux 5.13 and later do)".to_owned() })
        }
    }
}
