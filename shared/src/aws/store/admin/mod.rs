//! Accounts as an operator sees and changes them. The functions do not use this module.
//!
//! Items are read leniently: one that the functions would reject is shown with the names of its invalid attributes.
//! Every change is a transaction over both items of an account, on the condition that they belong together.

mod changes;
mod counters;
mod error;
mod find;
mod import;
mod record;
mod scan;
mod sessions;
mod store;

pub use self::{
    counters::CounterRecord,
    error::AdminError,
    find::{Account, CompleteAccount, UserName},
    import::{Import, ImportedUser},
    record::{CredentialsRecord, SessionRecord, UserRecord},
    scan::{Cursor, Pages},
    store::AdminStore,
};
