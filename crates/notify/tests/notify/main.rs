//! Topics, webhooks, mail and queues as their clients see them: calls come as HTTP requests, messages go to real receivers.

mod filters;
mod home;
mod mail;
mod queue_calls;
mod queues;
mod receiver;
mod topics;
mod webhooks;
