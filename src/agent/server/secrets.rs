//! What the agent answers of secrets.

use std::sync::Arc;

use super::answering::Early;
use super::log::Visit;
use super::{Counters, Shared};
use crate::agent::protocol::{Answer, NoticeOf, Refusal, Secret, SecretEditAsked};
use crate::error::{Error, NotFound};
use crate::format::log::Action;
use crate::vault::{SecretInfo, Unlocked};

impl Shared {
    /// Returns the secrets of the projects in its scope. Those that belong to none are for whoever asks of all.
    pub(super) fn secrets(&self, vault: &Unlocked) -> Answer {
        let names = self.names_in_scope(vault);
        let is_in_scope = |secret: &SecretInfo| names.as_ref().is_none_or(|names| is_among(secret, names));
        Answer::Secrets(vault.secrets().into_iter().filter(is_in_scope).map(Secret::from).collect())
    }

    pub(super) fn secret(&self, vault: &Unlocked, name: &str) -> Result<SecretInfo, Early> {
        let secret = vault.secret(name)?;
        match self.names_in_scope(vault) {
            Some(names) if !is_among(&secret, &names) => Err(Refusal::OutsideScope.into()),
            _ => Ok(secret),
        }
    }

    pub(super) fn secret_value(
        &self,
        vault: Arc<Unlocked>,
        name: &str,
        version: Option<usize>,
        (visit, under): (&Visit, Option<u64>),
    ) -> Result<Answer, Early> {
        let secret = self.secret(&vault, name)?;
        let vault = self.confirmed(vault, || format!("show the secret {:?}", secret.name))?;
        // Another secret may have the name by now.
        if self.secret(&vault, name)?.id != secret.id {
            return Err(Refusal::NotConfirmed.into());
        }
        let project = secret.project.as_ref().and_then(|project| vault.project(project).ok());
        let projects = project.map(|project| project.id).into_iter().collect();
        self.note(&vault, visit, under, (Action::SecretShow, projects, &secret.name))?;
        let value = vault.secret_value(name, version)?;
        Counters::add(&self.counters.secrets, 1);
        Ok(Answer::SecretValue(value))
    }

    pub(super) fn edit_secret(&self, vault: Arc<Unlocked>, name: &str, edit: SecretEditAsked) -> Result<Answer, Early> {
        if let Some(names) = self.names_in_scope(&vault) {
            // Neither out of its scope nor into it.
            match vault.secret(name) {
                Ok(secret) if !is_among(&secret, &names) => return Err(Refusal::OutsideScope.into()),
                Ok(_) if !edit.moves => {}
                Err(Error::NotFound(NotFound::Secret { .. })) | Ok(_) => {
                    let project = edit.project().ok_or(Refusal::OutsideScope)?;
                    self.check_scope(&vault.project(project)?)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        // The duplicate is made of what is current then.
        drop(vault);
        let (edit, before) = edit.into_edit();
        let changed =
            self.keeper.change(|vault| Ok((vault.edit_secret(name, &edit, before)?, vault.take_notices())))?;
        let (effect, notices) = changed?;
        Ok(Answer::SecretChanged {
            effect: effect.into(),
            notices: notices.into_iter().filter_map(NoticeOf::of).collect(),
        })
    }
}

fn is_among(secret: &SecretInfo, projects: &[String]) -> bool {
    secret.project.as_ref().is_some_and(|project| projects.contains(project))
}
