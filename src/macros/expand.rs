//! What the macro writes: plain values that could be written by hand.

use crate::{
    attribute::Effect,
    handler::{Handler, Parameter},
    pattern::Kind,
    responder::Responder,
};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use std::time::Duration;
use syn::{Type, ext::IdentExt, spanned::Spanned};

/// The registration and the implementation of `Responder`.
pub(crate) fn expand(responder: &Responder, ty: &Type) -> TokenStream {
    let Responder {
        name, about, needs, ..
    } = responder;
    let count = responder.handlers.len();
    let specs = responder.handlers.iter().map(|handler| spec(handler, name));
    let handlers = responder
        .handlers
        .iter()
        .enumerate()
        .map(|(at, handler)| run(handler, at, ty));
    let start = responder.start.as_ref().map(|start| start_hook(start, ty));
    let actions = responder.actions.as_ref().map(|actions| acts(actions, ty));
    let routes = responder.routes.as_ref().map(|routes| listens(routes, ty));
    let choices = responder.choices.as_ref().map(|choices| chooses(choices, ty));
    let build = build(responder, ty);
    quote! {
        const _: () = {
            // Statics, so that a command is the same value, at the same address, wherever it is spoken of.
            static COMMANDS: [::otus::CommandSpec; #count] = [#(#specs),*];

            #[automatically_derived]
            impl ::otus::Responder for #ty {
                const SPEC: ::otus::ResponderSpec = ::otus::ResponderSpec {
                    name: #name,
                    about: #about,
                    commands: &COMMANDS,
                    needs: &[#(::otus::ChatNeed::#needs),*],
                };

                fn handlers(
                    self: ::otus::__private::Arc<Self>,
                ) -> ::std::vec::Vec<::otus::Handler> {
                    ::std::vec![#(#handlers),*]
                }

                #start
                #actions
                #routes
                #choices
            }

            #build

            ::otus::__private::inventory::submit! {
                ::otus::Registration {
                    spec: &<#ty as ::otus::Responder>::SPEC,
                    build,
                }
            }
        };
    }
}

/// An implementation that does nothing, so that a faulty responder is not also reported as none.
pub(crate) fn stand_in(ty: &Type) -> TokenStream {
    quote! {
        #[automatically_derived]
        impl ::otus::Responder for #ty {
            const SPEC: ::otus::ResponderSpec = ::otus::ResponderSpec { name: "", about: "", commands: &[], needs: &[] };
            fn handlers(self: ::otus::__private::Arc<Self>) -> ::std::vec::Vec<::otus::Handler> {
                ::std::vec::Vec::new()
            }
        }
    }
}

fn spec(handler: &Handler, responder: &str) -> TokenStream {
    let name = handler.ident.unraw().to_string();
    let kind = match handler.kind {
        Kind::Respond => quote!(Respond),
        Kind::Hear => quote!(Hear),
    };
    let (pattern, literals) = (&handler.pattern.rewritten, handler.pattern.literals);
    let groups = handler.parameters.iter().map(|parameter| &parameter.name);
    let parameters = handler.parameters.iter().map(described);
    let (examples, about) = (&handler.examples, &handler.about);
    let usage = option(handler.args.usage.as_ref());
    let role = option(handler.args.role.as_ref());
    let effect = match handler.args.effect {
        Effect::Reads => quote!(Reads),
        Effect::Changes => quote!(Changes),
        Effect::Proposes => quote!(Proposes),
        Effect::Controls => quote!(Controls),
    };
    let deadline = option(handler.args.deadline.map(duration));
    quote! {
        ::otus::CommandSpec {
            responder: #responder,
            name: #name,
            kind: ::otus::Kind::#kind,
            pattern: #pattern,
            literals: #literals,
            groups: &[#(#groups),*],
            parameters: &[#(#parameters),*],
            usage: #usage,
            examples: &[#(#examples),*],
            about: #about,
            role: #role,
            effect: ::otus::Effect::#effect,
            deadline: #deadline,
        }
    }
}

/// A parameter, for forms.
fn described(parameter: &Parameter) -> TokenStream {
    let (name, optional, ty) = (&parameter.name, parameter.optional, &parameter.read_as);
    let ask = quote_spanned! {located_at(ty.span())=>
        (&&::otus::__private::Parse::<#ty>::new()).candidates(services)
    };
    quote! {
        ::otus::__private::Parameter {
            name: #name,
            optional: #optional,
            candidates: ::otus::__private::Candidates(|services| {
                #[allow(unused_imports, reason = "which of the two reads a type depends on the type")]
                use ::otus::__private::{FromText as _, FromWords as _};
                #ask
            }),
        }
    }
}

fn option(value: Option<impl quote::ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}

fn duration(duration: Duration) -> TokenStream {
    let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    quote!(::core::time::Duration::from_millis(#milliseconds))
}

/// The handler: reads the groups, then calls the method.
fn run(handler: &Handler, at: usize, ty: &Type) -> TokenStream {
    let method = &handler.ident;
    let names: Vec<_> = (0..handler.parameters.len())
        .map(|at| format_ident!("p{at}", span = Span::mixed_site()))
        .collect();
    let reads = handler
        .parameters
        .iter()
        .zip(&names)
        .map(|(parameter, name)| read(parameter, name));
    let traits = (!names.is_empty()).then(|| {
        quote! {
            #[allow(unused_imports, reason = "which of the two reads a type depends on the type")]
            use ::otus::__private::{FromText as _, FromWords as _};
        }
    });
    let captures = if names.is_empty() {
        quote!(_)
    } else {
        quote!(captures)
    };
    // At the method's place, so that one that returns something else is told there.
    let call = quote_spanned! {located_at(method.span())=>
        <#ty>::#method(&this, cx #(, #names)*).await
    };
    quote! {
        ::otus::Handler {
            spec: &COMMANDS[#at],
            run: {
                let this = ::otus::__private::Arc::clone(&self);
                ::otus::__private::Arc::new(move |cx: ::otus::Context, #captures: ::otus::Captures| {
                    let this = ::otus::__private::Arc::clone(&this);
                    ::std::boxed::Box::pin(async move {
                        #traits
                        #(#reads)*
                        let returned: ::otus::Result = #call;
                        returned
                    }) as ::otus::__private::BoxFuture<'static, ::otus::Result>
                })
            },
        }
    }
}

fn read(parameter: &Parameter, name: &Ident) -> TokenStream {
    let (group, ty) = (&parameter.name, &parameter.read_as);
    // At the type's place, so that one that cannot be read from words is told there.
    let parsed = quote_spanned! {located_at(ty.span())=>
        (&&::otus::__private::Parse::<#ty>::new()).parse(#group, &captures, &cx)
    };
    if parameter.optional {
        quote!(let #name = ::otus::__private::optional(#parsed)?;)
    } else {
        quote!(let #name = ::otus::__private::required(#group, #parsed)?;)
    }
}

fn start_hook(start: &Ident, ty: &Type) -> TokenStream {
    let call = quote_spanned!(located_at(start.span())=> <#ty>::#start(&self, services).await);
    quote! {
        fn start(
            self: ::otus::__private::Arc<Self>,
            services: ::otus::Services,
        ) -> ::otus::__private::BoxFuture<'static, ::otus::Result> {
            ::std::boxed::Box::pin(async move {
                let returned: ::otus::Result = #call;
                returned
            })
        }
    }
}

fn acts(actions: &Ident, ty: &Type) -> TokenStream {
    let call = quote_spanned!(located_at(actions.span())=> <#ty>::#actions(&self));
    quote! {
        fn actions(
            self: ::otus::__private::Arc<Self>,
        ) -> ::std::vec::Vec<::otus::__private::Arc<dyn ::otus::operations::Action>> {
            #call
        }
    }
}

fn listens(routes: &Ident, ty: &Type) -> TokenStream {
    let call = quote_spanned!(located_at(routes.span())=> <#ty>::#routes(&self));
    quote! {
        fn routes(self: ::otus::__private::Arc<Self>) -> ::std::vec::Vec<::otus::web::Route> {
            #call
        }
    }
}

fn chooses(choices: &Ident, ty: &Type) -> TokenStream {
    let call = quote_spanned!(located_at(choices.span())=> <#ty>::#choices(&self, wanted, services).await);
    quote! {
        fn choices(
            self: ::otus::__private::Arc<Self>,
            wanted: ::otus::form::Wanted,
            services: ::otus::Services,
        ) -> ::otus::__private::BoxFuture<'static, ::std::vec::Vec<::otus::form::Choice>> {
            ::std::boxed::Box::pin(async move {
                let choices: ::std::vec::Vec<::otus::form::Choice> = #call;
                choices
            })
        }
    }
}

fn build(responder: &Responder, ty: &Type) -> TokenStream {
    let make = match &responder.config {
        None => quote_spanned!(located_at(ty.span())=> setup.plain::<#ty>()?),
        Some(config) => quote_spanned! {located_at(config.span())=> {
            fn configured_by<R: ::otus::Configure<Config = #config>>() {}
            configured_by::<#ty>();
            setup.configured::<#ty>()?
        }},
    };
    quote! {
        fn build(
            setup: &::otus::Setup<'_>,
        ) -> ::core::result::Result<::otus::responder::Built, ::otus::StartError> {
            let responder = #make;
            ::core::result::Result::Ok(::otus::responder::Built::new(responder))
        }
    }
}

/// The macro's own names, shown at the author's place.
fn located_at(place: Span) -> Span {
    Span::call_site().located_at(place)
}
