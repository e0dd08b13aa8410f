use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn line(words: &str) -> Line {
    let mut line = Line::new(1);
    let mut conditions = Conditions::default();
    conditions.change(words.split_whitespace()).unwrap();
    line.change(Duration::ZERO, conditions);
    line
}

/// Sends packets of 1,000 bytes, each `every` after the one before, and tells when each of them arrived.
fn arrivals(line: &mut Line, packets: u16, every: Duration) -> Vec<(u16, Duration)> {
    let mut arrived = Vec::new();
    for number in 0..packets {
        let now = every * u32::from(number);
        receive_until(line, now, &mut arrived);
        let mut packet = vec![0; 1000];
        packet[..2].copy_from_slice(&number.to_be_bytes());
        line.send(now, packet);
    }
    receive_until(line, Duration::MAX, &mut arrived);
    arrived
}

fn receive_until(line: &mut Line, end: Duration, arrived: &mut Vec<(u16, Duration)>) {
    while let Some(now) = line.next().filter(|next| *next <= end) {
        while let Some(packet) = line.receive(now) {
            arrived.push((u16::from_be_bytes([packet[0], packet[1]]), now));
        }
    }
}

#[test]
fn a_line_without_conditions_carries_everything_at_once() {
    let arrived = arrivals(&mut line(""), 100, ms(1));
    let expected: Vec<_> = (0..100).map(|number| (number, ms(number.into()))).collect();
    assert_eq!(arrived, expected);
}

#[test]
fn the_bottleneck_carries_its_rate_and_drops_the_rest() {
    let mut line = line("rate 1000000 queue 100");
    let arrived = arrivals(&mut line, 1000, ms(4)); // twice as much as it carries, for 4 s
    let last = arrived.last().unwrap().1;
    let rate = arrived.len() as f64 * 8000.0 / last.as_secs_f64();
    assert!((rate - 1e6).abs() < 1e4, "{rate}");
    assert!(last <= ms(4 * 999 + 100), "nothing waits longer than the queue is: {last:?}");
    assert!(line.take_longest_wait() <= ms(100));
    assert_eq!(line.counts().dropped as usize, 1000 - arrived.len());
}

#[test]
fn delay_and_jitter_lie_between_their_bounds_and_keep_the_order() {
    let arrived = arrivals(&mut line("delay 20 jitter 50"), 500, ms(10));
    let delays: Vec<_> = arrived.iter().map(|(number, at)| *at - ms(u64::from(*number) * 10)).collect();
    assert!(delays.iter().all(|delay| (ms(20)..=ms(70)).contains(delay)));
    assert!(delays.iter().max().unwrap() > &ms(65) && delays.iter().min().unwrap() < &ms(25));
    assert!(arrived.is_sorted_by_key(|(number, _)| *number));
}

#[test]
fn packets_overtake_each_other_where_they_may() {
    let arrived = arrivals(&mut line("jitter 50 reorder true"), 500, ms(10));
    assert_eq!(arrived.len(), 500);
    assert!(!arrived.is_sorted_by_key(|(number, _)| *number));
}

#[test]
fn so_many_are_lost_and_with_the_same_seed_the_same_ones() {
    let lossy = || arrivals(&mut line("loss 10"), 10_000, ms(1));
    let arrived = lossy();
    assert!((8_800..9_200).contains(&arrived.len()), "{}", arrived.len());
    assert_eq!(arrived, lossy());
}

#[test]
fn what_waits_goes_on_at_the_new_rate() {
    let mut line = line("rate 8000 queue 10000");
    for _ in 0..3 {
        line.send(Duration::ZERO, vec![0; 1000]); // 1 s each
    }
    assert!(line.receive(SECOND).is_some());
    let faster = Conditions { rate: Some(80_000), ..line.conditions().clone() };
    line.change(SECOND, faster);
    assert!(line.receive(SECOND + ms(99)).is_none());
    assert!(line.receive(SECOND + ms(100)).is_some());
    assert!(line.receive(SECOND + ms(200)).is_some());
    assert_eq!(line.next(), None);
}

#[test]
fn a_late_look_makes_no_line_slower() {
    let mut line = line("rate 80000 delay 10");
    for _ in 0..3 {
        line.send(Duration::ZERO, vec![0; 1000]); // 100 ms each
    }
    let arrived: Vec<_> = std::iter::from_fn(|| line.receive(ms(310))).collect();
    assert_eq!(arrived.len(), 3);
}

#[test]
fn a_cut_line_carries_nothing_and_forgets_what_it_held() {
    let mut line = line("rate 80000 delay 10");
    line.send(Duration::ZERO, vec![0; 1000]);
    line.send(Duration::ZERO, vec![0; 1000]);
    line.cut();
    line.send(ms(1), vec![0; 1000]);
    assert_eq!(line.receive(SECOND), None);
    assert_eq!(line.counts(), Counts { cut: 3, ..Counts::default() });
    line.mend();
    line.send(SECOND, vec![0; 1000]);
    assert_eq!(line.next(), Some(SECOND + ms(100)));
    assert!(line.receive(SECOND + ms(110)).is_some());
}
