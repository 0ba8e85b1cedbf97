//! Taking something away, in steps: nobody in the application uses it, nobody in the pipelines, nobody in the reports; it is withheld for
//! a while; then it goes.
//!
//! | what | where |
//! |---|---|
//! | What is kept, and how it changes; pure | `record` |
//! | Reading and writing it, and its one message | `desk` |
//! | Asking the database who uses it | `look` |
//! | What people say: begin, agree, miss, give up | `talk` |
//! | Withholding it for a while: an operation | `withhold` |
//! | Dropping it: an operation | `last` |
//! | The same where it is NULL that goes, which needs no file: an operation | `tighten` |
//! | Looking again and again, and reminding | `watch` |

pub(crate) mod desk;
pub(crate) mod last;
pub(crate) mod look;
pub(crate) mod record;
pub(crate) mod talk;
pub(crate) mod tighten;
pub(crate) mod watch;
pub(crate) mod withhold;
