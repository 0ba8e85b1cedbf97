//! `#[responder]`: commands of a chat robot as plain functions, checked when they are compiled.
mod attribute;
mod errors;
mod expand;
mod handler;
mod pattern;
mod responder;
mod usage;

use proc_macro::TokenStream;
use quote::quote;
use syn::{ItemImpl, parse_macro_input};

/// Makes a type a responder.
#[proc_macro_attribute]
pub fn responder(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let args = parse_macro_input!(arguments as attribute::ResponderArgs);
    let mut item = parse_macro_input!(item as ItemImpl);
    let mut errors = errors::Errors::default();
    let responder = responder::read(args, &mut item, &mut errors);
    let written = match errors.into_compile_errors() {
        None => expand::expand(&responder, &item.self_ty),
        Some(errors) => {
            let usable = item.trait_.is_none() && item.generics.params.is_empty();
            let stand_in = usable.then(|| expand::stand_in(&item.self_ty));
            quote!(#errors #stand_in)
        }
    };
    quote!(#item #written).into()
}
