//! otus-emulators
