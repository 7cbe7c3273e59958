//! What can be shown of a vault and its projects to somebody who has neither. Pure: facts come in, and what is shown
//! comes out as data.

pub mod accesses;
