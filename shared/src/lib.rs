//! What Postern's three functions have in common.
//!
//! Reading order: the values first, then cryptography, then what touches the outside.
//!
//! | | |
//! |---|---|
//! | [`email`], [`user`] | values that are valid once they exist |
//! | [`password`], [`token`] | cryptography, without I/O, time or settings of its own |
//! | [`config`], [`secret`], [`store`], [`log`] | environment, Secrets Manager, DynamoDB, standard error |
//! | [`error`], [`fields`], [`credentials`], [`answer`], [`lambda`] | HTTP and Lambda |

pub mod answer;
pub mod config;
pub mod credentials;
pub mod email;
pub mod error;
pub mod fields;
pub mod lambda;
pub mod log;
pub mod password;
pub mod secret;
pub mod store;
pub mod token;
pub mod user;
