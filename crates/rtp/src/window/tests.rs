use proptest::prelude::*;

use super::*;

const LATENCY: Duration = Duration::from_millis(100);
const FIRST: u64 = 1_000;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn bytes(number: u64) -> Bytes {
    Bytes::copy_from_slice(&number.to_be_bytes())
}

fn insert(window: &mut Window, number: u64, now: Instant) -> Placed {
    window.insert(number, bytes(number), Origin::Leg(Leg::First), now)
}

/// Numbers given out, losses as negative ones.
fn take_all(window: &mut Window, now: Instant) -> Vec<i64> {
    let taken = std::iter::from_fn(|| window.take(now)).flat_map(|taken| match taken {
        Taken::Packet { number, datagram, .. } => {
            assert_eq!(datagram, bytes(number));
            vec![number as i64]
        }
        Taken::Lost { first, count } => (first..first + count).map(|number| -(number as i64)).collect(),
    });
    let taken = taken.collect();
    window.judge(now, |_, _| {});
    taken
}

#[test]
fn what_is_in_order_waits_for_nothing() {
    let (start, mut window) = (Instant::now(), Window::new(FIRST, LATENCY));
    for number in FIRST..FIRST + 40_000 {
        assert_eq!(insert(&mut window, number, start), Placed::New);
        assert_eq!(take_all(&mut window, start), [number as i64]);
    }
    assert!(window.slots.len() <= HISTORY + 1);
    assert_eq!(window.deadline(), None);
}

#[test]
fn a_gap_is_waited_for_until_the_latency_has_passed_since_it_showed() {
    let (start, mut window) = (Instant::now(), Window::new(FIRST, LATENCY));
    for (number, at) in [(1_000, 0), (1_003, 10), (1_002, 60), (1_005, 70)] {
        insert(&mut window, number, start + ms(at));
    }
    assert_eq!(take_all(&mut window, start + ms(109)), [1_000]);
    assert_eq!(window.deadline(), Some(start + ms(110)));
    assert_eq!(take_all(&mut window, start + ms(110)), [-1_001, 1_002, 1_003]);
    assert_eq!(window.deadline(), Some(start + ms(170)));
    assert_eq!(take_all(&mut window, start + ms(170)), [-1_004, 1_005]);
    assert_eq!(insert(&mut window, 1_004, start + ms(171)), Placed::Late);
    assert_eq!(insert(&mut window, 1_004, start + ms(171)), Placed::Again);
    assert_eq!(take_all(&mut window, start + ms(171)), []);
}

#[test]
fn at_its_bound_the_window_gives_up_the_oldest() {
    let (start, mut window) = (Instant::now(), Window::new(FIRST, LATENCY));
    for number in FIRST + 1..=FIRST + MAX_WAITING as u64 {
        insert(&mut window, number, start);
        assert!(window.waiting() <= MAX_WAITING);
    }
    let last = (FIRST + MAX_WAITING as u64) as i64;
    let expected: Vec<i64> = std::iter::once(-(FIRST as i64)).chain(FIRST as i64 + 1..=last).collect();
    assert_eq!(take_all(&mut window, start), expected);
}

#[test]
fn the_bytes_that_wait_are_bounded_too() {
    let (start, mut window) = (Instant::now(), Window::new(FIRST, LATENCY));
    let giant = Bytes::from(vec![0; 9_000]);
    let fit = (MAX_WAITING_BYTES / giant.len()) as u64;
    for number in FIRST + 1..=FIRST + fit + 10 {
        window.insert(number, giant.clone(), Origin::Leg(Leg::First), start);
        assert!(window.waiting_bytes <= MAX_WAITING_BYTES);
    }
    assert_eq!(window.take(start), Some(Taken::Lost { first: FIRST, count: 11 }));
    assert_eq!(std::iter::from_fn(|| window.take(start)).count() as u64, fit);
    assert_eq!(window.waiting_bytes, 0);
}

proptest! {
    /// Whatever comes in whatever order: each number is given out once, in order, or told as lost.
    #[test]
    fn every_number_is_given_out_or_lost_once_and_in_order(
        arrivals in prop::collection::vec((0_u64..300, 0_u64..20, any::<bool>()), 1..400),
    ) {
        let (mut now, mut window) = (Instant::now(), Window::new(FIRST, LATENCY));
        let (mut out, mut came) = (Vec::new(), std::collections::BTreeSet::new());
        for (offset, pause, recovered) in arrivals {
            now += ms(pause);
            let number = FIRST + offset;
            let origin = if recovered { Origin::Recovered } else { Origin::Leg(Leg::Second) };
            if window.insert(number, bytes(number), origin, now) == Placed::New {
                prop_assert!(came.insert(number));
            }
            out.extend(take_all(&mut window, now));
        }
        out.extend(take_all(&mut window, now + LATENCY));
        let expected: Vec<i64> = (FIRST..window.end())
            .map(|number| if came.contains(&number) { number as i64 } else { -(number as i64) })
            .collect();
        prop_assert_eq!(out, expected);
        prop_assert_eq!((window.waiting(), window.waiting_bytes, window.deadline()), (0, 0, None));
    }
}
