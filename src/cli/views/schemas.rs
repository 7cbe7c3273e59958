//! The JSON Schemas in docs/schema, made of the types of what is shown. After a change on purpose
//! `STRONGROOM_RENEW=1 cargo test --lib schemas` writes them again.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::*;
use crate::format::{Date, EnrolmentId, FileId, KitId, ProjectId, RevisionId, SecretId, Timestamp, VaultId};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schema");

/// Says what a text is like that JSON knows as a string alone.
macro_rules! text {
    ($($type:ty: $name:literal, $schema:tt;)*) => {
        $(impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        })*
    };
}

text! {
    Timestamp: "Timestamp", {"type": "string", "format": "date-time", "pattern": "^[0-9-]{10}T[0-9:]{8}Z$"};
    Date: "Date", {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"};
    RevisionId: "RevisionId", {"type": "string", "format": "uuid"};
    VaultId: "VaultId", {"type": "string", "format": "uuid"};
    ProjectId: "ProjectId", {"type": "string", "format": "uuid"};
    SecretId: "SecretId", {"type": "string", "format": "uuid"};
    KitId: "KitId", {"type": "string", "format": "uuid"};
    EnrolmentId: "EnrolmentId", {"type": "string", "format": "uuid"};
    FileId: "FileId", {"type": "string", "format": "uuid"};
}

/// A generated password whose command failed after it was shown.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "the program prints its member before it knows what follows")]
struct GeneratedPassword {
    /// The master password that was generated. It may be in effect.
    generated_password: String,
}

/// Returns the schema of what serializes as `T`.
fn schema_of<T: JsonSchema>(title: &str) -> String {
    let mut schema = SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>();
    schema.insert("title".into(), title.into());
    serde_json::to_string_pretty(&schema).unwrap() + "\n"
}

macro_rules! schemas {
    ($($name:literal: $type:ty, $title:literal;)*) => {
        /// Returns the name of each file and its text.
        fn schemas() -> Vec<(String, String)> {
            vec![$((format!("{}.v1.json", $name), schema_of::<$type>($title)),)*]
        }
    };
}

schemas! {
    "access-log": Vec<LoggedAccess>, "strongroom log show; each line of strongroom log export";
    "access-log-accepted": AcceptedLog, "strongroom log accept";
    "access-log-exported": ExportedLog, "strongroom log export";
    "access-log-forgotten": ForgottenEntries, "strongroom log forget";
    "access-log-verified": Vec<VerifiedLog>, "strongroom log verify";
    "policy": LogRules, "strongroom policy";
    "backup": Backup, "strongroom vault backup";
    "copied-password": CopiedPassword, "strongroom generate --clip";
    "copied-secret-field": CopiedField<'_>, "strongroom secret show --clip";
    "decrypt": Vec<DecryptedFile>, "strongroom decrypt";
    "destroyed-project": DestroyedProject, "strongroom project destroy";
    "certificate": MadeCertificate, "strongroom destruction certificate";
    "certificate-verify": CheckedCertificate, "strongroom report verify, of a certificate of destruction";
    "destruction": DestructionOf, "strongroom destruction show and continue";
    "due": Vec<DueProject>, "strongroom due";
    "encrypt": Vec<EncryptedFile>, "strongroom encrypt";
    "encrypt-init": WithPassword<'_, EncryptedInNewVault>, "strongroom encrypt --init, if it made the vault";
    "error": ReportedError<'_>, "an error, on standard error";
    "exit-codes": Vec<ExitCode>, "strongroom exit-codes";
    "findings": Vec<Finding>, "strongroom doctor";
    "folders": Vec<Archived>, "strongroom encrypt --archive; strongroom decrypt --extract";
    "fork": NewVault, "strongroom vault fork";
    "generate": ShownPassword<'_>, "strongroom generate";
    "generate-count": Vec<ShownPassword<'_>>, "strongroom generate --count";
    "generated-password": GeneratedPassword, "a generated password that was shown before the command failed";
    "import": ImportedFiles, "strongroom import";
    "import-detect": Vec<DetectedFile>, "strongroom import --detect";
    "imported-key": ImportedKey, "strongroom key import";
    "init": WithPassword<'_, NewVault>, "strongroom init";
    "inspect": Vec<InspectedFile>, "strongroom inspect";
    "key": ShownKey<'_>, "strongroom key show";
    "keys": KeyList, "strongroom key list";
    "kit": Kit, "strongroom kit revoke";
    "kits": Vec<Kit>, "strongroom kit list";
    "locked": LockedVault, "strongroom lock";
    "merge": MergedVault, "strongroom vault merge";
    "new-key": NewKey, "strongroom key rotate";
    "new-kit": NewKit<'_>, "strongroom kit new";
    "passwd": WithPassword<'_, ChangedPassword>, "strongroom passwd";
    "progress": ProgressLine, "progress, on standard error with --progress json";
    "project": Project, "strongroom project add, show, set, rename, hold and release";
    "projects": Vec<Project>, "strongroom project list";
    "recover": WithPassword<'_, RecoveredVault>, "strongroom recover";
    "reencrypt": Vec<ReencryptedFile>, "strongroom reencrypt";
    "removed-items": RemovedItems, "strongroom doctor, with a flag that deletes";
    "report": MadeReport, "strongroom report";
    "report-key": SigningKeys, "strongroom report key";
    "report-verify": VerifiedReport, "strongroom report verify";
    "restore": RestoredVault, "strongroom vault restore";
    "retired-key": RetiredKey, "strongroom key retire";
    "revoked-kit": RevokedKit, "strongroom kit revoke --rotate";
    "rewrap": Rewrap, "strongroom rewrap";
    "rotation": RotatedDataKey, "strongroom vault rotate";
    "setting": Setting, "strongroom config get, set and unset";
    "one-time-code": OneTimeCode<'_>, "strongroom secret otp";
    "secret": Secret, "strongroom secret set, rename, move and remove";
    "secret-export": ExportedSecrets, "strongroom secret export";
    "secret-field": ShownField<'_>, "strongroom secret show --field";
    "secret-import": ImportedSecrets, "strongroom secret import";
    "secret-history": SecretHistory, "strongroom secret history";
    "secrets": Vec<Secret>, "strongroom secret list";
    "sweep": Sweep, "strongroom sweep";
    "secrets-pruned": PrunedSecrets, "strongroom secret prune";
    "shown-secret": ShownSecret<'_>, "strongroom secret show";
    "settings": Vec<Setting>, "strongroom config list";
    "status": Status, "strongroom status";
    "tested-kit": TestedKit, "strongroom kit test";
    "unlocked": UnlockedVault, "strongroom unlock";
    "verify": Vec<VerifiedFile>, "strongroom verify";
    "warning": Warning<'_>, "a warning, on standard error";
}

#[test]
fn the_schemas_are_those_of_what_is_printed() {
    let is_renewed = std::env::var_os("STRONGROOM_RENEW").is_some();
    let schemas = schemas();
    for (name, text) in &schemas {
        let file = Path::new(FOLDER).join(name);
        if is_renewed {
            fs::create_dir_all(FOLDER).unwrap();
            fs::write(&file, text).unwrap();
        }
        assert!(
            fs::read_to_string(&file).is_ok_and(|read| read == *text),
            "docs/schema/{name} differs; members are only ever added: if the new schema is right: STRONGROOM_RENEW=1 \
             cargo test --lib schemas"
        );
    }
    let files = fs::read_dir(FOLDER).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let names: BTreeSet<String> = schemas.into_iter().map(|(name, _)| name).collect();
    assert_eq!(files.collect::<BTreeSet<_>>(), names);
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cli.md")).unwrap();
    for name in names {
        assert!(page.contains(&format!("(schema/{name})")), "docs/cli.md does not link {name}");
    }
}
