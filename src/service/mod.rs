//! The one door. Terminal and command line call this room and nothing below it.

pub mod desk;
pub mod view;
