//! What kinds of objects the cluster knows.

/// A kind of object, and how it is reached.
#[derive(Debug)]
pub(crate) struct Resource {
    /// The API group, empty for the core group.
    pub(crate) group: &'static str,
    /// The version within the group.
    pub(crate) version: &'static str,
    /// The name in paths.
    pub(crate) plural: &'static str,
    /// The name of one.
    pub(crate) singular: &'static str,
    /// The `kind` in objects.
    pub(crate) kind: &'static str,
    /// Whether objects live in namespaces.
    pub(crate) namespaced: bool,
    /// What people type instead.
    pub(crate) short: &'static [&'static str],
    /// Named sets of kinds it belongs to.
    pub(crate) categories: &'static [&'static str],
    /// What is below one object in its path.
    pub(crate) subresources: &'static [&'static str],
    /// Where objects are kept: two resources of one store show the same objects.
    pub(crate) store: &'static str,
    /// Whether a changed spec counts up `metadata.generation`.
    pub(crate) generation: bool,
    /// Whether the status can be written only through its subresource.
    pub(crate) status: bool,
    /// Whether objects are kept; else they can only be posted and are answered at once.
    pub(crate) kept: bool,
}

/// A resource of the table below.
pub(crate) type Res = &'static Resource;

impl PartialEq for Resource {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Resource {
    /// `apiVersion` as objects carry it.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// `deployments.apps`, `pods`: how messages name the resource.
    pub(crate) fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.plural.to_owned()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }

    /// `Deployment.apps`, `Pod`: how validation errors name the kind.
    pub(crate) fn qualified_kind(&self) -> String {
        if self.group.is_empty() {
            self.kind.to_owned()
        } else {
            format!("{}.{}", self.kind, self.group)
        }
    }

    /// What can be done with it, as discovery tells.
    pub(crate) fn verbs(&self) -> &'static [&'static str] {
        if self.kept {
            &[
                "create",
                "delete",
                "deletecollection",
                "get",
                "list",
                "patch",
                "update",
                "watch",
            ]
        } else {
            &["create"]
        }
    }
}

const PLAIN: Resource = Resource {
    group: "",
    version: "v1",
    plural: "",
    singular: "",
    kind: "",
    namespaced: true,
    short: &[],
    categories: &[],
    subresources: &[],
    store: "",
    generation: false,
    status: false,
    kept: true,
};

const WORKLOAD: Resource = Resource {
    group: "apps",
    categories: &["all"],
    subresources: &["scale", "status"],
    generation: true,
    status: true,
    ..PLAIN
};

/// Every kind of object; what comes first wins where a name means several.
pub(crate) static RESOURCES: &[Resource] = &[
    Resource {
        plural: "pods",
        singular: "pod",
        kind: "Pod",
        short: &["po"],
        categories: &["all"],
        subresources: &["eviction", "log", "status"],
        store: "pods",
        generation: true,
        status: true,
        ..PLAIN
    },
    Resource {
        plural: "namespaces",
        singular: "namespace",
        kind: "Namespace",
        namespaced: false,
        short: &["ns"],
        subresources: &["status"],
        store: "namespaces",
        status: true,
        ..PLAIN
    },
    Resource {
        plural: "nodes",
        singular: "node",
        kind: "Node",
        namespaced: false,
        short: &["no"],
        subresources: &["status"],
        store: "nodes",
        status: true,
        ..PLAIN
    },
    Resource {
        plural: "services",
        singular: "service",
        kind: "Service",
        short: &["svc"],
        categories: &["all"],
        subresources: &["status"],
        store: "services",
        status: true,
        ..PLAIN
    },
    Resource {
        plural: "configmaps",
        singular: "configmap",
        kind: "ConfigMap",
        short: &["cm"],
        store: "configmaps",
        ..PLAIN
    },
    Resource {
        plural: "secrets",
        singular: "secret",
        kind: "Secret",
        store: "secrets",
        ..PLAIN
    },
    Resource {
        plural: "serviceaccounts",
        singular: "serviceaccount",
        kind: "ServiceAccount",
        short: &["sa"],
        store: "serviceaccounts",
        ..PLAIN
    },
    Resource {
        plural: "events",
        singular: "event",
        kind: "Event",
        short: &["ev"],
        store: "events",
        ..PLAIN
    },
    Resource {
        plural: "deployments",
        singular: "deployment",
        kind: "Deployment",
        short: &["deploy"],
        store: "deployments",
        ..WORKLOAD
    },
    Resource {
        plural: "replicasets",
        singular: "replicaset",
        kind: "ReplicaSet",
        short: &["rs"],
        store: "replicasets",
        ..WORKLOAD
    },
    Resource {
        plural: "statefulsets",
        singular: "statefulset",
        kind: "StatefulSet",
        short: &["sts"],
        store: "statefulsets",
        ..WORKLOAD
    },
    Resource {
        plural: "daemonsets",
        singular: "daemonset",
        kind: "DaemonSet",
        short: &["ds"],
        subresources: &["status"],
        store: "daemonsets",
        ..WORKLOAD
    },
    Resource {
        group: "apps",
        plural: "controllerrevisions",
        singular: "controllerrevision",
        kind: "ControllerRevision",
        store: "controllerrevisions",
        ..PLAIN
    },
    Resource {
        group: "batch",
        plural: "jobs",
        singular: "job",
        kind: "Job",
        subresources: &["status"],
        store: "jobs",
        ..WORKLOAD
    },
    Resource {
        group: "argoproj.io",
        version: "v1alpha1",
        plural: "rollouts",
        singular: "rollout",
        kind: "Rollout",
        short: &["ro"],
        store: "rollouts",
        ..WORKLOAD
    },
    Resource {
        group: "coordination.k8s.io",
        plural: "leases",
        singular: "lease",
        kind: "Lease",
        store: "leases",
        ..PLAIN
    },
    Resource {
        group: "events.k8s.io",
        plural: "events",
        singular: "event",
        kind: "Event",
        short: &["ev"],
        store: "events",
        ..PLAIN
    },
    Resource {
        plural: "persistentvolumeclaims",
        singular: "persistentvolumeclaim",
        kind: "PersistentVolumeClaim",
        short: &["pvc"],
        subresources: &["status"],
        store: "persistentvolumeclaims",
        status: true,
        ..PLAIN
    },
    Resource {
        group: "policy",
        plural: "poddisruptionbudgets",
        singular: "poddisruptionbudget",
        kind: "PodDisruptionBudget",
        short: &["pdb"],
        subresources: &["status"],
        store: "poddisruptionbudgets",
        generation: true,
        status: true,
        ..PLAIN
    },
    Resource {
        group: "networking.k8s.io",
        plural: "networkpolicies",
        singular: "networkpolicy",
        kind: "NetworkPolicy",
        short: &["netpol"],
        store: "networkpolicies",
        generation: true,
        ..PLAIN
    },
    Resource {
        group: "networking.k8s.io",
        plural: "ingresses",
        singular: "ingress",
        kind: "Ingress",
        short: &["ing"],
        subresources: &["status"],
        store: "ingresses",
        generation: true,
        status: true,
        ..PLAIN
    },
    Resource {
        group: "rbac.authorization.k8s.io",
        plural: "roles",
        singular: "role",
        kind: "Role",
        store: "roles",
        ..PLAIN
    },
    Resource {
        group: "rbac.authorization.k8s.io",
        plural: "rolebindings",
        singular: "rolebinding",
        kind: "RoleBinding",
        store: "rolebindings",
        ..PLAIN
    },
    Resource {
        group: "rbac.authorization.k8s.io",
        plural: "clusterroles",
        singular: "clusterrole",
        kind: "ClusterRole",
        namespaced: false,
        store: "clusterroles",
        ..PLAIN
    },
    Resource {
        group: "rbac.authorization.k8s.io",
        plural: "clusterrolebindings",
        singular: "clusterrolebinding",
        kind: "ClusterRoleBinding",
        namespaced: false,
        store: "clusterrolebindings",
        ..PLAIN
    },
    Resource {
        group: "authorization.k8s.io",
        plural: "selfsubjectaccessreviews",
        singular: "selfsubjectaccessreview",
        kind: "SelfSubjectAccessReview",
        namespaced: false,
        kept: false,
        ..PLAIN
    },
    Resource {
        group: "authentication.k8s.io",
        plural: "selfsubjectreviews",
        singular: "selfsubjectreview",
        kind: "SelfSubjectReview",
        namespaced: false,
        kept: false,
        ..PLAIN
    },
];

/// The resource of a path.
pub(crate) fn at(group: &str, version: &str, plural: &str) -> Option<Res> {
    RESOURCES
        .iter()
        .find(|r| r.group == group && r.version == version && r.plural == plural)
}

/// The resource of an object.
pub(crate) fn of(api_version: &str, kind: &str) -> Option<Res> {
    RESOURCES
        .iter()
        .find(|r| r.kind == kind && r.api_version() == api_version)
}

/// The resource people mean by a plural, a singular, a kind or a short name.
pub(crate) fn named(word: &str) -> Option<Res> {
    RESOURCES.iter().find(|r| {
        r.plural == word || r.singular == word || r.kind.eq_ignore_ascii_case(word) || r.short.contains(&word)
    })
}

/// The resource of that plural; only for names in the table.
pub(crate) fn known(plural: &'static str) -> Res {
    RESOURCES
        .iter()
        .find(|r| r.plural == plural)
        .expect("invariant: callers name a resource of the table")
}

/// All groups with their versions, in order.
pub(crate) fn groups() -> Vec<(&'static str, &'static str)> {
    let mut groups: Vec<_> = RESOURCES.iter().map(|r| (r.group, r.version)).collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}
