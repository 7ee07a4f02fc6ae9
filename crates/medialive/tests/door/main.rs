//! The door as clients meet it: requests by HTTP's form, on a store of their own.

mod any_calls;
mod channels;
mod home;
mod inputs;
mod others;
mod running;
mod schedule;
mod tags;
