//! Purpose: squawk's rules, and how bad each is here.
//!
//! <https://squawkhq.com/docs/rules>. Rules on what Otus does itself (timeouts, names with schemas, `IF NOT EXISTS`) are left
//! out: a run is journalled, so that nothing has to be repeatable by its text.

use super::Level;
use crate::sql::Place;
use squawk_linter::{Linter, LinterSettings, Rule, Version};
use squawk_syntax::SourceFile;

/// What squawk says of a place in a text.
pub(super) struct Remark {
    pub(super) rule: String,
    pub(super) level: Level,
    /// In bytes.
    pub(super) at: usize,
    pub(super) message: String,
}

/// How bad a rule of squawk is here; none when it does not count.
fn level(rule: Rule) -> Option<Level> {
    Some(match rule {
        Rule::RequireConcurrentIndexCreation
        | Rule::RequireConcurrentIndexDeletion
        | Rule::RequireConcurrentPartitionDetach
        | Rule::RequireConcurrentReindex
        | Rule::ConstraintMissingNotValid
        | Rule::AddingFieldWithDefault
        | Rule::AddingForeignKeyConstraint
        | Rule::ChangingColumnType
        | Rule::AddingNotNullableField
        | Rule::AddingSerialPrimaryKeyField
        | Rule::AddingRequiredField
        | Rule::RenamingColumn
        | Rule::RenamingTable
        | Rule::RenamingObject
        | Rule::DisallowedUniqueConstraint
        | Rule::BanDropDatabase
        | Rule::BanDropColumn
        | Rule::BanDropTable
        | Rule::BanDropView
        | Rule::BanDropFunction
        | Rule::BanDropType
        | Rule::BanDropSchema
        | Rule::BanDropSequence
        | Rule::BanDropDomain
        | Rule::BanDropExtension
        | Rule::BanTruncateCascade
        | Rule::BanSetSchema
        | Rule::BanDuplicateColumnAssignments
        | Rule::BanAlterGeneratedExpression
        | Rule::BanDropTrigger => Level::Refused,
        Rule::BanAlterSystemOptions
        | Rule::BanAlterRoleOptions
        | Rule::BanAlterDatabaseOptions
        | Rule::BanAlterRowLevelSecurity
        | Rule::BanAlterPolicyCondition
        | Rule::BanAlterPolicyRoles
        | Rule::BanCreatePolicy
        | Rule::BanDropPolicy
        | Rule::BanRevoke
        | Rule::BanAlterExtension => Level::Person,
        Rule::BanDropNotNull
        | Rule::BanDropDefault
        | Rule::BanDropConstraint
        | Rule::BanDropGeneratedExpression
        | Rule::BanDropIndex
        | Rule::BanAlterIdentity
        | Rule::BanAlterSequenceValues
        | Rule::BanDisableTrigger
        | Rule::BanReplicaIdentity
        | Rule::BanDetachInheritance
        | Rule::BanAlterDomainWithAddConstraint
        | Rule::IdentifierTooLong => Level::Warning,
        Rule::PreferBigintOverInt
        | Rule::PreferBigintOverSmallint
        | Rule::PreferIdentity
        | Rule::PreferTextField
        | Rule::PreferTimestampTz
        | Rule::BanCharField
        | Rule::BanCreateDomainWithConstraint
        | Rule::RequireEnumValueOrdering => Level::Advice,
        _ => return None,
    })
}

/// What squawk says of a file, and where its parser does not understand it.
pub(super) fn remarks(text: &str, in_transaction: bool, server: u32) -> (Vec<Remark>, Vec<(Place, String)>) {
    let text = without_ignores(text);
    let file = SourceFile::parse(&text);
    let errors = file.errors();
    let errors = errors.iter().map(|error| {
        let at = usize::from(error.range().start());
        (Place::of(&text, at), error.message().to_owned())
    });
    let errors = errors.collect();
    let rules: Vec<Rule> = all().filter(|rule| level(*rule).is_some()).collect();
    let mut linter = Linter::with_rules(&rules, &[]);
    linter.rules.retain(|rule| level(*rule).is_some());
    let version: Version = format!("{server}.0").parse().unwrap_or_default();
    linter.settings = LinterSettings {
        pg_version: version,
        assume_in_transaction: in_transaction,
    };
    let found = linter.lint(&file, &text).into_iter().filter_map(|violation| {
        Some(Remark {
            rule: violation.code.to_string(),
            level: level(violation.code)?,
            at: usize::from(violation.text_range.start()),
            message: match violation.help {
                Some(help) => format!("{} {help}", violation.message),
                None => violation.message,
            },
        })
    });
    (found.collect(), errors)
}

/// Every rule that squawk knows, by its names: its own list of them is another crate's trait.
fn all() -> impl Iterator<Item = Rule> {
    NAMES.iter().filter_map(|name| Rule::try_from(*name).ok())
}

/// Those that are off unless they are asked for.
const NAMES: &[&str] = &[
    "ban-drop-trigger",
    "ban-alter-generated-expression",
    "ban-drop-index",
    "ban-disable-trigger",
    "ban-replica-identity",
    "ban-drop-policy",
    "ban-revoke",
    "ban-alter-policy-condition",
    "ban-alter-policy-roles",
    "ban-create-policy",
    "ban-alter-role-options",
    "ban-alter-database-options",
    "ban-alter-row-level-security",
    "ban-detach-inheritance",
    "ban-alter-sequence-values",
    "ban-alter-system-options",
    "ban-alter-extension",
];

/// The same text, of the same length, in which no comment switches a rule off.
fn without_ignores(text: &str) -> String {
    text.replace("squawk-", "squawk_")
}
