//! What the library promises: formats, known answers, stores and keychains, hostile input, the model of the protocol.

mod support;

mod agent;
mod format_vectors;
mod hostile;
mod kept_unread;
mod keychain_contract;
mod kit_code;
mod protocol_model;
mod python_interop;
mod readers;
mod store_contract;
