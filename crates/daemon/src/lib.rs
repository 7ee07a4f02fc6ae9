//! What every role process needs: logs, metrics, listeners, drain.
