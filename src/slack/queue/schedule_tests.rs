use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// A job that remembers which others it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Job {
    number: u32,
    urgency: Urgency,
    stands_for: Vec<u32>,
}

impl Absorb for Job {
    fn absorb(&mut self, other: Self) {
        self.stands_for.push(other.number);
        self.stands_for.extend(other.stands_for);
    }
}

fn job(number: u32, urgency: Urgency) -> Job {
    Job {
        number,
        urgency,
        stands_for: Vec::new(),
    }
}

fn message(id: u32) -> MessageRef {
    MessageRef {
        channel: "C1".into(),
        id: id.to_string().into(),
    }
}

fn pace() -> Pace {
    Pace {
        posts_per_second: 1.0,
        post_burst: 2,
        edits_per_minute: 60.0,
        edit_burst: 4,
        waiting_per_channel: 5,
        waiting: 8,
    }
}

fn started(next: Next<Job>) -> Option<(Ticket, u32)> {
    match next {
        Next::Start(ticket, job) => Some((ticket, job.number)),
        Next::At(_) | Next::Idle => None,
    }
}

#[test]
fn a_limited_channel_holds_up_no_other() {
    let now = Instant::now();
    let mut schedule = Schedule::new(pace(), now);
    schedule
        .post("C1", Urgency::Answer, job(1, Urgency::Answer), now)
        .unwrap();
    schedule
        .post("C1", Urgency::Answer, job(2, Urgency::Answer), now)
        .unwrap();
    schedule
        .post("C2", Urgency::Answer, job(3, Urgency::Answer), now)
        .unwrap();
    let (first, number) = started(schedule.next(now)).unwrap();
    assert_eq!(number, 1);
    schedule.limited(first, job(1, Urgency::Answer), Duration::from_secs(30), now);
    let (other, number) = started(schedule.next(now)).unwrap();
    assert_eq!(number, 3);
    schedule.finished(&other);
    assert!(matches!(schedule.next(now), Next::At(at) if at == now + Duration::from_secs(30)));
    // The refused one is still the first of its channel.
    assert_eq!(
        started(schedule.next(now + Duration::from_secs(30))).unwrap().1,
        1
    );
}

#[test]
fn answers_overtake_steps_and_keep_their_own_order() {
    let now = Instant::now();
    let mut schedule = Schedule::new(pace(), now);
    for (number, urgency) in [
        (1, Urgency::Progress),
        (2, Urgency::Answer),
        (3, Urgency::More),
        (4, Urgency::Answer),
    ] {
        schedule.post("C1", urgency, job(number, urgency), now).unwrap();
    }
    let mut order = Vec::new();
    let mut at = now;
    while order.len() < 4 {
        at += Duration::from_secs(1);
        let (ticket, number) = started(schedule.next(at)).unwrap();
        order.push(number);
        schedule.finished(&ticket);
    }
    assert_eq!(order, [2, 4, 3, 1]);
}

#[test]
fn a_channels_budget_is_a_burst_and_then_one_a_second() {
    let now = Instant::now();
    let mut schedule = Schedule::new(pace(), now);
    for number in 0..4 {
        schedule
            .post("C1", Urgency::Answer, job(number, Urgency::Answer), now)
            .unwrap();
    }
    for _ in 0..2 {
        let (ticket, _) = started(schedule.next(now)).unwrap();
        assert!(started(schedule.next(now)).is_none(), "one at a time");
        schedule.finished(&ticket);
    }
    assert!(matches!(schedule.next(now), Next::At(at) if at == now + Duration::from_secs(1)));
    assert!(started(schedule.next(now + Duration::from_secs(1))).is_some());
}

#[test]
fn the_newest_edit_stands_and_an_end_is_never_lost() {
    let now = Instant::now();
    let mut schedule = Schedule::new(pace(), now);
    let edit = |schedule: &mut Schedule<Job>, number, urgency| {
        schedule
            .edit(&message(1), urgency, job(number, urgency), now)
            .unwrap()
    };
    assert!(!edit(&mut schedule, 1, Urgency::Progress));
    assert!(edit(&mut schedule, 2, Urgency::Progress));
    assert!(edit(&mut schedule, 3, Urgency::Answer));
    assert!(edit(&mut schedule, 4, Urgency::Progress));
    let Next::Start(ticket, sent) = schedule.next(now) else {
        panic!("an end may go at once")
    };
    assert_eq!((sent.number, sent.stands_for.len()), (3, 3));
    // While it is under way another step comes, then the end is refused: the end still stands above it.
    edit(&mut schedule, 5, Urgency::Progress);
    schedule.limited(ticket, sent, Duration::from_secs(2), now);
    let Next::Start(ticket, sent) = schedule.next(now + Duration::from_secs(2)) else {
        panic!("it goes again")
    };
    assert_eq!((sent.number, sent.stands_for.len()), (3, 4));
    schedule.finished(&ticket);
    assert!(schedule.is_idle());
}

#[test]
fn steps_leave_a_reserve_for_ends() {
    let now = Instant::now();
    let mut schedule = Schedule::new(pace(), now);
    for number in 0..5 {
        schedule
            .edit(
                &message(number),
                Urgency::Progress,
                job(number, Urgency::Progress),
                now,
            )
            .unwrap();
    }
    let mut steps = 0;
    while let Some((ticket, _)) = started(schedule.next(now)) {
        schedule.finished(&ticket);
        steps += 1;
    }
    assert_eq!(steps, 3);
    schedule
        .edit(&message(9), Urgency::Answer, job(9, Urgency::Answer), now)
        .unwrap();
    assert_eq!(started(schedule.next(now)).unwrap().1, 9);
}

#[test]
fn what_waits_is_bounded() {
    let now = Instant::now();
    let mut schedule = Schedule::new(pace(), now);
    let mut post = |channel: &str| schedule.post(channel, Urgency::Answer, job(0, Urgency::Answer), now);
    for _ in 0..5 {
        post("C1").unwrap();
    }
    assert_eq!(post("C1"), Err(Full { everywhere: false }));
    for _ in 0..3 {
        post("C2").unwrap();
    }
    assert_eq!(post("C3"), Err(Full { everywhere: true }));
}

#[derive(Debug, Clone)]
enum Step {
    Post { channel: u8, urgency: Urgency },
    Edit { message: u32, urgency: Urgency },
    Send,
    Finish { which: usize },
    Limit { which: usize, seconds: u64 },
    Pass { milliseconds: u64 },
}

fn urgency() -> impl Strategy<Value = Urgency> {
    prop_oneof![
        Just(Urgency::Progress),
        Just(Urgency::More),
        Just(Urgency::Answer)
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0_u8..3, urgency()).prop_map(|(channel, urgency)| Step::Post { channel, urgency }),
        3 => (0_u32..3, urgency()).prop_map(|(message, urgency)| Step::Edit { message, urgency }),
        4 => Just(Step::Send),
        3 => (0_usize..8).prop_map(|which| Step::Finish { which }),
        1 => (0_usize..8, 1_u64..5).prop_map(|(which, seconds)| Step::Limit { which, seconds }),
        2 => (1_u64..3_000).prop_map(|milliseconds| Step::Pass { milliseconds }),
    ]
}

proptest! {
    /// Every accepted job ends exactly once, itself or by one that stands for it; an end never gives way to a step;
    /// nothing is sent sooner than its pause allows; in a channel equals keep their order.
    #[test]
    fn nothing_is_lost_and_nothing_is_hasty(steps in prop::collection::vec(step(), 1..120)) {
        let mut now = Instant::now();
        let start = now;
        let mut schedule: Schedule<Job> = Schedule::new(pace(), now);
        let mut accepted = BTreeSet::new();
        let mut ended = BTreeSet::new();
        let mut under_way: Vec<(Ticket, Job)> = Vec::new();
        let mut paused: HashMap<String, Instant> = HashMap::new();
        let mut last_sent: HashMap<(String, Urgency), u32> = HashMap::new();
        let mut posted: HashMap<String, u32> = HashMap::new();
        let mut number = 0;
        let mut script: Vec<Step> = steps;
        // In the end everything is sent and finished.
        for _ in 0..200 {
            script.extend([Step::Send, Step::Finish { which: 0 }, Step::Pass { milliseconds: 1_000 }]);
        }
        for step in script {
            match step {
                Step::Post { channel, urgency } => {
                    number += 1;
                    if schedule.post(&format!("C{channel}"), urgency, job(number, urgency), now).is_ok() {
                        accepted.insert(number);
                    }
                }
                Step::Edit { message: id, urgency } => {
                    number += 1;
                    if schedule.edit(&message(id), urgency, job(number, urgency), now).is_ok() {
                        accepted.insert(number);
                    }
                }
                Step::Send => {
                    if let Next::Start(ticket, job) = schedule.next(now) {
                        let lane = format!("{:?}", ticket.target);
                        prop_assert!(paused.get(&lane).is_none_or(|until| now >= *until));
                        prop_assert!(under_way.iter().all(|(other, _)| other.target != ticket.target));
                        if let Target::Channel(_) = ticket.target {
                            let last = last_sent.insert((lane.clone(), job.urgency), job.number);
                            prop_assert!(last.is_none_or(|last| last <= job.number));
                            let count = posted.entry(lane).or_default();
                            *count += 1;
                            let allowed = f64::from(pace().post_burst) + (now - start).as_secs_f64();
                            prop_assert!(f64::from(*count) <= allowed + 0.001);
                        }
                        under_way.push((ticket, job));
                    }
                }
                Step::Finish { which } if !under_way.is_empty() => {
                    let (ticket, job) = under_way.remove(which % under_way.len());
                    schedule.finished(&ticket);
                    for number in job.stands_for.iter().chain([&job.number]) {
                        prop_assert!(ended.insert(*number), "{number} ended twice");
                    }
                }
                Step::Limit { which, seconds } if !under_way.is_empty() => {
                    let (ticket, job) = under_way.remove(which % under_way.len());
                    let pause = Duration::from_secs(seconds);
                    paused.insert(format!("{:?}", ticket.target), now + pause);
                    schedule.limited(ticket, job, pause, now);
                }
                Step::Pass { milliseconds } => now += Duration::from_millis(milliseconds),
                Step::Finish { .. } | Step::Limit { .. } => {}
            }
        }
        prop_assert!(schedule.is_idle());
        prop_assert_eq!(accepted, ended);
    }

    #[test]
    fn an_end_never_gives_way_to_a_step(urgencies in prop::collection::vec(urgency(), 1..12), fails in 0_usize..12) {
        let now = Instant::now();
        let mut schedule = Schedule::new(pace(), now);
        for (number, urgency) in urgencies.iter().enumerate() {
            schedule.edit(&message(1), *urgency, job(number as u32, *urgency), now).unwrap();
            if number == fails && let Next::Start(ticket, job) = schedule.next(now) {
                schedule.limited(ticket, job, Duration::from_millis(1), now);
            }
        }
        let Next::Start(_, sent) = schedule.next(now + Duration::from_secs(1)) else { panic!("an edit waits") };
        let last_end = urgencies.iter().rposition(|urgency| *urgency == Urgency::Answer);
        match last_end {
            Some(end) => prop_assert_eq!(sent.number as usize, end),
            None => prop_assert_eq!(sent.number as usize, urgencies.len() - 1),
        }
    }
}
