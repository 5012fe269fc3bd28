//! Objects are put and deleted.

use bytes::Bytes;
use chrono::Utc;
use object_store::{
    Attribute, AttributeValue, Attributes, GetOptions, ObjectStoreExt, PutMode, PutOptions, UpdateVersion,
};

use super::Remote;
use super::failure::status;
use super::read::meta_of;
use crate::storage::{Label, Location, Meta, StorageError, WriteMode};

/// The label as the store's attributes.
pub(super) fn attributes(label: &Label) -> Attributes {
    let mut attributes = Attributes::new();
    if let Some(content_type) = &label.content_type {
        attributes.insert(Attribute::ContentType, AttributeValue::from(content_type.clone()));
    }
    for (name, value) in &label.metadata {
        attributes.insert(Attribute::Metadata(name.clone().into()), AttributeValue::from(value.clone()));
    }
    attributes
}

impl Remote {
    /// Puts an object in one request.
    pub(in crate::storage) async fn write(
        &self,
        location: &Location,
        bytes: Bytes,
        mode: &WriteMode,
        label: &Label,
    ) -> Result<Meta, StorageError> {
        let len = bytes.len() as u64;
        let put_mode = match mode {
            WriteMode::Replace => PutMode::Overwrite,
            WriteMode::Create => PutMode::Create,
            WriteMode::IfMatch(etag) => {
                PutMode::Update(UpdateVersion { e_tag: Some(etag.clone()), version: None })
            }
        };
        let options = PutOptions { mode: put_mode, attributes: attributes(label), ..PutOptions::default() };
        let put = self
            .run(location, |access, path| {
                let (options, bytes) = (options.clone(), bytes.clone());
                async move {
                    match access.objects.put_opts(&path, bytes.into(), options).await {
                        // What was there, was not as the mode has it.
                        Err(error) if matches!(status(&error), Some(304 | 409 | 412)) => Ok(None),
                        Err(
                            object_store::Error::AlreadyExists { .. }
                            | object_store::Error::Precondition { .. },
                        ) => Ok(None),
                        Ok(put) => Ok(Some(put)),
                        Err(error) => Err(error),
                    }
                }
            })
            .await?;
        let location = location.clone();
        let Some(put) = put else {
            return Err(match mode {
                WriteMode::Create => StorageError::Exists { location },
                WriteMode::IfMatch(_) | WriteMode::Replace => StorageError::Changed { location },
            });
        };
        match put.e_tag {
            Some(etag) => Ok(Meta { len, modified: Utc::now(), etag, inode: None }),
            None => self.meta(&location).await,
        }
    }

    /// What was said of the object when it was written.
    pub(in crate::storage) async fn label(&self, location: &Location) -> Result<(Meta, Label), StorageError> {
        self.run(location, |access, path| async move {
            let head = GetOptions { head: true, ..GetOptions::default() };
            let found = access.objects.get_opts(&path, head).await?;
            let mut label = Label::default();
            for (attribute, value) in &found.attributes {
                match attribute {
                    Attribute::ContentType => label.content_type = Some(value.to_string()),
                    Attribute::Metadata(name) => label.metadata.push((name.to_string(), value.to_string())),
                    _ => {}
                }
            }
            label.metadata.sort();
            Ok((meta_of(&found.meta), label))
        })
        .await
    }

    /// Deletes an object; that there is none is no error.
    pub(in crate::storage) async fn delete(&self, location: &Location) -> Result<(), StorageError> {
        let deleted =
            self.run(location, |access, path| async move { access.objects.delete(&path).await }).await;
        match deleted {
            Err(StorageError::NotFound { .. }) => Ok(()),
            deleted => deleted,
        }
    }
}
