//! HTTP caching as decisions: key, freshness, who leads and who follows.
