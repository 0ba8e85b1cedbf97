//! A contract as it is kept: what is to go, who has agreed, what was seen. Pure; without a clock.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use otus::{ChannelId, MessageRef, UserId};
use otus_migrations::contract::{Contract, Copied, Evidence, Gate, GateState, NotYet, Nulls, Object, Stage};
use otus_migrations::database::DatabaseConfig;
use otus_migrations::lint::Ready;
use serde::{Deserialize, Serialize};

use crate::settings::Settings;
use crate::words::{self, percent};

/// The key-value space contracts are kept in.
pub(crate) const SPACE: &str = "contracts";
/// Who signs when somebody was kept from it for long enough and nobody missed it.
pub(crate) const ROBOT: &str = "otus";
/// Who answers for it where it can be withheld from nobody.
pub(crate) const WITHHOLDING: &str = "withholding";
/// So many uses of one gate are kept.
const MOST: usize = 5;

/// A contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) service: String,
    /// Where its evidence is from.
    pub(crate) environment: String,
    pub(crate) database: String,
    /// What is to go.
    pub(crate) object: Object,
    /// The column of the same table that replaces it, where it is only to be called or written otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replaced_by: Option<String>,
    /// Who wants it.
    pub(crate) by: UserId,
    pub(crate) contract: Contract,
    pub(crate) signatures: Vec<Signature>,
    /// How often each statement had been called when somebody looked last: by role and statement.
    pub(crate) calls: BTreeMap<String, u64>,
    /// When these statistics had been reset.
    #[serde(default)]
    pub(crate) reset: Option<i64>,
    /// When the database was asked last.
    pub(crate) looked: Option<Timestamp>,
    /// Why it could not be asked since.
    pub(crate) fault: Option<String>,
    /// Good to know, from the last look.
    pub(crate) remarks: Vec<String>,
    /// While it is withheld: the operation, and until when.
    pub(crate) withheld: Option<(String, Timestamp)>,
    pub(crate) channel: ChannelId,
    pub(crate) card: Option<MessageRef>,
    /// The card as it was shown last.
    pub(crate) shown: String,
    /// When who holds it up was told last.
    pub(crate) nagged: Timestamp,
}

/// Somebody agreed for a consumer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Signature {
    pub(crate) gate: Gate,
    pub(crate) consumer: String,
    pub(crate) by: UserId,
    pub(crate) name: String,
    pub(crate) at: Timestamp,
    pub(crate) reason: Option<String>,
}

/// Who has to agree for a consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signer {
    pub(crate) gate: Gate,
    pub(crate) consumer: String,
    /// The role whose holders may.
    pub(crate) owner: String,
}

/// What a look found, by gate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) uses: BTreeMap<Gate, Vec<String>>,
    pub(crate) remarks: Vec<String>,
    pub(crate) calls: BTreeMap<String, u64>,
    pub(crate) reset: Option<i64>,
}

/// The gates that people sign.
pub(crate) const PEOPLES: [Gate; 3] = [Gate::App, Gate::Etl, Gate::Reporting];

/// What a gate is called where no consumer is configured for it.
fn nobodys(gate: Gate) -> &'static str {
    match gate {
        Gate::App => "application",
        Gate::Etl => "pipelines",
        Gate::Reporting => "reports",
        Gate::Brownout => WITHHOLDING,
    }
}

/// Who has to agree, by the configuration. Where it names nobody, those who agree to what takes something away.
pub(crate) fn signers(config: &DatabaseConfig, settings: &Settings) -> Vec<Signer> {
    let mut all = Vec::new();
    for gate in PEOPLES {
        let consumers = config.consumers.iter().filter(|(_, one)| one.gate.gate() == gate);
        let before = all.len();
        all.extend(consumers.map(|(name, one)| Signer {
            gate,
            consumer: name.clone(),
            owner: one.owner.clone(),
        }));
        if all.len() == before {
            all.push(Signer {
                gate,
                consumer: nobodys(gate).to_owned(),
                owner: settings.approvers.clone(),
            });
        }
    }
    all
}

/// Whose statements are a role's: the gate of a consumer that connects as it, else the application's.
pub(crate) fn gate_of(config: &DatabaseConfig, role: &str) -> (Gate, Option<String>) {
    let known = config.consumers.iter().find(|(_, one)| one.roles.contains(role));
    match known {
        Some((name, one)) => (one.gate.gate(), Some(name.clone())),
        None => (Gate::App, None),
    }
}

/// Statements that change the schema are ours, or a person's, and no use.
fn is_use(statement: &str) -> bool {
    let word = statement
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_lowercase();
    matches!(
        word.as_str(),
        "select"
            | "insert"
            | "update"
            | "delete"
            | "merge"
            | "with"
            | "copy"
            | "table"
            | "declare"
            | "(select"
    )
}

/// What copying says: what is not copied yet is a use by the application, which writes only the old one.
pub(crate) fn uncopied(copied: Copied, row: &Row, found: &mut Found) {
    let Some(new) = &row.replaced_by else { return };
    let table = row.object.table();
    let rows = match copied {
        Copied::All => return,
        Copied::NotThere => {
            let uses = found.uses.entry(Gate::App).or_default();
            uses.insert(
                0,
                format!("{table}.{new} is not there yet: add it by a migration, and write both"),
            );
            return;
        }
        Copied::Unknown => {
            let text =
                format!("{table} is too large to see in half a minute whether every row has its {new}");
            found.remarks.insert(0, text);
            return;
        }
        Copied::Without(1) => format!("1 row of {table} does not have it"),
        Copied::Without(rows) => format!("{rows} rows of {table} do not have it"),
        Copied::Many => format!("More than 10,000 rows of {table} do not have it"),
    };
    let uses = found.uses.entry(Gate::App).or_default();
    uses.insert(
        0,
        format!("{rows} in {new}: write both, and copy what is there by a backfill"),
    );
}

/// What is said of the rows that hold NULL: they are a use by the application, which has to fill them.
pub(crate) fn holding(nulls: Nulls, object: &Object, found: &mut Found) {
    let Some(column) = object.tightens() else { return };
    let (table, name) = (&column.table, &column.column);
    let large = format!("{table} is too large to be read in half a minute");
    let fill = "write a value, and fill what is there by a backfill";
    let rows = match nulls {
        Nulls::None => return,
        Nulls::Never => {
            found.remarks.insert(0, format!("{column} is NOT NULL already"));
            return;
        }
        Nulls::Estimated { share, .. } if share <= 0.0 => {
            found.remarks.insert(
                0,
                format!(
                    "{large}; the planner's sample has no NULL in {name}. In the end every row is read before anything is changed for good"
                ),
            );
            return;
        }
        Nulls::Rows(1) => format!("1 row of {table} holds NULL in {name}: {fill}"),
        Nulls::Rows(rows) => format!("{rows} rows of {table} hold NULL in {name}: {fill}"),
        Nulls::Many => format!("More than 10,000 rows of {table} hold NULL in {name}: {fill}"),
        Nulls::Estimated { share, rows } => {
            let share = match share < 0.01 {
                true => "less than 1 %".to_owned(),
                false => format!("about {}", percent(share)),
            };
            let rows = rows.map_or(String::new(), |rows| format!(" (about {})", words::rows(rows)));
            format!(
                "{large}; by the planner's statistics {share} of its rows{rows} hold NULL in {name}: {fill}. ANALYZE brings the statistics up \
                 to date"
            )
        }
        Nulls::Unknown => format!(
            "{large}, and has no statistics that would say how many of its rows hold NULL in {name}: ANALYZE {table} ({name})"
        ),
    };
    found.uses.entry(Gate::App).or_default().insert(0, rows);
}

/// What the evidence says, by gate: what was called since the last look, and what stands on it.
pub(crate) fn found(
    evidence: &Evidence,
    (before, reset): (&BTreeMap<String, u64>, Option<i64>),
    config: &DatabaseConfig,
) -> Found {
    let mut found = Found {
        reset: evidence.reset,
        ..Found::default()
    };
    // As often as before is no call at all, unless it was counted from nothing in between.
    let anew = reset.is_some() && reset != evidence.reset;
    let mut add = |gate: Gate, what: String| {
        let uses = found.uses.entry(gate).or_default();
        if uses.len() < MOST {
            uses.push(what);
        }
    };
    // What is written counts then, instead of what is read.
    let written = evidence.nulls.is_some();
    for dependent in &evidence.dependents {
        let what = dependent.what.as_str();
        if what.starts_with("subscription") {
            found.remarks.push(format!(
                "{what} writes it, which no statistics show; replication stops where it is refused"
            ));
        } else if !dependent.certain {
            found.remarks.push(format!("{what} has its name in its text"));
        } else if what.starts_with("publication") {
            add(Gate::Etl, what.to_owned());
        } else if what.contains("view") || what.starts_with("function") || what.starts_with("rule") {
            add(Gate::Reporting, what.to_owned());
        } else if ["trigger", "foreign key", "table", "policy"]
            .iter()
            .any(|kind| what.starts_with(kind))
        {
            add(Gate::App, what.to_owned());
        } else {
            found.remarks.push(format!("{what} goes with it"));
        }
    }
    match &evidence.uses {
        None => found.remarks.push(format!(
            "pg_stat_statements is not there, so nobody sees who {} it: what is signed is only said",
            if written { "writes" } else { "reads" }
        )),
        Some(uses) => {
            for one in uses.iter().filter(|one| is_use(&one.statement)) {
                let key = format!("{} {}", one.role, one.statement);
                let known = before.get(&key).copied().filter(|_| !anew).unwrap_or_default();
                found.calls.insert(key, one.calls);
                // Fewer than before: the statistics were reset, and all of these came since.
                if one.calls == known {
                    continue;
                }
                let (gate, consumer) = gate_of(config, &one.role);
                let who = match consumer {
                    Some(consumer) => format!("{consumer} (as {})", one.role),
                    None => format!("{}, whom no consumer is configured for,", one.role),
                };
                let statement: String = one.statement.chars().take(120).collect();
                match (one.certain, written) {
                    (true, false) => add(gate, format!("{who} says `{statement}`")),
                    (true, true) => add(gate, format!("{who} leaves it out: `{statement}`")),
                    (false, false) => found.remarks.push(format!("{who} may use it: `{statement}`")),
                    (false, true) => found.remarks.push(format!("{who} may write NULL: `{statement}`")),
                }
            }
        }
    }
    if let Some(forgotten) = evidence.forgotten.filter(|forgotten| *forgotten > 0) {
        found.remarks.push(format!(
            "{forgotten} statements were pushed out of pg_stat_statements, so that somebody may not have been seen"
        ));
    }
    found.remarks.truncate(MOST);
    found
}

impl Row {
    /// Under which it is kept.
    pub(crate) fn key(&self) -> String {
        format!("{} {}", self.service, self.object)
    }

    /// Whether it is over.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.contract.stage(), Stage::Dropped | Stage::Abandoned)
    }

    /// Takes in what a look found.
    pub(crate) fn saw(&mut self, found: &Found, now: Timestamp) {
        let nobody = Vec::new();
        for gate in PEOPLES {
            let uses = found.uses.get(&gate).unwrap_or(&nobody);
            self.contract.saw(gate, uses, now);
            if !uses.is_empty() {
                self.forget(gate);
            }
        }
        self.calls.clone_from(&found.calls);
        self.reset = found.reset;
        self.remarks.clone_from(&found.remarks);
        self.looked = Some(now);
        self.fault = None;
    }

    /// The configuration names somebody who has not agreed: their gate opens again.
    pub(crate) fn reconcile(&mut self, signers: &[Signer]) {
        for gate in PEOPLES {
            let lacks = signers
                .iter()
                .any(|signer| signer.gate == gate && !self.has_signed(signer));
            if lacks && matches!(self.contract.gate(gate), GateState::Signed { .. }) {
                let theirs: Vec<Signature> = self.signatures.clone();
                self.contract.reopen(gate);
                self.forget(gate);
                // Those who agreed for this gate still do.
                let kept = theirs.into_iter().filter(|signature| signature.gate == gate);
                self.signatures.extend(kept);
                return;
            }
        }
    }

    /// Forgets who agreed, from a gate on.
    fn forget(&mut self, from: Gate) {
        self.signatures.retain(|signature| signature.gate < from);
    }

    pub(crate) fn has_signed(&self, signer: &Signer) -> bool {
        self.signatures
            .iter()
            .any(|signature| signature.gate == signer.gate && signature.consumer == signer.consumer)
    }

    /// Somebody agrees for a consumer. The gate opens when all of its consumers have.
    pub(crate) fn sign(
        &mut self,
        signer: &Signer,
        signature: Signature,
        signers: &[Signer],
        settings: &Settings,
    ) -> Result<(), NotYet> {
        let now = signature.at;
        if settings.month_end
            && let GateState::Quiet { since } = self.contract.gate(signer.gate)
        {
            let turned = month_turned(*since);
            if now < turned {
                return Err(NotYet::Quiet(turned));
            }
        }
        // Whether it may be signed at all, tried on a copy.
        let (name, gate) = (signature.name.clone(), signer.gate);
        self.contract.clone().sign(gate, &name, now)?;
        if !self.has_signed(signer) {
            self.signatures.push(signature);
        }
        let all = signers
            .iter()
            .filter(|one| one.gate == gate)
            .all(|one| self.has_signed(one));
        if all {
            self.contract.sign(gate, &name, now)?;
        }
        Ok(())
    }

    /// It was withheld for as long as was wanted, and nobody missed it.
    pub(crate) fn endured(&mut self, now: Timestamp) -> Result<(), NotYet> {
        self.contract.saw(Gate::Brownout, &[], now);
        self.contract.sign(Gate::Brownout, ROBOT, now)
    }

    /// Somebody missed it.
    pub(crate) fn missed(&mut self, what: &str, now: Timestamp) {
        self.contract.saw(Gate::Brownout, &[what.to_owned()], now);
    }

    /// A person answers for it instead, because it can be withheld from nobody.
    pub(crate) fn waive(&mut self, signature: Signature) -> Result<(), NotYet> {
        self.contract.saw(Gate::Brownout, &[], signature.at);
        self.contract
            .sign(Gate::Brownout, &signature.name, signature.at)?;
        self.signatures.push(signature);
        Ok(())
    }

    /// What the linter may let pass: only when every gate is passed, by everybody whom the configuration names now.
    pub(crate) fn ready(&self, signers: &[Signer]) -> Option<Ready> {
        let mut row = self.clone();
        row.reconcile(signers);
        row.contract.ready().filter(|_| self.withheld.is_none())
    }

    /// Whose turn it is: those of the next gate who have not agreed.
    pub(crate) fn awaited<'a>(&self, signers: &'a [Signer]) -> Vec<&'a Signer> {
        let Stage::At(gate) = self.contract.stage() else {
            return Vec::new();
        };
        signers
            .iter()
            .filter(|signer| signer.gate == gate && !self.has_signed(signer))
            .collect()
    }
}

/// The first moment after the turn of the month that follows: a day later, when the reports of it are made.
fn month_turned(since: Timestamp) -> Timestamp {
    let day = since.to_zoned(TimeZone::UTC).date();
    let turned = day.last_of_month().checked_add(SignedDuration::from_hours(48));
    let turned = turned.ok().and_then(|day| day.to_zoned(TimeZone::UTC).ok());
    turned.map_or(Timestamp::MAX, |turned| turned.timestamp())
}

/// A new contract.
pub(crate) fn opened(
    (service, environment, database): (&str, &str, &str),
    (object, replaced_by): (Object, Option<String>),
    (by, name, reason): (&UserId, &str, &str),
    channel: ChannelId,
    settings: &Settings,
    now: Timestamp,
) -> Row {
    let statement = object.statement();
    let quiet = u64::from(settings.quiet_days) * 24 * 3600;
    Row {
        service: service.to_owned(),
        environment: environment.to_owned(),
        database: database.to_owned(),
        contract: Contract::new(&object.destroyed(), &statement, name, reason, now).quiet_for(quiet),
        by: by.clone(),
        object,
        replaced_by,
        signatures: Vec::new(),
        calls: BTreeMap::new(),
        reset: None,
        looked: None,
        fault: None,
        remarks: Vec::new(),
        withheld: None,
        channel,
        card: None,
        shown: String::new(),
        nagged: now,
    }
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
