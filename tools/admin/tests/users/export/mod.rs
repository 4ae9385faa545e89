//! `admin users export`.

mod failures;
mod formats;
mod harness;
mod round_trip;
