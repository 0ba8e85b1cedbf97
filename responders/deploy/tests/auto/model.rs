//! Against a model: whatever is pushed, built in whichever order, deployed by hand, locked, rejected, promoted and killed, an environment
//! never goes back unless a person asked, one deploy runs at a time, what is recorded is what runs, and what may go goes.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use otus::operations::Target;
use otus::room::{Fuse, Room};
use otus::store::{DeployFilter, DeployState, Store};
use otus_emulators::github::Conclusion;
use otus_emulators::kubernetes::Behaviour;
use proptest::prelude::*;

use crate::world::{IMAGE, LONG, Setting, World};

#[derive(Debug, Clone)]
enum Act {
    /// Somebody pushes a commit that is green and has its image at once.
    Release {
        crashes: bool,
    },
    /// Nothing happens until everything under way is at rest.
    Rest,
    /// Somebody pushes a commit, the image of which would crash or not.
    Push {
        crashes: bool,
    },
    /// The checks of one that waits for them end.
    Check {
        which: usize,
        good: bool,
    },
    /// The image of one that has none is there.
    Build {
        which: usize,
    },
    /// Somebody deploys one that is released, wherever that leads.
    Deploy {
        which: usize,
        environment: bool,
    },
    /// Somebody goes to the last that ran well.
    LastGood {
        environment: bool,
    },
    Promote,
    Lock {
        environment: bool,
    },
    Unlock {
        environment: bool,
    },
    /// The robot is killed at this call from now on, and another one is there.
    Kill {
        at: u64,
        done: bool,
    },
    /// Minutes pass.
    Wait {
        minutes: i64,
    },
}

fn act() -> impl Strategy<Value = Act> {
    let place = || prop::bool::weighted(0.3);
    prop_oneof![
        6 => prop::bool::weighted(0.2).prop_map(|crashes| Act::Release { crashes }),
        3 => Just(Act::Rest),
        2 => prop::bool::weighted(0.2).prop_map(|crashes| Act::Push { crashes }),
        2 => (0..3_usize, prop::bool::weighted(0.85)).prop_map(|(which, good)| Act::Check { which, good }),
        2 => (0..3_usize).prop_map(|which| Act::Build { which }),
        3 => (0..6_usize, place()).prop_map(|(which, environment)| Act::Deploy { which, environment }),
        2 => place().prop_map(|environment| Act::LastGood { environment }),
        1 => Just(Act::Promote),
        1 => any::<bool>().prop_map(|environment| Act::Lock { environment }),
        2 => any::<bool>().prop_map(|environment| Act::Unlock { environment }),
        2 => (1..60_u64, any::<bool>()).prop_map(|(at, done)| Act::Kill { at, done }),
        2 => (10..40_i64).prop_map(|minutes| Act::Wait { minutes }),
    ]
}

fn name(environment: bool) -> &'static str {
    match environment {
        false => "staging",
        true => "production",
    }
}

/// A commit, as the model knows it.
struct Commit {
    sha: String,
    crashes: bool,
    checked: Option<bool>,
    image: Option<String>,
}

impl Commit {
    fn is_ready(&self) -> bool {
        self.checked == Some(true) && self.image.is_some()
    }
}

/// The world, and the model of it: the commits of the branch in order, and what is locked.
struct Play {
    world: World,
    robot: Room,
    fuse: Fuse,
    /// Robots that died, or never lived.
    dead: Vec<Room>,
    commits: Vec<Commit>,
    locked: BTreeSet<&'static str>,
}

impl Play {
    async fn new() -> Self {
        let mut setting = Setting {
            production: "auto = true\nbake = \"30m\"",
            ..Setting::default()
        };
        setting.auto.look = std::time::Duration::from_millis(80);
        let world = World::new(setting).await;
        let fuse = Fuse::default();
        let (robot, _) = world.asleep(&fuse);
        robot.robot().start();
        let commits = vec![Commit {
            sha: world.first.clone(),
            crashes: false,
            checked: Some(true),
            image: Some(world.image("staging")),
        }];
        Play {
            world,
            robot,
            fuse,
            dead: Vec::new(),
            commits,
            locked: BTreeSet::new(),
        }
    }

    async fn act(&mut self, act: &Act) {
        match act {
            Act::Release { crashes } => {
                self.push(*crashes);
                let last = self.commits.len() - 1;
                self.build(last);
                self.check(last, true);
            }
            Act::Rest => self.rest_alive().await,
            Act::Push { crashes } => self.push(*crashes),
            Act::Check { which, good } => {
                let waiting = |commit: &Commit| commit.checked.is_none();
                if let Some(place) = self.nth(*which, waiting) {
                    self.check(place, *good);
                }
            }
            Act::Build { which } => {
                let waiting = |commit: &Commit| commit.image.is_none();
                if let Some(place) = self.nth(*which, waiting) {
                    self.build(place);
                }
            }
            Act::Deploy { which, environment } => {
                let ready: Vec<&Commit> = self.commits.iter().filter(|commit| commit.is_ready()).collect();
                let commit = ready[which % ready.len()];
                let words = format!("@otus deploy api@{} to {} --back", commit.sha, name(*environment));
                self.say(&words).await;
            }
            Act::LastGood { environment } => {
                self.say(&format!("@otus deploy api@last-good to {}", name(*environment)))
                    .await;
            }
            Act::Promote => self.say("@otus promote api to production").await,
            Act::Lock { environment } => {
                if self.locked.insert(name(*environment)) {
                    let healthy = self.world.asleep(&Fuse::default()).0;
                    self.world.lock(&healthy, name(*environment)).await;
                    self.dead.push(healthy);
                }
            }
            Act::Unlock { environment } => {
                if self.locked.remove(name(*environment)) {
                    let healthy = self.world.asleep(&Fuse::default()).0;
                    self.world.unlock(&healthy, name(*environment)).await;
                    self.dead.push(healthy);
                }
            }
            Act::Kill { at, done } => {
                // The one there is dies now, and the next is mortal.
                self.fuse.burn();
                self.world.clock.jump(SignedDuration::from_secs(61));
                self.begin(Fuse::at(*at, *done));
            }
            Act::Wait { minutes } => self.world.clock.jump(SignedDuration::from_mins(*minutes)),
        }
    }

    fn begin(&mut self, fuse: Fuse) {
        let (robot, _) = self.world.asleep(&fuse);
        robot.robot().start();
        self.dead.push(std::mem::replace(&mut self.robot, robot));
        self.fuse = fuse;
    }

    fn nth(&self, which: usize, is: impl Fn(&Commit) -> bool) -> Option<usize> {
        let mut places = (0..self.commits.len()).filter(|place| is(&self.commits[*place]));
        places.nth(which)
    }

    fn push(&mut self, crashes: bool) {
        let sha = self.world.commit("Change");
        self.commits.push(Commit {
            sha,
            crashes,
            checked: None,
            image: None,
        });
    }

    fn check(&mut self, place: usize, good: bool) {
        let commit = &mut self.commits[place];
        commit.checked = Some(good);
        let conclusion = match good {
            true => Conclusion::Success,
            false => Conclusion::Failure,
        };
        let api = &self.world.api;
        api.check(&commit.sha, "build", Conclusion::Success).unwrap();
        api.check(&commit.sha, "test", conclusion).unwrap();
    }

    fn build(&mut self, place: usize) {
        let commit = &mut self.commits[place];
        let shelf = &self.world.shelf;
        if commit.crashes {
            let crash = Behaviour::CrashLoop {
                exit_code: 1,
                log: "panic".into(),
            };
            // Its digest is known before it is there.
            let image = format!("{IMAGE}@{}", shelf.next(&commit.sha));
            self.world.cluster.behave(&image, crash);
        }
        let digest = shelf.push(&commit.sha, &commit.sha);
        commit.image = Some(format!("{IMAGE}@{digest}"));
    }

    /// Somebody says something, and is answered, unless the robot dies over it.
    async fn say(&mut self, words: &str) {
        if self.fuse.is_burnt() {
            self.world.clock.jump(SignedDuration::from_secs(61));
            self.begin(Fuse::default());
        }
        let world = &self.world;
        let before = world.chat.said().len();
        self.robot.say("ann", words).await;
        let answered = world.chat.wait(|chat| (chat.said().len() > before).then_some(()));
        tokio::select! {
            answered = tokio::time::timeout(LONG, answered) => answered.unwrap(),
            () = self.fuse.burnt() => {}
        }
    }

    /// Until everything is at rest and where it may be, or the robot dies.
    async fn rest_alive(&mut self) {
        if !self.fuse.is_burnt() {
            tokio::select! {
                () = self.rest() => {}
                () = self.fuse.burnt() => {}
            }
        }
    }

    /// At most one runs at a time.
    async fn alone(&self) {
        let operations = self.world.operations().await;
        let mut active: BTreeMap<&Target, u32> = BTreeMap::new();
        for operation in operations.iter().filter(|operation| operation.state.is_active()) {
            *active.entry(&operation.plan.target).or_default() += 1;
        }
        assert!(active.values().all(|count| *count == 1), "{active:?}");
    }

    fn place(&self, image: &str) -> usize {
        let place = self
            .commits
            .iter()
            .position(|commit| commit.image.as_deref() == Some(image));
        place.unwrap_or_else(|| panic!("{image} is no image of a commit"))
    }

    /// What has run in an environment, in order, each with whose operation brought it; and what of it was rejected.
    async fn history(&self, environment: &str) -> Vec<(usize, bool, DeployState)> {
        let filter = DeployFilter {
            environment: Some(environment.to_owned()),
            ..DeployFilter::default()
        };
        let mut deploys = self.world.store.deploys(&filter).await.unwrap();
        deploys.reverse();
        deploys
            .iter()
            .filter(|deploy| matches!(deploy.state, DeployState::Succeeded | DeployState::Failed))
            .map(|deploy| {
                (
                    self.place(&deploy.image),
                    deploy.by.as_robot().is_some(),
                    deploy.state,
                )
            })
            .collect()
    }

    /// The images an environment was set to, in order.
    fn images(&self, environment: &str) -> Vec<usize> {
        let mut images: Vec<usize> = self
            .world
            .cluster
            .history("deployment", environment, "api")
            .iter()
            .filter_map(|object| object["spec"]["template"]["spec"]["containers"][0]["image"].as_str())
            .map(|image| self.place(image))
            .collect();
        images.dedup();
        images
    }

    /// Waits until everything is at rest, and what may go is there.
    async fn settle(&mut self) {
        // Whoever is there dies once more, and the next one lives.
        self.fuse.burn();
        self.world.clock.jump(SignedDuration::from_secs(61));
        self.begin(Fuse::default());
        self.rest().await;
    }

    async fn rest(&self) {
        let waiting = async {
            let mut calm = 0;
            let mut looked = self.looked().await;
            // Two more looks that found nothing to do.
            while calm < 2 {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                let operations = self.world.operations().await;
                let over =
                    |operation: &otus::operations::Operation| operation.state.is_over() && operation.told;
                if !operations.iter().all(over) || !self.is_there().await {
                    calm = 0;
                    continue;
                }
                let now = self.looked().await;
                let both = looked.iter().zip(&now).all(|(before, now)| before != now);
                if both && now.len() == 2 {
                    calm += 1;
                    looked = now;
                }
            }
        };
        if tokio::time::timeout(LONG, waiting).await.is_err() {
            let told = self.world.store.entries("autodeploy.lanes").await.unwrap();
            panic!(
                "staging did not come to run what may go there: {told:#?}\n{:?}\n{}",
                self.history("staging").await,
                self.world.chat.transcript()
            );
        }
    }

    /// When each lane is looked at next.
    async fn looked(&self) -> Vec<serde_json::Value> {
        let lanes = self.world.store.entries("autodeploy.lanes").await.unwrap();
        lanes.into_iter().map(|lane| lane.value["due"].clone()).collect()
    }

    /// Whether staging runs the newest that may go there, as far as nothing keeps it.
    async fn is_there(&self) -> bool {
        let newest = self.commits.iter().rposition(Commit::is_ready).unwrap_or(0);
        let history = self.history("staging").await;
        let highest = history.iter().map(|(place, _, _)| *place).max().unwrap_or(0);
        // What ran there before, or does not come after what did, waits for something newer.
        self.locked.contains("staging") || newest <= highest
    }

    async fn holds(&self) {
        for environment in ["staging", "production"] {
            let history = self.history(environment).await;
            let (mut runs, mut highest) = (0, 0);
            for (place, own, _) in &history {
                if *own {
                    assert!(
                        *place > highest,
                        "{environment} went to {place} by itself, and had {highest}: {history:?}"
                    );
                }
                (runs, highest) = (*place, highest.max(*place));
            }
            let images = self.images(environment);
            let mut recorded: Vec<usize> = std::iter::once(0)
                .chain(history.iter().map(|(place, _, _)| *place))
                .collect();
            recorded.dedup();
            assert_eq!(
                images, recorded,
                "{environment}: what was set, and what is recorded"
            );
            assert_eq!(
                self.place(&self.world.image(environment)),
                runs,
                "{environment}: what runs, and what is recorded"
            );
        }
    }
}

/// So many; more where somebody wants it.
fn cases() -> u32 {
    let wanted = std::env::var("PROPTEST_CASES").ok();
    wanted.and_then(|wanted| wanted.parse().ok()).unwrap_or(10)
}

async fn play(acts: Vec<(Act, bool)>) {
    let mut play = Play::new().await;
    for (act, calm) in &acts {
        play.act(act).await;
        if *calm {
            play.rest_alive().await;
        }
        play.alone().await;
        // Others get their turn.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
    play.settle().await;
    play.holds().await;
    let Play {
        world, robot, dead, ..
    } = play;
    world.close(vec![robot]).await;
    drop(dead);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_it_only_goes_forward(acts in prop::collection::vec((act(), prop::bool::weighted(0.6)), 8..24)) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(play(acts));
        runtime.shutdown_background();
    }
}
