//! Hands a process the sockets and files that its job names, so that it need open none.
//!
//! The supervisor holds one end of a [`pair`] and answers with [`serve`]; the process holds the other, as its standard
//! output, and asks by a [`Client`]. Messages are [`wire::broker`]'s; a descriptor travels beside the answer.

mod client;
mod line;
mod server;

pub use client::Client;
pub use line::pair;
pub use server::serve;

#[cfg(test)]
mod tests;
