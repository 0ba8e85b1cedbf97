//! Sizing a Deployment's ReplicaSets: surge, unavailability, and changes of the wished number.

use std::sync::Arc;

use serde_json::Value;

use super::{
    deployment::{new_count, sized},
    replicas::{Fence, Sets, is_rolling},
};
use crate::kubernetes::{
    store::State,
    value::{annotation, int, name, namespace, put},
    write::CONTROLLER,
};

impl State {
    /// Sizes a ReplicaSet; says whether that changed it.
    pub(super) fn scale_set(&mut self, deployment: &Value, set: &Value, to: i64) -> bool {
        let from = int(set, "/spec/replicas");
        self.modify(
            "replicasets",
            (namespace(set), name(set)),
            &CONTROLLER,
            |object| {
                put(object, &["spec", "replicas"], to);
                sized(object, deployment);
            },
        );
        if from == to {
            return false;
        }
        let direction = if to > from { "up" } else { "down" };
        let message = format!("Scaled {direction} replica set {} from {from} to {to}", name(set));
        self.record(
            deployment,
            "Normal",
            "ScalingReplicaSet",
            &message,
            "deployment-controller",
        );
        true
    }

    /// Gives the new ReplicaSet what there is room for.
    pub(super) fn scale_new(&mut self, deployment: &Value, sets: &Sets) -> bool {
        let Some(set) = &sets.new else { return false };
        let (has, wished) = (int(set, "/spec/replicas"), int(deployment, "/spec/replicas"));
        let to = if has > wished {
            wished
        } else {
            new_count(deployment, sets, has)
        };
        has != to && self.scale_set(deployment, set, to)
    }

    /// Takes from the old ReplicaSets what can be spared: first what is broken, then what is available.
    pub(super) fn scale_old(&mut self, deployment: &Value, sets: &Sets) -> bool {
        let fence = Fence::of(deployment);
        let least = int(deployment, "/spec/replicas") - fence.unavailable;
        let broken_new = sets.new_number("/spec/replicas") - sets.new_number("/status/availableReplicas");
        let most = sets.sum("/spec/replicas") - least - broken_new;
        if most <= 0 {
            return false;
        }
        let mut sizes: Vec<(Arc<Value>, i64)> = sets
            .old
            .iter()
            .map(|set| (Arc::clone(set), int(set, "/spec/replicas")))
            .collect();
        let mut gone = 0;
        for (set, size) in &mut sizes {
            let broken = (*size - int(set, "/status/availableReplicas")).max(0);
            let less = broken.min(most - gone);
            *size -= less;
            gone += less;
        }
        let mut spare = sets.sum("/status/availableReplicas") - least;
        for (_, size) in &mut sizes {
            let less = (*size).min(spare.max(0));
            *size -= less;
            spare -= less;
        }
        let mut scaled = false;
        for (set, size) in sizes {
            if size != int(&set, "/spec/replicas") {
                scaled |= self.scale_set(deployment, &set, size);
            }
        }
        scaled
    }

    /// Answers to another number of replicas, in the midst of a rollout or not.
    pub(super) fn scale_sets(&mut self, deployment: &Value, sets: &Sets) {
        let wished = int(deployment, "/spec/replicas");
        let active: Vec<_> = sets
            .all()
            .filter(|set| int(set, "/spec/replicas") > 0)
            .cloned()
            .collect();
        let only = match active.as_slice() {
            [] => sets.new.clone().or_else(|| sets.old.last().cloned()),
            [one] => Some(Arc::clone(one)),
            _ => None,
        };
        if let Some(set) = only {
            if int(&set, "/spec/replicas") != wished {
                self.scale_set(deployment, &set, wished);
            } else {
                self.modify("replicasets", (namespace(&set), name(&set)), &CONTROLLER, |o| {
                    sized(o, deployment)
                });
            }
            return;
        }
        let saturated = sets.new.as_ref().is_some_and(|set| {
            int(set, "/spec/replicas") == wished && int(set, "/status/availableReplicas") == wished
        });
        if saturated {
            for set in sets.old.iter().filter(|set| int(set, "/spec/replicas") > 0) {
                self.scale_set(deployment, set, 0);
            }
        } else if is_rolling(deployment) {
            self.scale_in_proportion(deployment, active, wished);
        } else {
            // Left as they are: they go before anything else comes.
            for set in active {
                self.modify("replicasets", (namespace(&set), name(&set)), &CONTROLLER, |o| {
                    sized(o, deployment)
                });
            }
        }
    }

    fn scale_in_proportion(&mut self, deployment: &Value, mut active: Vec<Arc<Value>>, wished: i64) {
        let allowed = if wished > 0 {
            wished + Fence::of(deployment).surge
        } else {
            0
        };
        let have: i64 = active.iter().map(|set| int(set, "/spec/replicas")).sum();
        let change = allowed - have;
        // The biggest first; it also gets what rounding leaves over.
        active.sort_by_key(|set| std::cmp::Reverse(int(set, "/spec/replicas")));
        let mut added = 0;
        let mut sizes: Vec<i64> = Vec::new();
        for set in &active {
            let size = int(set, "/spec/replicas");
            let before = annotation(set, "deployment.kubernetes.io/max-replicas")
                .and_then(|text| text.parse::<i64>().ok())
                .filter(|n| *n > 0)
                .unwrap_or(have);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_precision_loss,
                reason = "numbers of pods are small"
            )]
            let share = if wished == 0 {
                -size
            } else {
                (size as f64 * allowed as f64 / before as f64).round() as i64 - size
            };
            let bounded = if change > 0 {
                share.clamp(0, change - added)
            } else {
                share.clamp(change - added, 0)
            };
            added += bounded;
            sizes.push(size + bounded);
        }
        if let Some(first) = sizes.first_mut() {
            *first = (*first + change - added).max(0);
        }
        for (set, size) in active.iter().zip(sizes) {
            self.scale_set(deployment, set, size);
        }
    }
}
