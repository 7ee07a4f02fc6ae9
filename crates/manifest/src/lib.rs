//! One timeline, rendered as HLS and DASH.
