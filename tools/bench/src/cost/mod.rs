//! The monthly cost of Postern on AWS, compared with Cognito. Prices and counts are options; `calls` has the DynamoDB
//! units of each kind of call.
//!
//! The duration of a call is its CPU time, divided by the share of a processor that the memory size provides, plus the
//! time that it waits. Lambda bills it times the memory size, rounded up to whole milliseconds.

mod arguments;
mod calls;
mod cognito;
mod tables;

pub(crate) use self::{arguments::Arguments, tables::report};
