//! What `#[responder]` refuses, and how it says so. Each case has its message beside it, so a message can be read, and
//! changed, like any other text (`TRYBUILD=overwrite cargo test -p otus-responder-basics --test compile_errors`).

#[test]
fn each_fault_is_told_where_it_is() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
