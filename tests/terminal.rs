//! The program on a terminal, and where the secrets go that are typed there.

mod support;

mod prompts;
mod secrets_in_memory;
mod secrets_on_disk;
