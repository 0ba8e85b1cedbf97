//! Purpose: flags over HTTP: the protocol word for word, streams, tokens, and the official clients.


mod clients;
mod house;
mod protocol;
mod streams;
