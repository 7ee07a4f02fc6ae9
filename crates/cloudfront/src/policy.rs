//! The kinds of policies, and which operation does what to which.

/// A kind of policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// What is in a cache's key, and how long things stay.
    Cache,
    /// What else an origin is told.
    OriginRequest,
    /// What is done to answers' header fields.
    ResponseHeaders,
    /// How requests to an origin are signed.
    AccessControl,
}

/// What is done to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// `Create…`
    Create,
    /// `Get…`
    Get,
    /// `Get…Config`
    GetConfig,
    /// `List…`
    List,
    /// `Update…`
    Update,
    /// `Delete…`
    Delete,
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Self; 4] =
        [Self::Cache, Self::OriginRequest, Self::ResponseHeaders, Self::AccessControl];

    /// What an operation does to which kind.
    pub(crate) fn of(operation: &str) -> Option<(Self, Verb)> {
        Self::ALL.into_iter().find_map(|kind| {
            let (one, many) = (kind.word(), kind.plural());
            let verb = match operation {
                _ if operation == format!("List{many}") => Verb::List,
                _ => match operation.strip_suffix("Config").unwrap_or(operation).split_once(one)? {
                    ("Get", "") if operation.ends_with("Config") => Verb::GetConfig,
                    _ if operation.ends_with("Config") => return None,
                    ("Create", "") => Verb::Create,
                    ("Get", "") => Verb::Get,
                    ("Update", "") => Verb::Update,
                    ("Delete", "") => Verb::Delete,
                    _ => return None,
                },
            };
            Some((kind, verb))
        })
    }

    /// As members of requests and answers are called.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Cache => "CachePolicy",
            Self::OriginRequest => "OriginRequestPolicy",
            Self::ResponseHeaders => "ResponseHeadersPolicy",
            Self::AccessControl => "OriginAccessControl",
        }
    }

    /// The structure with what is wanted of one.
    pub(crate) const fn config(self) -> &'static str {
        match self {
            Self::Cache => "CachePolicyConfig",
            Self::OriginRequest => "OriginRequestPolicyConfig",
            Self::ResponseHeaders => "ResponseHeadersPolicyConfig",
            Self::AccessControl => "OriginAccessControlConfig",
        }
    }

    /// The list of them in an answer.
    pub(crate) const fn list(self) -> &'static str {
        match self {
            Self::Cache => "CachePolicyList",
            Self::OriginRequest => "OriginRequestPolicyList",
            Self::ResponseHeaders => "ResponseHeadersPolicyList",
            Self::AccessControl => "OriginAccessControlList",
        }
    }

    const fn plural(self) -> &'static str {
        match self {
            Self::Cache => "CachePolicies",
            Self::OriginRequest => "OriginRequestPolicies",
            Self::ResponseHeaders => "ResponseHeadersPolicies",
            Self::AccessControl => "OriginAccessControls",
        }
    }

    /// The path of one, for `Location`.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Cache => "cache-policy",
            Self::OriginRequest => "origin-request-policy",
            Self::ResponseHeaders => "response-headers-policy",
            Self::AccessControl => "origin-access-control",
        }
    }

    /// As the store calls them.
    pub(crate) const fn stored(self) -> &'static str {
        match self {
            Self::Cache => "cloudfront-cache-policy",
            Self::OriginRequest => "cloudfront-origin-request-policy",
            Self::ResponseHeaders => "cloudfront-response-headers-policy",
            Self::AccessControl => "cloudfront-origin-access-control",
        }
    }

    /// The member of an origin or behaviour that names one.
    pub(crate) const fn reference(self) -> &'static str {
        match self {
            Self::Cache => "CachePolicyId",
            Self::OriginRequest => "OriginRequestPolicyId",
            Self::ResponseHeaders => "ResponseHeadersPolicyId",
            Self::AccessControl => "OriginAccessControlId",
        }
    }

    /// The exception for one that is not there.
    pub(crate) const fn missing(self) -> &'static str {
        match self {
            Self::Cache => "NoSuchCachePolicy",
            Self::OriginRequest => "NoSuchOriginRequestPolicy",
            Self::ResponseHeaders => "NoSuchResponseHeadersPolicy",
            Self::AccessControl => "NoSuchOriginAccessControl",
        }
    }

    /// The exception for a name that is another's.
    pub(crate) const fn exists(self) -> &'static str {
        match self {
            Self::Cache => "CachePolicyAlreadyExists",
            Self::OriginRequest => "OriginRequestPolicyAlreadyExists",
            Self::ResponseHeaders => "ResponseHeadersPolicyAlreadyExists",
            Self::AccessControl => "OriginAccessControlAlreadyExists",
        }
    }

    /// The exception for one that a distribution uses.
    pub(crate) const fn in_use(self) -> &'static str {
        match self {
            Self::Cache => "CachePolicyInUse",
            Self::OriginRequest => "OriginRequestPolicyInUse",
            Self::ResponseHeaders => "ResponseHeadersPolicyInUse",
            Self::AccessControl => "OriginAccessControlInUse",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_operations_belong_to_each_kind() {
        let model = aws::Model::bundled();
        let service = model.service("cloudfront").expect("bundled");
        for kind in Kind::ALL {
            let found: Vec<_> = service
                .operations()
                .iter()
                .filter_map(|one| Kind::of(one.name))
                .filter(|(of, _)| *of == kind)
                .collect();
            assert_eq!(found.len(), 6, "{kind:?} {found:?}");
            assert!(service.shape_named(kind.missing()).is_some(), "{kind:?}");
            assert!(service.shape_named(kind.exists()).is_some(), "{kind:?}");
            assert!(service.shape_named(kind.in_use()).is_some(), "{kind:?}");
            assert!(service.shape_named(kind.config()).is_some(), "{kind:?}");
            assert!(service.shape_named(kind.list()).is_some(), "{kind:?}");
        }
    }
}
