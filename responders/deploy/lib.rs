//! otus-responder-deploy
