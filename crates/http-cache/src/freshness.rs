//! What of an origin's answer may be kept, and how long it is good.

use std::time::{Duration, Instant, SystemTime};

use http::header::{AGE, CONTENT_RANGE, DATE, EXPIRES, LAST_MODIFIED, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderName, StatusCode};

use crate::cache_control::{CacheControl, delta_seconds};

/// The operator's bounds on what origins say.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Longest a 4xx is kept: at the live edge a 404 turns into a 200 within a part's duration, and segments are
    /// at least a second long, so that half of one is not exceeded either.
    pub not_found_cap: Duration,
    /// Longest a 5xx is kept: enough to shield a failing origin from a herd.
    pub error_cap: Duration,
    /// Longest lifetime guessed from `Last-Modified` where the origin gives none (RFC 9111 §4.2.2).
    pub heuristic_cap: Duration,
    /// How long a stale immutable object (a segment) may stand in for a failing origin.
    pub immutable_if_error: Duration,
    /// How many freshness lifetimes any other object may do so. Playlists live half a target duration, so four make
    /// two target durations.
    pub lifetimes_if_error: u32,
    /// The most that those lifetimes add up to.
    pub if_error_cap: Duration,
    /// Bounds on what origins say of answers that are no errors; none: as they say.
    pub ttl: Option<Ttl>,
    /// How long errors of a status are kept at least, instead of the caps above.
    pub errors: Vec<(u16, Duration)>,
    /// The request's fields that are part of the key, so that an answer may vary by them.
    pub keyed: Vec<HeaderName>,
}

/// Bounds on how long answers are kept; `min` ≤ `default` ≤ `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ttl {
    /// From its arrival, even where the origin says less. More than zero, it is also kept where the origin says `no-cache`,
    /// `no-store` or `private`: whoever sets this knows that it is nobody's own.
    pub min: Duration,
    /// Where the origin says nothing.
    pub default: Duration,
    /// Even where the origin says more.
    pub max: Duration,
}

impl Rules {
    /// How long a fetch that failed with this status of the edge's own is remembered.
    pub fn failure(&self, status: u16) -> Duration {
        self.error(status).unwrap_or(self.error_cap)
    }

    fn error(&self, status: u16) -> Option<Duration> {
        self.errors.iter().find(|(known, _)| *known == status).map(|(_, least)| *least)
    }
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            not_found_cap: Duration::from_millis(500),
            error_cap: Duration::from_millis(500),
            heuristic_cap: Duration::from_secs(60),
            immutable_if_error: Duration::from_secs(24 * 3600),
            lifetimes_if_error: 4,
            if_error_cap: Duration::from_secs(60),
            ttl: None,
            errors: Vec::new(),
            keyed: Vec::new(),
        }
    }
}

/// Whether an answer is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Kept and shared.
    Store(Lifetime),
    /// For the one who asked.
    Pass(PassReason),
}

/// Why an answer is not shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PassReason {
    /// `no-store`.
    #[error("no-store")]
    NoStore,
    /// `private`.
    #[error("private")]
    Private,
    /// It sets a cookie, which is somebody's.
    #[error("set-cookie")]
    SetCookie,
    /// It varies by something other than `Accept-Encoding`, or by everything.
    #[error("vary")]
    Vary,
    /// A status that no cache may keep, or a part of an object nobody asked in parts.
    #[error("status")]
    Status,
}

/// How long a stored answer is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// Fresh while its age is below this.
    pub fresh: Duration,
    /// Its age when it arrived.
    pub age: Duration,
    /// When it arrived.
    pub arrived: Instant,
    /// How long past freshness it may be served while a newer one is fetched.
    pub while_revalidate: Duration,
    /// How long past freshness it may be served when the origin fails. Zero where the origin forbids stale answers.
    pub if_error: Duration,
}

impl Lifetime {
    /// RFC 9111 §4.2.3: age at arrival and the time since.
    pub fn age(&self, now: Instant) -> Duration {
        self.age + now.saturating_duration_since(self.arrived)
    }

    /// RFC 9111 §4.2: may be served without asking.
    pub fn is_fresh(&self, now: Instant) -> bool {
        self.age(now) < self.fresh
    }

    /// How long it will still be fresh; zero when it is not.
    pub fn left(&self, now: Instant) -> Duration {
        self.fresh.saturating_sub(self.age(now))
    }

    /// How long ago it stopped being fresh; zero when it has not.
    pub fn staleness(&self, now: Instant) -> Duration {
        self.age(now).saturating_sub(self.fresh)
    }

    /// May be served now while it is being revalidated.
    pub fn serves_while_revalidating(&self, now: Instant) -> bool {
        self.staleness(now) < self.while_revalidate
    }

    /// May be served now because the origin failed.
    pub fn serves_on_error(&self, now: Instant) -> bool {
        self.staleness(now) < self.if_error
    }

    /// Of no use to anybody any more, not even to be revalidated cheaply.
    pub fn is_dead(&self, now: Instant, keep_for_revalidation: Duration) -> bool {
        self.staleness(now) >= self.if_error.max(self.while_revalidate).max(keep_for_revalidation)
    }
}

/// Judges the answer to a GET that carried no header of the viewer's (so `Authorization` cannot matter), and that
/// asked for `identity` coding only (so an answer that varies by `Accept-Encoding` suits everybody). Where fields of the
/// viewer's are part of the key, [`Rules::keyed`] names them.
///
/// Age counts from the arrival of the head, plus the `Age` the origin gave. RFC 9111 §4.2.3 adds the time the request
/// took, as a bound on the network's delay; a blocked playlist reload is held for seconds and leaves the moment it is
/// made, so that bound would tell players that the newest playlist is old.
pub fn judge(
    rules: &Rules,
    status: StatusCode,
    headers: &HeaderMap,
    arrived: Instant,
    date_now: SystemTime,
) -> Verdict {
    let control = CacheControl::of(headers);
    let is_error = status.is_client_error() || status.is_server_error();
    let ttl = rules.ttl.filter(|_| !is_error);
    let kept_anyway = ttl.is_some_and(|ttl| ttl.min > Duration::ZERO);
    if control.no_store && !kept_anyway {
        return Verdict::Pass(PassReason::NoStore);
    }
    if control.private && !kept_anyway {
        return Verdict::Pass(PassReason::Private);
    }
    if headers.contains_key(SET_COOKIE) {
        return Verdict::Pass(PassReason::SetCookie);
    }
    if !varies_by_known_only(headers, &rules.keyed) {
        return Verdict::Pass(PassReason::Vary);
    }
    let partial = status == StatusCode::PARTIAL_CONTENT || headers.contains_key(CONTENT_RANGE);
    if partial || status.is_informational() || status == StatusCode::NOT_MODIFIED {
        return Verdict::Pass(PassReason::Status);
    }

    let age = headers.get(AGE).and_then(|value| value.to_str().ok()).map_or(Duration::ZERO, delta_seconds);
    let stated = stated_lifetime(&control, headers);
    let is_forbidden = control.no_cache || control.no_store || control.private;
    let fresh = if let Some(least) = rules.error(status.as_u16()).filter(|_| is_error) {
        stated.filter(|_| !is_forbidden).unwrap_or_default().max(age + least)
    } else if let Some(ttl) = ttl {
        let said = if is_forbidden { Duration::ZERO } else { stated.unwrap_or(ttl.default).min(ttl.max) };
        if ttl.min > Duration::ZERO { said.max(age + ttl.min) } else { said }
    } else if control.no_cache {
        Duration::ZERO
    } else if status.is_server_error() {
        stated.unwrap_or(rules.error_cap).min(rules.error_cap)
    } else if status.is_client_error() {
        let unsaid = match status {
            StatusCode::NOT_FOUND | StatusCode::GONE => rules.not_found_cap,
            _ => Duration::ZERO,
        };
        stated.unwrap_or(unsaid).min(rules.not_found_cap)
    } else {
        stated.unwrap_or_else(|| guessed_lifetime(rules, headers, date_now))
    };

    let never_stale =
        control.must_revalidate || control.no_cache || control.s_maxage.is_some() || !status.is_success();
    let (while_revalidate, if_error) = if never_stale {
        (Duration::ZERO, Duration::ZERO)
    } else {
        let unsaid = if control.immutable {
            rules.immutable_if_error
        } else {
            fresh.saturating_mul(rules.lifetimes_if_error).min(rules.if_error_cap)
        };
        (control.stale_while_revalidate.unwrap_or_default(), control.stale_if_error.unwrap_or(unsaid))
    };
    Verdict::Store(Lifetime { fresh, age, arrived, while_revalidate, if_error })
}

/// RFC 9111 §4.2.1: `s-maxage`, `max-age`, `Expires` less `Date`. A date that cannot be read has passed.
fn stated_lifetime(control: &CacheControl, headers: &HeaderMap) -> Option<Duration> {
    if let Some(lifetime) = control.s_maxage.or(control.max_age) {
        return Some(lifetime);
    }
    let expires = headers.get(EXPIRES)?;
    let read = |value: &http::HeaderValue| httpdate::parse_http_date(value.to_str().ok()?).ok();
    let lifetime = read(expires)
        .zip(headers.get(DATE).and_then(read))
        .and_then(|(expires, date)| expires.duration_since(date).ok());
    Some(lifetime.unwrap_or_default())
}

/// RFC 9111 §4.2.2: a tenth of the time since it last changed.
fn guessed_lifetime(rules: &Rules, headers: &HeaderMap, date_now: SystemTime) -> Duration {
    headers
        .get(LAST_MODIFIED)
        .and_then(|value| httpdate::parse_http_date(value.to_str().ok()?).ok())
        .and_then(|changed| date_now.duration_since(changed).ok())
        .map_or(Duration::ZERO, |unchanged| (unchanged / 10).min(rules.heuristic_cap))
}

fn varies_by_known_only(headers: &HeaderMap, keyed: &[HeaderName]) -> bool {
    let is_known = |name: &str| {
        name.is_empty()
            || name.eq_ignore_ascii_case("accept-encoding")
            || keyed.iter().any(|known| name.eq_ignore_ascii_case(known.as_str()))
    };
    headers
        .get_all(VARY)
        .iter()
        .all(|value| value.to_str().is_ok_and(|text| text.split(',').map(str::trim).all(is_known)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers(lines: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines.split('|').filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').unwrap();
            headers
                .append(http::HeaderName::try_from(name.trim()).unwrap(), value.trim().try_into().unwrap());
        }
        headers
    }

    fn judged(status: u16, lines: &str) -> Verdict {
        let status = StatusCode::from_u16(status).unwrap();
        let date_now = httpdate::parse_http_date("Sat, 21 Nov 2026 08:00:00 GMT").unwrap();
        judge(&Rules::default(), status, &headers(lines), Instant::now(), date_now)
    }

    fn check(status: u16, lines: &str, fresh_ms: u64, if_error_ms: u64) {
        match judged(status, lines) {
            Verdict::Store(lifetime) => {
                let found = (lifetime.fresh.as_millis() as u64, lifetime.if_error.as_millis() as u64);
                assert_eq!(found, (fresh_ms, if_error_ms), "{status} {lines}");
            }
            pass => panic!("{status} {lines}: {pass:?}"),
        }
    }

    #[test]
    fn segments_and_playlists_live_as_their_origin_says() {
        check(200, "cache-control: max-age=86400, immutable", 86_400_000, 86_400_000);
        check(200, "cache-control: max-age=1", 1_000, 4_000);
        check(200, "cache-control: max-age=3, stale-if-error=30", 3_000, 30_000);
        check(200, "cache-control: max-age=90", 90_000, 60_000);
        check(200, "cache-control: max-age=9, s-maxage=4", 4_000, 0);
        check(200, "cache-control: max-age=9, must-revalidate", 9_000, 0);
        check(200, "cache-control: no-cache, max-age=9", 0, 0);
        check(
            200,
            "date: Sat, 21 Nov 2026 08:00:00 GMT|expires: Sat, 21 Nov 2026 08:00:05 GMT",
            5_000,
            20_000,
        );
        check(200, "date: Sat, 21 Nov 2026 08:00:00 GMT|expires: 0", 0, 0);
        check(200, "last-modified: Sat, 21 Nov 2026 07:59:50 GMT", 1_000, 4_000);
        check(200, "last-modified: Sat, 21 Nov 2020 07:59:50 GMT", 60_000, 60_000);
        check(200, "", 0, 0);
    }

    #[test]
    fn errors_never_outlive_their_caps() {
        check(404, "", 500, 0);
        check(404, "cache-control: max-age=1", 500, 0);
        check(404, "cache-control: max-age=600", 500, 0);
        check(404, "cache-control: max-age=0", 0, 0);
        check(400, "", 0, 0);
        check(403, "cache-control: max-age=600", 500, 0);
        check(503, "", 500, 0);
        check(500, "cache-control: max-age=600", 500, 0);
        check(502, "cache-control: max-age=0", 0, 0);
    }

    #[test]
    fn what_is_one_viewers_is_not_shared() {
        assert_eq!(judged(200, "cache-control: no-store, max-age=5"), Verdict::Pass(PassReason::NoStore));
        assert_eq!(judged(200, "cache-control: private"), Verdict::Pass(PassReason::Private));
        assert_eq!(
            judged(200, "set-cookie: a=b|cache-control: max-age=5"),
            Verdict::Pass(PassReason::SetCookie)
        );
        assert_eq!(judged(200, "vary: *"), Verdict::Pass(PassReason::Vary));
        assert_eq!(judged(200, "vary: accept-encoding, user-agent"), Verdict::Pass(PassReason::Vary));
        assert_eq!(judged(206, "cache-control: max-age=5"), Verdict::Pass(PassReason::Status));
        assert_eq!(judged(304, "cache-control: max-age=5"), Verdict::Pass(PassReason::Status));
        check(200, "vary: Accept-Encoding|cache-control: max-age=5", 5_000, 20_000);
    }

    fn bounded(min: u64, default: u64, max: u64) -> Rules {
        let [min, default, max] = [min, default, max].map(Duration::from_secs);
        Rules { ttl: Some(Ttl { min, default, max }), ..Rules::default() }
    }

    fn fresh_s(rules: &Rules, status: u16, lines: &str) -> Option<u64> {
        let status = StatusCode::from_u16(status).unwrap();
        match judge(rules, status, &headers(lines), Instant::now(), SystemTime::now()) {
            Verdict::Store(lifetime) => Some(lifetime.fresh.as_secs()),
            Verdict::Pass(_) => None,
        }
    }

    #[test]
    fn bounds_hold_what_the_origin_says() {
        let free = bounded(0, 60, 100);
        assert_eq!(fresh_s(&free, 200, ""), Some(60));
        assert_eq!(fresh_s(&free, 200, "cache-control: max-age=9"), Some(9));
        assert_eq!(fresh_s(&free, 200, "cache-control: max-age=900"), Some(100));
        assert_eq!(fresh_s(&free, 200, "cache-control: no-cache"), Some(0));
        assert_eq!(fresh_s(&free, 200, "cache-control: no-store"), None);
        assert_eq!(fresh_s(&free, 301, ""), Some(60));
        assert_eq!(fresh_s(&free, 404, ""), Some(0), "half a second: bounds are not for errors");
        let least = bounded(5, 60, 100);
        assert_eq!(fresh_s(&least, 200, "cache-control: max-age=1"), Some(5));
        assert_eq!(fresh_s(&least, 200, "cache-control: max-age=1|age: 7"), Some(12), "from its arrival");
        assert_eq!(fresh_s(&least, 200, "cache-control: private, no-store"), Some(5));
        assert_eq!(
            fresh_s(&least, 200, "set-cookie: a=b"),
            None,
            "a cookie is somebody's whatever the bounds"
        );
        assert_eq!(fresh_s(&bounded(0, 0, 0), 200, "cache-control: max-age=9"), Some(0));
    }

    #[test]
    fn named_errors_are_kept_as_long_as_was_asked() {
        let errors = vec![(404, Duration::from_secs(10)), (503, Duration::ZERO)];
        let rules = Rules { errors, ..bounded(3, 3, 3) };
        assert_eq!(fresh_s(&rules, 404, ""), Some(10));
        assert_eq!(fresh_s(&rules, 404, "cache-control: max-age=20"), Some(20));
        assert_eq!(fresh_s(&rules, 404, "cache-control: no-cache, max-age=20"), Some(10));
        assert_eq!(fresh_s(&rules, 404, "cache-control: no-store"), None);
        assert_eq!((rules.failure(503), rules.failure(502)), (Duration::ZERO, Duration::from_millis(500)));
    }

    #[test]
    fn an_answer_may_vary_by_what_is_in_the_key() {
        let rules = Rules { keyed: vec![http::header::ORIGIN], ..bounded(0, 9, 9) };
        assert_eq!(fresh_s(&rules, 200, "vary: Origin, Accept-Encoding"), Some(9));
        assert_eq!(fresh_s(&rules, 200, "vary: Origin, User-Agent"), None);
    }

    #[test]
    fn age_goes_on_from_what_the_origin_said() {
        let Verdict::Store(lifetime) = judged(200, "cache-control: max-age=5|age: 2") else { panic!() };
        let after = |ms| lifetime.arrived + Duration::from_millis(ms);
        assert_eq!(lifetime.age(after(500)), Duration::from_millis(2_500));
        assert!(lifetime.is_fresh(after(2_999)));
        assert!(!lifetime.is_fresh(after(3_000)));
        assert!(lifetime.serves_on_error(after(22_999)));
        assert!(!lifetime.serves_on_error(after(23_000)));
        assert!(lifetime.is_dead(after(23_000), Duration::from_secs(20)));
        assert!(!lifetime.is_dead(after(23_000), Duration::from_secs(30)));
    }

    proptest! {
        #[test]
        fn a_fresh_answer_is_never_stale_and_age_only_grows(
            max_age in 0u64..100, age in 0u64..100, at in 0u64..200_000, step in 0u64..100_000,
        ) {
            let lines = format!("cache-control: max-age={max_age}|age: {age}");
            let Verdict::Store(lifetime) = judged(200, &lines) else { panic!() };
            let now = lifetime.arrived + Duration::from_millis(at);
            prop_assert_eq!(lifetime.is_fresh(now), age * 1000 + at < max_age * 1000);
            if lifetime.is_fresh(now) {
                prop_assert_eq!(lifetime.staleness(now), Duration::ZERO);
            }
            prop_assert!(lifetime.age(now + Duration::from_millis(step)) >= lifetime.age(now));
        }

        #[test]
        fn any_header_text_is_judged(control in "[ -~]{0,60}", expires in "[ -~]{0,40}", vary in "[ -~]{0,20}", code in 100u16..600) {
            let mut map = HeaderMap::new();
            map.insert(http::header::CACHE_CONTROL, control.as_str().try_into().unwrap());
            map.insert(EXPIRES, expires.as_str().try_into().unwrap());
            map.insert(VARY, vary.as_str().try_into().unwrap());
            let status = StatusCode::from_u16(code).unwrap();
            let verdict = judge(&Rules::default(), status, &map, Instant::now(), SystemTime::now());
            if let (Verdict::Store(lifetime), 400..) = (verdict, code) {
                prop_assert!(lifetime.fresh <= Duration::from_millis(500));
                prop_assert_eq!(lifetime.if_error, Duration::ZERO);
            }
        }
    }
}
