//! A kettle in the chat, built up step by step: the code of docs/responders.md. Each module is the whole responder as far as the page
//! has come, with its tests.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

pub mod arguments;
pub mod config;
pub mod operation;
pub mod permission;
pub mod ping;
pub mod route;
pub mod schedule;
pub mod state;

#[cfg(test)]
mod tests {
    /// The page shows the code as it stands in the files.
    #[test]
    fn the_page_is_current() {
        let page = include_str!("../../docs/responders.md");
        let mut shown = 0;
        for part in page.split("<!-- examples/kettle/").skip(1) {
            let (file, rest) = part.split_once(" -->\n```rust\n").unwrap();
            let (code, _) = rest.split_once("\n```").unwrap();
            let source = match file {
                "arguments.rs" => include_str!("arguments.rs"),
                "config.rs" => include_str!("config.rs"),
                "operation.rs" => include_str!("operation.rs"),
                "permission.rs" => include_str!("permission.rs"),
                "ping.rs" => include_str!("ping.rs"),
                "route.rs" => include_str!("route.rs"),
                "schedule.rs" => include_str!("schedule.rs"),
                "state.rs" => include_str!("state.rs"),
                other => panic!("{other} is no file of the example"),
            };
            assert!(
                source.contains(code),
                "{file} does not have this, which the page shows:\n{code}"
            );
            shown += 1;
        }
        assert!(shown >= 12, "only {shown} pieces of code");
    }
}
