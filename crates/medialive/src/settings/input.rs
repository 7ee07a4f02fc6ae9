//! Settings of inputs and of input security groups.

use super::Row;
use super::Rule::{self, Done, Kept, Only, Refused};

const NO_SECRETS: Rule = Refused(
    "there is no store of passwords for inputs here; put the password into the URL where the protocol has it there",
);
const NO_PASSPHRASE: Rule = Refused("passphrases in a secret are not implemented; leave Decryption out");

pub(super) const ROWS: &[Row] = &[
    ("CreateInputRequest", INPUT),
    ("UpdateInputRequest", INPUT),
    ("InputDestinationRequest", &[("StreamName", Done)]),
    ("InputSourceRequest", &[("PasswordParam", NO_SECRETS), ("Url", Done), ("Username", NO_SECRETS)]),
    ("SrtSettingsRequest", &[("SrtCallerSources", Done), ("SrtListenerSettings", Done)]),
    (
        "SrtCallerSourceRequest",
        &[
            ("Decryption", NO_PASSPHRASE),
            ("MinimumLatency", Done),
            ("SrtListenerAddress", Done),
            ("SrtListenerPort", Done),
            ("StreamId", Done),
        ],
    ),
    (
        "SrtListenerSettingsRequest",
        &[("Decryption", NO_PASSPHRASE), ("MinimumLatency", Done), ("StreamId", Done)],
    ),
];

const INPUT: &[(&str, Rule)] = &[
    ("Destinations", Done),
    ("InputId", Done),
    ("InputNetworkLocation", Only(&["AWS"])),
    ("InputSecurityGroups", Done),
    ("Name", Done),
    ("RequestId", Done),
    ("RoleArn", Kept("nothing is reached in a role's name")),
    ("Sources", Done),
    ("SrtSettings", Done),
    ("Tags", Done),
    ("Type", Done),
    ("Vpc", Refused("there are no VPCs here; leave it out")),
];
