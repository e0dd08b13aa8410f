//! The store on a real Redis.

mod access;
mod clusters;
mod faults;
mod garbage;
mod names;
mod pair;
mod people;
mod rooms;
mod same;
mod sentinels;
mod sweeps;
