//! The flags that describe a password to generate.

use clap::Args;

use crate::failure::Failure;
use crate::secrets::generator::{Class, LookAlikes, Policy, PolicyError, Preset};

/// How many characters a password has if only their classes are given.
const LENGTH: usize = 20;

/// What is generated; without a flag, what the preset `strong` describes.
#[derive(Debug, Clone, Default, Args)]
pub struct GeneratorFlags {
    /// Generate this many random words, 4 to 64, joined by hyphens
    #[arg(long, value_name = "N", conflicts_with_all = ["length", "classes", "no_look_alikes", "preset"])]
    words: Option<usize>,
    /// How many characters the password has, at most 1024 [default: 20, or as the preset says]
    #[arg(long, value_name = "N")]
    length: Option<usize>,
    /// Which classes of characters the password has, separated by commas; it has at least one of each [default: all]
    #[arg(long, value_name = "LIST", value_enum, value_delimiter = ',', conflicts_with = "preset")]
    classes: Vec<Class>,
    /// Leave out characters that are read as another one: i I l L 1 | ! o O 0 . , : ;
    #[arg(long)]
    no_look_alikes: bool,
    /// Generate a common kind of password
    #[arg(long, value_name = "NAME", value_enum)]
    preset: Option<Preset>,
}

impl GeneratorFlags {
    /// Returns what the flags describe.
    ///
    /// # Errors
    /// A usage failure for a password that is out of range, or could be guessed.
    pub fn policy(&self) -> Result<Policy, Failure> {
        let look_alikes = if self.no_look_alikes { LookAlikes::LeftOut } else { LookAlikes::Kept };
        let policy = match (self.words, &self.classes[..], self.preset) {
            (Some(words), ..) => Policy::words(words),
            (None, [], preset) => preset.unwrap_or(Preset::Strong).policy(self.length, look_alikes),
            (None, classes, _) => Policy::characters(self.length.unwrap_or(LENGTH), classes, look_alikes),
        };
        policy.map_err(|error| {
            Failure::usage("cannot generate such a password").cause(error.to_string()).hint(match error {
                PolicyError::TooManyWords => "give --words 64 or less",
                PolicyError::TooLong => "give --length 1024 or less",
                PolicyError::ShortPin => "give --length 4 or more",
                PolicyError::NoClass => "name them with --classes, such as --classes lower,digits",
                PolicyError::WordsAsTheyAre => "choose how many words with --words, without --preset",
                PolicyError::Guessable { .. } if self.words.is_some() => "give --words 4 or more",
                PolicyError::Guessable { .. } | PolicyError::TooShort { .. } => {
                    "give a larger --length, or more --classes; --preset pin is for what locks itself after a few wrong \
                     guesses"
                }
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        generator: GeneratorFlags,
    }

    fn parsed(flags: &str) -> Result<Program, clap::Error> {
        Program::try_parse_from(std::iter::once("program").chain(flags.split_whitespace()))
    }

    #[test]
    fn flags_describe_a_policy() {
        for (flags, said) in [
            ("", "20 random characters (lower, upper, digits, symbols)"),
            ("--length 30", "30 random characters (lower, upper, digits, symbols)"),
            ("--words 8", "8 random words of a list of 7,776"),
            ("--classes digits,lower,lower", "20 random characters (lower, digits)"),
            ("--classes lower --classes upper --length 9", "9 random characters (lower, upper)"),
            ("--no-look-alikes", "20 random characters (lower, upper, digits, symbols) without look-alikes"),
            ("--preset strong", "20 random characters (lower, upper, digits, symbols)"),
            ("--preset legacy --length 8", "8 random characters (lower, upper, digits)"),
            ("--preset typed", "16 random characters (lower, upper, digits) without look-alikes"),
            ("--preset pin --length 4 --no-look-alikes", "4 random characters (digits) without look-alikes"),
            ("--preset words", "6 random words of a list of 7,776"),
        ] {
            assert_eq!(parsed(flags).unwrap().generator.policy().unwrap().to_string(), said, "{flags}");
        }
    }

    /// A command that generates only if it is asked to.
    #[derive(Debug, Parser)]
    struct Other {
        #[command(flatten)]
        generator: Option<GeneratorFlags>,
        #[arg(long)]
        generate: bool,
    }

    #[test]
    fn another_command_sees_whether_a_flag_was_given() {
        for (flags, is_given) in [("--generate", false), ("--words 6", true), ("--no-look-alikes", true)] {
            let other = Other::try_parse_from(std::iter::once("other").chain(flags.split(' '))).unwrap();
            assert_eq!((other.generator.is_some(), other.generate), (is_given, !is_given), "{flags}");
        }
        assert_eq!(GeneratorFlags::default().policy().unwrap(), parsed("").unwrap().generator.policy().unwrap());
    }

    #[test]
    fn flags_that_do_not_go_together_are_refused() {
        for flags in [
            "--words 6 --length 20",
            "--words 6 --classes lower",
            "--words 6 --no-look-alikes",
            "--words 6 --preset words",
            "--classes lower --preset pin",
            "--classes letters",
            "--preset weak",
            "--length -1",
            "--words many",
        ] {
            parsed(flags).expect_err(flags);
        }
        for (flags, hint) in [
            ("--preset words --length 30", "--words"),
            ("--preset words --no-look-alikes", "--words"),
            ("--words 3", "--words 4"),
            ("--words 65", "--words 64"),
            ("--length 6", "larger --length"),
            ("--length 3", "larger --length"),
            ("--length 1025", "--length 1024"),
            ("--classes digits --length 6", "--preset pin"),
            ("--preset pin --length 3", "--length 4"),
        ] {
            let failure = parsed(flags).unwrap().generator.policy().expect_err(flags);
            let said = failure.hint.unwrap().with(&Default::default());
            assert!(said.contains(hint), "{flags}: {said}");
        }
    }
}
