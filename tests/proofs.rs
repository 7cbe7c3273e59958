//! The program at its worst moments: calls that fail, kills, full disks, drives that know little, other people's links.

mod support;

mod drives;
mod faults;
mod path_attacks;
