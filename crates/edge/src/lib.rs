//! The caching edge viewers talk to.
