use super::*;

fn tree(files: &[(&str, &str)]) -> Tree {
    files.iter().copied().collect()
}

fn names(source: &Source) -> Vec<String> {
    let names = source.migrations.iter();
    names
        .map(|one| format!("{}: {}", one.label(), one.description))
        .collect()
}

#[test]
fn sqlx_folders_are_read_as_sqlx_does() {
    let files = [
        ("0010_more_users.up.sql", "-- no-transaction\nselect 1"),
        ("0010_more_users.down.sql", "select 2"),
        ("0009_first.sql", "select 3"),
        ("seed.sql", "not a migration"),
        ("below/0011_left_out.sql", "select 4"),
    ];
    let source = Source::read(&tree(&files), None).unwrap();
    assert_eq!(source.format, Format::Sqlx);
    assert_eq!(names(&source), ["9: first", "10: more users"]);
    assert_eq!(source.migrations[0].declared, Declared::Transaction);
    assert_eq!(source.migrations[1].declared, Declared::NoTransaction);
    let wrong = Source::read(&tree(&[("one_two.sql", "")]), Some(Format::Sqlx)).unwrap_err();
    assert!(matches!(wrong, SourceError::Name { .. }), "{wrong}");
}

#[test]
fn golang_migrates_names_are_known_by_their_directions() {
    let files = [("2_b.up.sql", ""), ("2_b.down.sql", ""), ("1_a_c.up.sql", "")];
    let source = Source::read(&tree(&files), None).unwrap();
    assert_eq!(source.format, Format::GolangMigrate);
    assert_eq!(names(&source), ["1: a c", "2: b"]);
}

#[test]
fn flyways_versions_are_compared_by_their_parts() {
    let files = [
        ("V1_10__tenth.sql", ""),
        ("sub/V1.9__ninth.sql", ""),
        ("R__views.sql", ""),
        ("V2__alone.sql", "create index concurrently i on t (a)"),
        ("V2__alone.sql.conf", "executeInTransaction=false"),
        ("U2__alone.sql", ""),
    ];
    let source = Source::read(&tree(&files), None).unwrap();
    assert_eq!(source.format, Format::Flyway);
    assert_eq!(
        names(&source),
        ["1.9: ninth", "1.10: tenth", "2: alone", "views: views"]
    );
    assert_eq!(source.migrations[2].declared, Declared::NoTransaction);
}

#[test]
fn what_would_be_left_out_silently_is_refused() {
    for (file, sql) in [
        ("beforeMigrate.sql", ""),
        ("B3__base.sql", ""),
        ("V1__a.sql", "create table ${name} (id int)"),
        ("whatever.sql", ""),
    ] {
        let refused = Source::read(&tree(&[(file, sql)]), Some(Format::Flyway));
        assert!(refused.is_err(), "{file}");
    }
}

#[test]
fn two_files_of_one_version_are_refused() {
    for files in [
        [("1_a.sql", ""), ("01_b.sql", "")],
        [("V1__a.sql", ""), ("V1.0__b.sql", "")],
        [("R__a.sql", ""), ("x/R__a.sql", "")],
    ] {
        let refused = Source::read(&tree(&files), None).unwrap_err();
        assert!(matches!(refused, SourceError::Duplicate { .. }), "{refused}");
    }
}

#[test]
fn formats_are_not_mixed_and_nothing_is_said() {
    let mixed = Source::read(&tree(&[("1_a.sql", ""), ("V2__b.sql", "")]), None).unwrap_err();
    assert!(matches!(mixed, SourceError::Mixed { .. }), "{mixed}");
    assert_eq!(
        Source::read(&tree(&[("readme.sql", "")]), None),
        Err(SourceError::Nothing)
    );
}

#[test]
fn flyways_checksum_does_not_count_line_ends() {
    // CRC-32 of "SELECT 1;SELECT 2;", as Python's zlib computes it.
    let one = flyway_checksum("SELECT 1;\nSELECT 2;\n");
    assert_eq!(one, flyway_checksum("\u{feff}SELECT 1;\r\nSELECT 2;"));
    assert_eq!(one, Checksum::Crc32(-1665099012));
    assert_ne!(one, flyway_checksum("SELECT 1; SELECT 2;"));
}

#[test]
fn a_checksum_goes_to_bytes_and_back() {
    let sum = sqlx_checksum("select 1");
    assert_eq!(Checksum::of_bytes(&sum.bytes()), sum);
    assert_eq!(sum.bytes().len(), 48);
}
