//! What the cluster remembers: its objects, and how they came to be what they are.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
use serde_json::Value;
use tokio::sync::watch;

use super::{
    access::Denial,
    behaviour::Behaviours,
    controllers::{Agenda, Run},
    rbac::Use,
    resources::{self, Res},
    timing::Timing,
    value::{name, namespace, put},
};

/// Where an object is kept.
pub(crate) type Key = (&'static str, String, String);

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    Added,
    Modified,
    Deleted,
}

/// One change, as watches tell it.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) kind: ChangeKind,
    pub(crate) store: &'static str,
    pub(crate) object: Arc<Value>,
    pub(crate) before: Option<Arc<Value>>,
}

/// The rest of a list that was asked for in pages.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) rest: VecDeque<Arc<Value>>,
    pub(crate) version: u64,
}

/// Everything the cluster knows.
pub(crate) struct State {
    objects: BTreeMap<Key, Arc<Value>>,
    history: VecDeque<Change>,
    version: u64,
    /// Watches cannot start before this version.
    compacted: u64,
    pages: VecDeque<(String, Page)>,
    changed: watch::Sender<u64>,
    pub(crate) agenda: Agenda,
    pub(crate) timing: Timing,
    pub(crate) behaviours: Behaviours,
    /// What kubelets know of their pods, by uid.
    pub(crate) runs: HashMap<String, Run>,
    /// Deployments whose pods become ready at once, by namespace and name.
    pub(crate) settling: HashSet<(String, String)>,
    /// When a Deployment last progressed, by uid.
    pub(crate) progress: HashMap<String, tokio::time::Instant>,
    /// By uid: when the pause of a Rollout's step ends by itself.
    pub(crate) argo_pauses: HashMap<String, tokio::time::Instant>,
    /// Deployments whose controller has not yet seen its own last write, by uid.
    pub(crate) behind: HashSet<String>,
    /// Owners of which a pod was evicted, by uid.
    pub(crate) evicted: HashSet<String>,
    /// The names of events, by what they say.
    pub(crate) recorded: HashMap<String, String>,
    pub(crate) denials: Vec<Denial>,
    /// Who asks, by the bearer token they ask with.
    pub(crate) tokens: HashMap<String, String>,
    /// What Roles were needed for.
    pub(crate) uses: BTreeSet<Use>,
    rng: StdRng,
}

/// How many changes watches can go back.
const HISTORY: usize = 20_000;
/// How many unfinished lists are kept.
const PAGES: usize = 64;

impl State {
    pub(crate) fn new(timing: Timing, changed: watch::Sender<u64>) -> Self {
        Self {
            objects: BTreeMap::new(),
            history: VecDeque::new(),
            version: 100,
            compacted: 100,
            pages: VecDeque::new(),
            changed,
            agenda: Agenda::default(),
            timing,
            behaviours: Behaviours::default(),
            runs: HashMap::new(),
            settling: HashSet::new(),
            progress: HashMap::new(),
            argo_pauses: HashMap::new(),
            behind: HashSet::new(),
            evicted: HashSet::new(),
            recorded: HashMap::new(),
            denials: Vec::new(),
            tokens: HashMap::new(),
            uses: BTreeSet::new(),
            rng: StdRng::from_rng(&mut rand::rng()),
        }
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn get(&self, res: Res, ns: &str, name: &str) -> Option<Arc<Value>> {
        self.objects
            .get(&(res.store, ns.to_owned(), name.to_owned()))
            .cloned()
    }

    /// The object of that kind, for names in the table of resources.
    pub(crate) fn find(&self, plural: &'static str, ns: &str, name: &str) -> Option<Arc<Value>> {
        self.get(resources::known(plural), ns, name)
    }

    /// All objects of a kind, in one namespace or in all.
    pub(crate) fn all<'a>(
        &'a self,
        store: &'static str,
        ns: &'a str,
    ) -> impl Iterator<Item = &'a Arc<Value>> {
        let start = (store, ns.to_owned(), String::new());
        self.objects
            .range(start..)
            .take_while(move |((s, n, _), _)| *s == store && (ns.is_empty() || n == ns))
            .map(|(_, object)| object)
    }

    /// Keeps an object as it is now, and tells watches and controllers.
    pub(crate) fn commit(&mut self, res: Res, before: Option<Arc<Value>>, mut object: Value) -> Arc<Value> {
        self.version += 1;
        put(
            &mut object,
            &["metadata", "resourceVersion"],
            self.version.to_string(),
        );
        let object = Arc::new(object);
        let key = (res.store, namespace(&object).to_owned(), name(&object).to_owned());
        self.objects.insert(key, Arc::clone(&object));
        let kind = if before.is_some() {
            ChangeKind::Modified
        } else {
            ChangeKind::Added
        };
        self.remember(res, kind, before, Arc::clone(&object));
        object
    }

    /// Forgets an object.
    pub(crate) fn forget(&mut self, res: Res, object: &Arc<Value>) -> Arc<Value> {
        self.version += 1;
        let key = (res.store, namespace(object).to_owned(), name(object).to_owned());
        self.objects.remove(&key);
        let mut last = Value::clone(object);
        put(
            &mut last,
            &["metadata", "resourceVersion"],
            self.version.to_string(),
        );
        let last = Arc::new(last);
        self.remember(
            res,
            ChangeKind::Deleted,
            Some(Arc::clone(object)),
            Arc::clone(&last),
        );
        last
    }

    fn remember(&mut self, res: Res, kind: ChangeKind, before: Option<Arc<Value>>, object: Arc<Value>) {
        let change = Change {
            version: self.version,
            kind,
            store: res.store,
            object,
            before,
        };
        super::controllers::observe(self, res, &change);
        self.history.push_back(change);
        if self.history.len() > HISTORY
            && let Some(oldest) = self.history.pop_front()
        {
            self.compacted = oldest.version;
        }
        self.changed.send_replace(self.version);
    }

    /// The changes of one kind after a version; nothing if they are no longer remembered.
    pub(crate) fn since(&self, store: &'static str, version: u64) -> Result<Vec<Change>, u64> {
        if version < self.compacted {
            return Err(self.compacted);
        }
        let start = self.history.partition_point(|change| change.version <= version);
        Ok(self
            .history
            .range(start..)
            .filter(|change| change.store == store)
            .cloned()
            .collect())
    }

    /// Forgets all history: a watch from an older version is 410 Gone.
    pub(crate) fn compact(&mut self) {
        self.version += 1;
        self.history.clear();
        self.pages.clear();
        self.compacted = self.version;
        self.changed.send_replace(self.version);
    }

    pub(crate) fn oldest(&self) -> u64 {
        self.compacted
    }

    pub(crate) fn keep_page(&mut self, page: Page) -> String {
        let token = self.letters(24);
        self.pages.push_back((token.clone(), page));
        if self.pages.len() > PAGES {
            self.pages.pop_front();
        }
        token
    }

    pub(crate) fn page(&mut self, token: &str) -> Option<Page> {
        // A page may be asked for again: the answer can have been lost.
        self.pages
            .iter()
            .find(|(known, _)| known == token)
            .map(|(_, page)| page.clone())
    }

    /// Letters as generated names have them.
    pub(crate) fn letters(&mut self, count: usize) -> String {
        const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        (0..count)
            .map(|_| LETTERS[self.rng.random_range(0..LETTERS.len())] as char)
            .collect()
    }

    pub(crate) fn uid(&mut self) -> String {
        let mut bytes = [0_u8; 16];
        self.rng.fill_bytes(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    /// How long this pod takes to become ready.
    pub(crate) fn ready_time(&mut self) -> std::time::Duration {
        let (from, to) = (*self.timing.ready.start(), *self.timing.ready.end());
        if from >= to {
            from
        } else {
            self.rng.random_range(from..=to)
        }
    }
}
