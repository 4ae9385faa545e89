//! What Postern's three functions have in common.
//!
//! Reading order: the values first, then cryptography, then what touches the outside.
//!
//! | | |
//! |---|---|
//! | [`email`], [`user`], [`client`] | values that are valid once they exist |
//! | [`password`], [`well_known`], [`secret`], [`jwk`], [`keys`], [`token`], [`session`] | cryptography, without I/O, time or settings of its own |
//! | [`throttle`] | how often somebody may guess |
//! | [`config`], [`aws`], [`https`], [`place`], [`keyring`], [`store`], [`log`], [`audit`], [`metrics`] | environment, TLS, Secrets Manager, Parameter Store, DynamoDB, standard error and output |
//! | [`error`], [`fields`], [`credentials`], [`browser`], [`cookies`], [`access`], [`answer`], [`page`], [`lambda`] | HTTP, pages and Lambda |

pub mod access;
pub mod answer;
pub mod audit;
pub mod aws;
pub mod browser;
pub mod client;
pub mod config;
pub mod cookies;
pub mod credentials;
pub mod email;
pub mod error;
pub mod fields;
mod hash_memory;
pub mod https;
pub mod jwk;
pub mod keyring;
pub mod keys;
pub mod lambda;
pub mod log;
pub mod metrics;
pub mod page;
pub mod password;
pub mod place;
pub mod secret;
pub mod session;
pub mod store;
pub mod throttle;
pub mod token;
pub mod user;
pub mod well_known;
