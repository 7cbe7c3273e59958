//! Stories of the command line, told as a user types them. Each checks exit code, standard output, standard error and
//! what the command left on the disk. Linux only, since the stories name its folders and its tools; the library's own
//! tests cover what is the same everywhere.
#![cfg(all(target_os = "linux", feature = "cli"))]

mod headers;

mod archives;
mod attributes;
mod client_files;
pub mod completions;
mod config;
mod copies;
mod damage;
mod decrypt;
mod destruction;
mod dialogs;
mod encrypt;
mod engagement_end;
mod engagements;
mod first_use;
mod generate;
mod hazards;
mod help;
mod help_pages;
mod homeless;
mod imports;
mod imports_keepass;
mod imports_pass;
mod init;
pub mod inputs;
mod keychain_file;
mod keys;
mod kits;
mod legacy;
mod legacy_gpg;
mod log;
mod lost_output;
mod manifests;
mod messages;
mod own_files;
mod owners;
mod passwd;
mod passwords;
mod project_file;
mod projects;
mod read_only;

mod recipients;
mod recover;
mod reports;
mod rewrap;
mod rollback;
mod run;
mod schemas;
mod secrets;
mod status;
mod streams;
mod sweep;
mod together;
mod tree_runs;
mod trees;
mod updates;
mod vault_file;
mod whose;
