//! What the native API has: the one table that is served and described.

use http::Method;
use identity::AccountId;

use super::SERVICE;
use crate::asker::Effect;

/// What a route does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    OpenApi,
    Status,
    Resources,
    Events,
    ListChannels,
    GetChannel,
    PutChannel,
    PatchChannel,
    DeleteChannel,
    StartChannel,
    StopChannel,
}

/// A method of a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) method: &'static str,
    /// With `{name}` for a segment that is a name.
    pub(crate) path: &'static str,
    pub(crate) operation: Operation,
    /// The action that policies allow or deny, without the service: `GetChannel`.
    pub(crate) permission: &'static str,
    pub(crate) summary: &'static str,
    /// Query parameters.
    pub(crate) query: &'static [&'static str],
    /// What a good answer is, by status: the schema's name, or nothing.
    pub(crate) answers: &'static [(u16, Option<&'static str>)],
    /// The body's media type and schema.
    pub(crate) body: Option<(&'static str, &'static str)>,
    /// Takes `If-Match`.
    pub(crate) is_conditional: bool,
}

const READ: Route = Route {
    method: "GET",
    path: "",
    operation: Operation::Status,
    permission: "",
    summary: "",
    query: &[],
    answers: &[],
    body: None,
    is_conditional: false,
};
const CHANGE: Route = Route { is_conditional: true, ..READ };

/// Every route.
pub(crate) static ROUTES: [Route; 11] = [
    Route {
        path: "/v1/openapi.json",
        operation: Operation::OpenApi,
        permission: "GetApiDescription",
        summary: "This description",
        answers: &[(200, Some("Object"))],
        ..READ
    },
    Route {
        path: "/v1/status",
        operation: Operation::Status,
        permission: "GetStatus",
        summary: "What runs, what was left out and why, up to which revision",
        answers: &[(200, Some("Status"))],
        ..READ
    },
    Route {
        path: "/v1/resources",
        operation: Operation::Resources,
        permission: "ListResources",
        summary: "Resources of every door, or of one kind: names and states, to be read only",
        query: &["kind", "limit", "after"],
        answers: &[(200, Some("ResourcePage"))],
        ..READ
    },
    Route {
        path: "/v1/events",
        operation: Operation::Events,
        permission: "ListEvents",
        summary: "Changes as server-sent events, from a revision on (`since`, or Last-Event-ID), else from now",
        query: &["since"],
        answers: &[(200, None)],
        ..READ
    },
    Route {
        path: "/v1/channels",
        operation: Operation::ListChannels,
        permission: "ListChannels",
        summary: "Channels by name, without their settings",
        query: &["limit", "after"],
        answers: &[(200, Some("ChannelPage"))],
        ..READ
    },
    Route {
        path: "/v1/channels/{name}",
        operation: Operation::GetChannel,
        permission: "GetChannel",
        summary: "A channel: its settings and how it is",
        answers: &[(200, Some("Channel"))],
        ..READ
    },
    Route {
        method: "PUT",
        path: "/v1/channels/{name}",
        operation: Operation::PutChannel,
        permission: "PutChannel",
        summary: "Makes a channel, which starts, or gives it these settings. `If-None-Match: *` only makes",
        answers: &[(201, Some("Channel")), (200, Some("Channel"))],
        body: Some(("application/json", "ChannelSettings")),
        ..CHANGE
    },
    Route {
        method: "PATCH",
        path: "/v1/channels/{name}",
        operation: Operation::PatchChannel,
        permission: "PutChannel",
        summary: "Changes some settings of a channel (RFC 7396)",
        answers: &[(200, Some("Channel"))],
        body: Some(("application/merge-patch+json", "ChannelPatch")),
        ..CHANGE
    },
    Route {
        method: "DELETE",
        path: "/v1/channels/{name}",
        operation: Operation::DeleteChannel,
        permission: "DeleteChannel",
        summary: "Stops and removes a channel",
        answers: &[(204, None)],
        ..CHANGE
    },
    Route {
        method: "POST",
        path: "/v1/channels/{name}/start",
        operation: Operation::StartChannel,
        permission: "StartChannel",
        summary: "Starts a channel; one that is started stays so",
        answers: &[(200, Some("Channel"))],
        ..CHANGE
    },
    Route {
        method: "POST",
        path: "/v1/channels/{name}/stop",
        operation: Operation::StopChannel,
        permission: "StopChannel",
        summary: "Stops a channel; one that is stopped stays so",
        answers: &[(200, Some("Channel"))],
        ..CHANGE
    },
];

/// What a method and path lead to.
pub(crate) enum Found<'p> {
    /// A route, and what its `{name}` is.
    Route(&'static Route, &'p str),
    /// There is that path, with these methods.
    OtherMethods(String),
    Nothing,
}

/// Finds a route; `HEAD` is `GET` whose body is not sent.
pub(crate) fn find<'p>(method: &Method, path: &'p str) -> Found<'p> {
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    let mut others = Vec::new();
    for route in &ROUTES {
        let Some(name) = matched(route.path, path) else { continue };
        if route.method == method {
            return Found::Route(route, name);
        }
        others.push(route.method);
    }
    if others.is_empty() { Found::Nothing } else { Found::OtherMethods(others.join(", ")) }
}

/// What `{name}` is, where the path is the template's; nothing where that has none.
fn matched<'p>(template: &str, path: &'p str) -> Option<&'p str> {
    let mut name = "";
    let mut segments = path.split('/');
    for expected in template.split('/') {
        let segment = segments.next()?;
        match expected {
            "{name}" => name = segment,
            _ if expected == segment => {}
            _ => return None,
        }
    }
    segments.next().is_none().then_some(name)
}

impl Route {
    pub(crate) fn effect(&self) -> Effect {
        if self.method == "GET" { Effect::Reads } else { Effect::Changes }
    }

    /// What the audit log calls it.
    pub(crate) fn action(&self) -> String {
        format!("{SERVICE}:{}", self.permission)
    }

    /// The ARN of what it is about; `None` where that is nothing in particular.
    pub(crate) fn subject(&self, account: &AccountId, name: &str) -> Option<String> {
        self.path.contains("{name}").then(|| channel_arn(account, name))
    }
}

/// A channel's ARN.
pub(crate) fn channel_arn(account: &AccountId, name: &str) -> String {
    format!("arn:aws:{SERVICE}::{account}:channel/{name}")
}
