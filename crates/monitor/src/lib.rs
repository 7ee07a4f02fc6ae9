//! Amazon CloudWatch's part: the running system's figures as metrics, alarms that run, the API's door.
//!
//! [`Publisher::scrape`] reads the supervisor's page of figures and gives samples under the names that AWS gives them
//! ([`publish`]: pure). Whoever calls it puts them into a [`history::History`], where PutMetricData's land too. [`Alarms`] keeps
//! the alarms that the store holds, judges each when its time has come, and runs what a change of state asks for through
//! [`Actions`]. [`CloudWatch`] is the door of the service `cloudwatch` to all of it.
//!
//! There is one set of metrics for the installation: the region in a call's signature tells alarms apart, not metrics.
#![forbid(unsafe_code)]

pub mod alarms;
mod cloudwatch;
pub mod publish;
mod read;

pub use alarms::{Actions, Alarms};
pub use cloudwatch::CloudWatch;
pub use publish::{Names, Package, Publisher, Subjects};
