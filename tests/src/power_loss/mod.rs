//! Power cuts, played: what the server writes to its SQLite files and when it syncs them is recorded, and then
//! the disk is made again as a cut at any moment could have left it.
//!
//! What was synced before the cut is there. What was written and not synced may be there, may be missing, may
//! be there without what was written before it, and may be torn at the boundary of a sector. A file that was
//! made or unlinked is made or unlinked at once, as file systems that keep a journal do in the order of the
//! calls. A sector has the bytes of one write or of another, and a write that ends inside a sector leaves the
//! rest of it alone: SQLite expects no less of a disk ("powersafe overwrite").
//!
//! Invariant: whatever the disk is left with, the database opens and is sound, and holds all that was
//! acknowledged before the cut. A harness that can't find a loss is worth nothing: [`recorder::Loses`] plants two.
//!
//! | module | what it is |
//! |---|---|
//! | [`recorder`] | the C library that is preloaded into the server, and the server with it |
//! | [`record`] | what it recorded |
//! | [`workload`] | order sagas, and what was acknowledged of them when |
//! | [`life`] | a server that runs sagas, is killed, and goes on |
//! | [`disk`] | the disk, as far as a record was played, and what a cut leaves of it |
//! | [`cuts`] | at which moments the power is cut, and which disks are looked at |
//! | [`check`] | whether a disk holds what was promised |
//!
//! Linux only: the recorder is made for its dynamic linker.

pub mod check;
pub mod cuts;
pub mod disk;
pub mod life;
pub mod record;
pub mod recorder;
pub mod workload;
