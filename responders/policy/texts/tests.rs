//! Every text, as it is read.
