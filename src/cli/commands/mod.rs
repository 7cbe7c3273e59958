//! One file per command: its arguments, whose comments are its help, and its run. A new command is a new file and a
//! line in the list below, or in that of its group.

use clap::Subcommand;

use super::context::Context;
use crate::failure::Failure;

/// Returns what is typed for a command: its module's name, or another one.
macro_rules! typed {
    ($module:ident) => {
        stringify!($module)
    };
    ($module:ident $name:literal) => {
        $name
    };
}

/// Declares the commands of the program, in groups by what they are for: the module of each, its arguments, and its name
/// if that is not the module's.
macro_rules! commands {
    ($($group:literal: { $($module:ident::$arguments:ident $(= $name:literal)?,)* })*) => {
        $($(pub mod $module;)*)*

        /// What to do.
        #[derive(Debug, Subcommand)]
        pub enum Command {
            $($(#[command(name = typed!($module $($name)?))] $arguments($module::$arguments),)*)*
        }

        impl Command {
            pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
                match self {
                    $($(Self::$arguments(command) => command.run(context),)*)*
                }
            }
        }

        /// Describes the command of a name to clap.
        pub(super) fn command(name: &str) -> Option<clap::Command> {
            match name {
                $($(typed!($module $($name)?) => {
                    Some(<$module::$arguments as clap::Args>::augment_args(clap::Command::new(typed!($module $($name)?))))
                })*)*
                _ => None,
            }
        }

        /// The commands by what they are for.
        pub const GROUPS: &[(&str, &[&str])] = &[$(($group, &[$(typed!($module $($name)?),)*]),)*];
    };
}

/// Declares the commands of a group: the module of each, its arguments, and its name if that is not the module's.
macro_rules! subcommands {
    ($name:ident: $($module:ident::$arguments:ident $(= $typed:literal)?,)*) => {
        $(mod $module;)*

        #[derive(Debug, clap::Subcommand)]
        enum $name {
            $(#[command(name = typed!($module $($typed)?))] $arguments($module::$arguments),)*
        }

        fn run(command: $name, context: &Context) -> Result<(), Failure> {
            match command {
                $($name::$arguments(command) => command.run(context),)*
            }
        }
    };
}

commands! {
    "Getting started": {
        init::Init,
        unlock::Unlock,
        lock::Lock,
        status::Status,
        doctor::Doctor,
        config::Config,
    }
    "Projects and their keys": {
        project::Project,
        due::Due,
        key::Key,
        secret::Secret,
        run::Run,
        generate::Generate,
    }
    "Files": {
        encrypt::Encrypt,
        decrypt::Decrypt,
        cat::Cat,
        verify::Verify,
        inspect::Inspect,
        import::Import,
        rewrap::Rewrap,
        reencrypt::Reencrypt,
        sweep::Sweep,
    }
    "For the client": {
        report::Report,
        destruction::Destruction,
    }
    "What can be shown of it": {
        log::Log,
        policy::Policy,
    }
    "Password, recovery kits and the vault file": {
        passwd::Passwd,
        kit::Kit,
        recover::Recover,
        vault::VaultFile,
    }
    "Shell": {
        completions::Completions,
        man::Man,
        exit_codes::ExitCodes = "exit-codes",
    }
}
