//! The origin: receives CMAF, keeps the window, renders HLS and DASH.
