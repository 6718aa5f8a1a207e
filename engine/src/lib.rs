//! Stepwell: a durable saga orchestration engine that speaks the Amazon States Language.

pub mod api;
pub mod bench;
pub mod catalog;
pub mod cli;
pub mod demo;
pub mod dispatch;
pub mod names;
pub mod runtime;
pub mod server;
pub mod service;
pub mod store;
