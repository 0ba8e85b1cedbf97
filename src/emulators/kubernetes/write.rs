//! Every write goes through here: defaults, checks, generation, managed fields, no-ops.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    defaults,
    fields::Fields,
    managed::{Entry, Managed, Operation},
    patch,
    resources::{self, Res},
    shape,
    status::{Answer, ApiError, Cause},
    store::State,
    timing::stamp,
    validate,
    value::{items, name, namespace, place, put, take, text, uid},
};

/// Who writes, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writer<'a> {
    pub(crate) manager: &'a str,
    /// `status`, `scale`, or nothing for the object itself.
    pub(crate) subresource: &'a str,
    pub(crate) dry_run: bool,
}

/// The controllers, writing a spec.
pub(crate) const CONTROLLER: Writer<'static> = Writer {
    manager: "kube-controller-manager",
    subresource: "",
    dry_run: false,
};
/// The controllers, writing a status.
pub(crate) const CONTROLLER_STATUS: Writer<'static> = Writer {
    subresource: "status",
    ..CONTROLLER
};
/// The kubelet, writing a pod's status.
pub(crate) const KUBELET: Writer<'static> = Writer {
    manager: "kubelet",
    subresource: "status",
    dry_run: false,
};

impl Writer<'_> {
    fn entry(&self, res: Res, operation: Operation, fields: Fields) -> Entry {
        Entry {
            manager: self.manager.to_owned(),
            operation,
            api_version: res.api_version(),
            subresource: self.subresource.to_owned(),
            time: String::new(),
            fields,
        }
    }
}

/// What an apply wishes besides its fields.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Apply {
    pub(crate) force: bool,
}

impl State {
    /// Creates an object.
    pub(crate) fn create(&mut self, res: Res, object: Value, by: &Writer<'_>) -> Answer<Arc<Value>> {
        self.create_as(res, object, by, None)
    }

    fn create_as(
        &mut self,
        res: Res,
        mut new: Value,
        by: &Writer<'_>,
        applied: Option<Entry>,
    ) -> Answer<Arc<Value>> {
        shape::check(res, &new)?;
        if name(&new).is_empty() && !text(&new, "/metadata/generateName").is_empty() {
            let generated = format!("{}{}", text(&new, "/metadata/generateName"), self.letters(5));
            put(&mut new, &["metadata", "name"], generated);
        }
        if name(&new).is_empty() {
            return Err(ApiError::invalid(
                res,
                "",
                &[Cause {
                    reason: "FieldValueRequired",
                    field: "metadata.name".into(),
                    message: "Required value: name or generateName is required".into(),
                }],
            ));
        }
        let ns = namespace(&new).to_owned();
        if res.namespaced && self.find("namespaces", "", &ns).is_none() {
            return Err(ApiError::not_found(resources::known("namespaces"), &ns));
        }
        if self.get(res, &ns, name(&new)).is_some() {
            return Err(ApiError::exists(res, name(&new)));
        }
        put(&mut new, &["apiVersion"], res.api_version());
        put(&mut new, &["kind"], res.kind);
        for field in [
            "resourceVersion",
            "generation",
            "managedFields",
            "deletionTimestamp",
            "selfLink",
        ] {
            take(&mut new, &["metadata", field]);
        }
        if res.status && res.kind != "Node" {
            put(&mut new, &["status"], json!({}));
        }
        let uid = self.uid();
        put(&mut new, &["metadata", "uid"], uid);
        put(&mut new, &["metadata", "creationTimestamp"], stamp());
        if res.generation {
            put(&mut new, &["metadata", "generation"], 1);
        }
        if res.kind == "Job" {
            super::controllers::claim(&mut new);
        }
        defaults::fill(res, &mut new);
        validate::check(res, None, &new)?;
        let mut managed = Managed::default();
        let entry = applied.unwrap_or_else(|| {
            let fields = Fields::compare(&json!({}), &new).changed.only("status", false);
            by.entry(res, Operation::Update, fields)
        });
        managed.set(entry, true);
        managed.write(&mut new);
        if by.dry_run {
            return Ok(Arc::new(new));
        }
        Ok(self.commit(res, None, new))
    }

    /// Replaces an object by `new`, which somebody made from `current` or from something older.
    pub(crate) fn update(
        &mut self,
        res: Res,
        current: &Arc<Value>,
        mut new: Value,
        by: &Writer<'_>,
    ) -> Answer<Arc<Value>> {
        shape::check(res, &new)?;
        self.guard(res, current, &mut new)?;
        self.frame(res, current, &mut new, by.subresource);
        defaults::fill(res, &mut new);
        validate::check(res, Some(current), &new)?;
        let difference = Fields::compare(current, &new);
        let mut managed = Managed::read(current);
        managed.updated(&by.entry(res, Operation::Update, Fields::default()), &difference);
        self.finish(res, current, new, managed, by)
    }

    /// Changes an object in place: how controllers write. Nothing happens where the object is gone.
    pub(crate) fn modify(
        &mut self,
        plural: &'static str,
        (ns, name): (&str, &str),
        by: &Writer<'_>,
        change: impl FnOnce(&mut Value),
    ) -> Option<Arc<Value>> {
        let res = resources::known(plural);
        let current = self.get(res, ns, name)?;
        let mut new = Value::clone(&current);
        change(&mut new);
        match self.update(res, &current, new, by) {
            Ok(object) => Some(object),
            Err(error) => {
                tracing::warn!(%plural, ns, name, error = %error.message, "a controller's write was refused");
                None
            }
        }
    }

    /// Applies a wish with server-side apply.
    pub(crate) fn apply(
        &mut self,
        res: Res,
        (ns, object_name): (&str, &str),
        mut wish: Value,
        by: &Writer<'_>,
        how: Apply,
    ) -> Answer<Arc<Value>> {
        if wish
            .pointer("/metadata/managedFields")
            .is_some_and(|m| m.as_array().is_none_or(|m| !m.is_empty()))
        {
            return Err(ApiError::bad_request("metadata.managedFields must be nil"));
        }
        if by.subresource.is_empty() {
            take(&mut wish, &["status"]);
        } else {
            wish = json!({
                "apiVersion": wish["apiVersion"],
                "kind": wish["kind"],
                "metadata": wish["metadata"],
                by.subresource: wish.get(by.subresource).cloned().unwrap_or_default(),
            });
        }
        shape::check(res, &wish)?;
        let mine = Fields::of(&wish);
        let entry = patch::apply::applier(by.manager, &res.api_version(), by.subresource, mine.clone());
        let Some(live) = self.get(res, ns, object_name) else {
            if !by.subresource.is_empty() {
                return Err(ApiError::not_found(res, object_name));
            }
            if let Some(given) = wish.pointer("/metadata/uid").and_then(Value::as_str) {
                let why = format!(
                    "uid mismatch: the provided object specified uid {given}, and no existing object was found"
                );
                return Err(ApiError::cannot_fulfil(res, object_name, &why));
            }
            put(&mut wish, &["metadata", "name"], object_name);
            if res.namespaced {
                put(&mut wish, &["metadata", "namespace"], ns);
            }
            return self.create_as(res, wish, by, Some(entry));
        };
        self.guard(res, &live, &mut wish)?;
        let mut managed = Managed::read(&live);
        let last = managed
            .find(&entry)
            .map(|entry| entry.fields.clone())
            .unwrap_or_default();
        let mut new = patch::apply::merged(&live, &wish, &mine, &last, &managed, &entry);
        let difference = Fields::compare(&live, &new);
        patch::apply::settle(res, &live, &mut managed, &entry, &difference, how.force)?;
        let touched = !difference.changed.is_empty() || !difference.removed.is_empty();
        managed.set(entry, touched);
        self.frame(res, &live, &mut new, by.subresource);
        defaults::fill(res, &mut new);
        validate::check(res, Some(&live), &new)?;
        self.finish(res, &live, new, managed, by)
    }

    /// Refuses what was made from an older version, or is meant for another object of the name.
    fn guard(&self, res: Res, current: &Value, new: &mut Value) -> Answer<()> {
        match text(new, "/metadata/resourceVersion") {
            "" | "0" => {}
            given if given == text(current, "/metadata/resourceVersion") => {}
            _ => return Err(ApiError::modified(res, name(current))),
        }
        match text(new, "/metadata/uid") {
            "" => put(new, &["metadata", "uid"], uid(current)),
            given if given == uid(current) => {}
            given => {
                let cause = Cause::invalid("metadata.uid", &json!(given), "field is immutable");
                return Err(ApiError::invalid(res, name(current), &[cause]));
            }
        }
        Ok(())
    }

    /// Keeps what is the server's, and what this way of writing may not touch.
    fn frame(&self, res: Res, current: &Value, new: &mut Value, subresource: &str) {
        put(new, &["apiVersion"], res.api_version());
        put(new, &["kind"], res.kind);
        for field in [
            "name",
            "namespace",
            "generateName",
            "creationTimestamp",
            "generation",
            "resourceVersion",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "managedFields",
        ] {
            match current.pointer(&format!("/metadata/{field}")) {
                Some(value) => put(new, &["metadata", field], value.clone()),
                None => drop(take(new, &["metadata", field])),
            }
        }
        let kept: &[&str] = match subresource {
            "status" => &["spec"],
            _ if res.status => &["status"],
            _ => &[],
        };
        for field in kept {
            match current.get(*field) {
                Some(value) => put(new, &[*field], value.clone()),
                None => drop(take(new, &[*field])),
            }
        }
        if subresource == "status" {
            match current.pointer("/metadata/labels") {
                Some(labels) => put(new, &["metadata", "labels"], labels.clone()),
                None => drop(take(new, &["metadata", "labels"])),
            }
        }
        for map in ["labels", "annotations"] {
            if place(new, &["metadata", map])
                .as_object()
                .is_none_or(serde_json::Map::is_empty)
            {
                take(new, &["metadata", map]);
            }
        }
    }

    fn finish(
        &mut self,
        res: Res,
        current: &Arc<Value>,
        mut new: Value,
        managed: Managed,
        by: &Writer<'_>,
    ) -> Answer<Arc<Value>> {
        if new == **current && managed == Managed::read(current) {
            return Ok(Arc::clone(current));
        }
        if res.generation && new.get("spec") != current.get("spec") {
            let generation = super::value::int(current, "/metadata/generation") + 1;
            put(&mut new, &["metadata", "generation"], generation);
        }
        managed.write(&mut new);
        if by.dry_run {
            return Ok(Arc::new(new));
        }
        let object = self.commit(res, Some(Arc::clone(current)), new);
        let leaving = !text(&object, "/metadata/deletionTimestamp").is_empty();
        if leaving && res.kind != "Pod" && items(&object, "/metadata/finalizers").is_empty() {
            self.remove(res, &object);
        }
        Ok(object)
    }
}
