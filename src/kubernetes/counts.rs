//! The counts of a workload, and kubectl's rules on them: `rollout_status.go`.

use crate::verdict::Why;

/// The counts that kubectl compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Pods wanted.
    pub(crate) wanted: i32,
    /// Pods there, of whichever version.
    pub(crate) existing: i32,
    /// Pods of the wanted version.
    pub(crate) updated: i32,
    /// Pods that serve, of whichever version.
    pub(crate) available: i32,
    pub(crate) rule: Rule,
}

/// What differs between the kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    Deployment,
    StatefulSet {
        /// The first so many pods are left as they are.
        partition: Option<i32>,
        /// The revision wanted is the one that all pods have.
        switched: bool,
    },
    DaemonSet,
    /// Argo's.
    Rollout {
        /// Its controller says that it is through.
        healthy: bool,
        /// Steps done.
        steps: i32,
        /// Steps it has.
        of: i32,
    },
}

impl Counts {
    /// How many pods are to run the wanted version when it is through.
    pub(crate) fn due(self) -> i32 {
        match self.rule {
            Rule::StatefulSet { partition, .. } => (self.wanted - partition.unwrap_or(0)).max(0),
            Rule::Deployment | Rule::DaemonSet | Rule::Rollout { .. } => self.wanted,
        }
    }

    /// What is still missing, in kubectl's order.
    pub(crate) fn missing(self) -> Option<Why> {
        let creating = Why::Creating {
            created: self.updated,
        };
        let starting = |of: i32| Why::Starting {
            left: of - self.available,
        };
        match self.rule {
            Rule::Deployment if self.updated < self.wanted => Some(creating),
            Rule::Deployment if self.existing > self.updated => Some(Why::OldPods {
                left: self.existing - self.updated,
            }),
            Rule::Deployment if self.available < self.updated => Some(starting(self.updated)),
            Rule::StatefulSet { .. } if self.available < self.wanted => Some(starting(self.wanted)),
            Rule::StatefulSet {
                partition: Some(_), ..
            } if self.updated < self.due() => Some(creating),
            Rule::StatefulSet {
                partition: None,
                switched: false,
            } => Some(creating),
            Rule::Rollout { healthy: true, .. } => None,
            Rule::Rollout { steps, of, .. } if steps < of => Some(Why::Steps { at: steps + 1, of }),
            Rule::Rollout { .. } if self.updated < self.wanted => Some(creating),
            Rule::Rollout { .. } if self.available < self.wanted => Some(starting(self.wanted)),
            Rule::Rollout { .. } => Some(Why::OldPods {
                left: (self.existing - self.updated).max(0),
            }),
            Rule::DaemonSet if self.updated < self.wanted => Some(creating),
            Rule::DaemonSet if self.available < self.wanted => Some(starting(self.wanted)),
            _ => None,
        }
    }

    pub(crate) fn hold(self) -> bool {
        self.missing().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubectls_rules() {
        use Why::{Creating, OldPods, Starting};
        let set = |partition: i32| Rule::StatefulSet {
            partition: Some(partition),
            switched: false,
        };
        let steps = |steps: i32, of: i32| Rule::Rollout {
            healthy: false,
            steps,
            of,
        };
        let healthy = Rule::Rollout {
            healthy: true,
            steps: 4,
            of: 4,
        };
        let unset = |switched: bool| Rule::StatefulSet {
            partition: None,
            switched,
        };
        let cases = [
            // wanted, existing, updated, available
            (Rule::Deployment, 3, 3, 2, 3, Some(Creating { created: 2 })),
            (Rule::Deployment, 3, 4, 3, 3, Some(OldPods { left: 1 })),
            (Rule::Deployment, 3, 3, 3, 2, Some(Starting { left: 1 })),
            (Rule::Deployment, 3, 3, 3, 3, None),
            (Rule::Deployment, 0, 0, 0, 0, None),
            (set(0), 3, 3, 3, 2, Some(Starting { left: 1 })),
            (set(0), 3, 3, 2, 3, Some(Creating { created: 2 })),
            (set(0), 3, 3, 3, 3, None),
            (set(2), 3, 3, 0, 3, Some(Creating { created: 0 })),
            (set(2), 3, 3, 1, 3, None),
            (set(2), 3, 3, 1, 2, Some(Starting { left: 1 })),
            (set(9), 3, 3, 0, 3, None),
            (set(0), 0, 0, 0, 0, None),
            (unset(false), 3, 3, 3, 3, Some(Creating { created: 3 })),
            (unset(true), 3, 3, 3, 3, None),
            (Rule::DaemonSet, 3, 3, 2, 3, Some(Creating { created: 2 })),
            (Rule::DaemonSet, 3, 3, 3, 2, Some(Starting { left: 1 })),
            // A node too many, or a pod above: kubectl does not ask.
            (Rule::DaemonSet, 3, 4, 4, 3, None),
            (Rule::DaemonSet, 0, 0, 0, 0, None),
            (steps(1, 4), 5, 5, 1, 5, Some(Why::Steps { at: 2, of: 4 })),
            (steps(4, 4), 5, 6, 4, 5, Some(Creating { created: 4 })),
            (steps(4, 4), 5, 5, 5, 4, Some(Starting { left: 1 })),
            (steps(4, 4), 5, 6, 5, 5, Some(OldPods { left: 1 })),
            // Replica sets that served before may stay for a while, where a mesh leads the requests.
            (healthy, 5, 10, 5, 10, None),
        ];
        for (rule, wanted, existing, updated, available, expected) in cases {
            let counts = Counts {
                wanted,
                existing,
                updated,
                available,
                rule,
            };
            assert_eq!(counts.missing(), expected, "{counts:?}");
        }
    }
}
