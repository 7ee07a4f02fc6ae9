//! What a workflow file asks for and what is there → what to create, change and remove.
//!
//! Pure: no clock, socket or file. [`diff`] compares, and gives [`Step`]s in an order that never leaves a resource without what
//! it needs. It knows kinds, names and which fields differ, not what is in them.

mod diff;
mod resource;

pub use diff::{NotTheFiles, Step, diff};
pub use resource::{Kind, Owner, Resource};
